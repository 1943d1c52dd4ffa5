#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2119,SC2154,SC2016,SC2030,SC2031
# What the commands tell beside their results: advice that can be followed, and notes on what is odd about a device.

# shellcheck source=keep.bash
. "$BATS_TEST_DIRNAME/keep.bash"

# verified FILE CODE: the helps of all that verify finds are in ./helps, and the text has them, too.
verified() {
    local code=0
    json_of verify --quiet --json --origin=origin "$1" >out 2>err || code=$?
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
    # Where a store is full, the command is not cowtool's, and no placeholder would help.
    if grep -v truncate of_store | grep -q '[ =]store'; then
        grep -Eq "'cowtool [a-z]+ ([^']* |[^']*=)STORE2?[ ']" helps || complain "no placeholder: $(<helps)"
        grep -Eq '; STORE2? is the device of which this is the saved file$' helps
    fi
    (($(wc -l <helps) == $(wc -l <of_store)))
}

@test "verify: on a saved file, the advice names the store by a placeholder, whatever the defect" {
    for name in $("$here/../defects"); do
        read -r _ code _ < <("$here/../defects" "$name")
        ((code != 6)) || continue # nothing is saved of that without --force
        "$here/../defects" "$name" origin store
        echo "$name"
        advises_of_saved "$code"
    done
}

@test "verify: on a saved file of a kept store, the placeholder is not that of the merging store" {
    pristine_pair
    pristine_kept a
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

@test "export and merge: an origin that is no whole number of sectors" {
    pair 1048577 chunk=8 random=100 origin_chunks=256 size=425984
    cp origin before
    expect 0 export --quiet origin store quiet
    silent
    expect 0 export origin store image
    said 'origin: note: what is past its last whole sector (1 byte) is no part of what the snapshot shows'
    (($(stat -c %s image) == 1048576))
    same image quiet
    expect 0 merge --dry-run origin store
    said 'origin: note: what is past its last whole sector (1 byte)'
    same origin before
    cp store store2
    expect 0 merge --quiet origin store
    silent
    cp before origin
    expect 0 merge origin store2
    said 'origin: note: what is past its last whole sector (1 byte)'
    (($(stat -c %s origin) == 1048577))
    same origin image 1048576
    tail -c 1 before | cmp - <(tail -c 1 origin)
    pair $((1048576 + 511)) chunk=8 random=100 origin_chunks=256 size=425984
    expect 0 merge origin store
    said '(511 bytes)'
    pair 1048576 chunk=8 random=100 origin_chunks=256 size=425984
    expect 0 merge origin store
    silent
}

@test "verify and inspect: chunks smaller than the blocks of the device" {
    fill origin 262144
    for chunk in 1 4 8; do
        make chunk=$chunk random=20 origin_chunks=32 size=262144
        attach store --sector-size=4096
        for command in verify inspect; do
            expect 0 $command --quiet "$loop"
            silent
            expect 0 $command --json "$loop"
            if ((chunk < 8)); then
                said "cowtool $command: $loop: warning: the kernel refuses to load this store: its chunks have \
$((chunk * 512)) bytes, and $loop has logical blocks of 4096"
            else
                silent
            fi
        done
        is .state active
        # Offline, it is a store like others; and as a file it has no such blocks.
        expect 0 merge --quiet --dry-run origin "$loop"
        detach_all
        expect 0 verify --origin=origin store
        fails grep -F 'the kernel refuses' err
    done
}

@test "verify: chunks smaller than the blocks of the origin" {
    pair 262144 chunk=1 random=20 origin_chunks=32 size=262144
    attach origin --sector-size=4096
    for option in --origin --data; do
        expect 0 verify $option="$loop" store
        said "store: warning: the kernel refuses to load this store: its chunks have 512 bytes, and $loop has"
        expect 0 verify --quiet $option="$loop" store
        silent
    done
}
