#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# Merges that the kernel began: cut off by a power cut at three places, and finished by cowtool.

setup_file() {
    bats_require_minimum_version 1.5.0
    setup
    both 'cut_kernel_merges 75; cut_again_and_finish' 'cut_kernel_merges 50; cut_kernel_merges 25'
}

setup() {
    # shellcheck source=common.bash
    . "$BATS_TEST_DIRNAME/common.bash"
}

# cut_kernel_merges PERCENT: the kernel merges copies of the pairs, until a power cut with PERCENT left of each.
cut_kernel_merges() {
    local name folder=cut-at-$1
    for name in $cut_cases; do
        copy_pair made "$folder" "$name"
    done
    echo "$1" >"$images/$folder/percent"
    # shellcheck disable=SC2086 # a list of names
    run_job "$images/$folder" cut-merges log --cut-at CUT-NOW --add "$images/$folder/percent" -- $cut_cases
}

# Merges that the kernel was cut off in go on with cowtool, which is killed too, and then with the kernel again.
cut_again_and_finish() {
    local name
    for name in $twice_cut_cases; do
        kill_merge cut-at-75 cut-twice "$name" KILL 4 --resume
        "$live" count "$images/cut-at-75/$name.store" >"$images/cut-twice/$name.before"
    done
    mkdir "$images/cut-finished"
    cp --sparse=always "$images/cut-twice"/* "$images/cut-finished/"
    # shellcheck disable=SC2086 # a list of names
    run_job "$images/cut-finished" merge-pairs log -- $twice_cut_cases
}

# resumes_alike PERCENT: every merge that the kernel was cut off in with PERCENT left is finished by cowtool.
resumes_alike() {
    local name folder=cut-at-$1 failed=0
    for name in $cut_cases; do
        is_midway "$name" "$("$live" count "$images/$folder/$name.store")"
        "$cowtool" merge --resume --quiet "$images/$folder/$name.origin" "$images/$folder/$name.store"
        row 3 "kernel cut at $1 % left, cowtool resumes" "$name" "$folder" merged || failed=1
    done
    [ $failed -eq 0 ]
}

@test "resume: cowtool finishes kernel merges cut off with 75 % left as the kernel would have, chunks 1 to 1024" {
    resumes_alike 75
}

@test "resume: cowtool finishes kernel merges cut off with 50 % left as the kernel would have, chunks 1 to 1024" {
    resumes_alike 50
}

@test "resume: cowtool finishes kernel merges cut off with 25 % left as the kernel would have, chunks 1 to 1024" {
    resumes_alike 25
}

@test "resume: the kernel finishes its own merge after a power cut and a killed resume, chunks 8, 32 and 128" {
    local failed=0
    for name in $twice_cut_cases; do
        read -r live_left code <"$images/cut-twice/$name.left"
        is_midway "$name" "$live_left"
        [ "$live_left" -lt "$(cat "$images/cut-twice/$name.before")" ]
        [ "$code" -eq 137 ]
        # shellcheck disable=SC2046 # pairs of numbers
        row 3 'kernel cut, cowtool killed, kernel finishes' "$name" cut-finished merged \
            $(left_behind "$name" "$live_left") || failed=1
    done
    [ $failed -eq 0 ]
}
