#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# Stores that the kernel made by real I/O: they hold what was written, and cowtool reads them as the kernel does.

setup_file() {
    bats_require_minimum_version 1.5.0
}

setup() {
    # shellcheck source=common.bash
    . "$BATS_TEST_DIRNAME/common.bash"
}

# told WORD NAME: the status that the guest printed after WORD, as `dmsetup status` shows it.
told() {
    local status
    status=$(cat "$images"/made/{odd,even} "$images"/merged/{odd,even} | sed -n "s/^$1 $2 //p")
    [[ $status =~ ^[0-9]+/[0-9]+\ [0-9]+$ ]]
    echo "$status"
}

@test "stores: the kernel's entries are those of the writes, in their order, in every case" {
    for name in $(case_names); do
        use_case "$name"
        [ "$("$live" count "$images/made/$name.store")" -eq "$count" ]
        diff <("$live" list "$images/made/$name.store") "$images/made/$name.csv"
    done
}

@test "stores: there are several areas, full last areas and partial last chunks among them" {
    [ "$("$live" list "$images/made/c1-random-snapshot.store" | tail -n 1 | cut -d , -f 1)" -eq 12 ]
    [ "$("$live" list "$images/made/c32-random-both.store" | tail -n 1 | cut -d , -f 1)" -eq 1 ]
    for name in $(case_names | grep full); do
        use_case "$name"
        [ "$("$live" list "$images/made/$name.store" | tail -n 1 | cut -d , -f 2)" -eq $((32 * chunk - 1)) ]
    done
    for name in $(case_names | grep partial); do
        use_case "$name"
        [ $((origin_sectors % chunk)) -gt 0 ]
        "$live" list "$images/made/$name.store" | grep -q "^[0-9]*,[0-9]*,$((chunks - 1)),"
    done
}

@test "stores: the kernel's merge changes the origin into the snapshot's view, and empties the store, in every case" {
    for name in $(case_names); do
        same "$images/merged/$name.origin" "$images/made/$name.view"
        differ "$images/made/$name.origin" "$images/made/$name.view"
        [ "$("$live" count "$images/merged/$name.store")" -eq 0 ]
    done
}

@test "stores: the status of a store does not depend on whether the kernel wrote it or has just read it" {
    for name in $(case_names); do
        [ "$(told WRITTEN "$name")" = "$(told LOADED "$name")" ]
    done
}

@test "inspect: the status numbers are those of dmsetup status, in every case" {
    for name in $(case_names); do
        [ "$(inspected "$images/made/$name.store")" = "$(told LOADED "$name")" ]
    done
}

@test "inspect: the status numbers of a store that the kernel has merged are those of dmsetup status, in every case" {
    for name in $(case_names); do
        [ "$(inspected "$images/merged/$name.store")" = "$(told MERGED "$name")" ]
    done
}

@test "inspect: the number of exceptions is the number of changed chunks, in every case" {
    for name in $(case_names); do
        use_case "$name"
        [ "$(json_of inspect --json "$images/made/$name.store" | jq .exceptions)" -eq "$count" ]
    done
}

@test "dump: the exceptions are those that were written, in their order, in every case" {
    for name in $(case_names); do
        diff <("$cowtool" dump --format=csv "$images/made/$name.store") "$images/made/$name.csv"
    done
}

@test "verify: no store that the kernel made has an error or a warning, in any case" {
    for name in $(case_names); do
        "$cowtool" verify --origin "$images/made/$name.origin" "$images/made/$name.store"
        "$cowtool" verify --origin "$images/merged/$name.origin" "$images/merged/$name.store"
    done
}
