#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2119
# A list that zeros may have cut off: verify finds what looks like exceptions after it, merge and export note it.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

# zeros SECTOR: in ./store.
zeros() {
    dd if=/dev/zero of=store bs=512 seek="$1" count=1 conv=notrunc status=none
}

# later: the finding's message.
later() {
    jq -r '.findings[] | select(.code == "stale-exceptions") | .message' out
}

@test "cut off: after an area of zeros verify counts what dump --stale shows" {
    pair 512000 chunk=1 random=200 origin_chunks=1000
    zeros 34
    expect 0 dump --stale --format=csv --origin=origin store
    (($(grep -c ',stale,' out) == 136))
    finds 0 clean '[{"code": "stale-exceptions", "severity": "info"}]' --origin=origin store
    is '.findings[0].message' '136 entries after the end of the list look like exceptions, for up to 69632 bytes of the view; the first is at area 2 index 0, the last at area 6 index 7'
}

@test "cut off: merge and export note it before they write, for kept stores, too" {
    pair 512000 chunk=1 random=100 origin_chunks=1000 seed=2
    mv store other
    make chunk=1 random=200 origin_chunks=1000
    zeros 34
    remember origin store
    note="note: 136 entries after the end of the list look like exceptions, for up to 69632 bytes of the view; the first is at area 2 index 0, the last at area 6 index 7; if zeros cut the list off, as in a copy of what could not be read, they are missing; 'cowtool dump --stale store' shows them"
    expect 0 merge --dry-run origin store
    said "cowtool merge: store: $note"
    expect 0 merge --dry-run --keep=store origin other
    said "cowtool merge: store: $note"
    expect 0 export origin store image
    said "cowtool export: store: $note"
    unchanged
    expect 0 merge origin store
    said "cowtool merge: store: $note"
    cmp origin image
}

@test "cut off: a sector of zeros within an area, the first one of a store, too" {
    make chunk=8 random=300 origin_chunks=1000
    zeros 11
    expect 1 verify --json store
    [[ $(later) == '172 entries after '*'area 0 index 128, the last at area 1 index 43' ]]
    make chunk=8 random=300 origin_chunks=1000
    zeros 8
    expect 1 verify --json store
    [[ $(later) == '268 entries after '*'area 0 index 32, the last at area 1 index 43' ]]
    fill origin 4096000
    expect 0 merge origin store
    said 'note: 268 entries after the end of the list look like exceptions'
}

@test "cut off: a gap of many areas is looked across, and what an end within a sector leaves is no sign" {
    make chunk=1 sequential=2000
    for ((area = 2; area < 60; area++)); do
        zeros $((1 + 33 * area))
    done
    expect 0 verify --json store
    [[ $(later) == '80 entries after '*'area 60 index 0, the last at area 62 index 15' ]]
    make chunk=8 sequential=400 entry=20:0:0
    expect 1 verify --json store
    [[ $(later) == '' ]]
    make chunk=1 sequential=64
    finds 0 clean '[]' store
}

@test "cut off: what cannot be read after the end of the list is no error" {
    needs_strace
    pair 512000 chunk=1 sequential=64 size=65536
    strace -o calls -e trace=preadv,pread64 "$cowtool" merge --dry-run --io=sync origin store >/dev/null
    count=$(grep -c 'pread' calls)
    ((count > 3))
    for ((call = 3; call <= count; call++)); do
        code=0
        strace -o /dev/null -e trace=preadv,pread64 -e inject=preadv,pread64:error=EIO:when="$call" \
            "$cowtool" merge --dry-run --io=sync origin store >out 2>err || code=$?
        ((code == 0 || code == 4)) || complain "exit code $code at read $call"
    done
}
