#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2119
# cowtool dump --runs and --map: neighbours joined, and from where each byte of the view comes.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

# csv FILE: FILE's CSV without the heading.
csv() {
    tail -n +2 "$1"
}

# ---- --runs ----

# runs_of CSV: the runs of a plain dump, with chunks of $1 bytes, from the format's description.
runs_of() {
    csv "$1" | awk -F , -v chunk="$2" '
        function end() {
            if (run)
                printf "%d,%d,%d,%d,%d,%d,%d,%d\n", area, first, run, old, new, run * chunk, old * chunk, new * chunk
        }
        BEGIN { run = 0 }
        { if (run == 0 || $1 != area || $3 != old + run || $4 != new + run) {
              end(); area = $1; first = $2; old = $3; new = $4; run = 0 }
          run++ }
        END { end() }'
}

@test "runs: old and new chunks that both rise by one are one run" {
    make chunk=1 size=40960 entry=0:7:2 entry=1:8:3 entry=2:9:5 entry=3:10:6 entry=4:9:7 entry=5:3:8
    remember store
    expect 0 dump --runs --format=csv store
    printf '%s\n' area,index,exceptions,old_chunk,new_chunk,bytes,old_offset,new_offset 0,0,2,7,2,1024,3584,1024 \
        0,2,2,9,5,1024,4608,2560 0,4,1,9,7,512,4608,3584 0,5,1,3,8,512,1536,4096 >wanted
    same out wanted
    silent
    unchanged
}

@test "runs: no run goes on in the next area" {
    make chunk=1 size=40960 data=0 sequential=31 entry=31:31:35 entry=32:32:36 entry=33:33:37
    expect 0 dump --runs --format=csv store
    csv out >runs
    printf '%s\n' 0,0,31,0,2,15872,0,1024 0,31,1,31,35,512,15872,17920 1,0,2,32,36,1024,16384,18432 >wanted
    same runs wanted
}

@test "runs: as many as inspect counts, and the same exceptions, for stores of many kinds" {
    for kind in 'chunk=1 sequential=1000' 'chunk=1 random=1000 origin_chunks=1200' 'chunk=8 sequential=700 every=2' \
        'chunk=2 sequential=500 reversed=1' 'chunk=1 sequential=300 modulo=7' chunk=8; do
        # shellcheck disable=SC2086
        make $kind data=0
        expect 0 dump --format=csv store
        runs_of out "$(json_of inspect --json store | jq .chunk_bytes)" >wanted
        expect 0 dump --runs --format=csv store
        csv out >runs
        same runs wanted
        (($(wc -l <runs) == $(json_of inspect --json store | jq .runs)))
    done
}

@test "runs: JSON and text have the same" {
    make chunk=1 data=0 random=200 origin_chunks=220
    expect 0 dump --runs --format=csv store
    csv out >wanted
    expect 0 dump --runs --json store
    value '.runs[] | [.area, .index, .exceptions, .old_chunk, .new_chunk, .bytes, .old_offset, .new_offset] | @csv' >runs
    same runs wanted
    expect 0 dump --runs store
    csv out | awk -v OFS=, '{ $1 = $1; print }' >runs
    same runs wanted
}

@test "runs: a list without an end exits as damaged, after what there is of it" {
    make chunk=1 sequential=40
    truncate -s 16896 store
    expect 2 dump --runs --format=csv store
    csv out >runs
    echo 0,0,32,0,2,16384,0,1024 >wanted
    same runs wanted
    expect 2 dump --runs --json store
    failure 2
}

# ---- --map ----

# map: the extents of ./store over ./origin, in ./extents; both keep every byte.
map() {
    remember origin store
    expect 0 dump --map --origin=origin --format=csv store
    [[ $(head -n 1 out) == view_offset,bytes,source,offset,old_chunk,new_chunk ]] || complain 'another heading'
    csv out >extents
    unchanged
}

# from_extents: ./view, put together from ./origin and ./store as ./extents says.
from_extents() {
    local bytes from offset
    while IFS=, read -r _ bytes from offset _; do
        echo "$from,$offset,$bytes"
    done <extents >parts
    "$tools/bytes" join <parts >view
}

# maps_right: what the map says is what an independent merge leaves in the origin.
maps_right() {
    reference
    quickly map
    quickly from_extents
    same view right.origin
}

@test "map: the bytes that it names are what a merge leaves in the origin" {
    fill origin 153600
    for kind in 'chunk=1 random=150 origin_chunks=300' 'chunk=2 sequential=70 every=2' 'chunk=4 random=60 origin_chunks=75 reversed=1' \
        'chunk=8 sequential=38' 'chunk=8 sequential=20 from=18' chunk=8; do
        # shellcheck disable=SC2086
        make $kind
        maps_right
    done
}

@test "map: a store that a kernel made" {
    gunzip -c "$here/../fixtures/chunk8-random.origin.gz" >origin
    gunzip -c "$here/../fixtures/chunk8-random.store.gz" >store
    maps_right
}

@test "map: the last chunk is clipped at the origin's end" {
    pair 16896 chunk=8 entry=0:4:2 entry=1:3:5 size=40960
    maps_right
    printf '%s\n' 0,12288,origin,0,0, 12288,4096,store,20480,3,5 16384,512,store,8192,4,2 >wanted
    same extents wanted
}

@test "map: of several exceptions for one chunk the first counts" {
    pair 10240 chunk=1 size=40960 entry=0:9:20 entry=1:9:30 entry=2:3:40 entry=3:9:50 entry=4:3:60
    maps_right
    printf '%s\n' 0,1536,origin,0,0, 1536,512,store,20480,3,40 2048,2560,origin,2048,4, 4608,512,store,10240,9,20 \
        5120,5120,origin,5120,10, >wanted
    same extents wanted
}

@test "map: of a store cut in the middle of a chunk, the map calls lost what verify, merge and repair do" {
    pair 65536 chunk=8 sequential=6 from=4
    truncate -s $((5 * 4096 - 2048)) store
    remember origin store
    expect 0 dump --map --origin=origin --format=csv store
    [[ $(csv out | awk -F , '$3 == "lost" { lost += $2 } END { print lost }') == 16384 ]]
    expect 2 verify --json --origin=origin store
    has '{"view_bytes_lost": 16384}'
    expect 0 merge --dry-run --json --skip-lost origin store
    has '{"lost": [{"offset": 24576, "bytes": 16384}]}'
    expect 0 repair --dry-run --json --origin=origin store
    has '{"lost": [{"offset": 24576, "bytes": 16384}]}'
    unchanged
}

@test "map: exceptions without data are lost" {
    pair 5120 chunk=1 size=40960 entry=0:1:34 entry=1:2:80 entry=2:3:18446744073709551615 entry=3:4:9
    map
    printf '%s\n' 0,512,origin,0,0, 512,1536,lost,,1,34 2048,512,store,4608,4,9 2560,2560,origin,2560,5, >wanted
    same extents wanted
}

# mapped TABLE: the bytes that a table of the device mapper maps, by dd, of the devices or files in the current folder.
mapped() {
    local start length target device offset at=0
    while read -r start length target device offset; do
        ((start == at)) || complain "a gap at sector $at"
        case $target in
            linear) dd if="$device" bs=512 skip="$offset" count="$length" status=none ;;
            zero) head -c $((length * 512)) /dev/zero ;;
            *) complain "a target of another kind: $target" ;;
        esac
        at=$((start + length))
    done <"$1"
}

@test "table: what the device mapper would map is the view" {
    pair 300000 chunk=2 random=60 origin_chunks=292
    expect 0 export --quiet origin store view
    remember origin store
    expect 0 dump --map --format=table --origin=origin store
    said "origin: is a file: attach it with 'losetup --find --show --read-only origin', and name the loop device in its place"
    said "store: is a file: attach it with 'losetup --find --show --read-only store', and name the loop device in its place"
    mapped out >got
    same view got
    unchanged
}

@test "table: block devices are named, and nothing is left to say" {
    pair 131072 chunk=8 random=10 origin_chunks=32
    expect 0 export --quiet origin store view
    attach origin --read-only
    origin=$loop
    attach store --read-only
    expect 0 dump --map --format=table --origin="$origin" "$loop"
    fails grep 'is a file' err
    fails grep -vE "^[0-9]+ [0-9]+ linear ($origin|$loop) [0-9]+$" out
    mapped out >got
    same view got
    ln -s "$origin" 'an origin'
    expect 0 dump --quiet --map --format=table --origin='an origin' "$loop"
    grep -qE "^0 [0-9]+ linear $(($(stat -L -c 0x%t "$origin"))):$(($(stat -L -c 0x%T "$origin"))) 0$" out
}

@test "table: of a volume, it is on the physical volumes" {
    gzip -dc "$here/../fixtures/volumes2.1.gz" >disk1
    gzip -dc "$here/../fixtures/volumes2.2.gz" >disk2
    for snapshot in $("$cowtool" scan --json --disk=disk1 --disk=disk2 | jq -r '.stores[].store'); do
        rm -f view
        expect 0 export --quiet --force --disk=disk1 --disk=disk2 "$snapshot" view
        expect 0 dump --map --format=table --disk=disk1 --disk=disk2 "$snapshot"
        (($(grep -c 'disk1: is a file' err) == 1))
        mapped out >got
        same view got
        echo "$snapshot" >>mapped
    done
    [[ -s mapped ]]
}

@test "table: what is lost is told, and zero in it" {
    pair 4608 chunk=1 entry=0:1:34 entry=1:4:9
    truncate -s 5120 store
    expect 0 dump --quiet --map --format=table --origin=origin store
    printf '%s\n' '0 1 linear origin 0' '1 1 zero' '2 2 linear origin 2' '4 1 linear store 9' '5 4 linear origin 5' >wanted
    same out wanted
    said 'store: warning: 512 bytes of the view are lost, and are zeros in the table'
}

@test "table: it is for --map, not JSON, and not of a saved file" {
    small_pair
    refuses 64 store -- dump --format=table store
    refuses 64 origin store -- dump --format=table --runs store
    expect 64 dump --json --map --format=table --origin=origin store
    expect 0 save --quiet store saved
    expect 5 dump --map --format=table --origin=origin saved
    [[ ! -s out ]]
    code=0
    "$cowtool" dump --quiet --map --format=table --origin=origin store >/dev/full 2>err || code=$?
    ((code == 4))
}

@test "map: JSON and text have the same" {
    pair 5120 chunk=1 size=40960 entry=0:1:34 entry=1:4:9
    map
    expect 0 dump --map --origin=origin --json store
    has '{"store": "store", "chunk_bytes": 512, "origin": "origin", "origin_bytes": 5120, "map": [
        {"view_offset": 0, "bytes": 512, "source": "origin", "offset": 0, "old_chunk": 0, "new_chunk": null},
        {"view_offset": 512, "bytes": 512, "source": "lost", "offset": null, "old_chunk": 1, "new_chunk": 34},
        {"view_offset": 1024, "bytes": 1024, "source": "origin", "offset": 1024, "old_chunk": 2, "new_chunk": null},
        {"view_offset": 2048, "bytes": 512, "source": "store", "offset": 4608, "old_chunk": 4, "new_chunk": 9},
        {"view_offset": 2560, "bytes": 2560, "source": "origin", "offset": 2560, "old_chunk": 5, "new_chunk": null}]}'
    value '.map[] | [.view_offset, .bytes, .source, .offset, .old_chunk, .new_chunk] | map(. // "" | tostring) | join(",")' >rows
    same rows extents
    expect 0 dump --map --origin origin store
    head -n 1 out | grep -q 'at in view .*bytes.*source.*at in source.*old chunk.*new chunk'
    csv out | awk -v OFS=, '{ $1 = $1; gsub("-", ""); print }' >rows
    same rows extents
}

@test "map: an empty store shows the origin, an empty origin nothing" {
    pair 10240 chunk=8
    map
    echo 0,10240,origin,0,0, >wanted
    same extents wanted
    : >origin
    map
    [[ ! -s extents ]]
    expect 0 dump --map --origin=origin --json store
    has '{"map": [], "origin_bytes": 0}'
}

@test "map: exceptions outside the origin are left out, with a warning" {
    pair 1024 chunk=1 sequential=5
    map
    echo 0,1024,store,1024,0,2 >wanted
    same extents wanted
    said 'origin: warning: 3 exceptions of store lie outside it'
}

@test "map: of an invalid store, with a warning" {
    pair 1024 chunk=1 sequential=2 valid=0
    map
    said 'store: warning: is marked invalid'
    expect 0 dump --map --origin=origin --quiet store
    silent
}

@test "map: a list without an end exits as damaged, after what there is of it" {
    pair 40960 chunk=1 sequential=40
    truncate -s 17408 store
    expect 2 dump --map --origin=origin --format=csv store
    csv out >extents
    printf '%s\n' 0,16384,store,1024,0,2 16384,24576,origin,16384,32, >wanted
    same extents wanted
    expect 2 dump --map --origin=origin --json store
    failure 2
    is '.map | length' 2
}

@test "map: an origin that is not there is refused" {
    make chunk=1 sequential=4
    refuses 8 store -- dump --map --origin=nowhere store
    refuses 5 store -- dump --map --origin=. store
}

@test "map: half a million exceptions in any order take at most 16 bytes of memory each" {
    if grep -q __asan_init "$cowtool"; then
        skip 'the sanitizer needs memory of its own'
    fi
    [[ -x /usr/bin/time ]] || skip 'GNU time is not installed (make setup)'
    truncate -s 1G origin
    make chunk=1 data=0 random=500000 origin_chunks=2097152
    /usr/bin/time -f %M -o large "$cowtool" dump --map --origin=origin --format=csv store >out
    "$mkstore" small chunk=1 sequential=10
    /usr/bin/time -f %M -o small.kib "$cowtool" dump --map --origin=origin --format=csv small >/dev/null
    csv out | awk -F , '$1 != at { exit 1 } { at += $2; n += $3 == "store" ? $2 : 0 } END { exit at != 1073741824 || n != 256000000 }'
    # and 8 MiB for what is read ahead
    (($(<large) - $(<small.kib) <= 500000 * 16 / 1024 + 8192)) || complain "$(<large) KiB, $(<small.kib) KiB for a small store"
}

# ---- options ----

@test "dump: --stale, --runs and --map exclude each other" {
    make chunk=1 sequential=4
    fill origin 4096
    refuses 64 store -- dump --stale --runs store
    refuses 64 store -- dump --runs --map --origin=origin store
    refuses 64 store -- dump --stale --map --origin=origin store
}

@test "dump: --map needs an origin; alone and for --runs it makes no sense" {
    make chunk=1 sequential=4
    fill origin 4096
    refuses 64 store -- dump --map store
    refuses 64 store -- dump --origin=origin store
    refuses 64 store -- dump --runs --origin=origin store
}

@test "dump: a closed pipe and a full stdout, for every kind of rows" {
    truncate -s 64M origin
    make chunk=1 sequential=50000 every=2 data=0 entry=40000:0:0
    for kind in --stale --runs '--map --origin=origin'; do
        for format in text csv json; do
            # shellcheck disable=SC2086
            { "$cowtool" dump $kind --quiet --format=$format store 2>err; echo $? >code; } | head -c 20 >first
            [[ $(wc -c <first) == 20 && ! -s err && $(<code) == 0 ]] || complain "$kind $format: $(<code)"
            code=0
            # shellcheck disable=SC2086
            "$cowtool" dump $kind --quiet --format=$format store >/dev/full 2>err || code=$?
            ((code == 4)) || complain "$kind $format: $code"
            said 'No space left on device'
        done
    done
}
