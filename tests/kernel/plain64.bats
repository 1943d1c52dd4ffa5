#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# Snapshots below which is dm-crypt with aes-xts-plain64: an origin of more than 4 TiB, with changes on both sides of
# sector 2^32 of what is encrypted. The disks are compared as they are, encrypted: with the same key, equal bytes at the
# same place are equal text; what was never written is a hole.
#
# NAME.origin and NAME.store are a pair, NAME.pv is the physical volume of a group. NAME is made, or tells who merged a
# copy: kernel, cowtool, killed (cowtool, until SIGKILL and a power cut; resumed), cut (the kernel, until a power cut;
# resumed by cowtool). NAME-midway is what the power cut left. view is what the snapshots show.

boundary=$((1 << 41)) # bytes
metadata=$((1 << 20)) # LVM's, at the beginning of a physical volume, in bytes
store_bytes=$((4 << 20)) # a group's store, at its end

setup_file() {
    bats_require_minimum_version 1.5.0
    setup
    make_disks
    for name in kernel cowtool killed cut; do
        copy_disks made $name
    done
    steps merging --cut-at CUT-NOW -- 'kernel kernel' 'merge cowtool' 'kill killed' 'cut cut'
    copy_disks killed killed-midway
    copy_disks cut cut-midway
    steps resuming -- 'resume killed' 'resume cut'
}

setup() {
    # shellcheck source=common.bash
    . "$BATS_TEST_DIRNAME/common.bash"
    # shellcheck source=boot.bash
    . "$BATS_TEST_DIRNAME/boot.bash"
    cd "$BATS_FILE_TMPDIR" || exit
}

# steps LOG [GUEST-OPTION VALUE]... -- 'STEP NAME'...: each of a pair and of a group.
steps() {
    local log=$1 options=() disks=() step name
    shift
    take_options "$@"
    shift $((${#options[@]} + 1))
    for step in "$@"; do
        read -r step name <<<"$step"
        echo "pair $step $name $(disk ${#disks[@]}) $(disk $((${#disks[@]} + 1)))"
        disks+=("$name.origin" "$name.store")
        echo "group $step $name $(disk ${#disks[@]})"
        disks+=("$name.pv")
    done >"$log.steps"
    boot "$log" crypt-steps --archive lvm --add "$live:live" --add "$log.steps:steps" "${options[@]}" "${disks[@]}"
}

# Makes made and view. The volume root begins at sector 2048 of what is encrypted.
make_disks() {
    local through start count seed
    use_case c8-far-both-partial
    truncate -s $((origin_sectors * 512)) {made,view}.origin
    truncate -s $((store_sectors * 512)) {made,view}.store
    truncate -s $((origin_sectors / 2048 + 8))M {made,view}.pv
    case_writes >pair.writes
    while read -r through start count seed; do
        echo "$through $((start - 2048)) $count $seed"
    done <pair.writes >group.writes
    steps making --add pair.writes --add group.writes -- 'make made' 'view view'
}

# copy_disks FROM TO
copy_disks() {
    for part in origin store pv; do
        cp --sparse=always "$1.$part" "$2.$part"
    done
}

# alike NAME: it is as the kernel left its own: origin and store, and all of the physical volume but LVM's metadata.
alike() {
    same "$1.origin" kernel.origin
    same "$1.store" kernel.store
    same "$1.pv" kernel.pv 0 $metadata
}

# is_cut NAME: both merges were, where some of the exceptions were left, but not all.
is_cut() {
    local kind left all
    for kind in pair group; do
        read -r left all < <(sed -n "s/^MIDWAY $kind $1 //p" merging)
        [ "$left" -gt 0 ]
        [ "$left" -lt "$all" ]
    done
    differ "$1-midway.store" kernel.store
    differ "$1-midway.pv" kernel.pv 0 $metadata
}

@test "plain64: the kernel's merge leaves the snapshot's view, with changes on both sides of the sector 2^32" {
    size=$(stat -c %s made.pv)
    same kernel.origin view.origin
    same kernel.pv view.pv 0 $metadata $((size - store_bytes)) "$size"
    differ made.origin view.origin 0 $boundary
    differ made.origin view.origin $boundary "$size"
    differ made.pv view.pv 0 $boundary $((size - store_bytes)) "$size"
    differ made.pv view.pv 0 $metadata $boundary "$size"
}

@test "plain64: cowtool's merge leaves the bytes that the kernel's does: of origin and store, and of a whole physical volume" {
    alike cowtool
}

@test "plain64: a merge of cowtool's that SIGKILL and a power cut ended in the middle is resumed, and leaves the kernel's bytes" {
    is_cut killed
    alike killed
}

@test "plain64: a merge of the kernel's that a power cut ended in the middle is resumed by cowtool, and leaves the kernel's bytes" {
    is_cut cut
    alike cut
}
