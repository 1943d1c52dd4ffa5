#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154 # from lvm.bash
# LVM's volumes by name: groups that LVM made, snapshots that the kernel filled; merged by cowtool on the host, from images
# of the disks, or in the guest; then used by LVM and the kernel again.

setup_file() {
    bats_require_minimum_version 1.5.0
    setup
    truncate -s 24M made.1 made.2
    run_steps made.log -- 'made make'
    for name in by-lvm-s1 by-lvm-s2 by-lvm-s3 marked kernel-cut stale; do
        copy_group made $name
    done
    both "run_steps by-lvm.log -- 'by-lvm-s1 merge s1' 'by-lvm-s2 merge s2' 'by-lvm-s3 merge s3'" \
        "run_steps cut.log --cut-at CUT-NOW -- 'marked mark s1' 'stale stale s1' 'kernel-cut mark s1' 'kernel-cut cut s1'"
}

setup() {
    # shellcheck source=lvm.bash
    . "$BATS_TEST_DIRNAME/lvm.bash"
}

# made VOLUME: what the kernel showed of it when the group was made.
made() {
    view made.log made "$1"
}

# others_are_kept LOG NAME MERGED: LVM removed nothing, root is what the merged one was, and each snapshot shows what it did.
others_are_kept() {
    there_are "$1" "$2" root s1 s2 s3
    shows "$1" "$2" root "$(made "$3")"
    for name in s1 s2 s3; do
        shows "$1" "$2" $name "$(made $name)"
    done
}

@test "lvm: what the judge reads by lvm2's map is what the kernel shows" {
    [ -n "$(made root)" ]
    for name in root s1 s2 s3; do
        [ "$(view made.log made $name)" = "$(view made.log again-made $name)" ]
    done
    [ "$(made root)" != "$(made s1)" ]
    [ "$(made s1)" != "$(made s2)" ]
    [ "$(made s2)" != "$(made s3)" ]
    bytes_are made root "$(made root)"
    for name in s1 s2 s3; do
        bytes_are by-lvm-$name root "$(made $name)"
    done
}

@test "lvm: cowtool merges any of three snapshots, striped ones too; the others show what they did, and LVM removes none" {
    for name in s1 s2 s3; do
        copy_group made by-cowtool-$name
        merge by-cowtool-$name $name
        bytes_are by-cowtool-$name root "$(made $name)"
    done
    run_steps by-cowtool.log -- 'by-cowtool-s1 look' 'by-cowtool-s2 look' 'by-cowtool-s3 look'
    for name in s1 s2 s3; do
        others_are_kept by-cowtool.log by-cowtool-$name $name
    done
}

@test "lvm: cowtool leaves the origin and the other snapshots as LVM's own merge does" {
    for name in s1 s2 s3; do
        copy_group made alike-$name
        merge alike-$name $name
        cmp <("$extents" read alike-$name.map root) <("$extents" read by-lvm-$name.map root)
        "$extents" read by-lvm-$name.map root >lvm.root
        for other in s1 s2 s3; do
            [ $other != $name ] || continue
            shows by-lvm.log by-lvm-$name $other "$(made $other)"
            rm -f view.cowtool view.lvm
            "$extents" read alike-$name.map $other >store
            "$cowtool" export --quiet lvm.root store view.cowtool
            "$extents" read by-lvm-$name.map $other >store
            "$cowtool" export --quiet lvm.root store view.lvm
            cmp view.cowtool view.lvm
        done
    done
}

@test "lvm: an origin that is given is taken if it is the snapshot's, and refused if it is not" {
    copy_group made given
    run -5 merge given s1 vg0/s2
    cmp given.1 made.1
    cmp given.2 made.2
    # shellcheck disable=SC2046 # two words
    "$cowtool" merge --quiet $(disks_of given) vg0/root vg0/s1
    bytes_are given root "$(made s1)"
}

@test "lvm: merge --pending leaves alone what LVM was not told to merge" {
    copy_group made unmarked
    merge unmarked s1 --pending
    # shellcheck disable=SC2046 # two words
    "$cowtool" merge --quiet --pending $(disks_of unmarked)
    cmp unmarked.1 made.1
    cmp unmarked.2 made.2
}

@test "lvm: merge --pending merges what LVM was told to merge, and LVM removes that snapshot by itself" {
    copy_group marked pending
    # shellcheck disable=SC2046 # two words
    "$cowtool" merge --quiet --pending $(disks_of pending)
    bytes_are pending root "$(made s1)"
    run_steps pending.log -- 'pending finish s1'
    there_are pending.log pending root s2 s3
    shows pending.log pending root "$(made s1)"
    shows pending.log pending s2 "$(made s2)"
    shows pending.log pending s3 "$(made s3)"
}

@test "lvm: a merge that the kernel began, and was cut off in, is finished by merge --pending, and LVM removes the snapshot" {
    store=$(store_at kernel-cut s1)
    left=$("$live" count "$store")
    [ "$left" -gt 0 ]
    [ "$left" -lt "$("$live" count "$(store_at made s1)")" ]
    copy_group kernel-cut finished
    merge finished s1 --pending
    bytes_are finished root "$(made s1)"
    run_steps finished.log -- 'finished finish s1'
    there_are finished.log finished root s2 s3
    shows finished.log finished root "$(made s1)"
    shows finished.log finished s2 "$(made s2)"
    shows finished.log finished s3 "$(made s3)"
}

@test "lvm: cowtool's merges that SIGINT or SIGKILL stopped half-way are finished by LVM and the kernel, or by cowtool" {
    for name in INT KILL; do
        copy_group marked stopped-$name
        code=$(cut_cowtool stopped-$name s1 $name --pending)
        [ "$name $code" = "INT 3" ] || [ "$name $code" = "KILL 137" ]
        copy_group stopped-$name resumed-$name
        merge resumed-$name s1 --resume
        bytes_are resumed-$name root "$(made s1)"
    done
    copy_group made stopped-plain
    code=$(cut_cowtool stopped-plain s1 KILL)
    [ "$code" -eq 137 ]
    run_steps stopped.log -- 'stopped-INT finish s1' 'stopped-KILL finish s1' 'stopped-plain merge s1'
    for name in INT KILL plain; do
        there_are stopped.log stopped-$name root s2 s3
        shows stopped.log stopped-$name root "$(made s1)"
        shows stopped.log stopped-$name s2 "$(made s2)"
        shows stopped.log stopped-$name s3 "$(made s3)"
    done
}

@test "lvm: a physical volume that missed the last changes of the metadata is used by the newest text" {
    copy_group stale renamed
    run -8 merge renamed s1
    cmp renamed.1 stale.1
    cmp renamed.2 stale.2
    merge renamed renamed
    bytes_are renamed root "$(made s1)"
    run_steps renamed.log -- 'renamed look'
    there_are renamed.log renamed root renamed s2 s3
    shows renamed.log renamed root "$(made s1)"
    shows renamed.log renamed s2 "$(made s2)"
    shows renamed.log renamed s3 "$(made s3)"
}

@test "lvm: without one of its disks a volume is not there yet" {
    copy_group made alone
    run -8 "$cowtool" merge --quiet --disk=alone.1 vg0/s1
    [[ $output == *vg0* ]]
    cmp alone.1 made.1
}

@test "lvm: an origin of raid0, with metadata and without, is exported and merged as the kernel maps it" {
    truncate -s 24M {plain,meta}.{1,2}
    run_steps raid0.log -- 'plain raid0 raid0 2' 'meta raid0 raid0_meta 3'
    grep -q '^lv|root|raid0|' plain.map
    grep -q '^lv|root|raid0_meta|' meta.map
    [ "$(grep -c '^lv|\[root_rimage_[012]\]|linear|' plain.map)" -eq 4 ]
    [ "$(grep -c '^lv|\[root_rimage_[012]\]|linear|' meta.map)" -eq 6 ]
    for name in plain meta; do
        [ "$(view raid0.log $name s1)" != "$(view raid0.log $name root)" ]
        bytes_are $name root "$(view raid0.log $name root)"
        for snapshot in s1 s2 s3; do
            rm -f exported
            # shellcheck disable=SC2046 # two words
            "$cowtool" export --quiet $(disks_of $name) vg0/$snapshot exported
            [ "$(md5sum <exported)" = "$(view raid0.log $name $snapshot)  -" ]
        done
        merge $name s1
        bytes_are $name root "$(view raid0.log $name s1)"
    done
    run_steps raid0-merged.log -- 'plain look' 'meta look'
    for name in plain meta; do
        shows raid0-merged.log $name root "$(view raid0.log $name s1)"
        for snapshot in s1 s2 s3; do
            shows raid0-merged.log $name $snapshot "$(view raid0.log $name $snapshot)"
        done
    done
}

@test "lvm: where the kernel has no dm-snapshot, what cowtool advises makes the origin usable" {
    copy_group made advised
    # shellcheck disable=SC2046 # two words
    json_of merge --json $(disks_of advised) vg0/s1 >advised.json
    jq -r '.then[]' advised.json >advice
    [ -s advice ]
    boot advised.log lvm-remove --archive lvm --add advice advised.1 advised.2
    there_are advised.log after root s2 s3
    shows advised.log alone root "$(made s1)"
}

@test "lvm: without dm-snapshot, the views are mapped by the tables that cowtool dumps, and the disks stay as they are" {
    truncate -s 24M table.1 table.2
    gunzip -c "$here/../fixtures/chunk8-random.origin.gz" >table.origin
    gunzip -c "$here/../fixtures/chunk8-random.store.gz" >table.store
    "$cowtool" export --quiet table.origin table.store table.view
    md5sum table.origin table.store >table.sums
    boot table.log lvm-table --archive lvm table.1 table.2 table.origin table.store
    for name in s1 s2 s3; do
        [ -n "$(view table.log made $name)" ]
        shows table.log table $name "$(view table.log made $name)"
    done
    view=$(md5sum <table.view)
    shows table.log table pair "${view%% *}"
    md5sum --check --quiet table.sums
}

@test "lvm: in the guest, beside an active volume on the same disk, an inactive one is merged; what is in use is refused" {
    truncate -s 24M beside.1 beside.2
    boot beside.log lvm-beside --archive lvm --add "$live:live" beside.1 beside.2
    said() { grep -q "^SAID $1 .*$2" beside.log; }
    code() { grep -q "^CODE $1 $2\$" beside.log; }
    code beside 0
    [ "$(sed -n 's/^HOME //p' beside.log | sort -u | wc -l)" -eq 1 ]
    for name in s1 s2 s3; do
        shows beside.log beside $name "$(view beside.log made $name)"
    done
    shows beside.log beside root "$(view beside.log made s1)"
    code active 5
    said active "vg0-.*'lvchange -an vg0/root' frees them"
    code loaded 5
    said loaded "held.*'dmsetup clear held' frees them"
    code foreign 5
    said foreign "'dmsetup remove foreign' frees them"
    code elsewhere 0
    shows beside.log loaded root "$(view beside.log made s1)"
    code lock 0
    [ "$(sed -n 's/^LVS //p' beside.log)" = $'waits\nwent on' ]
    shows beside.log lock root "$(view beside.log made s3)"
    shows beside.log lock s2 "$(view beside.log made s2)"
}

# whole_disks BLOCK GROUP...: on disks with such blocks, vga in a GPT, vgb in an MBR, vgc without partitions: s1 is merged on
# the host, s2 in the guest.
whole_disks() {
    local block=$1 group
    shift
    truncate -s 16M {vga,vgb,vgc}"-$block"
    echo "make $*" >step
    boot "disks-$block.log" lvm-disks --archive lvm --block "$block" --add step {vga,vgb,vgc}"-$block"
    for group in "$@"; do
        map_from "disks-$block.log" "$group" "s,^\(pv|[^|]*|\)[^|]*,\1$group-$block," >"$group-$block.map"
        "$cowtool" merge --quiet --disk="$group-$block" "$group/s1"
        bytes_are "$group-$block" root "$(view "disks-$block.log" "made-$group" s1)"
    done
    echo "merge $*" >step
    boot "merged-$block.log" lvm-disks --archive lvm --block "$block" --add step {vga,vgb,vgc}"-$block"
    for group in "$@"; do
        grep -qx "CODE $group 0" "merged-$block.log"
        shows "merged-$block.log" "merged-$group" root "$(view "disks-$block.log" "made-$group" s2)"
        shows "merged-$block.log" "merged-$group" s1 "$(view "disks-$block.log" "made-$group" s1)"
        shows "merged-$block.log" "merged-$group" s2 "$(view "disks-$block.log" "made-$group" s2)"
    done
}

@test "lvm: volumes in a GPT's partition, and in a logical one of an MBR" {
    whole_disks 512 vga vgb
}

@test "lvm: disks with blocks of 4096 bytes, with a GPT and without" {
    whole_disks 4096 vga vgc
}
