#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2016,SC2030,SC2031
# A store of Linux 2.4 with chunks of one sector begins as a store of today does, and is none.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
    fill origin 65536
    # magic, version, chunk size and extent size in sectors, start of the exceptions, full
    truncate -s 1M store
    put store 0 'SnAp\1\0\0\0\1\0\0\0\20\0\0\0\20\0\0\0\0\0\0\0\0\0\0\0'
    # an exception: sector 7 of the origin is sector 32 of the store
    put store 8192 '\7\0\0\0\0\0\0\0\40\0\0\0\0\0\0\0'
}

@test "the header of Linux 2.4 is an error, full or not, and nothing is merged, repaired or exported" {
    local full
    for full in 0 1; do
        put store 24 "\\$full"
        refuses 2 origin store -- merge origin store
        expect 2 verify --json store
        object '[.findings[].code] == ["header-version"] and .verdict == "damaged"'
        refuses 2 origin store -- merge --force --skip-lost origin store
        refuses 2 origin store -- export origin store image
        expect 2 repair --yes --no-backup store
    done
}

@test "what begins like that by chance, with an impossible start, flag or exception, is slack" {
    put store 24 '\2'
    expect 1 verify --json store
    object '.findings[0].code == "header-slack"'
    put store 24 '\0'
    put store 8200 '\1'
    expect 2 verify --json store # what today's area 0 holds is no exception then, but this is slack
    object '.findings[0].code == "header-slack"'
    put store 8200 '\40'
    put store 19 '\1'
    expect 1 verify --json store
    object '.findings[0].code == "header-slack"'
}
