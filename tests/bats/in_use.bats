#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2030,SC2031
# Who else uses a device, by another name of the same bytes or below it, is found and named with the command that
# frees it. What is refused keeps every byte.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
    pair 1048576 chunk=8 sequential=40
    cp store store2
}

# held FILE [TYPE]: another process has a lock on all of it, as QEMU or cowtool has, until $held_pid ends.
held() {
    command -v python3 >/dev/null || skip 'there is no python3'
    python3 - "$@" 3>&- <<'END' &
import fcntl, struct, sys, time
file = open(sys.argv[1], 'r+b')
start, length = map(int, sys.argv[3:5]) if len(sys.argv) > 3 else (0, 0)
kind = fcntl.F_RDLCK if sys.argv[2:3] == ['shared'] else fcntl.F_WRLCK
fcntl.fcntl(file, 37, struct.pack('hhqqi', kind, 0, start, length, 0))
open('is-held', 'w').close()
time.sleep(60)
END
    held_pid=$!
    until [[ -e is-held ]]; do :; done
    rm is-held
}

@test "in use: a file that is locked is refused by the name of its loop device, too" {
    attach origin
    held origin
    refuses 5 origin store -- merge "$loop" store
    said "$loop: is locked by another process"
    refuses 5 origin store -- merge --dry-run "$loop" store
    expect 0 inspect store
    kill "$held_pid"
    wait "$held_pid" || true
    expect 0 merge "$loop" store
}

@test "in use: a merge's file and a loop device of it, or two loop devices, are not merged into at once" {
    needs_strace
    attach origin
    first=$loop
    attach origin
    # The merge is stopped at its first write to the origin.
    strace -f -o /dev/null -e trace=pwritev,pwritev2,pwrite64 --inject=pwritev,pwritev2,pwrite64:delay_enter=4s:when=1 \
        "$cowtool" merge --quiet --io=sync "$first" store 3>&- &
    held_pid=$!
    until fails flock --nonblock "$first" true >/dev/null 2>&1; do :; done
    sleep 0.3
    expect 5 merge "$loop" store2
    said "$loop: is locked by another process"
    wait "$held_pid"
    held_pid=
    expect 0 merge "$loop" store2
}

@test "in use: loop devices of different parts of one file are used at once" {
    truncate -s 4M disk
    dd if=origin of=disk bs=1M conv=notrunc status=none
    dd if=store of=disk bs=1M seek=2 conv=notrunc status=none
    attach disk --sizelimit 1M
    first=$loop
    attach disk --offset 2M
    expect 0 merge "$first" "$loop"
}

# partition NUMBER: ./partNUMBER is that one of $loop, which has a partition table.
partition() {
    local numbers
    IFS=: read -r -a numbers <"/sys/class/block/${loop##*/}p$1/dev" 2>/dev/null || skip 'the kernel shows no partitions here'
    mknod "part$1" b "${numbers[@]}"
}

@test "in use: a partition of a loop device is used beside another one that is mounted, and not beside its own bytes" {
    command -v sfdisk >/dev/null || skip 'there is no sfdisk'
    file_system image 11111111-1111-4111-8111-111111111111
    truncate -s 8M disk
    printf 'label: dos\nstart=2048, size=4096\nstart=8192, size=2048\n' | sfdisk --quiet disk
    dd if=image of=disk bs=1M seek=1 conv=notrunc status=none
    dd if=origin of=disk bs=1M seek=4 conv=notrunc status=none
    attach disk --partscan
    partx --add "$loop" 2>/dev/null || true
    partition 1
    partition 2
    mkdir mounted
    mount part1 mounted 2>/dev/null || skip 'nothing can be mounted here'
    whole=$loop
    attach disk --offset 1M --sizelimit 2M
    refuses 5 disk store -- merge "$loop" store
    said "has bytes in common with $whole that has a partition ${whole##*/}p1 that is mounted"
    expect 0 merge part2 store
    "$cowtool" merge --quiet origin store2
    cmp origin <(dd if=disk bs=1M skip=4 count=1 status=none)
}

@test "in use: QEMU does not write to what a merge has, nor a merge to what QEMU has" {
    # Of what it has open for writing, QEMU has byte 101 locked for reading.
    held origin shared 101 1
    refuses 5 origin store -- merge origin store
    said 'origin: is locked by another process'
    refuses 5 origin store -- export origin store image
    kill "$held_pid"
    wait "$held_pid" || true
    # Of what it only reads: byte 100, and 201, for it allows nobody to write.
    held origin shared 201 1
    refuses 5 origin store -- merge origin store
    expect 0 export origin store image
}

@test "in use: two exports from one origin work at once" {
    expect 0 export origin store image
    held origin shared 0 101
    expect 0 export origin store image2
    same image image2
}

@test "in use: the command that frees a device is named, and what it stops" {
    attach origin
    refuses 5 origin store -- merge origin store
    said "origin: is attached to $loop; 'losetup -d $loop' frees it, and takes that device away from its users"
    file_system image 11111111-1111-4111-8111-111111111111
    attach image
    mkdir mounted
    mount "$loop" mounted 2>/dev/null || skip 'nothing can be mounted here'
    refuses 5 store -- merge "$loop" store
    said "$loop: is mounted on $PWD/mounted; 'umount $PWD/mounted' frees it, and takes its files away from all programs"
    refuses 5 store -- merge image store
    said "image: is attached to $loop, which is mounted on $PWD/mounted; 'umount $PWD/mounted' frees it"
    # Another loop device of the same file.
    attach image
    refuses 5 store -- merge "$loop" store
    said 'has bytes in common with'
    said "'umount $PWD/mounted'"
}

@test "in use: swap space is freed with swapoff" {
    truncate -s 1M swap
    command -v mkswap >/dev/null || skip 'there is no mkswap'
    mkswap swap >/dev/null 2>&1
    attach swap
    swapon "$loop" 2>/dev/null || skip 'no swap space is to be had'
    expect 5 merge "$loop" store
    swapoff "$loop"
    said "is in use as swap space; 'swapoff $loop' frees it"
}

@test "in use: without /sys, the loop devices in /dev are asked" {
    attach origin
    mkdir empty
    unshare -m true 2>/dev/null || skip 'there are no namespaces here'
    remember origin store
    unshare -m bash -c "mount --bind empty /sys && exec '$cowtool' merge origin store" >out 2>err || status=$?
    ((status == 5))
    said "origin: is attached to $loop"
    unchanged
}

@test "in use: where neither /sys nor /dev can be looked at, nothing is written without --force, and that is said" {
    ((EUID == 0)) || skip 'only root mounts'
    unshare -m true 2>/dev/null || skip 'there are no namespaces here'
    mkdir empty
    blind() {
        status=0
        unshare -m bash -c "mount --bind empty /sys && mount -t tmpfs none /dev && mknod /dev/null c 1 3 && exec '$cowtool' $*" \
            >out 2>err || status=$?
    }
    remember origin store
    blind merge origin store
    ((status == 5)) || complain "exit code $status"
    said 'origin: whether it is attached to a loop device cannot be told'
    unchanged
    blind merge --dry-run origin store
    ((status == 0)) || complain "exit code $status"
    said 'origin: warning: whether it is attached to a loop device'
    blind export origin store image
    ((status == 0))
    said 'origin: warning: whether it is attached to a loop device'
    blind inspect store
    ((status == 0))
    said 'store: warning: whether it is attached'
    for command in 'repair --yes --no-backup store' 'create --chunk=4K store'; do
        blind "$command"
        ((status == 5)) || complain "$command: exit code $status"
        said 'store: whether it is attached to a loop device cannot be told'
    done
    unchanged
    echo other >saved
    blind save --force store saved
    ((status == 0)) || complain "exit code $status"
    expect 0 inspect saved
    blind merge --force origin store
    ((status == 0))
    said 'origin: warning: whether it is attached to a loop device'
}

@test "in use: an export from what is mounted read-only needs no --force, a merge is refused" {
    file_system image 11111111-1111-4111-8111-111111111111
    make chunk=8 size=65536 entry=0:100:2
    attach image
    mkdir mounted
    mount -o ro "$loop" mounted 2>/dev/null || skip 'nothing can be mounted here'
    refuses 5 image store -- merge "$loop" store
    refuses 5 image store -- merge --dry-run "$loop" store
    expect 0 export "$loop" store view
    expect 0 export image store view2
    same view view2
    mount -o remount,rw mounted
    expect 5 export "$loop" store view3
    said "is mounted on"
    [[ ! -e view3 ]]
}

@test "in use: what is on a read-only file system is refused in the same words as in a dry run, and export is named" {
    file_system image 11111111-1111-4111-8111-111111111111
    attach image
    mkdir mounted
    mount "$loop" mounted 2>/dev/null || skip 'nothing can be mounted here'
    head -c 262144 origin >mounted/origin
    mount -o remount,ro mounted
    for option in '' --dry-run; do
        # shellcheck disable=SC2086
        refuses 4 store -- merge $option mounted/origin store
        said 'mounted/origin: is read-only, for its file system is; nothing was written; mount that for writing first'
        said "; or 'cowtool export mounted/origin store OUT' writes what the snapshot shows to an image"
    done
    expect 0 export mounted/origin store view
}

@test "in use: a file system that nobody can write to is not to be mounted for writing" {
    command -v mksquashfs >/dev/null || skip 'there is no mksquashfs'
    mkdir folder mounted
    cp origin folder
    mksquashfs folder image -quiet >/dev/null
    attach image
    mount "$loop" mounted 2>/dev/null || skip 'nothing can be mounted here'
    expect 4 merge mounted/origin store
    said 'nobody can write to its file system (squashfs)'
    fails grep 'mount that for writing' err
}

@test "in use: a tag that several devices have is refused with their list" {
    file_system image 11111111-2222-4111-8111-0000c0fffee1
    cp image copy
    make chunk=8 size=65536 entry=0:100:2
    attach image
    first=$loop
    expect 0 merge --dry-run UUID=11111111-2222-4111-8111-0000c0fffee1 store
    [[ $(head -1 err) == "cowtool merge: UUID=11111111-2222-4111-8111-0000c0fffee1: is $first" ]]
    attach copy
    for command in merge 'merge --dry-run' 'verify --origin'; do
        # shellcheck disable=SC2086
        refuses 5 image copy store -- $command UUID=11111111-2222-4111-8111-0000c0fffee1 store
        said '2 devices have this tag: '
        said "$first"
        said "$loop"
    done
}

@test "in use: a device on a COW store is a snapshot, and no origin" {
    attach origin
    first=$loop
    attach store2
    unshare -m true 2>/dev/null || skip 'there are no namespaces here'
    # As sysfs has it where $first is a snapshot with the store $loop.
    mkdir -p "sys/dev/block/$(stat -c %Hr:%Lr "$first")/slaves/${loop#/dev/}"
    remember origin store store2
    for command in 'merge' 'merge --dry-run'; do
        status=0
        unshare -m bash -c "mount --bind sys /sys && exec '$cowtool' $command $first store" >out 2>err || status=$?
        ((status == 5)) || complain "exit code $status"
        said "$first: is itself a snapshot, or on one, not an origin: its store is $loop"
        unchanged
    done
}

@test "in use: where device-mapper devices hold a disk, and their tables cannot be asked for, its volumes are not written, and that is said" {
    gzip -dc "$here/../fixtures/volumes1.gz" >disk
    attach disk
    unshare -m true 2>/dev/null || skip 'there are no namespaces here'
    # As sysfs has it where a volume is active; there is neither /proc nor the mapper's node.
    mkdir -p "sys/dev/block/$(stat -c %Hr:%Lr "$loop")/holders/dm-0" sys/class/block/dm-0/dm sys/class/misc/device-mapper proc
    ln -s "../../dev/block/$(stat -c %Hr:%Lr "$loop")" "sys/class/block/${loop#/dev/}"
    mkdir -p dev
    cp -a "$loop" dev
    mknod dev/null c 1 3
    # Sanitizers take their options from here; that of leaks cannot do without the rest.
    mkdir proc/self && printf 'ASAN_OPTIONS=detect_leaks=0\0' >proc/self/environ
    remember disk
    blind() {
        status=0
        unshare -m bash -c "mount --bind sys /sys && mount --bind dev /dev && mount --bind proc /proc &&
            exec '$cowtool' $1 --disk=$loop vg0/other" >out 2>err || status=$?
    }
    blind merge
    ((status == 5)) || complain "exit code $status"
    said '/dev/mapper/control: the tables of the device mapper cannot be looked at'
    blind inspect
    ((status == 0)) || complain "exit code $status"
    said 'vg0/other: warning: whether its bytes are in use through the device mapper cannot be told: /dev/mapper/control: '
    unchanged
}

@test "in use: without /sys, a disk's partitions are not known, and that is said" {
    gzip -dc "$here/../fixtures/volumes-gpt.gz" >disk
    attach disk
    unshare -m true 2>/dev/null || skip 'there are no namespaces here'
    mkdir empty
    unshare -m bash -c "mount --bind empty /sys && exec '$cowtool' scan $loop" >out 2>err
    said "$loop: has a partition table (gpt), and without /sys its partitions are not known: name them"
}
