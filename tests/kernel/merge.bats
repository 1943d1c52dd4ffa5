#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# cowtool's merge against the kernel's, on copies of the same pair: origin and store, every byte of them.

setup_file() {
    bats_require_minimum_version 1.5.0
}

setup() {
    # shellcheck source=common.bash
    . "$BATS_TEST_DIRNAME/common.bash"
}

teardown() {
    rm -rf "$images/by-cowtool"
}

# merges_alike NAME: cowtool merges a copy of the pair; it must end as the kernel's merge of it did.
merges_alike() {
    copy_pair made by-cowtool "$1"
    "$cowtool" merge --quiet "$images/by-cowtool/$1.origin" "$images/by-cowtool/$1.store"
    row 2 'whole merge' "$1" by-cowtool merged
}

@test "merge: cowtool and the kernel leave the same bytes: chunk 1, random changes through the snapshot" {
    merges_alike c1-random-snapshot
}

@test "merge: cowtool and the kernel leave the same bytes: chunk 1, sequential changes through the origin, last area exactly full" {
    merges_alike c1-sequential-origin-full
}

@test "merge: cowtool and the kernel leave the same bytes: chunk 8, random changes through the origin" {
    merges_alike c8-random-origin
}

@test "merge: cowtool and the kernel leave the same bytes: chunk 8, sequential changes through the snapshot, last area exactly full" {
    merges_alike c8-sequential-snapshot-full
}

@test "merge: cowtool and the kernel leave the same bytes: chunk 8, random changes through both devices, last chunk partial" {
    merges_alike c8-random-both-partial
}

@test "merge: cowtool and the kernel leave the same bytes: chunk 8, changes beyond 4 TiB through both devices, last chunk partial" {
    merges_alike c8-far-both-partial
}

@test "merge: cowtool and the kernel leave the same bytes: chunk 32, random changes through both devices" {
    merges_alike c32-random-both
}

@test "merge: cowtool and the kernel leave the same bytes: chunk 32, random changes through the snapshot" {
    merges_alike c32-random-snapshot
}

@test "merge: cowtool and the kernel leave the same bytes: chunk 32, sequential changes through the origin, last area exactly full" {
    merges_alike c32-sequential-origin-full
}

@test "merge: cowtool and the kernel leave the same bytes: chunk 128, random changes through the origin, last chunk partial" {
    merges_alike c128-random-origin-partial
}

@test "merge: cowtool and the kernel leave the same bytes: chunk 128, sequential changes through the snapshot" {
    merges_alike c128-sequential-snapshot
}

@test "merge: cowtool and the kernel leave the same bytes: chunk 1024, random changes through both devices, last chunk partial" {
    merges_alike c1024-random-both-partial
}

@test "merge: cowtool and the kernel leave the same bytes: chunk 1024, sequential changes through the origin" {
    merges_alike c1024-sequential-origin
}
