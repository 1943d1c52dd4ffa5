#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2119,SC2030,SC2031,SC2103
# cowtool merge --undo: a merge that can be taken back, byte for byte.

# shellcheck source=keep.bash
. "$BATS_TEST_DIRNAME/keep.bash"

# note_pristine: notes what the undo store of a merge of the pristine pair must show and hold.
note_pristine() {
    from_pristine
    note_kept undo
}

# undoes OPTION...: a merge of ./store with --undo and these options; its undo store is what it must be, shows what the
# origin was, and merging it brings that back.
undoes() {
    quickly is_undone "$@"
}

is_undone() {
    local chunk
    rm -f undo
    cp --sparse=always origin before
    reference
    note_kept undo
    count_of undo
    chunk=$(od -An -t u4 -j 12 -N 4 store | tr -d ' ')
    expect 0 merge --undo=undo "$@" origin store
    merged
    was_kept undo
    (($(od -An -t u4 -j 12 -N 4 undo) == chunk)) || complain 'it has another chunk size'
    (($(stat -c %s undo) == 512 * $(sectors_for "$chunk" "$needed"))) || complain "it has $(stat -c %s undo) bytes"
    expect 0 merge --quiet origin undo
    same origin before
}

@test "undo: a merge and its undo, chunks of 512 bytes to 512 KiB" {
    local row chunk count chunks
    for row in 1:300:2000 2:300:1000 8:300:500 32:40:80 128:10:20 1024:3:5; do
        IFS=: read -r chunk count chunks <<<"$row"
        pair $((chunk * 512 * chunks)) chunk="$chunk" random="$count" origin_chunks="$chunks"
        undoes --window=64K
    done
}

@test "undo: it is a plain store of its owner alone, and the JSON tells of it" {
    pair 204800 chunk=1 sequential=100
    expect 0 merge --json --undo=undo origin store
    is '.kept[] | "\(.store) \(.role) \(.exceptions_added) \(.exceptions_needed)"' 'undo undo 100 100'
    [[ $(stat -c %a undo) == 600 ]] || complain 'others may read it'
    expect 0 inspect --json undo
    has '{"state": "active", "exceptions": 100, "chunk_bytes": 512, "record": null}'
    expect 0 verify --json --origin=origin undo
    object '.verdict == "clean" and [.findings[].code] == ["store-full"]'
}

@test "undo: windows from one chunk to all, and every engine" {
    local how
    for how in '--window=1' '--window=5000 --io=sync' '--window=20K --io=threads' '--io=auto'; do
        pair 131072 chunk=2 random=60 origin_chunks=128 reversed=1
        # shellcheck disable=SC2086
        undoes $how
    done
}

@test "undo: the origin's last partial chunk" {
    for size in 413696 410112 413184 41660; do
        pair $size chunk=8 sequential=$(((size + 4095) / 4096))
        undoes
        (($(stat -c %s origin) == size))
    done
    pair 2300416 chunk=1024 random=5 origin_chunks=5
    undoes --window=64K
}

@test "undo: exactly full areas" {
    for count in 31 32 33 64; do
        pair 204800 chunk=1 sequential=$count from=3
        undoes --window=2K
    done
}

@test "undo: of two exceptions for a chunk, with --force" {
    pair 40960 chunk=1 sequential=150 modulo=60
    undoes --force --window=4K
}

@test "undo: other snapshots are kept beside it, and when it is merged" {
    pair 409600 chunk=4 random=100 origin_chunks=200
    cp origin before
    "$mkstore" a chunk=1 size=1048576 random=50 origin_chunks=800 seed=3
    "$mkstore" b chunk=32 size=1048576 random=5 origin_chunks=25 seed=4
    keep_undo='--undo=undo --window=32K'
    reference
    note_kept a b
    # shellcheck disable=SC2086
    expect 0 merge $keep_undo --keep=a --keep=b origin store
    merged
    was_kept a b
    expect 0 merge --keep=a --keep=b origin undo
    same origin before
    was_kept a b
}

@test "undo: the undo of an undo brings back what was merged" {
    pair 409600 chunk=4 random=100 origin_chunks=200
    cp origin before
    reference
    expect 0 merge --undo=first origin store
    expect 0 merge --undo=second origin first
    same origin before
    expect 0 merge origin second
    same origin right.origin
}

@test "undo: it takes no more of the disk than what was overwritten" {
    truncate -s 64M origin
    fill junk 8192
    dd if=junk of=origin bs=4096 seek=5000 conv=notrunc status=none
    make chunk=1024 sequential=10 from=20 data=0
    expect 0 merge --undo=undo origin store
    (($(stat -c %s undo) == 512 * $(sectors_for 1024 10))) || complain "$(stat -c %s undo) bytes"
    # Of areas of 512 KiB, and of chunks that were holes or are data now.
    (($(stat -c %b undo) * 512 <= 12 * 524288 + 65536)) || complain "$(stat -c %b undo) sectors"
}

@test "undo: an unfinished merge that was resumed is undone" {
    pristine_pair
    note_pristine
    cut_off KILL --undo=undo
    shows_the_same undo
    expect 0 merge --resume --undo=undo origin store
    merged
    was_kept undo
    expect 0 merge origin undo
    same origin "$pristine/origin"
}

@test "undo: one that misses what somebody else merged meanwhile is refused by a resume, and can be dropped" {
    pristine_pair
    cut_off KILL --undo=undo
    # What the kernel does where the undo store is not loaded; more than the windows that are kept ahead.
    left=$(live store)
    for ((index = left - 1; index >= left - 60; index--)); do
        # shellcheck disable=SC2017 # whole areas
        place=$(((1 + index / 32 * 33) * 512 + index % 32 * 16))
        dd if=store of=origin bs=512 skip="$(number store $((place + 8)))" seek="$(number store $place)" count=1 \
            conv=notrunc status=none
        dd if=/dev/zero of=store bs=16 seek=$((place / 16)) count=1 conv=notrunc status=none
    done
    (($(live store) == left - 60))
    refuses 5 origin store undo -- merge --resume --undo=undo origin store
    said --drop-kept
    expect 0 merge --resume --drop-kept=undo origin store
    merged
}

@test "undo: a file whose folder is not there, or is none, is told as not there" {
    pair 65536 chunk=8 sequential=3
    refuses 8 origin store -- merge --undo=nowhere/undo origin store
    said 'nowhere/undo: cannot make this file: No such file or directory'
    refuses 8 origin store -- merge --undo=origin/undo origin store
}

@test "undo: an unfinished undo goes on" {
    pristine_pair
    from_pristine
    expect 0 merge --undo=undo origin store
    mkdir back
    cp origin back
    cp undo back/store
    pristine=$PWD/back
    mv origin there
    cut_off KILL
    expect 0 merge --resume origin store
    same origin pristine/origin
}

# ---- where FILE is ----

@test "undo: a FILE that exists is refused and keeps every byte" {
    small_pair
    : >empty
    truncate -s 65536 zeros
    fill junk 65536
    "$mkstore" other chunk=8 size=65536
    for name in empty zeros junk other origin store; do
        refuses 5 origin store empty zeros junk other -- merge --undo=$name origin store
        refuses 5 origin store empty zeros junk other -- merge --force --undo=$name origin store
        refuses 5 origin store empty zeros junk other -- merge --dry-run --undo=$name origin store
    done
    mkdir folder
    mkfifo pipe
    ln -s missing dangling
    for name in folder pipe dangling /dev/null; do
        refuses 5 origin store -- merge --undo=$name origin store
    done
    [[ ! -e missing ]]
}

@test "undo: a FILE that exists and is not this merge's own is refused by a resume, too" {
    small_pair
    "$mkstore" other chunk=8 size=65536
    "$mkstore" snapshot chunk=8 size=65536 sequential=2
    fill junk 65536
    for name in other snapshot junk; do
        refuses 5 origin store other snapshot junk -- merge --resume --undo=$name origin store
    done
}

@test "undo: a resume makes anew what a power cut left empty" {
    local bytes
    small_pair
    note_kept undo
    bytes=$((512 * $(sectors_for 8 3)))
    for size in 0 $bytes; do
        small_pair
        reference
        truncate -s 0 undo
        truncate -s "$size" undo
        expect 0 merge --resume --undo=undo origin store
        merged
        was_kept undo
        (($(stat -c %s undo) == bytes))
    done
}

@test "undo: a FILE in a folder that is not there is refused" {
    small_pair
    remember origin store
    code=0
    json_of merge --json --undo=folder/undo origin store >out 2>err || code=$?
    ((code == 8)) || complain "exit code $code"
    failure $code
    unchanged
}

@test "undo: where the merge is refused, no FILE is made" {
    small_pair
    "$mkstore" a chunk=1 size=2048
    refuses 7 origin store a -- merge --keep=a --undo=undo origin store
    truncate -s 16384 origin
    refuses 5 origin store -- merge --undo=undo origin store
    small_pair
    put store 4 '\0'
    refuses 2 origin store -- merge --undo=undo origin store
    [[ ! -e undo ]] || complain 'there is a FILE'
}

@test "undo: --dry-run tells what it would hold and makes no FILE" {
    pair 204800 chunk=1 sequential=100
    remember origin store
    expect 0 merge --dry-run --json --undo=undo origin store
    is '.kept[] | "\(.store) \(.role) \(.exceptions_needed) \(.exceptions_added)"' 'undo undo 100 0'
    expect 0 merge --dry-run --undo=undo origin store
    grep -q 'undo.*100' out || complain 'the text does not tell'
    unchanged
    [[ ! -e undo ]] || complain 'there is a FILE'
}

@test "undo: with nothing to merge no FILE is made" {
    pair 65536 chunk=8
    expect 0 merge --undo=undo origin store
    [[ ! -e undo ]] || complain 'there is a FILE'
    expect 0 merge --resume --undo=undo origin store
    [[ ! -e undo ]] || complain 'there is a FILE'
}

@test "undo: --undo twice, or without a name, is a usage error" {
    small_pair
    refuses 64 origin store -- merge --undo=one --undo=two origin store
    [[ ! -e one && ! -e two ]]
    refuses 64 origin store -- merge origin store --undo
}

@test "undo: a store named by --keep and --undo is refused" {
    small_pair
    "$mkstore" a chunk=8 size=65536
    refuses 5 origin store a -- merge --keep=a --undo=a origin store
    refuses 8 origin store a -- merge --keep=new --undo=new origin store
    [[ ! -e new ]]
}

@test "undo: an undo store that is gone, or another file, is refused by a resume" {
    pristine_pair
    cut_off KILL --undo=undo
    mv undo away
    refuses 5 origin store -- merge --resume --undo=undo origin store
    [[ ! -e undo ]] || complain 'a new one was made'
    : >undo
    refuses 5 origin store undo -- merge --resume --undo=undo origin store
    expect 0 merge --resume --undo=away origin store
    merged
    expect 0 merge origin away
    same origin "$pristine/origin"
}

# ---- disks ----

@test "undo: pairs on block devices of 512 and of 4096 bytes" {
    for block in 512 4096; do
        pair 2097152 chunk=8 random=200 origin_chunks=512
        cp origin before
        reference
        attach origin --sector-size $block
        device=$loop
        attach store --sector-size $block
        rm -f undo
        expect 0 merge --window=64K --undo=undo "$device" "$loop"
        detach_all
        merged
        attach origin --sector-size $block
        expect 0 merge --window=64K "$loop" undo
        detach_all
        same origin before
    done
}

@test "undo: images on a disk with 4096-byte blocks" {
    truncate -s 64M disk
    attach disk --sector-size 4096
    mkfs.ext4 -q -b 4096 "$loop"
    mkdir mounted
    mount "$loop" mounted 2>/dev/null || skip 'nothing can be mounted here'
    cd mounted
    for row in $((19 * 4096 + 512)):8 16384:1 1048576:32; do
        pair "${row%:*}" chunk="${row#*:}" sequential=20
        undoes
    done
    cd ..
}

# ./mounted: a file system of that size, in memory: an undo store there needs --force.
small_disk() {
    ((EUID == 0)) || skip 'only root mounts'
    mkdir mounted
    mount -t tmpfs -o size="$1" tmpfs mounted 2>/dev/null || skip 'nothing can be mounted here'
}

@test "undo: a file system without the room that it may need is refused, and no FILE is made" {
    small_disk 256k
    pair 1048576 chunk=8 random=200 origin_chunks=256
    refuses 7 origin store -- merge --force --undo=mounted/undo origin store
    [[ -z $(ls mounted) ]] || complain "there is $(ls mounted)"
}

@test "undo: a disk that others fill meanwhile ends the merge with 7; with room again a resume finishes it" {
    small_disk 4m
    pristine_pair
    note_pristine
    midway --force --undo=mounted/undo
    fill mounted/filling 4194304 2>/dev/null || true
    goes_on
    ((status == 7)) || complain "exit code $status"
    said 'mounted/undo: '
    said 'No space left on device'
    cp --sparse=always mounted/undo undo
    shows_the_same undo
    (($(live store) > 0 && $(live undo) > 0)) || complain 'the test is wrong'
    expect 7 merge --resume --force --undo=mounted/undo origin store
    cp --sparse=always mounted/undo undo
    shows_the_same undo
    rm mounted/filling
    expect 0 merge --resume --force --undo=mounted/undo origin store
    merged
    cp --sparse=always mounted/undo undo
    was_kept undo
    expect 0 merge origin mounted/undo
    same origin "$pristine/origin"
}

@test "undo: where a stop comes too late to stop anything, the undo store knows its origin all the same" {
    needs_strace
    local chunk
    pair 8388608 chunk=8 random=600 origin_chunks=2048
    strace -qq -o /dev/null -e inject=pwritev:signal=INT:when=100 \
        "$cowtool" merge --quiet --io=sync --undo=undo origin store 2>err || complain "exit code $?"
    "$cowtool" dump --format=csv undo >list
    chunk=$(awk -F , 'NR == 2 { print $3 }' list)
    put origin $((chunk * 4096 + 5)) 'X'
    refuses 5 origin undo -- merge origin undo
    said 'somebody wrote to it since'
}
