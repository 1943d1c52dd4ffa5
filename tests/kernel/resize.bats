#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# Stores that are nearly full get another size while nothing uses them: files, and a volume of LVM. What they then have
# room for, as cowtool says, is what the kernel takes, and not one exception more.
#
# Of NAME.store, whose origin is NAME.origin and whose view is NAME.view, are made: NAME.shrunk, of its smallest size;
# NAME.grown; NAME.full, in which the kernel used all of the room of NAME.grown, its origin being NAME.full-origin; and
# NAME.kept, the same by cowtool, which kept it while it merged NAME.merged into NAME.kept-origin.

# As kernel_cases has them, but the origins are of twice that size. Each store has room for one exception more.
resize_cases() {
    cat <<'END'
last-slot-unusable 1   200  34   random both 30
area-just-full     1   200  36   random both 32
last-slot          8   2400 2072 random both 255
partial-chunk      32  1024 391  random both 9
END
}

# The sectors that each grows to, and how many exceptions more it then takes.
growth() {
    case $1 in
    last-slot-unusable) grown_sectors=67 room=33 ;;
    area-just-full) grown_sectors=40 room=5 ;;
    last-slot) grown_sectors=2152 room=11 ;;
    partial-chunk) grown_sectors=671 room=9 ;;
    esac
}

setup_file() {
    bats_require_minimum_version 1.5.0
    setup
    both change_files change_volume
}

setup() {
    # shellcheck source=common.bash
    . "$BATS_TEST_DIRNAME/common.bash"
    # shellcheck source=boot.bash
    . "$BATS_TEST_DIRNAME/boot.bash"
    mkstore=${TOOLS:-$here/../../build/tests/tools}/mkstore
    # shellcheck disable=SC2034 # case_names looks there
    case_table=resize_cases
    cd "$BATS_FILE_TMPDIR" || exit
}

# enter_case NAME: what the tables say of it, and `first`, the chunk in the middle of the origin from which on the store has
# no exceptions.
enter_case() {
    use_case "$1"
    growth "$1"
    first=$((origin_sectors / chunk))
}

# make_case NAME: NAME.more and NAME.over are the writes for which the grown store has room, and one more.
make_case() {
    local i through=o
    enter_case "$1"
    make_images . "$1"
    "$sectors" fill "$1.origin" "$origin_sectors" "$origin_sectors" 1
    "$sectors" fill "$1.view" "$origin_sectors" "$origin_sectors" 1
    for ((i = 0; i < room; i++)); do
        [ $through = o ] && through=s || through=o
        echo "$through $(((first + i) * chunk)) 1 $((1000 + i))"
    done >"$1.more"
    echo "s $(((first + room) * chunk)) 1 2000" >"$1.over"
}

# change_size NAME
change_size() {
    enter_case "$1"
    cp "$1.store" "$1.grown"
    truncate -s $((grown_sectors * 512)) "$1.grown"
    cp "$1.store" "$1.shrunk"
    truncate -s "$(json_of inspect --json "$1.store" | jq .smallest_store_bytes)" "$1.shrunk"
}

# other_store FILE EXCEPTIONS: for chunks of which the store of the case has none.
other_store() {
    "$mkstore" "$1" chunk="$chunk" sequential="$2" from="$first"
}

# cowtool_goes_on NAME
cowtool_goes_on() {
    enter_case "$1"
    cp "$1.grown" "$1.kept"
    cp "$1.origin" "$1.kept-origin"
    other_store "$1.merged" "$room"
    "$cowtool" merge --quiet --keep="$1.kept" "$1.kept-origin" "$1.merged"
}

change_files() {
    local name
    for name in $(case_names); do
        make_case "$name"
    done
    # shellcheck disable=SC2046 # a list of names
    run_job "$PWD" make-pairs making -- $(case_names)
    for name in $(case_names); do
        change_size "$name"
        cowtool_goes_on "$name"
    done
    kernel_goes_on
}

kernel_goes_on() {
    local name part disks=() options=()
    truncate -s 2M scratch
    for name in $(case_names); do
        enter_case "$name"
        cp "$name.origin" "$name.full-origin"
        cp "$name.grown" "$name.full"
        echo -n "$name $chunk"
        for part in full-origin shrunk full kept-origin kept; do
            echo -n " $(disk ${#disks[@]})"
            disks+=("$name.$part")
        done
        echo " $(disk $((5 * $(case_names | wc -l))))"
        options+=(--add "$name.more" --add "$name.over")
    done >stores
    boot using resize-stores --add stores "${options[@]}" "${disks[@]}" scratch
}

# told WORD NAME WHEN: what the guest printed after them.
told() {
    sed -n "s/^$1 $2 $3 //p" using | grep .
}

# shown NAME WHEN FILE: what the kernel showed is what the file has.
shown() {
    local hash
    hash=$(md5sum <"$3")
    [ "$(told SHOWN "$1" "$2")" = "${hash%% *}" ] || {
        echo "$1 $2: the kernel does not show $3" >&2
        return 1
    }
}

# writes FIRST COUNT SEED: in that many chunks of 4096 bytes, through the snapshot.
writes() {
    local i
    for ((i = $1; i < $1 + $2; i++)); do
        echo "s $((i * 8 + i % 8)) 1 $(($3 + i))"
    done
}

# To the 255 exceptions for which the smallest store has room come 5 of the kernel's, 12 of the merge of s2, and one.
change_volume() {
    truncate -s 4M disk
    writes 0 255 1 >s1.writes
    writes 260 12 2 >s2.writes
    writes 280 5 3 >s1.more
    writes 290 1 4 >s1.last
    writes 291 1 4 >s1.over
    boot volume resize-volume --archive lvm --add s1.writes --add s2.writes --add s1.more --add s1.last --add s1.over disk
}

# volume_told WORD LABEL: what that guest printed after them, last.
volume_told() {
    sed -n "s/^$1 $2 //p" volume | tail -n 1 | grep .
}

# refused NAME WHEN NEEDED ROOM: cowtool does not merge what needs that many exceptions in NAME.WHEN, which has less room.
refused() {
    local before
    enter_case "$1"
    rm -f other
    other_store other "$3"
    before=$(md5sum "$1.origin" "$1.$2" other)
    run -7 "$cowtool" merge --quiet --keep="$1.$2" "$1.origin" other
    [[ $output == *"it needs $3 more exceptions and has room for $4, "* ]]
    [ "$(md5sum "$1.origin" "$1.$2" other)" = "$before" ]
}

@test "resize: the kernel and cowtool show what a store showed, when it is grown and when it has its smallest size" {
    for name in $(case_names); do
        differ "$name.view" "$name.origin"
        for when in shrunk grown; do
            shown "$name" $when "$name.view"
            rm -f exported
            "$cowtool" export --quiet "$name.origin" "$name.$when" exported
            same exported "$name.view"
            "$cowtool" verify --origin "$name.origin" "$name.$when"
        done
    done
}

@test "resize: the status of each is what inspect tells: grown, smallest, full by the kernel, full by cowtool" {
    for name in $(case_names); do
        for when in shrunk grown full kept; do
            [ "$(told STATUS "$name" $when)" = "$(inspected "$name.$when")" ]
        done
        [ "$(told STATUS "$name" shrunk)" != "$(told STATUS "$name" grown)" ]
        [ "$(told STATUS "$name" grown)" != "$(told STATUS "$name" full)" ]
    done
}

@test "resize: the kernel takes all the exceptions for which there is room, not one more, and cowtool merges them" {
    for name in $(case_names); do
        enter_case "$name"
        [ "$("$live" count "$name.full")" -eq $((count + room)) ]
        [ "$(told OVER "$name" full)" = Invalid ]
        cp "$name.view" full-view
        "$sectors" write "$name.more" - full-view
        shown "$name" full full-view
        cp "$name.full" merging
        cp "$name.full-origin" merging-origin
        "$cowtool" merge --quiet merging-origin merging
        same merging-origin full-view
    done
}

@test "resize: cowtool keeps a grown store in a merge that needs all of its room, and the kernel takes not one more" {
    for name in $(case_names); do
        enter_case "$name"
        refused "$name" store 2 1
        refused "$name" grown $((room + 1)) "$room"
        [ "$("$live" count "$name.kept")" -eq $((count + room)) ]
        differ "$name.kept-origin" "$name.origin"
        shown "$name" kept "$name.view"
        [ "$(told OVER "$name" kept)" = Invalid ]
    done
}

@test "resize: a store of the smallest size takes no exception more, from the kernel and from cowtool" {
    for name in $(case_names); do
        refused "$name" shrunk 1 0
        [ "$(told OVER "$name" shrunk)" = Invalid ]
    done
}

@test "resize: a volume of the smallest size shows the same, and has room for as much as cowtool has LVM enlarge it by" {
    for label in first second; do
        [ "$(volume_told CODE $label)" -eq 7 ]
        [ "$(volume_told DISK before-$label)" = "$(volume_told DISK after-$label)" ]
    done
    volume_told SAID first | grep -q 'needs 12 more exceptions and has room for 0, .*lvextend --size +52k vg0/s1'
    volume_told SAID second | grep -q 'needs 12 more exceptions and has room for 7, .*lvextend --size +24k vg0/s1'
    [ "$(volume_told STATUS made)" = '2056/2160 16' ]
    [ "$(volume_told STATUS shrunk)" = '2056/2056 16' ]
    [ "$(volume_told STATUS grown)" = '2104/2160 24' ]
    [ "$(volume_told CODE merge)" -eq 0 ]
    [ "$(volume_told STATUS merged)" = '2208/2208 24' ]
    [ "$(volume_told STATUS over)" = Invalid ]
    for name in root s1 s2; do
        [ "$(volume_told VIEW "made $name")" = "$(volume_told VIEW "shrunk $name")" ]
    done
    [ "$(volume_told VIEW 'shrunk s1')" != "$(volume_told VIEW 'grown s1')" ]
    [ "$(volume_told VIEW 'made s2')" = "$(volume_told VIEW 'merged root')" ]
}
