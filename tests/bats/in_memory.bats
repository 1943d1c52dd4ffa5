#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2016,SC2154,SC2119
# Files in memory, which a reboot loses, and images whose holes find no room: said before the first write.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
    unshare -rm true 2>/dev/null || skip 'no name space of mounts can be made here'
    mkdir small
}

# in_small SIZE COMMAND [ARGUMENT...]: the shell's command, where ./small is a file system in memory of that size.
in_small() {
    local size=$1 command=$2 status=0
    shift 2
    unshare -rm sh -c "mount -t tmpfs -o size=$size none small && $command" "$cowtool" "$@" >out 2>err || status=$?
    return "$status"
}

@test "in memory: an undo store there is refused, with --force it is made and said" {
    pair 163840 chunk=8 random=20 origin_chunks=40
    remember origin store
    for option in --dry-run --quiet; do
        code=0
        in_small 1M '"$0" merge "$1" --undo=small/undo origin store' "$option" || code=$?
        ((code == 5))
        said 'small/undo: would be a file in memory'
        unchanged
    done
    in_small 1M '! "$0" merge --undo=small/undo origin store && ! test -e small/undo'
    in_small 1M '"$0" merge --force --undo=small/undo origin store && "$0" merge origin small/undo && rm small/undo'
    said 'small/undo: warning: is a file in memory: it is gone after a reboot or a power cut'
    b2sum --check --quiet <(grep ' origin$' remembered)
}

@test "in memory: OUT, FILE and the backup of a repair are noted" {
    pair 163840 chunk=8 random=20 origin_chunks=40 entry=30:1:40
    in_small 1M '"$0" export origin store small/out'
    said 'small/out: warning: is a file in memory'
    in_small 1M '"$0" save store small/file && "$0" verify small/file || [ $? -eq 1 ]'
    said 'small/file: warning: is a file in memory'
    in_small 1M '"$0" repair --dry-run --backup=small/file store'
    said 'small/file: warning: is a file in memory'
    in_small 1M '"$0" repair --yes --backup=small/file store && "$0" save --quiet --force store small/file'
    said 'small/file: warning: is a file in memory'
    (($(grep -c warning err) == 1))
    [[ $(stat -f -c %T .) == @(tmpfs|ramfs) ]] || {
        expect 0 save store file
        fails grep 'in memory' err
    }
}

@test "in memory: a device that is not there" {
    [[ -d /dev/pts ]] || skip 'there is no /dev/pts'
    make chunk=8 random=20 origin_chunks=40
    unshare -rm sh -c 'mount -t tmpfs none /dev/pts && "$0" save store /dev/pts/sdz' "$cowtool" >out 2>err
    said '/dev/pts/sdz: warning: there is no such device; this is a file in memory'
}

@test "room: holes that the file system has no room for are noted, in a dry run, too" {
    make chunk=8 sequential=600
    make_origin='truncate -s 4M small/origin'
    in_small 1M "$make_origin"' && "$0" merge --dry-run small/origin store'
    said 'small/origin: warning: it is sparse: filling its holes may take up to 2457600 bytes, and its file system has '
    cp store before
    code=0
    in_small 1M "$make_origin"' && "$0" merge small/origin store' || code=$?
    ((code == 7))
    said 'it is sparse: filling its holes may take up to 2457600 bytes'
    cp before store
    # Enough room, or no holes.
    in_small 3M "$make_origin"' && "$0" merge --dry-run small/origin store'
    fails grep sparse err
    in_small 4200K 'seq 1000000 | head -c 4M >small/origin && "$0" merge --dry-run small/origin store'
    fails grep sparse err
}

@test "room: so it is for the holes of a kept store" {
    pair 4194304 chunk=8 sequential=600
    in_small 1M '"$0" create --chunk=4K --size=8M small/kept >/dev/null && "$0" merge --dry-run --keep=small/kept origin store' ||
        in_small 1M 'truncate -s 8M small/kept && "$0" create --chunk=4K small/kept && "$0" merge --dry-run --keep=small/kept origin store'
    said 'small/kept: warning: it is sparse: filling its holes may take up to 2469888 bytes'
}
