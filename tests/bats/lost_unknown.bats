#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2016,SC2119
# Entries that no kernel can have written, where exceptions were: all commands say the same number of lost chunks.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

# everywhere COUNT [OPTION...]: verify, repair, merge and export of ./store, an exception list with entries that are wrong,
# say in JSON and in the text that up to COUNT chunks of the view of ./origin are lost.
everywhere() {
    local count=$1 text
    text="up to $count chunk"
    (($1 == 1)) || text+=s
    text+=' of 512 bytes of the view, where is not known'
    remember origin store
    expect 2 verify --json --origin=origin store
    object '.lost_unknown and .lost_unknown_chunks == $count' --argjson count "$count"
    expect 2 verify --origin=origin store
    grep -qF "lost: $text" out
    expect 0 repair --dry-run --json --origin=origin store
    object '.lost_unknown and .lost_unknown_chunks == $count' --argjson count "$count"
    expect 0 repair --dry-run --origin=origin store
    grep -qF "Lost: $text" out
    fails grep 'nothing of the view' out
    expect 0 merge --dry-run --json --skip-lost origin store
    object '.lost_unknown and .lost_unknown_chunks == $count' --argjson count "$count"
    expect 0 merge --dry-run --skip-lost origin store
    grep -qF "store: lost: $text: there origin keeps what it has" out
    fails grep 'nothing is lost' out
    expect 0 export --force --fill=zero --json origin store image
    object '.lost_unknown and .lost_unknown_chunks == $count' --argjson count "$count"
    said "$text: there the image has what the origin has now"
    unchanged
}

@test "lost unknown: an area of junk within the list cost as many chunks as it held" {
    pair 512000 chunk=1 random=200 origin_chunks=1000
    cp origin wanted
    "$refmerge" wanted store
    make chunk=1 random=200 origin_chunks=1000 junk=3
    everywhere 32
    expect 2 verify --json --origin=origin store
    object 'all(.findings[] | select(.area == 3); .trace == "area-overwritten" and .view_unknown and (has("view_bytes") | not))'
    object '.view_bytes_lost == 0 and ([.findings[] | select(.area == 3) | .index] | unique | length) == 32'
    # As many chunks are not what the snapshot showed.
    expect 0 merge --skip-lost --json origin store
    object '.left_out == 32 and .lost == [] and .lost_unknown_chunks == 32 and .exceptions_left == 0'
    (($(cmp -l origin wanted | awk '{c[int(($1 - 1) / 512)]} END {print length(c)}') == 32))
    cmp origin image
}

@test "lost unknown: the first area, too, and junk of which a zero ends the list" {
    pair 512000 chunk=1 random=200 origin_chunks=1000 junk=0
    everywhere 32
    make chunk=1 random=200 origin_chunks=1000 junk=3 entry=106:77:0
    everywhere 32
    expect 2 verify --json --origin=origin store
    object '[.findings[] | select(.code == "stale-exceptions")] | length == 1'
    object '[.findings[] | select(.code == "dirty-tail") | .trace] == ["area-overwritten"]'
}

@test "lost unknown: junk that begins with the zero that ends the list" {
    pair 512000 chunk=1 random=200 origin_chunks=1000 junk=3 entry=96:77:0
    remember origin store
    expect 1 verify --json --origin=origin store
    object '.lost_unknown_chunks == 32 and ([.findings[].code] | sort) == ["dirty-tail", "stale-exceptions"]'
    expect 0 merge --dry-run origin store
    grep -qF 'store: lost: up to 32 chunks of 512 bytes of the view, where is not known' out
    said 'note: 72 entries after the end of the list look like exceptions'
    unchanged
}

@test "lost unknown: one entry whose numbers no device can have" {
    pair 512000 chunk=1 random=20 origin_chunks=1000 entry=7:1152921504606846976:1152921504606846976
    everywhere 1
    make chunk=1 random=20 origin_chunks=1000 entry=7:1152921504606846976:9
    everywhere 1
    # That is no sign of a wrong origin.
    refuses 2 origin store -- merge origin store
    refuses 2 origin store -- export origin store other
    fails grep 'too small to be the origin' err
}

@test "lost unknown: where an entry names a chunk of the view, or was never an exception, all is known" {
    pair 512000 chunk=1 random=20 origin_chunks=1000 entry=7:3:1152921504606846976
    expect 2 verify --json --origin=origin store
    object '(.lost_unknown | not) and .lost_unknown_chunks == 0 and .view_bytes_lost == 512'
    # After the last full area, what the device held before.
    make chunk=1 sequential=64 size=81920 junk=2
    expect 2 verify --json --origin=origin store
    object '.lost_unknown_chunks == 0 and all(.findings[] | select(.area == 2); .trace == "area-not-zeroed")'
    # A list without an end: how many are lost cannot be told.
    "$here/../defects" area-missing origin store
    expect 2 verify --json store
    object '.lost_unknown and .lost_unknown_chunks == null'
}
