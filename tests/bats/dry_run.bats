#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2016,SC2030,SC2031
# A dry run ends as the real run would, and makes nothing.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

# who WHO COMMAND...: as the user, without root's right to write anywhere where WHO is "plain".
who() {
    if [[ $1 == plain ]]; then
        setpriv --bounding-set=-dac_override,-dac_read_search "${@:2}"
    else
        "${@:2}"
    fi
}

# alike CODE WHO FILE... -- COMMAND OPTION... -- ARGUMENT...: without --dry-run, the command ends with CODE; with it,
# before, it ended the same, said the same, changed none of these files and made none.
alike() {
    local code=$1 who=$2 files=() options=() status listing message
    shift 2
    while [[ $1 != -- ]]; do
        files+=("$1")
        shift
    done
    shift
    while [[ $1 != -- ]]; do
        options+=("$1")
        shift
    done
    shift
    remember "${files[@]}"
    listing=$(find . ! -name err ! -name out | sort)
    status=0
    who "$who" timeout 30 "$cowtool" "${options[@]}" --dry-run "$@" >out 2>err </dev/null || status=$?
    ((status == code)) || complain "dry run of ${options[*]} $*: exit code $status, not $code"
    unchanged
    [[ $(find . ! -name err ! -name out | sort) == "$listing" ]] || complain "the dry run of ${options[*]} made something"
    message=$(grep -v 'note: O_DIRECT' err) || [[ -z $message ]]
    status=0
    who "$who" timeout 30 "$cowtool" "${options[@]}" "$@" >out 2>err </dev/null || status=$?
    ((status == code)) || complain "${options[*]} $*: exit code $status, not $code"
    ((code == 0)) || [[ $message == "$(grep -v 'note: O_DIRECT' err)" ]] || complain "the dry run said: $message"
    unchanged
}

too_long() {
    printf 'a%.0s' {1..260}
}

@test "merge --dry-run: an undo file that cannot be made is refused as the merge refuses it" {
    pair 1048576 chunk=8 random=100 origin_chunks=256 size=425984
    : >file
    for name in file/x newdir/x; do
        alike 8 user origin store -- merge --undo="$name" -- origin store
    done
    for name in newdir/ "$(too_long)"; do
        alike 4 user origin store -- merge --undo="$name" -- origin store
    done
    mkdir folder
    ln -s nowhere link
    for name in file folder folder/ link /dev/null; do
        alike 5 user origin store -- merge --undo="$name" -- origin store
    done
    command -v setpriv >/dev/null || skip 'there is no setpriv'
    chmod a-w folder
    alike 4 plain origin store -- merge --undo=folder/x -- origin store
}

@test "repair --dry-run: a backup that cannot be made is refused as the repair refuses it" {
    make chunk=8 size=204800 sequential=40 entry=5:5:49000
    : >file
    mkdir folder
    mkfifo fifo
    for name in file store ./store folder folder/ fifo /dev/null; do
        alike 5 user store -- repair --yes --backup="$name" -- store
    done
    for name in file/x nodir/x newdir/; do
        alike 8 user store -- repair --yes --backup="$name" -- store
    done
    for name in "$(too_long)" "$(too_long | head -c 250)"; do
        alike 4 user store -- repair --yes --backup="$name" -- store
    done
    command -v setpriv >/dev/null || skip 'there is no setpriv'
    chmod a-w folder
    alike 4 plain store -- repair --yes --backup=folder/x -- store
}

@test "repair --dry-run: where the backup can be made, or is not needed, the plan is shown" {
    make chunk=8 size=204800 sequential=40 entry=5:5:49000
    remember store
    expect 0 repair --dry-run --backup=backup store
    grep -q 'repairs: 1; nothing was written' out
    [[ ! -e backup ]]
    unchanged
    expect 5 repair --json --dry-run --backup=store store
    object '(.plan | length == 1) and .backup == null and .error.code == 5'
    unchanged
    make chunk=8 size=204800 sequential=40
    : >file
    expect 0 repair --dry-run --backup=file store
    expect 0 repair --yes --backup=file store
}

# foretells OPTION...: what the dry run of this merge of ./origin and ./store says is what the merge then does.
foretells() {
    local bytes windows flushes
    expect 0 merge --dry-run --json "$@" origin store
    bytes=$(value .plan.bytes) windows=$(value .plan.windows) flushes=$(value .plan.flushes)
    expect 0 merge --dry-run "$@" origin store
    grep -q "^Data:.*($bytes bytes)$" out
    expect 0 merge --json "$@" origin store
    object '.bytes_copied == $bytes and .commits <= $windows and .flushes <= $flushes' \
        --argjson bytes "$bytes" --argjson windows "$windows" --argjson flushes "$flushes"
    planned=$bytes
}

@test "merge --dry-run: of two exceptions for a chunk in one window one is counted, in two windows both" {
    pair 1048576 chunk=8 entry=0:1:2 entry=1:1:3 size=65536
    foretells --force
    ((planned == 4096))
    make chunk=8 entry=0:1:2 entry=1:1:3 size=65536
    foretells --force --window=4K
    ((planned == 8192))
    # Within an area of 256, and over several areas.
    for window in 4K 64K 1M 32M; do
        make chunk=1 sequential=300 size=262144 entry=3:200:5 entry=100:200:105 entry=299:7:310
        foretells --force --window=$window
    done
}

@test "merge --dry-run: what is left out is not counted, nor what is after the end of the origin" {
    pair $((1048576 + 512)) chunk=8 size=204800 sequential=40 entry=5:256:7 entry=10:10:49000
    foretells --skip-lost
    ((planned == 38 * 4096 + 512))
    # The highest one, in the last chunk, is lost.
    make chunk=8 size=204800 sequential=40 entry=5:256:49000
    foretells --skip-lost
    ((planned == 39 * 4096))
    # The highest one is not in the origin; that in the last chunk is merged.
    make chunk=8 size=204800 sequential=40 entry=5:256:7 entry=6:257:8
    foretells --skip-lost
    ((planned == 38 * 4096 + 512))
}

@test "merge --dry-run: the flushes of a new undo store are counted, too" {
    local flushes
    truncate -s $((61 * 512)) origin
    make chunk=1 sequential=61
    expect 0 merge --dry-run --json --undo=undo origin store
    flushes=$(value .plan.flushes)
    expect 0 merge --json --undo=undo origin store
    object '.flushes <= $flushes' --argjson flushes "$flushes"
}
