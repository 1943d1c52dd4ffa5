#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2119,SC2030,SC2031 # each test has its own variables
# Two devices with the same bytes are one: loop devices of one file, of one part of it, on each other, partitions. Each
# case proves that every byte is as it was. And two devices of one file that share no byte are two.

# shellcheck source=keep.bash
. "$BATS_TEST_DIRNAME/keep.bash"

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
    small_pair
}

# twice FILE [OPTION...]: $one and $two are loop devices of it.
twice() {
    attach "$@"
    one=$loop
    attach "$@"
    two=$loop
}

# another NAME: a store of the same origin.
another() {
    "$mkstore" "$1" chunk=8 size=262144 sequential=2 from=9
}

@test "same bytes: ORIGIN and STORE are two loop devices of one file" {
    twice store
    for options in '' --force --dry-run --resume --pending '--force --resume'; do
        # shellcheck disable=SC2086
        refuses 5 store -- merge $options "$one" "$two"
        said "$two: is given as ORIGIN and as STORE"
    done
    for options in '' --force; do
        # shellcheck disable=SC2086
        refuses 5 store -- export $options "$one" "$two" image
        said "$two: is given as ORIGIN and as STORE"
    done
    [[ ! -e image ]]
}

@test "same bytes: ORIGIN and STORE are two loop devices of one file with a store somewhere in it" {
    fill disk 1048576
    dd if=store of=disk bs=4096 seek=16 conv=notrunc status=none
    attach disk
    one=$loop
    attach disk --offset=65536
    two=$loop
    refuses 5 disk -- merge "$one" "$two"
    refuses 5 disk -- merge --force "$one" "$two"
    refuses 5 disk -- merge --force "$two" "$one"
}

@test "same bytes: ORIGIN and STORE are loop devices, one on the other" {
    attach store
    one=$loop
    attach "$one"
    refuses 5 store -- merge --force "$loop" "$one"
    said "$one: is given as ORIGIN and as STORE"
    refuses 5 store -- merge --force "$one" "$loop"
    two=$loop
    attach store
    refuses 5 store -- merge --force "$loop" "$two"
    refuses 5 store -- merge --force store "$two"
    refuses 5 store -- merge --force "$two" store
}

@test "same bytes: ORIGIN is a disk, and STORE a partition of it" {
    fill disk 2097152
    dd if=store of=disk bs=512 seek=3072 conv=notrunc status=none
    dd if=origin of=disk bs=512 seek=2048 conv=notrunc status=none
    attach disk --partscan
    disk=$loop
    addpart "$disk" 1 2048 1024 2>/dev/null || skip 'there are no partitions here'
    addpart "$disk" 2 3072 1024
    [[ -b ${disk}p1 && -b ${disk}p2 ]] || skip 'there are no devices of partitions here'
    attach disk
    for origin in "$disk" "$loop"; do
        refuses 5 disk -- merge --force "$origin" "${disk}p2"
        said "${disk}p2: is given as ORIGIN and as STORE"
        refuses 5 disk -- merge --force "${disk}p2" "$origin"
    done
    attach disk --offset=$((3072 * 512)) --sizelimit=4096
    refuses 5 disk -- merge --force "$loop" "${disk}p2"
    said "${disk}p2: is given as ORIGIN and as STORE"
    dd if=disk of=origin bs=512 skip=2048 count=1024 status=none
    reference
    expect 0 merge --force "${disk}p1" "${disk}p2"
    detach_all
    dd if=disk of=merged.origin bs=512 skip=2048 count=1024 status=none
    same merged.origin right.origin
}

@test "same bytes: two loop devices of one file that share none are two" {
    reference
    cat origin store >disk
    bytes=$(stat -c %s store)
    attach disk --sizelimit=65536
    one=$loop
    attach disk --offset=65536
    expect 0 merge "$one" "$loop"
    detach_all
    head -c 65536 disk >origin
    tail -c "$bytes" disk >store
    merged
}

@test "same bytes: two loop devices of one file that share a sector are one" {
    cat origin store >disk
    attach disk --sizelimit=66048
    one=$loop
    attach disk --offset=65536
    refuses 5 disk -- merge "$one" "$loop"
    refuses 5 disk -- merge --force "$one" "$loop"
}

@test "same bytes: OUT is another loop device of ORIGIN, or of STORE" {
    for source in origin store; do
        twice $source
        other=store
        arguments=("$one" "$other")
        [[ $source == origin ]] || arguments=(origin "$one")
        refuses 5 origin store -- export --force "${arguments[@]}" "$two"
        said "$two: is given as OUT and as ${source^^}"
        refuses 5 origin store -- export --force "${arguments[@]}" $source
        attach $source --offset=4096
        refuses 5 origin store -- export --force "${arguments[@]}" "$loop"
        detach_all
    done
}

@test "same bytes: OUT is another part of the file with ORIGIN" {
    expect 0 export origin store right.image
    fill behind 65536 50000
    cat origin behind >disk
    attach disk --sizelimit=65536
    one=$loop
    attach disk --offset=65536
    expect 0 export "$one" store "$loop"
    detach_all
    tail -c 65536 disk | cmp - right.image
    head -c 65536 disk | cmp - origin
}

@test "same bytes: a kept store is another loop device of ORIGIN, of STORE, or of another kept one" {
    another a
    twice a
    for options in '' --force --dry-run; do
        # shellcheck disable=SC2086
        refuses 5 origin store a -- merge $options --keep="$one" --keep="$two" origin store
        said "$two: is given twice"
        # shellcheck disable=SC2086
        refuses 5 origin store a -- merge $options --keep="$two" origin "$one"
    done
    detach_all
    twice store
    refuses 5 origin store -- merge --keep="$one" origin "$two"
    said "$one: is given as STORE and once more"
    detach_all
    twice origin
    refuses 5 origin store -- merge --keep="$one" "$two" store
    said "$one: is given as ORIGIN and as a store"
}

@test "same bytes: a store to be dropped, or the undo store, is another loop device of STORE or of a kept one" {
    pristine_pair
    "$mkstore" pristine/a chunk=1 size=4194304 sequential=2 from=9
    midway --keep=a
    kill -KILL "$merge_pid"
    ended
    twice a
    refuses 5 origin store a -- merge --resume --keep="$one" --drop-kept="$two" origin store
    said "$two: is given twice"
    refuses 5 origin store a -- merge --resume --force --keep="$one" --drop-kept="$two" origin store
    refuses 5 origin store a -- merge --resume --keep="$one" --undo="$two" origin store
    detach_all
    twice store
    refuses 5 origin store a -- merge --resume --keep=a --drop-kept="$one" origin "$two"
    said "$one: is given as STORE and once more"
}

@test "same bytes: verify, dump and repair take no origin that is the store" {
    for options in 'verify --origin=' 'verify --data=' 'dump --map --origin=' 'dump --stale --origin=' \
        'repair --dry-run --origin=' 'repair --yes --no-backup --origin='; do
        # shellcheck disable=SC2086
        refuses 5 store -- ${options}store store
        said 'store: is given as ORIGIN and as STORE'
    done
    "$cowtool" save store file
    refuses 5 file -- verify --origin=file file
    said 'file: is given as ORIGIN and as STORE'
    twice store
    for options in 'verify --origin=' 'verify --data=' 'dump --map --origin=' 'dump --stale --origin=' \
        'repair --dry-run --origin=' 'repair --yes --no-backup --origin='; do
        # shellcheck disable=SC2086
        refuses 5 store -- $options"$one" "$two"
        said "$one: is given as ORIGIN and as STORE"
    done
}

@test "same bytes: save replaces no file that is below the store" {
    twice store
    for options in '' --force; do
        # shellcheck disable=SC2086
        refuses 5 store -- save $options "$one" store
        said 'store: is the store itself'
    done
    attach "$one"
    refuses 5 store -- save --force "$loop" store
    attach store --sizelimit=16384
    refuses 5 store -- save --force "$loop" store
    said 'store: is the store itself'
}

@test "same bytes: restore writes to no device with the saved file in it" {
    "$cowtool" save store file
    for options in '' --force; do
        # shellcheck disable=SC2086
        refuses 5 file -- restore $options file file
        said 'file: is given as FILE and as STORE'
    done
}

@test "same bytes: restore writes to no loop device of the saved file" {
    make chunk=1 size=10485760 random=20000 origin_chunks=1000000 data=0
    "$cowtool" save store file
    attach file
    for options in '' --force; do
        # shellcheck disable=SC2086
        refuses 5 file -- restore $options file "$loop"
        said "$loop: is given as FILE and as STORE"
    done
}
