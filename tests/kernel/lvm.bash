# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2034 # used by those who source this
# The groups that LVM and a real kernel made, for lvm.bats. A copy NAME of vg0 is the disks NAME.1 and NAME.2, with NAME.map
# (tests/tools/extents), in the current folder. Logs have what /lvm-lib.sh of the guest shows.

# shellcheck source=common.bash
. "$BATS_TEST_DIRNAME/common.bash"
# shellcheck source=boot.bash
. "$BATS_TEST_DIRNAME/boot.bash"
extents=${TOOLS:-$here/../../build/tests/tools}/extents
cd "$BATS_FILE_TMPDIR" || exit

# copy_group FROM TO
copy_group() {
    cp --sparse=always "$1.1" "$2.1"
    cp --sparse=always "$1.2" "$2.2"
    sed "s/\([| ]\)$1\./\1$2./g" "$1.map" >"$2.map"
}

# disks_of NAME: the options for cowtool.
disks_of() {
    echo "--disk=$1.1" "--disk=$1.2"
}

# merge NAME SNAPSHOT [OPTION...]: by cowtool.
merge() {
    # shellcheck disable=SC2046 # two words
    "$cowtool" merge --quiet "${@:3}" $(disks_of "$1") "vg0/$2"
}

# map_from LOG LABEL SED-SCRIPT: the map that the guest told of LABEL, with the guest's names of disks changed.
map_from() {
    sed -n "s/^MAP $2 //p" "$1" | sed "$3"
}

# names_of NAME FIRST SECOND: sed, which makes NAME.1 and NAME.2 of these disks of the guest.
names_of() {
    printf 's,%s\\b,%s.1,g;s,%s\\b,%s.2,g' "$2" "$1" "$3" "$1"
}

# run_steps LOG [GUEST-OPTION VALUE]... -- 'NAME STEP [SNAPSHOT]'...: the job lvm-steps, on the disks of each NAME. The
# maps are as lvm2 told them last.
run_steps() {
    local log=$1 options=() disks=() step name rest names=' '
    local -A number=()
    shift
    take_options "$@"
    shift $((${#options[@]} + 1))
    : >"$log.steps"
    for step in "$@"; do
        read -r name step rest <<<"$step"
        if [ -z "${number[$name]:-}" ]; then
            number[$name]=${#disks[@]} names+="$name "
            disks+=("$name.1" "$name.2")
        fi
        echo "$name $step $(disk "${number[$name]}") $(disk $((number[$name] + 1))) $rest" >>"$log.steps"
    done
    boot "$log" lvm-steps --archive lvm --add "$log.steps:steps" "${options[@]}" "${disks[@]}"
    for name in $names; do
        map_from "$log" "$name" "$(names_of "$name" "$(disk "${number[$name]}")" "$(disk $((number[$name] + 1)))")" |
            awk '{ if ($0 ~ /^pv/ && last !~ /^pv/) map = ""; map = map $0 "\n"; last = $0 } END { printf "%s", map }' >"$name.map"
    done
}

# view LOG LABEL VOLUME: the hash that the guest printed last.
view() {
    sed -n "s/^VIEW $2 $3 //p" "$1" | tail -n 1
}

# shows LOG LABEL VOLUME HASH: what the guest saw.
shows() {
    local got
    got=$(view "$1" "$2" "$3")
    [ "$got" = "$4" ] && return
    echo "$2: $3 shows '$got', not '$4'" >&2
    return 1
}

# bytes_are NAME VOLUME HASH: what is on the disks, by lvm2's map.
bytes_are() {
    local got
    got=$("$extents" read "$1.map" "$2" | md5sum | cut -d ' ' -f 1)
    [ "$got" = "$3" ] && return
    echo "$1: the bytes of $2 have the hash $got, not $3" >&2
    return 1
}

# there_are LOG LABEL VOLUME...: these and no others, as lvm2 lists them.
there_are() {
    local log=$1 label=$2 got
    shift 2
    got=$(sed -n "s/^LV $label \([^ ]*\).*/\1/p" "$log" | sort -u | xargs)
    [ "$got" = "$(printf '%s\n' "$@" | sort | xargs)" ] && return
    echo "$label: the volumes are $got, not $*" >&2
    return 1
}

# store_at NAME VOLUME: FILE@OFFSET of a store that is in one piece, for tests/tools/live.
store_at() {
    local pieces start bytes pv offset
    pieces=$("$extents" list "$1.map" "$2")
    [ "$(wc -l <<<"$pieces")" -eq 1 ]
    read -r start bytes pv offset <<<"$pieces"
    echo "$pv@$offset"
}

# cut_cowtool NAME SNAPSHOT KILL|INT OPTION...: cowtool's merge is ended by the signal in the middle; prints its exit code.
cut_cowtool() {
    local store all left code
    store=$(store_at "$1" "$2")
    all=$("$live" count "$store")
    # shellcheck disable=SC2046 # two words
    read -r left code < <("$live" cut $((all / 2)) "$3" "$store" "$cowtool" merge --quiet --window=4K "${@:4}" $(disks_of "$1") "vg0/$2")
    [ "$left" -gt 0 ] && [ "$left" -lt "$all" ] && echo "$code" && return
    echo "$1: $left of $all exceptions are left: not in the middle" >&2
    return 1
}
