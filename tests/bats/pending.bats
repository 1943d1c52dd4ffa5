#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2016,SC2119,SC2030,SC2031
# merge --pending goes on with what was begun, and with nothing else; an initramfs hook that runs it lets nothing use an
# origin that is half merged.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

# goes_not_on OPTION... ORIGIN STORE: nothing was begun, and not a byte changes.
goes_not_on() {
    remember origin store
    expect 0 merge --pending "$@"
    unchanged
}

# hook ORIGIN STORE: as cowtool(8) has it. Fails where the boot must stop.
hook() {
    local status=0
    "$cowtool" merge --pending --quiet "$1" "$2" || status=$?
    case $status in
    0 | 6) ;;
    *) return 1 ;;
    esac
}

@test "merge --pending: nothing was begun, and nothing is written, whoever uses the devices" {
    pair 65536 chunk=8 sequential=3
    goes_not_on origin store
    grep -qx 'store: no merge of it was begun; nothing was written' out
    goes_not_on --json origin store
    object 'del(.cowtool, .command) == {origin: "origin", store: "store", begun: false}'
    goes_not_on --dry-run origin store
    exec 9<>store
    flock 9
    goes_not_on origin store 9>&-
    exec 9>&-
    put store 4 '\0'
    goes_not_on origin store
    refuses 64 origin store -- merge --pending --resume origin store
}

@test "merge --pending: what was begun is finished, and a second run finds nothing" {
    pristine_pair
    from_pristine
    cut_off INT
    expect 0 merge --pending origin store
    cmp origin right.origin
    goes_not_on origin store
    grep -q 'no merge of it was begun' out
}

@test "merge --pending: a store that another merge keeps is refused, with --force, too" {
    pristine_pair
    "$mkstore" pristine/a chunk=16 size=2097152 random=60 origin_chunks=192 seed=3
    from_pristine
    cut_off INT --keep=a
    for force in --quiet --force; do
        refuses 5 origin store a -- merge --pending $force origin a
        refuses 5 origin store a -- merge --pending $force origin store
    done
    expect 0 merge --pending --keep=a origin store
    cmp origin right.origin
}

@test "merge --pending: whether anything was begun is not known where the record is damaged" {
    pristine_pair
    from_pristine
    cut_off INT
    put store 300 'XX'
    refuses 5 origin store -- merge --pending origin store
    said 'its merge record is damaged'
    # Once --resume has merged it, and where nothing was left to merge, the record is gone.
    expect 0 merge --resume origin store
    expect 0 merge --pending origin store
    "$mkstore" store chunk=8 sequential=0
    put store 256 'cowmergeXX'
    refuses 5 origin store -- merge --pending origin store
    expect 0 merge --resume origin store
    expect 0 merge --pending origin store
}

@test "an initramfs hook stops while the store, the origin or a kept store of an unfinished merge is not there" {
    local gone
    pristine_pair
    "$mkstore" pristine/a chunk=16 size=2097152 random=60 origin_chunks=192 seed=3
    from_pristine
    cut_off INT --keep=a
    for gone in origin store a; do
        mv $gone away
        expect 8 merge --pending --quiet --keep=a origin store
        expect 8 merge --resume --quiet --keep=a origin store
        mv away $gone
    done
    mv store away
    fails hook origin store
    mkdir store
    fails hook origin store
    rmdir store
    mv away store
    fails hook origin store
    expect 0 merge --pending --keep=a origin store
    hook origin store
    fill store 65536
    hook origin store
}

@test "a block device to which nothing is attached is not there yet" {
    ((UID == 0)) || skip 'only root makes device nodes'
    mknod disk b 7 211 2>/dev/null || skip 'there are no device nodes here'
    [[ ! -d /sys/block/loop211/loop ]] || skip 'loop211 is in use'
    pair 65536 chunk=8 sequential=3
    refuses 8 origin -- merge --pending origin disk
    refuses 8 store -- merge disk store
    refuses 8 -- inspect disk
}
