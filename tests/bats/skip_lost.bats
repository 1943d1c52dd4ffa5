#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2016,SC2154,SC2119
# cowtool merge --skip-lost: what is lost is left out and listed, and all else is merged.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

# wanted KEY=VALUE...: ./right.origin, as a merge of the sound store that mkstore makes of these leaves it; and
# ./right.store: ./store with areas of zeros, by its own chunk size.
wanted() {
    local area chunk=8 key
    for key in "$@"; do
        [[ $key != chunk=* ]] || chunk=${key#chunk=}
    done
    cp origin right.origin
    "$mkstore" sound "$@"
    "$refmerge" right.origin sound >/dev/null
    cp --sparse=always store right.store
    for ((area = 1; area * chunk * 512 < $(stat -c %s store); area += chunk * 32 + 1)); do
        dd if=/dev/zero of=right.store bs=$((chunk * 512)) count=1 seek=$area conv=notrunc status=none
    done
}

# skips OPTION...: refused without --skip-lost, which is named; with it the merge leaves what is wanted.
skips() {
    quickly is_skipping "$@"
}

is_skipping() {
    local first='' second
    refuses 2 origin store -- merge "$@" origin store
    said --skip-lost
    expect 0 merge --dry-run --skip-lost "$@" origin store
    first=$(grep -A 30 'left out\|is lost' out) || true
    expect 0 merge --skip-lost "$@" origin store
    second=$(grep -A 30 'left out\|is lost' out | grep -v merged) || true
    [[ $first == "$second" ]] || complain "the dry run listed something else: $first"
    merged
    "$cowtool" verify --quiet store >/dev/null
}

@test "skip-lost: data outside the device and in metadata is left out" {
    pair 1228800 chunk=8 size=204800 sequential=40 entry=5:5:49000 entry=20:20:1 entry=39:39:72057594037927936
    wanted chunk=8 size=204800 sequential=40 entry=5:38:40 entry=20:37:39 entry=37:0:0
    skips
    grep -qx 'store: left out, as they are lost: 3 exceptions; origin keeps what it has in' out
    grep -qx '  bytes 20480 to 24575' out
    grep -q 'merged 37 exceptions' out
}

@test "skip-lost: a store whose end is cut off" {
    "$here/../defects" store-truncated origin store
    wanted chunk=8 sequential=28
    skips --window=16K
}

@test "skip-lost: a list without an end" {
    "$here/../defects" area-missing origin store
    expect 0 merge --dry-run --json --skip-lost origin store
    object '.left_out == 0 and .lost == [] and .lost_unknown'
    wanted chunk=8 sequential=256
    skips
}

@test "skip-lost: chunks outside the origin are left out, and no byte is listed for them" {
    pair 163840 chunk=8 sequential=40 entry=7:40:9
    wanted chunk=8 sequential=40 entry=7:39:41 entry=39:0:0
    refuses 5 origin store -- merge origin store
    expect 0 merge --dry-run --skip-lost origin store
    grep -q '^store: left out: 1 exception; nothing is lost by that: origin has no such chunk' out
    expect 0 merge --json --skip-lost origin store
    object '.left_out == 1 and .lost == [] and .lost_unlisted == 0 and .exceptions_left == 0 and (.lost_unknown | not)'
    merged
}

@test "skip-lost: JSON lists the ranges, joined and clipped" {
    pair 162304 chunk=8 size=204800 sequential=40 entry=2:2:1 entry=3:3:1 entry=39:39:60
    expect 0 merge --json --skip-lost origin store
    object '.left_out == 3 and .merged == 40
        and .lost == [{"offset": 8192, "bytes": 8192}, {"offset": 159744, "bytes": 2560}]'
}

@test "skip-lost: the text lists twenty ranges and counts the others" {
    local entries=() i
    # Every other chunk is lost, so that no two of them are one range; the last five exceptions are sound.
    for ((i = 0; i < 25; i++)); do
        entries+=("entry=$i:$((2 * i)):$((1000 + i))")
    done
    pair 25600 chunk=1 sequential=5 from=1 every=2 size=40960
    wanted chunk=1 size=40960 sequential=5 from=1 every=2
    for ((i = 0; i < 5; i++)); do
        entries+=("entry=$((25 + i)):$((2 * i + 1)):$((2 + i))")
    done
    make chunk=1 sequential=5 size=40960 "${entries[@]}"
    {
        echo 'store: left out, as they are lost: 25 exceptions; origin keeps what it has in'
        for ((i = 0; i < 20; i++)); do
            echo "  bytes $((i * 1024)) to $((i * 1024 + 511))"
        done
        echo '  and 5 more ranges'
    } >wanted
    expect 0 merge --dry-run --skip-lost origin store
    sed -n '/left out/,/more ranges/p' out | cmp - wanted
    expect 0 merge --json --dry-run --skip-lost origin store
    object '.lost == [range(25) | {offset: (. * 1024), bytes: 512}] and .lost_unlisted == 0'
    expect 0 merge --skip-lost origin store
    sed -n '/left out/,/more ranges/p' out | cmp - wanted
    merged
}

@test "skip-lost: windows of which everything is lost, and a store of which everything is" {
    fill origin 1228800
    cp origin before
    for ((i = 0; i < 40; i++)); do
        all+=("entry=$i:$i:$((300 + i))")
    done
    make chunk=8 sequential=40 "${all[@]:0:30}"
    wanted chunk=8 sequential=40 "${all[@]/%/}" entry=0:30:32 entry=1:31:33 entry=2:32:34 entry=3:33:35 entry=4:34:36 \
        entry=5:35:37 entry=6:36:38 entry=7:37:39 entry=8:38:40 entry=9:39:41 entry=10:0:0
    expect 0 merge --skip-lost --window=8K origin store
    merged
    cp before origin
    make chunk=8 sequential=40 "${all[@]}"
    expect 0 merge --skip-lost origin store
    same origin before
    (($(live store) == 0))
}

@test "skip-lost: a later exception for a chunk that is lost is left out, and the first one merged" {
    pair 1228800 chunk=8 size=204800 sequential=40 entry=10:3:1
    wanted chunk=8 size=204800 sequential=40 entry=10:39:41 entry=39:0:0
    expect 0 merge --skip-lost origin store
    merged
    fails grep bytes out
}

@test "skip-lost: what is not just lost is refused as ever" {
    pair 1228800 chunk=8 size=204800 sequential=40 entry=10:3:12 entry=20:20:1
    refuses 2 origin store -- merge --skip-lost origin store
    make chunk=8 size=204800 sequential=40 entry=10:10:5
    refuses 2 origin store -- merge --skip-lost origin store
    make chunk=8 size=204800 sequential=40 valid=0 entry=20:20:1
    refuses 2 origin store -- merge --skip-lost origin store
    make chunk=8 size=204800 sequential=40 valid=0 entry=10:3:1
    refuses 2 origin store -- merge --skip-lost --force origin store
}

@test "skip-lost: an exception outside the origin does not hide what else is wrong" {
    pair 163840 chunk=8 size=204800 sequential=40 valid=0 entry=39:40:41
    refuses 2 origin store -- merge --skip-lost origin store
    said 'store: is marked invalid'
    make chunk=8 size=204800 sequential=40 entry=10:10:5 entry=39:40:41
    refuses 2 origin store -- merge --skip-lost origin store
    said 'store: has 2 errors'
    make chunk=8 size=204800 sequential=40 entry=3:39:5 entry=38:40:41
    refuses 2 origin store -- merge --skip-lost --force origin store
    said 'store: has 3 errors'
}

@test "skip-lost: where the first exception for a chunk is lost, --force takes the next one" {
    pair 1228800 chunk=8 size=204800 sequential=40 entry=3:3:1 entry=20:3:22
    wanted chunk=8 size=204800 sequential=40 entry=3:39:41 entry=20:3:22 entry=39:0:0
    refuses 2 origin store -- merge --skip-lost origin store
    expect 0 merge --skip-lost --force origin store
    merged
}

@test "skip-lost: a kept snapshot gets nothing for what is left out" {
    pair 163840 chunk=8 size=204800 sequential=4 entry=2:2:1 entry=3:40:5
    cp origin before
    "$mkstore" kept chunk=8 size=204800
    expect 0 merge --json --skip-lost --keep=kept origin store
    object '.kept[0].exceptions_added == 2'
    "$refmerge" origin kept >/dev/null
    same origin before
}

@test "skip-lost: the blocks of an area are cleared one by one, and the plan says so" {
    local flushes planned
    pair 33554432 chunk=64 sequential=1000
    flushes=$(json_of merge --dry-run --json origin store | jq .plan.flushes)
    # What cannot be read is not known before it is read.
    [[ $(json_of merge --dry-run --json --skip-lost origin store | jq .plan.flushes) -ge $((flushes + 3)) ]]
    truncate -s $((1001 * 64 * 512)) store
    expect 0 merge --dry-run --json --skip-lost origin store
    object '.left_out == 1 and .plan.flushes >= $flushes + 3' --argjson flushes "$flushes"
    planned=$(value .plan.flushes)
    expect 0 merge --json --skip-lost origin store
    object '.flushes >= $flushes + 3 and .flushes <= $planned' --argjson flushes "$flushes" --argjson planned "$planned"
}

@test "skip-lost: an interrupted merge goes on with it, and is refused without it" {
    pair 1572864 chunk=1 random=2000 origin_chunks=3072
    put store $((512 + 3 * 16 + 8)) '\1'
    put store $(((1 + 62 * 33) * 512 + 15 * 16 + 10)) '\377'
    set_aside
    from_pristine
    expect 0 merge --skip-lost origin store
    mv origin right.origin
    mv store right.store
    cut_off KILL --skip-lost
    refuses 2 origin store -- merge --resume origin store
    said --skip-lost
    expect 0 merge --resume --skip-lost origin store
    merged
}
