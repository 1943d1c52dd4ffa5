#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2119
# cowtool dump --stale: what looks like exceptions after the end of the list, and what does not.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

# stale [OPTION...]: the lines of ./store's CSV that are not live, in ./lines; ./store keeps every byte.
stale() {
    remember store
    expect 0 dump --stale --format=csv "$@" store
    [[ $(head -n 1 out) == area,index,old_chunk,new_chunk,state,old_offset,new_offset ]] || complain 'another heading'
    tail -n +2 out | grep -v ',live,' >lines || true
    unchanged
}

# usual FROM TO: the stale lines of exceptions FROM .. TO - 1 of a sequential store with chunks of a sector.
usual() {
    awk -v from="$1" -v to="$2" 'BEGIN {
        for (i = from; i < to; i++) {
            area = int(i / 32)
            printf "%d,%d,%d,%d,stale,%d,%d\n", area, i % 32, i, 2 + i + area, i * 512, (2 + i + area) * 512
        }
    }'
}

@test "stale: what an earlier use left in every area, where a new store has but zeroed its first entry" {
    make chunk=1 sequential=100 entry=0:0:0
    stale
    usual 1 100 >wanted
    same lines wanted
    said '99 stale entries'
}

@test "stale: what a torn clear left behind the end, with the live exceptions before it" {
    make chunk=2 sequential=60
    dd if=/dev/zero of=store bs=512 seek=3 count=1 conv=notrunc status=none
    remember store
    expect 0 dump --stale --format=csv store
    (($(grep -c ',live,' out) == 32))
    (($(grep -cv ',live,' out) == 1))
    make chunk=2 sequential=60
    dd if=/dev/zero of=store bs=512 seek=2 count=1 conv=notrunc status=none
    stale
    awk 'BEGIN { for (i = 32; i < 60; i++) printf "0,%d,%d,%d,stale,%d,%d\n", i, i, i + 2, i * 1024, (i + 2) * 1024 }' >wanted
    same lines wanted
    fails grep ',live,' out
}

@test "stale: the data of a stale exception is at the place that is named" {
    make chunk=1 sequential=10
    cp store before
    expect 0 dump --stale --format=csv store
    live=$(sed -n 8p out)
    put store $((512 + 16 * 5)) '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
    stale
    [[ $(head -n 1 lines) == "${live/live/stale}" ]] || complain "not the exception that was cut off: $live"
    offset=$(head -n 1 lines | cut -d , -f 7)
    cmp -n 512 -i "$offset:$((512 * 8))" store before
}

@test "stale: after a merge nothing is left" {
    pair 65536 chunk=1 sequential=100
    expect 0 merge origin store
    stale
    [[ ! -s lines ]]
    said '0 stale entries'
}

@test "stale: nothing is stale in a store that was never anything else" {
    make chunk=1 size=1048576 sequential=100
    stale
    [[ ! -s lines ]]
    (($(grep -c ',live,' out) == 100))
}

@test "stale: junk in the areas after the end does not look like exceptions" {
    make chunk=1 size=1048576 sequential=10 junk=1 junk=2 junk=3
    stale
    [[ ! -s lines ]]
    # small numbers, but no numbering
    make chunk=1 size=1048576 sequential=10 entry=32:5:100 entry=33:6:90 entry=34:7:80 entry=36:1:1 entry=40:1:999999
    stale
    [[ ! -s lines ]]
}

@test "stale: after the end's area the numbering must fit: the usual chunk, or a neighbour's" {
    make chunk=1 size=1048576 sequential=10 entry=40:5:43
    stale
    echo 1,8,5,43,stale,2560,22016 >wanted
    same lines wanted
    make chunk=1 size=1048576 sequential=10 entry=40:5:99 entry=41:700:101 entry=45:6:500 entry=46:7:499
    stale
    printf '%s\n' 1,8,5,99,stale,2560,50688 1,9,700,101,stale,358400,51712 1,13,6,500,stale,3072,256000 \
        1,14,7,499,stale,3584,255488 >wanted
    same lines wanted
}

@test "stale: in the end's area an entry that may be an exception is enough" {
    make chunk=1 size=1048576 sequential=10 entry=20:1000:500 entry=21:1:34 entry=22:1:5000 entry=23:9223372036854775807:60
    stale
    echo 0,20,1000,500,stale,512000,256000 >wanted
    same lines wanted
}

@test "stale: an entry whose chunk the store may have used again is listed, too" {
    make chunk=1 sequential=20 entry=10:0:0 entry=9:1000:15
    stale
    (($(wc -l <lines) == 9))
    [[ $(grep ',stale,' lines | cut -d , -f 4 | xargs) == '13 14 15 16 17 18 19 20 21' ]]
}

@test "stale: with an origin, an entry outside it does not look like an exception" {
    make chunk=1 sequential=100 entry=0:0:0
    fill origin 25600
    stale --origin=origin
    usual 1 50 >wanted
    same lines wanted
}

@test "stale: JSON keeps live and stale exceptions apart" {
    make chunk=1 sequential=40 entry=10:0:0
    expect 0 dump --stale --json store
    object '(.exceptions | length) == 10 and (.stale | length) == 29 and all(.exceptions[]; .state == "live")
        and .stale[28] == {"area": 1, "index": 7, "old_chunk": 39, "new_chunk": 42, "state": "stale", "old_offset": 19968,
            "new_offset": 21504}'
    make chunk=8
    expect 0 dump --stale --json store
    has '{"exceptions": [], "stale": []}'
}

@test "stale: text has the same columns under a heading" {
    make chunk=1 sequential=40 entry=10:0:0
    expect 0 dump --stale --format=csv store
    tail -n +2 out >csv
    expect 0 dump --stale store
    head -n 1 out | grep -q 'old chunk.*new chunk.*state.*at in origin.*at in store'
    tail -n +2 out | awk -v OFS=, '{ $1 = $1; print }' >columns
    same columns csv
}

@test "stale: the numbers of a damaged store that are too large for bytes have none" {
    make chunk=1 size=40960 entry=0:18446744073709551615:18446744073709551614
    expect 0 dump --stale --format=csv store
    grep -qx '0,0,18446744073709551615,18446744073709551614,live,,' out
    expect 0 dump --stale --json store
    object '.exceptions[0] | .old_offset == null and .new_offset == null'
    expect 0 dump --stale store
    grep -q '18446744073709551614  live *- *-$' out
}

@test "stale: a list without an end has nothing after it" {
    make chunk=1 sequential=40
    truncate -s 16896 store
    remember store
    expect 2 dump --stale --format=csv store
    (($(grep -c ',live,' out) == 32))
    expect 2 dump --stale --json store
    failure 2
    object '.stale == [] and (.exceptions | length) == 32'
    unchanged
}

@test "stale: a store without a header is refused" {
    make chunk=1 sequential=40 magic=0
    refuses 6 store -- dump --stale store
}

@test "stale: a large device is read to its end in bounded memory" {
    make chunk=8 size=8589934592 sequential=3 entry=1000000:5:1003908
    expect 0 dump --stale --format=csv store
    grep -qx '3906,64,5,1003908,stale,20480,4112007168' out
}
