#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2016,SC2119,SC2030,SC2031
# No record of a merge that is over, or given up, stays; and every kept store can be dropped, whatever its name.

# shellcheck source=keep.bash
. "$BATS_TEST_DIRNAME/keep.bash"

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
    pristine_pair
}

# given_up STORE: as the kernel marks a snapshot invalid: all of its header's chunk but the header is zero.
given_up() {
    put "$1" 4 '\0\0\0\0'
    dd if=/dev/zero of="$1" bs=16 seek=1 count=31 conv=notrunc status=none
}

# kept NAME: a store of that name to be kept.
kept() {
    "$mkstore" "$1" chunk=16 size=2097152 random=60 origin_chunks=192 seed=3
}

# fails_at N OPTION...: a merge whose N-th write fails.
fails_at() {
    status=0
    strace -o trace --inject=pwritev:error=EIO:when="$1" "$cowtool" merge --io=sync "${@:2}" origin store >out 2>err ||
        status=$?
}

@test "merge: going back with an undo store that is still empty leaves no record" {
    local n roles
    needs_strace
    kept pristine/a
    for ((n = 1; n < 40; n++)); do
        from_pristine
        rm -f undo
        fails_at $n --keep=a --undo=undo
        ((status == 4)) || complain "write $n: exit code $status"
        [[ $(json_of inspect --json store | jq -r .state) != merging ]] || break
    done
    cmp origin pristine/origin
    roles=$(for f in undo a; do json_of inspect --json $f | jq -r '.record.role, .exceptions'; done | xargs)
    [[ $roles == 'undo 0 kept '* ]] || complain "undo and a: $roles"
    expect 0 merge --force --keep=a origin undo
    [[ $(for f in undo a; do json_of inspect --json $f | jq .record; done | xargs) == 'null null' ]]
    cmp origin pristine/origin
    expect 0 merge --dry-run origin a
}

@test "merge: a kept store that the kernel gave up is dropped by its name, whatever letters and length it has" {
    local name
    for name in plain.img 'schnappschuß.img' "$(printf 'vg0-%060d-cow' 1)" $'two\nlines'; do
        from_pristine
        kept "$name"
        cut_off INT --keep="$name"
        given_up "$name"
        expect 0 merge --resume --quiet --drop-kept="$name" origin store
        cmp origin right.origin
    done
}

@test "merge: of two kept stores with one name in two folders, each can be dropped" {
    local gone other
    mkdir a b
    for gone in a b; do
        other=$([[ $gone == a ]] && echo b || echo a)
        from_pristine
        kept a/cow
        kept b/cow
        cut_off INT --keep=a/cow --keep=b/cow
        given_up $gone/cow
        refuses 5 origin store a/cow b/cow -- merge --resume --drop-kept=$gone/cow origin store
        expect 0 merge --resume --keep="$other/cow" --drop-kept="$gone/cow" origin store
        cmp origin right.origin
        [[ $(json_of inspect --json "$other/cow" | jq .record) == null ]]
    done
}
