#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2016,SC2119,SC2030,SC2031
# A merge takes its memory before it writes anything.

# shellcheck source=keep.bash
. "$BATS_TEST_DIRNAME/keep.bash"

# limited KIB ARGUMENT...: cowtool with that much address space; its exit code is in $status.
limited() {
    status=0
    (ulimit -v "$1"; exec "$cowtool" "${@:2}") >out 2>err </dev/null || status=$?
}

# A sanitizer's own memory is counted, too.
needs_little() {
    limited 60000 --version
    ((status == 0)) || skip 'this program does not start with little memory'
}

@test "merge: whatever memory there is, a merge is done, or nothing was written" {
    local done=0 refused=0 kib
    needs_little
    pristine_pair
    "$mkstore" pristine/a chunk=16 size=2097152 random=60 origin_chunks=192 seed=3
    for ((kib = 3600; kib < 12000; kib += 200)); do
        from_pristine
        remember origin store a
        limited $kib merge --quiet --keep=a --undo=undo origin store
        if ((status == 0)); then
            cmp origin right.origin
            done=$((done + 1))
            continue
        fi
        ((status == 70 || status == 127)) || complain "with $kib KiB: exit code $status"
        unchanged
        [[ ! -e undo ]] || complain "with $kib KiB: the undo store was left"
        refused=$((refused + 1))
    done
    ((done > 5 && refused > 0))
}

@test "merge: where the usual window does not fit, a smaller one is taken, and that is said" {
    needs_little
    "$mkstore" store chunk=8 size=41943040 sequential=8192
    truncate -s 33554432 origin
    cp store store.before
    limited 20000 merge --window=32M origin store
    ((status == 0)) || complain "exit code $status"
    said 'store: note: there is too little memory for windows of 33554432 bytes: windows of '
    mv origin origin.small
    mv store.before store
    truncate -s 33554432 origin
    expect 0 merge --window=32M origin store
    grep -q 'too little memory' err && complain 'said without need'
    cmp origin origin.small
}
