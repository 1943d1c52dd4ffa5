#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# Merges that cowtool began: killed or stopped in the middle, and finished by the kernel or by cowtool.

interrupted_case=c8-random-origin # the one that is stopped with SIGINT too

setup_file() {
    bats_require_minimum_version 1.5.0
    setup
    both "begin_and_finish KILL $cut_cases" "begin_and_finish INT $interrupted_case"
}

setup() {
    # shellcheck source=common.bash
    . "$BATS_TEST_DIRNAME/common.bash"
}

# begin_and_finish SIGNAL NAME...: cowtool merges copies of the pairs until SIGNAL comes (stopped-by-SIGNAL); the
# kernel finishes other copies (by-SIGNAL).
begin_and_finish() {
    local signal=$1 name
    shift
    for name in "$@"; do
        kill_merge made "stopped-by-$signal" "$name" "$signal" 6
        copy_pair "stopped-by-$signal" "by-$signal" "$name"
    done
    run_job "$images/by-$signal" merge-pairs log -- "$@"
}

@test "kill: cowtool's merges were killed in the middle, chunks 1 to 1024" {
    for name in $cut_cases; do
        read -r live_left code <"$images/stopped-by-KILL/$name.left"
        is_midway "$name" "$live_left"
        [ "$code" -eq 137 ]
    done
    # Where many windows were left, the origin lacks data. (cowtool copies a few windows ahead of the commits.)
    differ "$images"/{stopped-by-KILL,made}/c32-random-snapshot.origin
    differ "$images/stopped-by-KILL/c32-random-snapshot.origin" "$images/made/c32-random-snapshot.view"
}

@test "kill: the kernel finishes cowtool's killed merges; all but what it does not look at is equal, chunks 1 to 1024" {
    local failed=0
    for name in $cut_cases; do
        read -r live_left _ <"$images/stopped-by-KILL/$name.left"
        # shellcheck disable=SC2046 # pairs of numbers
        row 3 'cowtool killed, kernel finishes' "$name" by-KILL merged $(left_behind "$name" "$live_left") ||
            failed=1
        differ "$images/by-KILL/$name.store" "$images/merged/$name.store"
    done
    [ $failed -eq 0 ]
}

@test "kill: a last resume takes the record away, and every byte is as after the kernel's merge, chunks 1 to 1024" {
    local failed=0
    for name in $cut_cases; do
        copy_pair by-KILL after-KILL "$name"
        "$cowtool" merge --resume --quiet "$images/after-KILL/$name.origin" "$images/after-KILL/$name.store"
        row 3 'cowtool killed, kernel finishes, resume' "$name" after-KILL merged || failed=1
    done
    [ $failed -eq 0 ]
}

@test "kill: cowtool finishes its own killed merges as the kernel would have, chunks 1 to 1024" {
    local failed=0
    for name in $cut_cases; do
        copy_pair stopped-by-KILL resumed "$name"
        "$cowtool" merge --resume --quiet "$images/resumed/$name.origin" "$images/resumed/$name.store"
        row 3 'cowtool killed, cowtool resumes' "$name" resumed merged || failed=1
    done
    [ $failed -eq 0 ]
}

@test "signals: SIGINT stops a merge in the middle with exit code 3, and the kernel finishes it" {
    read -r live_left code <"$images/stopped-by-INT/$interrupted_case.left"
    is_midway $interrupted_case "$live_left"
    [ "$code" -eq 3 ]
    row 3 'cowtool stopped by SIGINT, kernel finishes' $interrupted_case by-INT merged 256 512
}

@test "signals: cowtool finishes a merge that SIGINT stopped as the kernel would have" {
    copy_pair stopped-by-INT resumed-INT $interrupted_case
    "$cowtool" merge --resume --quiet "$images/resumed-INT/$interrupted_case".{origin,store}
    row 3 'cowtool stopped by SIGINT, cowtool resumes' $interrupted_case resumed-INT merged
}
