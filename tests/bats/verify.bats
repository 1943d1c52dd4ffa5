#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2119
# cowtool verify: every finding, each from one defect; what is sound; what is many and what is large.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

# at CODE SEVERITY AREA INDEX OLD NEW: a finding at an exception.
at() {
    printf '{"code":"%s","severity":"%s","area":%s,"index":%s,"old_chunk":%s,"new_chunk":%s}' "$@"
}

# whole CODE SEVERITY: a finding of the store as a whole.
whole() {
    printf '{"code":"%s","severity":"%s"}' "$@"
}

# peak_kib COMMAND...: the most memory it had; its stdout is ./out.
peak_kib() {
    local pid peak=0 now
    if [[ -x /usr/bin/time ]]; then
        /usr/bin/time -f %M -o peak "$@" >out || true
        tail -n 1 peak
        return
    fi
    "$@" >out 3>&- &
    pid=$!
    # The kernel's high-water mark only grows: the last look sees it.
    while now=$(awk '/^VmHWM/ { print $2 }' /proc/$pid/status 2>/dev/null) && [[ -n $now ]]; do
        peak=$now
    done
    wait $pid || true
    echo "$peak"
}

# needs_16_bytes_each COUNT: verify of ./store takes no more than that above what a small store takes.
needs_16_bytes_each() {
    local small large
    if grep -q __asan_init "$cowtool"; then
        skip 'the sanitizer needs memory of its own'
    fi
    "$mkstore" small chunk=8 sequential=10
    small=$(peak_kib "$cowtool" verify small)
    large=$(peak_kib "$cowtool" verify store)
    # 1 MiB for what does not grow with the store: buffers that a small store does not fill.
    ((large > 2048 && large - small <= $1 * 16 / 1024 + 1024)) || complain "$large KiB, $small KiB for a small store"
}

# ---- sound stores ----

@test "verify: stores of every chunk size with some exceptions are clean" {
    for chunk in 1 2 4 8 16 32 64 128 256 512 1024; do
        make chunk=$chunk random=5 origin_chunks=100 data=0
        finds 0 clean '[]' store
        grep -q '"exceptions":5[,}]' out
    done
}

@test "verify: stores with several areas are clean" {
    for chunk in 1 4 8; do
        make chunk=$chunk sequential=$((chunk * 64 + 3)) data=0
        finds 0 clean '[]' store
        grep -q "\"exceptions\":$((chunk * 64 + 3))[,}]" out
    done
}

@test "verify: exactly full areas with the next one on the device are clean" {
    for count in 32 64 96; do
        make chunk=1 sequential=$count
        finds 0 clean '[]' store
    done
}

@test "verify: a store that fits its origin to the last partial chunk is clean" {
    pair 16896 chunk=8 sequential=5
    finds 0 clean '[]' --origin=origin store
    finds 0 clean '[]' --origin origin store
}

@test "verify: any valid but 0 is valid, as for the kernel" {
    make sequential=3 valid=2
    finds 0 clean '[]' store
}

# ---- the header ----

@test "verify: a wrong magic is header-magic, and no COW store is there" {
    make sequential=3 magic=0x70416e54
    finds 6 damaged "[$(whole header-magic error)]" store
    expect 6 verify --json store
    failure 6
}

@test "verify: a blank header is header-magic, and no COW store is there" {
    make sequential=3 magic=0
    finds 6 damaged "[$(whole header-magic error)]" store
    expect 6 verify --json store
    failure 6
}

@test "verify: version 0 is header-version" {
    make sequential=3 version=0
    finds 2 damaged "[$(whole header-version error)]" store
}

@test "verify: version 2 is header-version" {
    make sequential=3 version=2
    finds 2 damaged "[$(whole header-version error)]" store
}

@test "verify: a chunk size of 0 is header-chunk-size" {
    make sequential=3 poke=12:0
    finds 2 damaged "[$(whole header-chunk-size error)]" store
}

@test "verify: a chunk size that is no power of two is header-chunk-size" {
    make sequential=3 header_chunk=3
    finds 2 damaged "[$(whole header-chunk-size error)]" store
}

@test "verify: a chunk size above the kernel's limit is header-chunk-size" {
    make sequential=3 header_chunk=4194304
    finds 2 damaged "[$(whole header-chunk-size error)]" store
}

@test "verify: a chunk size of 2^31 is header-chunk-size" {
    make sequential=3 header_chunk=2147483648
    finds 2 damaged "[$(whole header-chunk-size error)]" store
}

@test "verify: a store that is marked invalid is header-invalid" {
    make sequential=3 valid=0
    finds 2 damaged "[$(whole header-invalid error)]" store
    is .exceptions 3
}

@test "verify: the first byte after the header is header-slack" {
    make sequential=3 poke=16:1
    finds 1 problems "[$(whole header-slack warning)]" store
}

@test "verify: the last byte of the header's chunk is header-slack" {
    make chunk=32 sequential=3 poke=16383:255
    finds 1 problems "[$(whole header-slack warning)]" store
}

@test "verify: a merge record with a wrong checksum is header-slack" {
    make sequential=3
    put store 256 'cowmerge\1\0\0\0'
    finds 1 problems "[$(whole header-slack warning)]" store
}

# ---- the device's end ----

@test "verify: data that was cut off is store-truncated and entry-beyond-device" {
    make chunk=1 sequential=40
    truncate -s 20992 store
    finds 2 damaged "[$(whole store-truncated error), $(at entry-beyond-device error 1 6 38 41),
        $(at entry-beyond-device error 1 7 39 42)]" store
}

@test "verify: a device that ends before the next area is store-truncated and area-missing" {
    make chunk=1 sequential=32
    truncate -s 17408 store
    finds 2 damaged "[$(whole store-truncated error), $(whole area-missing error)]" store
}

@test "verify: a device that ends before the first area is store-truncated and area-missing" {
    make chunk=8
    truncate -s 4096 store
    finds 2 damaged "[$(whole store-truncated error), $(whole area-missing error)]" store
    truncate -s 512 store
    finds 2 damaged "[$(whole store-truncated error), $(whole area-missing error)]" store
}

@test "verify: a store is damaged wherever it was truncated" {
    make chunk=1 sequential=40
    mv store whole
    for sectors in 1 2 3 4 10 32 33 34 35 36 37 41 42; do
        head -c $((sectors * 512 + sectors)) whole >store
        expect 2 verify --json store
        grep -q '"code":"\(store-truncated\|area-missing\)"' out
        (($(stat -c %s store) == sectors * 513))
        same store whole $((sectors * 513))
    done
    finds 0 clean '[]' whole
}

@test "verify: a partial chunk at the device's end holds no data" {
    make chunk=8 size=43008 sequential=3 entry=3:9:10
    finds 2 damaged "[$(at entry-beyond-device error 0 3 9 10)]" store
}

# ---- the exceptions ----

@test "verify: a new chunk right after the device is entry-beyond-device" {
    make chunk=1 size=40960 sequential=3 entry=3:9:80
    finds 2 damaged "[$(at entry-beyond-device error 0 3 9 80)]" store
}

@test "verify: the last chunk of the device is not beyond it" {
    make chunk=1 size=40960 sequential=3 entry=3:9:79
    finds 0 clean "[$(whole leaked-chunks info)]" store
}

@test "verify: a new chunk of 2^56 - 1 is entry-beyond-device" {
    make chunk=1 size=40960 sequential=3 entry=3:9:72057594037927935
    finds 2 damaged "[$(at entry-beyond-device error 0 3 9 72057594037927935)]" store
}

@test "verify: a new chunk of 2^56 is entry-too-large" {
    make chunk=1 size=40960 sequential=3 entry=3:9:72057594037927936
    finds 2 damaged "[$(at entry-too-large error 0 3 9 72057594037927936)]" store
    grep -q 72057594037927936 out
}

@test "verify: a new chunk of 2^64 - 1 is entry-too-large" {
    make chunk=1 size=40960 sequential=3 entry=3:9:18446744073709551615
    finds 2 damaged "[$(at entry-too-large error 0 3 9 18446744073709551615)]" store
    grep -q 18446744073709551615 out
}

@test "verify: a new chunk in the next area is entry-in-metadata" {
    make chunk=1 size=40960 sequential=3 entry=3:9:34
    finds 2 damaged "[$(at entry-in-metadata error 0 3 9 34)]" store
}

@test "verify: a new chunk in its own area is entry-in-metadata" {
    make chunk=8 size=40960 entry=0:9:1
    finds 2 damaged "[$(at entry-in-metadata error 0 0 9 1)]" store
}

@test "verify: an entry whose data would be the header ends the list" {
    make chunk=8 sequential=3 entry=1:1:0
    finds 1 problems "[$(whole dirty-tail warning)]" store
    is .exceptions 1
}

@test "verify: an old chunk after the origin's last one is entry-beyond-origin" {
    pair 16896 chunk=8 sequential=6
    finds 2 damaged "[$(at entry-beyond-origin error 0 5 5 7)]" --origin=origin store
}

@test "verify: an old chunk that no device can have is entry-beyond-origin without an origin, too" {
    make chunk=8 size=40960 sequential=3 entry=3:4611686018427387904:5
    finds 2 damaged "[$(at entry-beyond-origin error 0 3 4611686018427387904 5)]" store
}

@test "verify: an empty origin has no chunk at all" {
    : >origin
    make chunk=8 sequential=1
    finds 2 damaged "[$(at entry-beyond-origin error 0 0 0 2)]" --origin=origin store
}

@test "verify: an old chunk that is there twice is duplicate-old at the second one" {
    make chunk=1 size=40960 sequential=3 entry=3:1:5
    finds 2 damaged "[$(at duplicate-old error 0 3 1 5)]" store
}

@test "verify: an old chunk that is there three times is two findings" {
    make chunk=1 size=40960 sequential=3 entry=3:1:5 entry=4:1:6
    finds 2 damaged "[$(at duplicate-old error 0 3 1 5), $(at duplicate-old error 0 4 1 6)]" store
}

@test "verify: a new chunk that is there twice is duplicate-new at the second one" {
    make chunk=1 size=40960 sequential=3 entry=3:9:3
    finds 2 damaged "[$(at duplicate-new error 0 3 9 3), $(whole out-of-order info)]" store
}

@test "verify: entries after the end of the list are dirty-tail" {
    make chunk=1 size=40960 sequential=3 entry=5:9:20
    finds 1 problems "[$(whole dirty-tail warning)]" store
    is .exceptions 3
}

@test "verify: an entry in the area's last place is dirty-tail, one in the area after it is not" {
    make chunk=1 size=40960 sequential=3 entry=31:9:20
    finds 1 problems "[$(whole dirty-tail warning)]" store
    make chunk=1 size=40960 sequential=3 entry=32:9:20
    finds 0 clean '[]' store
}

@test "verify: new chunks that do not increase are out-of-order, which is legal" {
    make chunk=8 random=20 origin_chunks=100 reversed=1
    finds 0 clean "[$(whole out-of-order info)]" store
}

@test "verify: data chunks of no exception are leaked-chunks, which is legal" {
    make chunk=8 size=81920 sequential=3 entry=3:9:6
    finds 0 clean "[$(whole leaked-chunks info)]" store
}

@test "verify: an unfinished merge is merge-unfinished, which is legal" {
    pristine_pair
    cut_off KILL
    finds 0 clean "[$(whole merge-unfinished info)]" store
    is .exceptions "$left"
}

# ---- many ----

@test "verify: several defects at once are all found" {
    make chunk=1 size=40960 valid=0 sequential=3 entry=3:1:34 entry=4:9:3 entry=5:10:90 entry=6:11:72057594037927936 \
        entry=9:1:1 poke=300:1
    finds 2 damaged "[$(whole header-invalid error), $(whole header-slack warning), $(whole dirty-tail warning),
        $(whole out-of-order info), $(at entry-in-metadata error 0 3 1 34), $(at duplicate-old error 0 3 1 34),
        $(at duplicate-new error 0 4 9 3), $(at entry-beyond-device error 0 5 10 90),
        $(at entry-too-large error 0 6 11 72057594037927936)]" store
}

@test "verify: duplicates 29999 exceptions apart are found" {
    make chunk=1 sequential=30000 data=0 entry=29999:0:30938
    finds 2 damaged "[$(at duplicate-old error 937 15 0 30938)]" store
}

@test "verify: duplicates among old chunks that are far apart are found" {
    make chunk=1 sequential=20000 every=100000000 data=0 entry=19999:300000000:20625
    finds 2 damaged "[$(at duplicate-old error 624 31 300000000 20625)]" store
}

@test "verify: five thousand duplicates are listed one by one in JSON, and the text names how many" {
    make chunk=1 sequential=10000 modulo=5000 data=0
    remember store
    expect 2 verify --json store
    object '(.findings | length) == 5000 and ([.findings[] | .area * 32 + .index] | unique | length) == 5000
        and all(.findings[]; .code == "duplicate-old" and .area * 32 + .index == .old_chunk + 5000)'
    expect 2 verify store
    grep -qw 5000 out
    (($(wc -l <out) < 1000)) || complain 'the text is too long'
    unchanged
}

@test "verify: a million exceptions far apart take at most 16 bytes of memory each" {
    make chunk=8 sequential=1000000 every=1000 data=0
    needs_16_bytes_each 1000000
    grep -q clean out
}

@test "verify: half a million exceptions for one chunk take at most 16 bytes of memory each" {
    make chunk=8 sequential=500000 modulo=1 data=0
    needs_16_bytes_each 500000
    grep -qw 499999 out
}

# ---- what is no store ----

@test "verify: an origin that is not there is refused" {
    make sequential=3
    refuses 8 store -- verify --origin=nowhere store
}

@test "verify: a directory as the origin is refused" {
    make sequential=3
    refuses 5 store -- verify --origin=. store
}

# ---- full stores ----

@test "verify: a store without room for one more exception is full, and with room it is not" {
    full=$(whole store-full info)
    # Data chunks, then the entry whose next area would be outside the device.
    make chunk=8 sequential=40
    finds 0 clean "[$full]" store
    make chunk=1 sequential=31 size=17408
    finds 0 clean "[$full]" store
    make chunk=8 size=8192
    finds 0 clean "[$full]" store
    for keys in 'chunk=8 sequential=40 size=176128' 'chunk=1 sequential=30 size=17920'; do
        # shellcheck disable=SC2086 # words
        make $keys
        expect 0 verify --json store
        object '.findings == []'
    done
}

@test "verify: nothing is said of how full a store is that is invalid, damaged or half merged" {
    make chunk=8 sequential=40 valid=0
    expect 2 verify --json store
    object '[.findings[].code] == ["header-invalid"]'
    make chunk=8 sequential=40 entry=3:9:42
    expect 2 verify --json store
    object '[.findings[].code] | index("store-full") == null'
    "$here/../defects" merge-unfinished origin store
    expect 0 verify --json store
    object '[.findings[].code] == ["merge-unfinished"]'
}

@test "verify: what helps where a store is full is a command for a file" {
    make chunk=8 sequential=40
    expect 0 verify store
    grep -qF "what helps: 'truncate --size=+SIZE store' makes it larger" out
    truncate -s +4K store
    expect 0 verify --json store
    object '.findings == []'
}
