#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2119
# A device that is set read-only opens for writing all the same: it is refused before the first write to any other one.

# shellcheck source=keep.bash
. "$BATS_TEST_DIRNAME/keep.bash"

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
    small_pair
    "$mkstore" a chunk=8 size=262144 sequential=2 from=9
}

# protected ARGUMENT...: refused with 4, in a dry run, too, as $loop is read-only; nothing was written, no file made.
protected() {
    local files
    files=$(ls)
    refuses 4 origin store a -- merge "$@"
    said "$loop: is read-only; nothing was written"
    refuses 4 origin store a -- merge --dry-run "$@"
    said "$loop: is read-only; nothing was written"
    rm -f out err remembered
    [[ $(ls) == "$(grep -vxE 'out|err|remembered' <<<"$files")" ]] || complain "there is $(ls)"
}

@test "write-protected: an origin is refused" {
    attach origin --read-only
    protected "$loop" store
    protected --force --resume "$loop" store
    protected --keep=a --undo=undo "$loop" store
}

@test "write-protected: a store is refused" {
    attach store --read-only
    protected origin "$loop"
    protected --keep=a --undo=undo origin "$loop"
}

@test "write-protected: a kept store is refused" {
    attach a --read-only
    protected --keep="$loop" origin store
    protected --keep="$loop" --undo=undo origin store
    protected --force --keep="$loop" --invalidate-full origin store
}

@test "write-protected: a device that blockdev set read-only is refused, and merged when it no longer is" {
    attach origin
    blockdev --setro "$loop"
    protected "$loop" store
    blockdev --setrw "$loop"
    reference
    expect 0 merge "$loop" store
    detach_all
    merged
}

@test "write-protected: a store to be dropped is refused, and with --force left as it is" {
    pristine_pair
    "$mkstore" pristine/a chunk=1 size=4194304 sequential=2 from=9
    midway --keep=a
    kill -KILL "$merge_pid"
    ended
    attach a --read-only
    protected --resume --drop-kept="$loop" origin store
    remember a
    expect 0 merge --resume --force --drop-kept="$loop" origin store
    said "$loop: is given up as it is"
    unchanged
    merged
}

@test "write-protected: where nothing is left to merge, nothing needs to be written" {
    make chunk=8
    attach store --read-only
    one=$loop
    attach origin --read-only
    remember origin store
    for options in --resume '--resume --dry-run' ''; do
        # shellcheck disable=SC2086
        expect 0 merge $options "$loop" "$one"
        fails grep 'read-only' err
    done
    unchanged
}

@test "write-protected: an empty store with a dirty tail is refused" {
    make chunk=8 entry=1:5:3
    expect 1 verify store
    grep -q dirty-tail out
    attach store --read-only
    protected origin "$loop"
}

@test "write-protected: repair refuses before it asks and before the backup, and a dry run shows the plan" {
    make chunk=8 sequential=3 entry=4:5:6
    attach store --read-only
    remember store
    expect 4 repair --yes --backup=backup "$loop"
    said "$loop: is read-only; nothing was written"
    [[ ! -e backup ]]
    expect 4 repair --dry-run "$loop"
    said "$loop: is read-only; nothing was written"
    grep -q 'dirty-tail' out
    expect 4 repair --dry-run --json "$loop"
    object '.error.code == 4 and (.plan | length > 0)'
    unchanged
}

@test "write-protected: repair of a store that is clean needs to write nothing" {
    attach store --read-only
    expect 0 repair --yes --no-backup "$loop"
    expect 0 repair --dry-run "$loop"
}

@test "write-protected: create, restore and an export to it refuse, and say that nothing was written" {
    "$cowtool" save store file
    cp a device
    attach device --read-only
    for options in '' --force; do
        # shellcheck disable=SC2086
        refuses 4 device -- create $options --chunk=4K "$loop"
        said "$loop: is read-only; nothing was written"
        # shellcheck disable=SC2086
        refuses 4 device file -- restore $options file "$loop"
        said "$loop: is read-only; nothing was written"
        fails grep 'half written' err
        # shellcheck disable=SC2086
        refuses 4 device origin store -- export $options origin store "$loop"
        said "$loop: is read-only; nothing was written"
        fails grep 'not complete' err
    done
}

@test "write-protected: a dry run with an image on a file system that is mounted read-only is refused, too" {
    file_system image 11111111-1111-4111-8111-111111111111
    attach image
    mkdir mounted
    mount "$loop" mounted 2>/dev/null || skip 'nothing can be mounted here'
    cp origin mounted
    mount -o remount,ro mounted
    refuses 4 store -- merge mounted/origin store
    said 'mounted/origin: is read-only, for its file system is'
    refuses 4 store -- merge --dry-run mounted/origin store
    said 'mounted/origin: is read-only, for its file system is'
}
