#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2016,SC2030,SC2031
# A half-merged origin that was copied to a larger disk: the merge goes on there, up to where the origin ended.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
    needs_strace
    # The last chunk is a partial one.
    judged_pair 1573376 chunk=2 sequential=1537
    set_aside
}

# fails_at N: a merge whose N-th write fails, in small windows.
fails_at() {
    from_pristine
    strace -o trace -e trace=pwritev --inject=pwritev:error=EIO:when="$1" "$cowtool" merge --io=sync --window=16K \
        origin store >out 2>err || return 0
    complain 'the merge did not fail'
}

cut_off_late() {
    fails_at 100
    left=$(json_of inspect --json store | jq .exceptions)
    ((left > 0 && left < 1537)) || complain "left: $left"
}

# enlarge FILE: it is copied to a disk of 2 MiB, which holds something else after its end.
enlarge() {
    fill disk 2097152
    dd if="$1" of=disk conv=notrunc status=none
    mv disk "$1"
    tail -c +1573377 "$1" >after
}

@test "merge --resume: a larger copy of the origin is accepted, and what comes after its end stays" {
    cut_off_late
    enlarge origin
    expect 0 merge --resume --dry-run origin store
    said 'origin: note: it is larger than the origin that the merge began with; what comes after 1573376 bytes is left alone'
    expect 0 merge --resume origin store
    cmp -n 1573376 origin right.origin
    tail -c +1573377 origin | cmp - after
}

@test "merge --resume: a larger origin whose witness is not right, and a smaller one, are refused" {
    cut_off_late
    fill other 2097152
    refuses 5 other store -- merge --resume other store
    said 'is not the origin that the unfinished merge of store writes to'
    head -c 1572864 origin >smaller
    refuses 5 smaller store -- merge --resume smaller store
    refuses 5 smaller store -- merge --resume --force smaller store
}

@test "merge --resume: onto a larger origin with nothing merged yet only with --force" {
    local n
    for ((n = 1; n < 20; n++)); do
        fails_at $n
        [[ $(json_of inspect --json store | jq -r .state) != merging ]] || break
    done
    enlarge origin
    refuses 5 origin store -- merge --resume origin store
    said 'if it was copied to a larger disk, use --force'
    expect 0 merge --resume --force origin store
    cmp -n 1573376 origin right.origin
    tail -c +1573377 origin | cmp - after
}

@test "export: of a larger copy of a half-merged origin, the view ends where the origin ended" {
    cut_off_late
    enlarge origin
    expect 0 export origin store image
    said 'what comes after that is no part of the view'
    cmp image right.origin
    expect 0 verify --origin=origin store
    expect 0 repair --dry-run --no-backup store
    fill other 2097152
    refuses 5 other store -- export other store image2
}
