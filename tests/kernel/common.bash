# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2034 # used by those who source this
# What the kernel tests share: programs, image pairs, guests, and the rows of the table.
#
# A pair NAME in a folder is NAME.origin and NAME.store. The folders below $images:
#   made    as the kernel made them; merged   merged by the kernel to the end; all others are made by the tests, whose
# files run side by side: none uses the name of another's folder

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
sectors=$here/cache/sectors
live=$here/cache/live
cowtool=${COWTOOL:-$here/../../cowtool}
images=${COWTOOL_TEST_IMAGES:-}
results=$here/cache/results
# Those whose merges are cut off: one of every chunk size. Random ones, as they take many steps.
cut_cases='c1-random-snapshot c8-random-origin c8-random-both-partial c8-far-both-partial c32-random-snapshot'
cut_cases+=' c128-random-origin-partial c1024-random-both-partial'
twice_cut_cases='c8-random-both-partial c32-random-snapshot c128-random-origin-partial'
# shellcheck source=cases.bash
. "$here/cases.bash"

# disk N: the guest's name of its N-th disk, 0 being the first.
disk() {
    local letters=abcdefghijklmnopqrstuvwxyz
    echo "/dev/vd${letters:$1:1}"
}

# take_options ARGUMENT...: those before -- become the array `options`, which is the caller's.
take_options() {
    options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
}

# run_job FOLDER JOB LOG [GUEST-OPTION...] -- NAME...: runs jobs/JOB.sh on the pairs NAME of FOLDER, which it finds in
# /cases as lines of NAME CHUNK ORIGIN STORE; the console goes to FOLDER/LOG.
run_job() {
    local folder=$1 job=$2 log=$1/$3 options=() disks=() name
    shift 3
    take_options "$@"
    shift $((${#options[@]} + 1))
    : >"$log.cases"
    for name in "$@"; do
        use_case "$name"
        echo "$name $chunk $(disk ${#disks[@]}) $(disk $((${#disks[@]} + 1)))" >>"$log.cases"
        disks+=("$folder/$name.origin" "$folder/$name.store")
        [ ! -e "$folder/$name.writes" ] || options+=(--add "$folder/$name.writes")
    done
    "$here/guest" --add "$log.cases:cases" "${options[@]}" "$here/jobs/$job.sh" "${disks[@]}" >"$log" || {
        echo "guest job $job failed; its console:" >&2
        cat "$log" >&2
        return 1
    }
}

# both COMMANDS COMMANDS: runs the two at the same time, on two cores; fails if a command of either fails.
both() {
    local first failed=0
    (
        set -e
        eval "$1"
    ) &
    first=$!
    (
        set -e
        eval "$2"
    ) &
    wait $! || failed=1
    wait "$first" || failed=1
    return $failed
}

# json_of ARGUMENT...: what cowtool prints, which is as tests/cowtool.schema.json says.
json_of() {
    local answer
    answer=$("$cowtool" "$@")
    "$here/../check-json" <<<"$answer" >&2 || return
    echo "$answer"
}

# copy_pair FROM TO NAME
copy_pair() {
    mkdir -p "$images/$2"
    cp --sparse=always "$images/$1/$3.origin" "$images/$1/$3.store" "$images/$2/"
}

# same A B [FROM TO]...: equal but for bytes FROM..TO-1; on failure it says where they differ.
same() {
    "$sectors" compare "$@"
}

# differ A B: fails if they are equal.
differ() {
    if same "$@" >/dev/null; then
        echo "$1 and $2 are equal" >&2
        return 1
    fi
}

# row PART WHAT NAME A B [FROM TO]...: compares the pairs NAME of folders A and B, writes a row of the table, and fails
# if they differ. FROM..TO-1 are bytes of the store that may differ.
row() {
    local part=$1 what=$2 name=$3 a=$images/$4/$3 b=$images/$5/$3 origin=equal store=equal
    shift 5
    use_case "$name"
    same "$a.origin" "$b.origin" || origin=different
    same "$a.store" "$b.store" "$@" || store=different
    printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$part" "$chunk" "$name" "$what" "$origin" "$store" >>"$results"
    [ "$origin $store" = 'equal equal' ]
}

# is_midway NAME LEFT: a cut lay in the middle if some exceptions are left of the case's, but not all.
is_midway() {
    use_case "$1"
    [ "$2" -gt 0 ] && [ "$2" -lt "$count" ] && return
    echo "$1: $2 of $count exceptions are left: not in the middle" >&2
    return 1
}

# left_behind NAME LEFT: the bytes of the store that the kernel leaves alone when it finishes a merge of cowtool's that
# was killed with LEFT exceptions: cowtool's record, and the areas after the one where the list now ends. Nobody
# reaches those any more (cowtool(5), "Why it may be cut off at any moment"); a commit clears them after its cut, so
# they can be as they were.
left_behind() {
    local per_area area
    use_case "$1"
    per_area=$((32 * chunk))
    echo '256 512'
    for ((area = $2 / per_area + 1; area <= (count - 1) / per_area; area++)); do
        echo "$(((1 + area * (per_area + 1)) * chunk * 512)) $(((2 + area * (per_area + 1)) * chunk * 512))"
    done
}

# inspected STORE: the three numbers of its status, as cowtool sees them.
inspected() {
    json_of inspect --json "$1" |
        jq -r '.status | "\(.allocated_sectors)/\(.total_sectors) \(.metadata_sectors)"'
}

# kill_merge FROM TO NAME KILL|INT TENTHS [OPTION]: cowtool merges a copy of the pair until the signal reaches it, with
# about TENTHS of the exceptions left; how many, and the exit code, go to NAME.left.
kill_merge() {
    local from=$1 to=$2 name=$3 signal=$4 tenths=$5 at=$images/$2/$3 window
    shift 5
    use_case "$name"
    # At most 16 chunks: windows that were written at the same time, up to four, are committed together.
    window=$((chunk < 8 ? 8 * chunk : 64))K
    copy_pair "$from" "$to" "$name"
    "$live" cut $((count * tenths / 10)) "$signal" "$at.store" \
        "$cowtool" merge "$@" --quiet --window $window "$at.origin" "$at.store" >"$at.left"
}
