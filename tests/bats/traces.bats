#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2016,SC2154,SC2119
# cowtool verify: the traces of old kernels' bugs are named, what only resembles them is not, and what is lost is counted.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

# traces CODE TRACES [OPTION...] STORE: verify exits with CODE. TRACES: a JSON object with the findings that have a trace,
# {"CODE TRACE": how many}. The message of each names it, and the text has the trace and what it means.
traces() {
    quickly are_traced "$@"
}

are_traced() {
    local code=$1 wanted=$2 name
    shift 2
    remember "${@: -1}"
    expect "$code" verify --json "$@"
    object '([.findings[] | select(.trace) | "\(.code) \(.trace)"] | group_by(.) | map({key: .[0], value: length})
            | from_entries) == $wanted
        and all(.findings[]; (.message | test("this looks like")) == has("trace"))
        and all(.findings[]; (.meaning | length > 0) and (.help | length > 0))' --argjson wanted "$wanted"
    expect "$code" verify "$@"
    while read -r name; do
        grep -q "^    $name: ." out || complain "the text does not explain $name"
    done < <(jq -r 'keys[] | split(" ")[1]' <<<"$wanted")
    unchanged
}

# view LOST DOUBTFUL [OPTION...] STORE: this many bytes of the view, in JSON and in the text.
view() {
    json_of verify --json "${@:3}" >out || true
    is '"\(.view_bytes_lost) \(.view_bytes_doubtful)"' "$1 $2"
    "$cowtool" verify "${@:3}" >out || true
    if (($1)); then grep -qE "^lost: .*\b$1 bytes" out; else fails grep '^lost' out; fi
    if (($2)); then grep -qE "^doubtful: at most .*\b$2 bytes" out; else fails grep '^doubtful' out; fi
}

# ---- CVE-2013-4299 ----

@test "traces: data in the area after a full one is CVE-2013-4299, and only that chunk is lost" {
    make chunk=1 size=40960 sequential=32 entry=32:100:34 entry=33:101:35 entry=34:102:36
    traces 2 '{"entry-in-metadata CVE-2013-4299": 1}' store
    finds 2 damaged '[{"code": "entry-in-metadata", "severity": "error", "area": 1, "index": 0, "old_chunk": 100, "new_chunk": 34}]' store
    is '.findings[0] | "\(.view_offset) \(.view_bytes)"' '51200 512'
    view 512 0 store
}

@test "traces: CVE-2013-4299 in a store of a kernel that left holes" {
    make chunk=1 size=40960 entry=0:0:2 entry=1:1:33 entry=2:2:34 entry=3:3:35
    traces 2 '{"entry-in-metadata CVE-2013-4299": 1}' store
}

@test "traces: CVE-2013-4299 at every chunk size, in area 2, too" {
    for chunk in 1 2 8 32; do
        per_area=$((chunk * 32))
        make chunk=$chunk data=0 size=$((chunk * 512 * (3 * per_area + 9))) sequential=$((2 * per_area)) \
            entry=$((2 * per_area)):5000:$((1 + 2 * (per_area + 1)))
        traces 2 '{"entry-in-metadata CVE-2013-4299": 1}' store
        view $((chunk * 512)) 0 store
    done
}

@test "traces: a new chunk that is some other area is not CVE-2013-4299" {
    make chunk=1 size=40960 sequential=3 entry=3:9:34
    traces 2 '{}' store
    make chunk=1 size=40960 sequential=3 entry=3:9:1
    traces 2 '{"out-of-order out-of-order-commit": 1}' store
}

# ---- what a repair leaves ----

@test "traces: the order and the gap that a repair leaves are not put down to an old kernel alone" {
    make chunk=8 size=204800 sequential=40 entry=5:5:49000 entry=20:20:49000 entry=39:3:41
    expect 0 repair --yes --no-backup store
    traces 0 '{"out-of-order out-of-order-commit": 1, "leaked-chunks chunks-leaked": 1}' store
    grep -q "store of a kernel before 3.14, or one that a repair mended" out
    grep -q "crash of a kernel before 3.14, or an exception that a repair dropped" out
}

# ---- the header's race ----

@test "traces: an area in the header's place is the header race" {
    make chunk=8 sequential=20 from=7
    dd if=store of=store bs=4096 skip=1 seek=0 count=1 conv=notrunc status=none
    traces 6 '{"header-magic header-race": 1}' store
}

@test "traces: an area in the header's place that begins with old chunk 0 makes the header blank, which is dangerous" {
    make chunk=8 random=20 origin_chunks=100 entry=0:0:2
    dd if=store of=store bs=4096 skip=1 seek=0 count=1 conv=notrunc status=none
    traces 6 '{"header-magic header-race": 1}' store
    grep -q 'makes a new, empty store' out
    grep -q -- '--rebuild-header' out
}

@test "traces: an area after a good header is the header race" {
    make chunk=8 sequential=20
    dd if=store of=store bs=16 skip=257 seek=1 count=255 conv=notrunc status=none
    traces 1 '{"header-slack header-race": 1}' store
}

@test "traces: an area after a header whose chunk size it overwrote is the header race" {
    make chunk=8 sequential=20 poke=12:0
    dd if=store of=store bs=16 skip=257 seek=1 count=255 conv=notrunc status=none
    traces 2 '{"header-chunk-size header-race": 1}' store
}

@test "traces: other bytes in the header's chunk are not the header race" {
    make chunk=8 sequential=20 poke=16:1
    traces 1 '{}' store
    make chunk=8 sequential=20 magic=1
    traces 6 '{}' store
    make chunk=8 sequential=20 magic=0
    traces 6 '{}' store
    fill store 40960
    traces 6 '{}' store
    head -c 65536 /dev/zero >store
    traces 6 '{}' store
}

# ---- areas that are none ----

@test "traces: a full area and then junk is an area that was not zeroed, in which nothing is lost" {
    make chunk=1 size=65536 sequential=32 junk=1
    expect 2 verify --json store
    object '.exceptions == 64 and (.findings | map(select(.severity == "error")) | length >= 32)
        and all(.findings[] | select(.severity == "error"); .trace == "area-not-zeroed" and .area == 1 and (has("view_bytes") | not))'
    expect 2 verify store
    grep -q '^    area-not-zeroed: ' out
    view 0 0 store
}

@test "traces: of junk nothing is lost, even where its old chunks could be in an origin" {
    for ((i = 32; i < 64; i++)); do
        entries+=" entry=$i:$i:$((2 ** 57 + i))"
    done
    # shellcheck disable=SC2086
    make chunk=1 size=65536 sequential=32 $entries
    traces 2 '{"entry-too-large area-not-zeroed": 32}' store
    view 0 0 store
    # seven of them are not enough to say so
    # shellcheck disable=SC2086
    make chunk=1 size=65536 sequential=32 ${entries% entry=39*}
    traces 2 '{}' store
    view 3584 0 store
}

@test "traces: junk after a full area whose first entry is empty is an area that was not zeroed" {
    make chunk=1 size=65536 sequential=32 junk=1 entry=32:0:0
    traces 1 '{"dirty-tail area-not-zeroed": 1}' store
}

@test "traces: junk in area 0 is a store whose making was cut off" {
    make chunk=1 size=65536 junk=0
    expect 2 verify --json store
    object 'all(.findings[] | select(.severity == "error"); .trace == "creation-cut-off")'
    make chunk=1 size=65536 junk=0 entry=0:0:0
    traces 1 '{"dirty-tail creation-cut-off": 1}' store
}

@test "traces: junk in front of one good exception is an area that was not read" {
    # The kernel appended exception 41 after it had loaded 41 of them, nine of them in area 1.
    make chunk=1 size=65536 sequential=42 junk=1 entry=41:41:44 entry=42:0:0
    expect 2 verify --json store
    object '[.findings[] | select(.severity == "error") | .trace] | unique == ["area-not-read"] and length >= 9'
}

@test "traces: zeros in front of one good exception in their sector are an area that was not read" {
    make chunk=1 size=65536 sequential=32 entry=41:41:44
    traces 1 '{"dirty-tail area-not-read": 1}' store
}

@test "traces: what torn writes leave has no trace" {
    # a torn append: the first sector of area 1 is missing
    make chunk=2 size=131072 sequential=110
    dd if=/dev/zero of=store bs=512 seek=132 count=1 conv=notrunc status=none
    traces 1 '{}' store
    grep -q dirty-tail out
    # a gap in the middle of the list
    make chunk=1 size=40960 sequential=20 entry=10:0:0
    traces 1 '{}' store
    grep -q dirty-tail out
}

@test "traces: the end of a store that was cut off is not junk" {
    make chunk=1 sequential=60
    truncate -s 17920 store
    traces 2 '{}' store
    expect 2 verify --json store
    is .exceptions 60
    view $((28 * 512)) 0 store
}

@test "traces: an origin that is too small does not make junk of the exceptions" {
    make chunk=1 sequential=64
    fill origin 512
    traces 2 '{}' --origin=origin store
    view 0 0 --origin=origin store
}

# ---- two for one ----

@test "traces: two exceptions for one chunk are the race that recorded it twice, and the chunk is doubtful" {
    make chunk=1 size=40960 sequential=3 entry=3:1:5 entry=4:1:6
    traces 2 '{"duplicate-old two-exceptions": 2}' store
    view 0 512 store
}

@test "traces: the same exception twice, as a repair leaves it that was cut off, affects nothing" {
    make chunk=1 size=40960 sequential=3 entry=3:1:3
    traces 2 '{"out-of-order out-of-order-commit": 1}' store
    (($(grep -c 'the view is not affected' out) == 2))
    view 0 0 store
}

@test "traces: one copy for two chunks makes both doubtful" {
    make chunk=1 size=40960 sequential=3 entry=3:9:3 entry=4:10:3
    traces 2 '{"out-of-order out-of-order-commit": 1}' store
    view 0 1536 store
}

# ---- what is legal ----

@test "traces: exceptions out of order, and chunks of none, name the kernels that do this" {
    make chunk=8 random=20 origin_chunks=100 reversed=1
    traces 0 '{"out-of-order out-of-order-commit": 1}' store
    make chunk=8 size=81920 sequential=3 entry=3:9:6
    traces 0 '{"leaked-chunks chunks-leaked": 1}' store
}

# ---- what is lost ----

@test "verify: what is lost counts once, where the first exception of a chunk is lost" {
    # chunk 7: lost, and then there again: lost. Chunk 1: there, then lost: not lost. Chunk 9: lost twice.
    make chunk=1 size=40960 sequential=3 entry=3:7:90 entry=4:7:6 entry=5:1:91 entry=6:9:92 entry=7:9:93
    view 1024 0 store
    # the same, with entries that point into an area
    make chunk=1 size=40960 sequential=3 entry=3:7:34 entry=4:7:6 entry=5:1:34 entry=6:9:34 entry=7:9:34
    view 1024 0 store
}

@test "verify: what is lost is clipped at the origin's end, and nothing outside the origin is lost" {
    pair 16896 chunk=8 size=40960 sequential=3 entry=3:4:90
    view 4096 0 store
    view 512 0 --origin=origin store
    expect 2 verify --json --origin=origin store
    is '.findings[0] | "\(.view_offset) \(.view_bytes)"' '16384 512'
    make chunk=8 size=40960 sequential=3 entry=3:5:90
    view 0 0 --origin=origin store
    expect 2 verify --json --origin=origin store
    object 'all(.findings[]; has("view_bytes") | not)'
}

@test "verify: how full a store is" {
    make chunk=8 size=409600 sequential=48
    expect 0 verify --json store
    has '{"errors": 0, "warnings": 0, "bytes": 409600, "allocated_bytes": 204800, "full_percent": 50}'
    expect 0 verify store
    grep -q '^full: 50%, 200.0 KiB of 400.0 KiB$' out
    make chunk=8 size=409600 sequential=3 entry=3:9:99
    expect 0 verify --json store
    is .full_percent 100
    make chunk=8 size=409600 sequential=3 entry=3:9:18446744073709551615
    expect 2 verify --json store
    has '{"full_percent": 100, "allocated_bytes": 409600}'
    expect 2 verify store
    grep -q '^full: not known' out
}

@test "verify: where there is no header, nothing is said of how full the store is" {
    make chunk=8 sequential=3 version=2
    expect 2 verify --json store
    object '(has("full_percent") or has("view_bytes_lost")) | not'
    expect 2 verify store
    fails grep '^full' out
}

@test "verify: every finding says what helps, and with which command" {
    make chunk=1 size=40960 valid=0 sequential=3 entry=3:1:34 entry=4:9:3 entry=5:10:90 entry=6:11:72057594037927936 \
        entry=9:1:1 poke=300:1
    expect 2 verify --json store
    object '(.findings | length) == 9 and all(.findings[]; .help | test("cowtool|nothing needs to be done"))'
    expect 2 verify store
    for code in header-invalid header-slack dirty-tail entry-in-metadata duplicate-old; do
        grep -A 2 ": $code: " out | grep -q "what helps: .*'cowtool " || complain "nothing helps against $code"
    done
}
