#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154
# Merge records that do not say what they should, and resumes that must not trust them alone.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

# large_pair: ./origin of 20 MiB and ./store with 4000 exceptions, and what a merge must leave.
large_pair() {
    judged_pair 20971520 random=4000 origin_chunks=5120
}

# interrupt OPTION...: a merge of ./origin and ./store gets SIGINT in its middle.
interrupt() {
    start_until 3500 --quiet --io=sync "$@"
    kill -s INT "$merge_pid"
    goes_on
    ((status == 0 || status == 3)) || complain "exit code $status"
    (($(live store) > 0)) || complain 'nothing is left'
    state_is merging
}

state_is() {
    expect 0 inspect --quiet --json store
    is .state "$1"
}

@test "record: one of another version is refused, shown, and forgotten only with --force" {
    large_pair
    interrupt
    put store $((256 + 8)) '\2'
    state_is merging
    expect 0 verify --json store
    object 'any(.findings[]; .code == "merge-unfinished")'
    refuses 5 origin store -- merge origin store
    refuses 5 origin store -- merge --resume origin store
    expect 0 merge --force --quiet origin store
    merged
}

@test "record: one with a flipped bit is no record, is told, and the merge goes on from the store" {
    large_pair
    interrupt
    put store $((256 + 40)) '\377'
    expect 1 verify store
    expect 0 merge --resume origin store
    said 'merge record is damaged'
    merged
}

# file_systems: ./origin and ./other have file systems of their own; ./store has exceptions for the upper half of the
# origin, and for its first chunk.
file_systems() {
    truncate -s 32M origin other
    mkfs.ext4 -q -U 11111111-1111-1111-1111-111111111111 origin
    mkfs.ext4 -q -U 22222222-2222-2222-2222-222222222222 other
    make sequential=4000 from=4000
    make sequential=4000 from=4000 data=0 keep=1 entry=0:0:2
    dd if=origin of=store bs=4096 count=1 seek=2 conv=notrunc status=none
}

@test "record: a witness of zeros does not prove the origin where the file system is another one" {
    file_systems
    dd if=/dev/zero of=store bs=4096 count=1 seek=$((2 + 3999 + 15)) conv=notrunc status=none
    interrupt
    mv origin right
    cp other origin
    dd if=/dev/zero of=origin bs=4096 count=1 seek=7999 conv=notrunc status=none
    refuses 5 origin store -- merge --resume origin store
    said 'may be another device than the origin'
    mv right origin
    expect 0 merge --resume --quiet origin store
}

@test "record: a merge begun with --force is resumed without it" {
    file_systems
    mv other origin
    refuses 5 origin store -- merge origin store
    interrupt --force
    expect 0 merge --resume --quiet origin store
    state_is empty
}

@test "record: a resume without a record does not take an origin that holds nothing for the store's" {
    truncate -s 32M template origin
    mkfs.ext4 -q template
    make sequential=10
    dd if=template of=store bs=4096 count=10 seek=2 conv=notrunc status=none
    refuses 5 origin store -- merge --resume origin store
}

@test "merge: the plan's flushes are never fewer than the merge's, also where blocks are cleared one by one" {
    local planned needed
    for spec in "sequential=2000 reversed=1" "sequential=2000" "random=300 origin_chunks=5120"; do
        head -c 20M /dev/zero >origin
        # shellcheck disable=SC2086 # several keys
        make $spec
        expect 0 merge --dry-run --json origin store
        planned=$(value .plan.flushes)
        expect 0 merge --json origin store
        needed=$(value .flushes)
        ((needed <= planned && planned <= 2 * needed)) || complain "$spec: $needed of $planned"
    done
}

@test "guards: an image on a loop device is found also where its path is long" {
    long=$(printf 'd%.0s' {1..200})
    mkdir -p "$long/$long/$long"
    cd "$long/$long/$long"
    truncate -s 1M origin
    make sequential=10
    attach origin
    expect 5 merge origin store
    said "is attached to $loop"
}

@test "merge: sparse images on a disk with 4096-byte blocks" {
    truncate -s 64M disk
    attach disk --sector-size 4096
    mkfs.ext4 -q -b 4096 "$loop"
    mkdir mounted
    mount "$loop" mounted 2>/dev/null || skip 'nothing can be mounted here'
    cd mounted
    for spec in "8 $((19 * 4096 + 512))" '1 16384'; do
        rm -f origin
        truncate -s "${spec#* }" origin
        make chunk="${spec% *}" sequential=20
        reference
        expect 0 merge --quiet origin store
        merged
    done
}

# The initramfs hook of cowtool-merge(8), with the names of two files, which must not let anything use a half-merged origin.
hook() {
    sed -n '/^\.Ss Initramfs hook/,/^\.Ed/p' "$BATS_TEST_DIRNAME/../../man/cowtool-merge.8" |
        sed '1,/^\.Bd/d; /^\.Ed/,$d; s|merge --pending --quiet$|& origin store|' >hook
    grep -q 'merge --pending --quiet origin store' hook
    code=0
    PATH=${cowtool%/*}:$PATH bash -c 'panic() { echo "$1"; exit 9; }; . ./hook' >/dev/null || code=$?
    ((code == $1)) || complain "the hook ended with $code, not $1"
}

@test "record: one after a damaged header is told, and the initramfs hook stops there" {
    local damage
    large_pair
    interrupt
    cp store store.left
    # the magic, the version, the chunk size, all 16 bytes
    for damage in '0 \0' '8 \7' '12 \3' '0 \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'; do
        cp store.left store
        put store "${damage% *}" "${damage#* }"
        expect 2 inspect store
        [[ $(<err) == *'unfinished merge'*'--rebuild-header'* ]] || complain 'the record is not told'
        expect 2 verify store
        expect 2 merge --resume origin store
        expect 2 inspect --json store
        has '{"state": "merging", "record": {"role": "merging"}, "error": {"code": 2}}'
        hook 9
        expect 5 create --chunk=4K store
    done
    cp store.left store
    hook 0
    merged
    # Nothing is left; then nothing is there.
    hook 0
    rm store
    hook 9
}
