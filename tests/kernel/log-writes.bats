#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# Power cuts at the block layer: dm-log-writes logs the writes and flushes of cowtool's merges in a real kernel, and
# replay makes the states that a cut could have left.

setup_file() {
    bats_require_minimum_version 1.5.0
    setup
    mkdir -p "$images/logged" "$images/logged-finished"
    # A file system in memory makes the many small flushes of hundreds of resumes cheap.
    COWTOOL_TEST_CUT=$images/cut
    [ ! -w /dev/shm ] || COWTOOL_TEST_CUT=$(mktemp -d /dev/shm/cowtool-cut.XXXXXX)
    export COWTOOL_TEST_CUT
    mkdir -p "$COWTOOL_TEST_CUT"
    log_merges
}

teardown_file() {
    rm -rf "$COWTOOL_TEST_CUT"
}

setup() {
    # shellcheck source=common.bash
    . "$BATS_TEST_DIRNAME/common.bash"
    # shellcheck source=boot.bash
    . "$BATS_TEST_DIRNAME/boot.bash"
}

# The merges: name, its case, and how cowtool merges it.
merges() {
    cat <<'END'
c1-auto c1-random-snapshot     --io=auto --window=4K
c8-auto c8-random-both-partial --io=auto --window=16K
c8-sync c8-random-origin       --io=sync --window=64K
END
}

# use_merge NAME: sets `pair`, `how`, and what use_case sets. The samples NAME.1, NAME.2 are of the merge NAME.
use_merge() {
    read -r _ pair how < <(merges | grep "^${1%.*} ")
    case_table=kernel_cases use_case "$pair"
}

# join_pair NAME: the merge's pair as one disk, with the store on the first 4096 bytes after the origin.
join_pair() {
    local at=$images/logged/$1
    cp "$images/made/$pair.origin" "$at.disk"
    truncate -s %4096 "$at.disk"
    cat "$images/made/$pair.store" >>"$at.disk"
    truncate -s 32M "$at.log"
}

# All merges in one guest, each on its disk and with its log.
log_merges() {
    local name disks=()
    for name in $(merges | cut -d ' ' -f 1); do
        use_merge "$name"
        join_pair "$name"
        echo "$name $(disk ${#disks[@]}) $(disk $((${#disks[@]} + 1))) $origin_sectors $store_sectors $how"
        disks+=("$images/logged/$name.disk" "$images/logged/$name.log")
    done >"$images/logged/merges"
    boot "$images/logged/console" log-merges --add "$images/logged/merges" "${disks[@]}"
}

# replay NAME STATE [OPTION...]: the states of a merge, each resumed by cowtool.
replay() {
    local at=$images/logged/$1 state=$2
    use_merge "$1"
    shift 2
    "$here/cache/replay" "$@" "$at.log" "$at.disk" "$images/made/$pair" "$images/merged/$pair" "$state" \
        "$cowtool" merge --resume --quiet
}

# resumes_everywhere NAME: counts the states in NAME.said, and writes a row of the table.
resumes_everywhere() {
    local said=$images/logged/$1.said outcome=equal
    replay "$1" "$COWTOOL_TEST_CUT/$1" --random=4 >"$said" || outcome=different
    cat "$said"
    printf '4\t%s\t%s\t%s\t%s\t%s\n' "$chunk" "$pair" "power cuts ($how): $(tail -n 1 "$said")" $outcome $outcome \
        >>"$results"
    [ $outcome = equal ]
}

# notices NAME OPTION...: the replay, with something broken, must fail, and by a state that is not right.
notices() {
    local said
    if said=$(replay "$1" "$COWTOOL_TEST_CUT/broken" "${@:2}" 2>&1); then
        echo "nothing was noticed: $said" >&2
        return 1
    fi
    grep '^that was state [0-9]* of seed' <<<"$said"
}

@test "log-writes: wherever the power goes, a resume makes every byte right: chunk 1, io_uring" {
    resumes_everywhere c1-auto
}

@test "log-writes: wherever the power goes, a resume makes every byte right: chunk 8, io_uring" {
    resumes_everywhere c8-auto
}

@test "log-writes: wherever the power goes, a resume makes every byte right: chunk 8, one request at a time" {
    resumes_everywhere c8-sync
}

@test "log-writes: at least 400 states were resumed, no two of a merge alike" {
    local states
    states=$(awk '/ states, / { sum += $1 } END { print sum }' "$images"/logged/*.said)
    echo "states: $states"
    [ "$states" -ge 400 ]
}

# samples: the names of the states that the kernel gets, which are cases, too: of run_job, with another table.
samples() {
    merges | sed 's/ .*//; s/.*/&.1\n&.2/'
}

sampled_cases() {
    local name
    for name in $(samples); do
        use_merge "$name"
        kernel_cases | sed -n "s/^$pair /$name /p"
    done
}

# The guest's steps for each sample: from a merge in the middle to an empty store.
has_finished() {
    grep -E "^UNMERGED $1 [0-9]+/" "$images/logged-finished/log"
    grep -E "^MERGED $1 $((2 * chunk))/[0-9]+ $((2 * chunk))$" "$images/logged-finished/log"
}

@test "log-writes: the kernel finishes a sample of the cut merges; every byte of the origin is right" {
    for name in $(merges | cut -d ' ' -f 1); do
        replay "$name" "$images/logged-finished/$name" --sample=2
    done
    case_table=sampled_cases
    # shellcheck disable=SC2046 # a list of names
    run_job "$images/logged-finished" merge-pairs log -- $(samples)
    for name in $(samples); do
        use_merge "$name"
        has_finished "$name"
        same "$images/logged-finished/$name.origin" "$images/merged/$pair.origin"
    done
}

@test "log-writes: where the kernel has finished, a last resume makes every byte of the store right" {
    for name in $(samples); do
        use_merge "$name"
        differ "$images/logged-finished/$name.store" "$images/merged/$pair.store"
        "$cowtool" merge --resume --quiet "$images/logged-finished/$name".{origin,store}
        same "$images/logged-finished/$name.store" "$images/merged/$pair.store"
        same "$images/logged-finished/$name.origin" "$images/merged/$pair.origin"
    done
}

@test "log-writes: one write that a disk has flushed, and lost all the same, is noticed" {
    notices c1-auto --lose=20
    notices c8-sync --lose=3
}

@test "log-writes: flushes of the origin that do nothing are noticed" {
    notices c1-auto --doubt-flushes --random=8
    notices c8-auto --doubt-flushes --random=8
}
