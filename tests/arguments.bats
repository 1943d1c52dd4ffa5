#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2016,SC2030,SC2031
# Names and options that could be taken for each other.

setup() {
    # shellcheck source=helpers.bash
    . "$BATS_TEST_DIRNAME/helpers.bash"
    cd "$BATS_TEST_TMPDIR" || exit
    fill origin 1048576
    make chunk=8 random=100 origin_chunks=256 size=425984
}

is_text() {
    grep -q "$1" out || complain "no text: $1"
    fails grep -q '^{' out
}

@test "--json behind -- is a name" {
    cp store ./--json
    expect 0 inspect -- --json
    is_text '^Store: *--json$'
    expect 0 inspect --json -- --json
    has '{"store": "--json"}'
}

@test "--json as the value of an option is a name" {
    cp origin ./--json
    expect 0 verify --origin --json store
    is_text '^store: clean'
    expect 0 verify --json --origin --json store
    has '{"verdict": "clean"}'
}

@test "--json behind -- does not make an error JSON" {
    cp store ./--json
    expect 64 inspect -- --json store
    [[ ! -s out ]]
    expect 6 inspect -- --quiet
    [[ ! -s out ]]
    expect 64 merge --window=0 origin -- --json
    [[ ! -s out ]]
}

@test "an error in an option is told in JSON wherever --json stands" {
    expect 64 inspect --nosuch store --json
    failure 64
    expect 64 inspect --json --nosuch store
    failure 64
}
