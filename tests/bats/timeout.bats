#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2016
# --timeout: when the time is over, a merge and an export stop as on a signal, and --resume goes on.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

# slowly MS ARGUMENT...: cowtool with these, each of whose writes takes that long; $status is its exit code. A busy machine
# needs seconds before the first one.
slowly() {
    status=0
    timeout 60 strace -f -o trace -e trace=pwritev,pwrite64 --inject=pwritev,pwrite64:delay_enter="${1}000" \
        "$cowtool" "${@:2}" >out 2>err </dev/null || status=$?
    note_json out
}

@test "timeout: a merge stops, with what is committed safe, and told" {
    needs_strace
    judged_pair 1572864 chunk=1 random=2000 origin_chunks=3072
    slowly 100 merge --io=sync --window=4K --timeout=4 --json origin store
    ((status == 3)) || complain "exit code $status, not 3"
    failure 3
    said 'stopped on request'
    object '.exceptions_left == $left and .exceptions_left > 0 and .merged > 0' --argjson left "$(live store)"
    "$refmerge" origin store >/dev/null # what is left, by another program
    same origin right.origin
}

@test "timeout: --resume may have one, too" {
    needs_strace
    judged_pair 1572864 chunk=1 random=2000 origin_chunks=3072
    slowly 100 merge --io=sync --window=4K --timeout=4 origin store
    ((status == 3))
    slowly 100 merge --resume --io=sync --window=4K --timeout=4 origin store
    ((status == 3))
    expect 0 merge --resume --timeout=100 origin store
    merged
}

@test "timeout: an export stops, to a file and to a pipe that nobody reads" {
    needs_strace
    truncate -s 512M origin
    make chunk=8 random=4000 origin_chunks=131072
    reference
    slowly 5 export --io=sync --timeout=4 --json origin store image
    ((status == 3)) || complain "exit code $status, not 3"
    object '.error.code == 3 and .bytes_done < .bytes'
    expect 0 export --resume --timeout=100 origin store image
    same image right.origin
    mkfifo pipe
    exec 7<>pipe
    status=0
    timeout 60 "$cowtool" export --timeout=4 origin store - >pipe 2>err || status=$?
    ((status == 3)) || complain "exit code $status, not 3"
    said 'stopped on request'
}

@test "timeout: it is a whole number of seconds from 1 on, and only merge and export have one" {
    judged_pair 65536 chunk=8 sequential=3
    for wrong in 0 -1 1.5 1s '' 1000000000 x ' 1'; do
        refuses 64 origin store -- merge --timeout="$wrong" origin store
        refuses 64 origin store -- export --timeout="$wrong" origin store image
        said '--timeout: '
    done
    for command in verify inspect save; do
        refuses 64 store -- $command --timeout=1 store
    done
    [[ ! -e image ]]
    expect 0 merge --timeout=999999999 origin store
    merged
}
