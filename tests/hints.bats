#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2016,SC2030,SC2031
# What the commands tell beside their results: advice that can be followed, and notes on what is odd about a device.

setup() {
    # shellcheck source=helpers.bash
    . "$BATS_TEST_DIRNAME/helpers.bash"
    # shellcheck source=keep.bash
    . "$BATS_TEST_DIRNAME/keep.bash"
    cd "$BATS_TEST_TMPDIR" || exit
}

teardown() {
    let_go
}

# verified FILE CODE: the helps of all that verify finds are in ./helps, and the text has them, too.
verified() {
    local code=0
    "$cowtool" verify --quiet --json --origin=origin "$1" >out 2>err || code=$?
    ((code == $2))
    jq -r '.findings[].help' out >helps
    "$cowtool" verify --quiet --origin=origin "$1" >out 2>err || true
    while IFS= read -r help; do
        grep -qF -- "what helps: $help" out || complain "not in the text: $help"
    done <helps
}

# advises_of_saved CODE: of ./store, and of a saved file of it, verify gives the same advice; that for the saved file
# names no command on that file, but says what the placeholder is.
advises_of_saved() {
    expect 0 save --quiet --force store bad.sv
    verified store "$1"
    cp helps of_store
    verified bad.sv "$1"
    fails grep -F bad.sv helps
    if grep -q ' store' of_store || grep -q '=store' of_store; then
        grep -Eq "'cowtool [a-z]+ ([^']* |[^']*=)STORE2?[ ']" helps || complain "no placeholder: $(<helps)"
        grep -Eq '; STORE2? is the device of which this is the saved file$' helps
    fi
    (($(wc -l <helps) == $(wc -l <of_store)))
}

@test "verify: on a saved file, the advice names the store by a placeholder, whatever the defect" {
    for name in $("$here/defects"); do
        read -r _ code _ < <("$here/defects" "$name")
        ((code != 6)) || continue # nothing is saved of that without --force
        "$here/defects" "$name" origin store
        echo "$name"
        advises_of_saved "$code"
    done
}

@test "verify: on a saved file of a kept store, the placeholder is not that of the merging store" {
    pristine_pair
    "$mkstore" pristine.a chunk=8 size=2097152 random=60 origin_chunks=384 seed=3
    cut_off INT --keep=a
    mv store merging
    mv a store
    advises_of_saved 0
    grep -F "'cowtool merge --resume --keep=STORE2 origin STORE'" helps
    mv store a
    mv merging store
    advises_of_saved 0
    grep -F "'cowtool merge --resume ... origin STORE'" helps
}
