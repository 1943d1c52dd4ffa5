#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2119,SC2154,SC2030,SC2031
# A snapshot that a merge gives up is never lost without a word.

# shellcheck source=keep.bash
. "$BATS_TEST_DIRNAME/keep.bash"

# too_small: ./origin and ./store, and ./a, which has no room for what it lacks.
too_small() {
    pair 1048576 chunk=8 random=100 origin_chunks=256 size=425984
    expect 0 create --quiet --chunk=4K --size=100K a
}

# one_line TEXT...: stderr has exactly one line but for notes of O_DIRECT, and it says all of this.
one_line() {
    local text
    (($(grep -vc 'note: O_DIRECT' err) == 1)) || complain 'stderr has not exactly one line'
    for text in "$@"; do
        said "$text"
    done
}

state_is() {
    [[ $(json_of inspect --json "$2" | jq -r .state) == "$1" ]] || complain "$2 is not $1"
}

@test "merge --quiet: a kept store that is marked invalid is told" {
    too_small
    reference
    expect 0 merge --quiet --invalidate-full --keep=a origin store
    merged
    state_is invalid a
    [[ ! -s out ]]
    one_line 'cowtool merge: a: ' 'is now marked invalid' 'this snapshot is given up'
}

@test "merge --quiet: a kept store that was marked invalid before is told" {
    too_small
    put a 4 '\0'
    state_is invalid a
    expect 0 merge --quiet --invalidate-full --keep=a origin store
    one_line 'a: is marked invalid already: there is nothing to keep'
}

@test "merge --quiet: a kept store that is dropped is told" {
    pristine_pair
    pristine_kept a
    cut_off INT --keep=a
    ((status == 3))
    expect 0 merge --quiet --resume --drop-kept=a origin store
    merged
    state_is invalid a
    one_line 'cowtool merge: a: ' 'marked invalid' 'this snapshot is given up'
}

@test "merge --quiet: a kept store that is dropped and out of reach is told" {
    pristine_pair
    pristine_kept a
    cut_off INT --keep=a
    rm a
    expect 0 merge --quiet --resume --force --drop-kept=a origin store
    merged
    one_line 'a: is given up as it is; it could not be marked invalid'
}

@test "merge: of a kept store to be dropped that is out of reach, it is said what helps, and that helps" {
    pristine_pair
    pristine_kept a
    cut_off INT --keep=a
    rm a
    refuses 8 origin store -- merge --resume --drop-kept=a origin store
    said 'a: cannot open: No such file or directory; look at the path, or add --force'
    mkdir a
    refuses 5 origin store -- merge --resume --drop-kept=a origin store
    said 'add --force'
    expect 0 merge --resume --force --drop-kept=a origin store
    merged
}

@test "merge: what is no store any more is given up as it is, and not written to" {
    pristine_pair
    pristine_kept a
    cut_off INT --keep=a
    fill a 2097152
    refuses 5 origin store a -- merge --resume --drop-kept=a origin store
    said 'add --force'
    remember a
    expect 0 merge --resume --force --drop-kept=a origin store
    said 'a: is given up as it is'
    unchanged
    merged
}

@test "merge: of a kept store to be dropped that is given twice, --force is not said to help" {
    pristine_pair
    pristine_kept a
    cut_off INT --keep=a
    refuses 5 origin store a -- merge --resume --drop-kept=a --drop-kept=./a origin store
    fails grep -e --force err
}
