#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2030,SC2031 # status is of each test
# Who only reads lets others read; who writes is alone.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
    judged_pair 409600 chunk=1 random=300 origin_chunks=800
}

# locks ARGUMENT...: the locks that cowtool asks for, each once.
locks() {
    strace -f -o trace -e trace=flock "$cowtool" "$@" >out 2>err </dev/null
    grep -oE 'LOCK_(EX|SH)' trace | sort -u
}

@test "readers: a dry run, an export and a look take no exclusive lock, which NFS and CIFS have for writers alone" {
    needs_strace
    [[ $(locks merge --dry-run origin store) == LOCK_SH ]]
    [[ $(locks repair --dry-run store) == LOCK_SH ]]
    [[ $(locks export --quiet origin store -) == LOCK_SH ]]
    [[ $(locks verify store) == LOCK_SH ]]
    [[ $(locks merge origin store) == LOCK_EX ]]
}

# read_by_another ORIGIN STORE: another export of these is stopped in its middle.
read_by_another() {
    mkfifo pipe
    "$cowtool" export --quiet "$1" "$2" - >pipe 2>/dev/null </dev/null 3>&- &
    held_pid=$!
    exec 7<pipe
    head -c 512 <&7 >/dev/null
}

@test "readers: two exports from one origin at once both work, and a merge waits for them" {
    read_by_another origin store
    remember origin store
    expect 0 export origin store image
    same image right.origin
    expect 0 merge --dry-run origin store
    expect 5 merge origin store
    said 'is locked by another process'
    expect 5 repair --yes --no-backup store
    unchanged
    kill -KILL "$held_pid"
    wait "$held_pid" || true
    expect 0 merge origin store
    merged
}

@test "readers: so do two exports from block devices" {
    attach origin
    first=$loop
    attach store
    second=$loop
    read_by_another "$first" "$second"
    expect 0 export "$first" "$second" image
    same image right.origin
    expect 5 merge "$first" "$second"
    kill -KILL "$held_pid"
    wait "$held_pid" || true
    expect 0 merge --quiet "$first" "$second"
}

@test "readers: a block device that another program holds alone is refused" {
    command -v python3 >/dev/null || skip 'there is no python3'
    attach origin
    first=$loop
    python3 -c 'import os, sys, time; os.open(sys.argv[1], os.O_RDONLY | os.O_EXCL); open("held", "w"); time.sleep(60)' \
        "$first" 3>&- &
    held_pid=$!
    until [[ -e held ]]; do sleep 0.05; done
    expect 5 export "$first" store image
    said 'in use by the kernel or another program'
}

@test "readers: a file that another one reads is not replaced by save" {
    expect 0 save store saved
    flock --shared --no-fork saved sleep 30 3>&- &
    held_pid=$!
    until fails flock --exclusive -n saved true >/dev/null; do :; done
    refuses 5 saved -- save --force store saved
}

# volumes_of_two: ./disk has the volume group vg0, with the snapshots before-upgrade and other of root.
volumes_of_two() {
    gunzip -c "$here/../fixtures/volumes1.gz" >disk
    expect 0 export --quiet --disk=disk vg0/before-upgrade view
}

@test "readers: two exports from one origin of LVM's at once both work, and a merge waits for them" {
    volumes_of_two
    mkfifo pipe
    "$cowtool" export --quiet --disk=disk vg0/before-upgrade - >pipe 2>/dev/null </dev/null 3>&- &
    held_pid=$!
    exec 7<pipe
    head -c 512 <&7 >/dev/null
    remember disk
    expect 0 export --disk=disk vg0/before-upgrade image
    same image view
    expect 0 export --disk=disk vg0/other image2
    expect 0 merge --dry-run --disk=disk vg0/before-upgrade
    expect 5 merge --disk=disk vg0/before-upgrade
    said 'is locked by another process'
    expect 5 merge --disk=disk vg0/other
    unchanged
    kill -KILL "$held_pid"
    wait "$held_pid" || true
    expect 0 merge --disk=disk vg0/before-upgrade
}

@test "readers: while a merge writes, nobody else reads" {
    pristine_pair chunk=1
    midway --io=sync
    expect 5 export origin store image
    said 'is locked by another process'
    expect 5 merge --dry-run --resume origin store
    [[ ! -e image ]]
    goes_on
    merged
}

# nobody_reads READER...: while the merge that $live stopped holds what it writes; each reader is the words of a command.
nobody_reads() {
    local reader
    stands_still "$merge_pid"
    for reader; do
        # shellcheck disable=SC2086
        expect 5 $reader
        [[ $(<err) == *'is locked by another process'* || $(<err) == *'in use by'* ]] || complain "$reader: $(<err)"
    done
    [[ ! -e image ]]
    goes_on
    ((status == 0)) || complain "the merge: exit code $status: $(<err)"
}

@test "readers: while a merge writes to block devices, nobody else reads" {
    attach origin
    first=$loop
    attach store
    second=$loop
    "$live" stop 150 "$second" "$cowtool" merge --io=sync --window=4K "$first" "$second" >out 2>err </dev/null 3>&- &
    merge_pid=$!
    nobody_reads "export $first $second image" "merge --dry-run --resume $first $second"
    detach_all
    merged
}

@test "readers: while a merge writes to volumes, nobody else reads them, nor the group's others" {
    volumes_of_two
    read -r _ _ _ offset < <("$tools/volume_map" disk | sed -n '/^volume before-upgrade /{n;p}')
    "$live" stop 10 "disk@$offset" "$cowtool" merge --io=sync --window=4K --disk=disk vg0/before-upgrade \
        >out 2>err </dev/null 3>&- &
    merge_pid=$!
    nobody_reads 'export --disk=disk vg0/before-upgrade image' 'export --disk=disk vg0/other image' \
        'merge --dry-run --disk=disk vg0/other'
    expect 0 inspect --json --disk=disk vg0/before-upgrade
    is .exceptions 0
}
