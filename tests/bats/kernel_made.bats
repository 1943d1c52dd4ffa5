#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154
# The pairs in tests/fixtures, which a real kernel made, judged by what that kernel said and did.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

fixtures=$BATS_TEST_DIRNAME/../fixtures
mergeable='chunk1-areas chunk8-random chunk8-sequential chunk8-full-area chunk32-random chunk128-partial merging'

# sum_of NAME PART: $sum, as the fixture's script wrote it down.
sum_of() {
    local part
    while read -r sum part; do
        [[ $part != "$1.$2" ]] || return 0
    done <"$fixtures/$1.sha256"
    complain "$1.$2 has no checksum"
}

# are NAME ORIGIN STORE: ./origin and ./store are these parts.
are() {
    local origin
    sum_of "$1" "$2"
    origin=$sum
    sum_of "$1" "$3"
    sha256sum --check --quiet --strict <<<"$origin  origin"$'\n'"$sum  store"
}

# unpack NAME: ./origin and ./store.
unpack() {
    gunzip -c "$fixtures/$1.origin.gz" >origin
    gunzip -c "$fixtures/$1.store.gz" >store
    are "$1" origin store
}

# merged_as_by_the_kernel NAME
merged_as_by_the_kernel() {
    local before
    are "$1" merged emptied
    sum_of "$1" origin
    before=$sum
    sum_of "$1" merged
    [[ $before != "$sum" ]]
}

@test "kernel-made: inspect shows the numbers of dmsetup status" {
    for name in $mergeable; do
        unpack "$name"
        expect 0 inspect --json store
        value '.status | "\(.allocated_sectors)/\(.total_sectors) \(.metadata_sectors)"' | cmp - "$fixtures/$name.status"
    done
}

@test "kernel-made: dump lists what was written" {
    for name in $mergeable invalid; do
        unpack "$name"
        expect 0 dump --format=csv store
        same out "$fixtures/$name.dump.csv"
    done
}

@test "kernel-made: every store that can be merged is clean" {
    for name in $mergeable; do
        unpack "$name"
        expect 0 verify --origin=origin store
    done
}

@test "kernel-made: a merge leaves what the kernel's merge leaves, with every engine and window" {
    for name in $mergeable; do
        for options in --io=auto --io=threads '--io=sync --window=4K'; do
            unpack "$name"
            # shellcheck disable=SC2086 # several options
            expect 0 merge --quiet $options origin store
            merged_as_by_the_kernel "$name"
        done
    done
}

@test "kernel-made: a merge that the kernel began is resumed" {
    unpack merging
    expect 0 merge --resume --quiet origin store
    merged_as_by_the_kernel merging
}

@test "kernel-made: a store that overflowed is invalid, and refused as it is" {
    unpack invalid
    expect 0 inspect --json store
    is .state invalid
    expect 2 merge origin store
    are invalid origin store
}
