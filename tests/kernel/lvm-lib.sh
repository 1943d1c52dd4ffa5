# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# shellcheck source-path=SCRIPTDIR
# /lvm-lib.sh of the guest: what jobs use of lvm2. A job begins with `. /lvm-lib.sh`; a failed call ends it.
# shellcheck source=guest-lib.sh
. /lib.sh
export LVM_SUPPRESS_FD_WARNINGS=1
echo 1 >/proc/sys/kernel/printk # the console is for what is said here

# use_disks DISK...: from now on lvm2 sees these only.
use_disks() {
    devices=$(echo "$*" | tr ' ' ',')
}

# lvm_on COMMAND ARGUMENT...: its stdout is ours.
lvm_on() {
    _command=$1
    shift
    lvm "$_command" --devices "$devices" "$@"
}

# lvm_do COMMAND ARGUMENT...: it must succeed; only then it has nothing to tell.
lvm_do() {
    lvm_on "$@" >/tmp/lvm.log 2>&1 || {
        echo "lvm $*:"
        cat /tmp/lvm.log
        return 1
    }
}

# call LABEL ARGUMENT...: cowtool with these; prints CODE LABEL EXIT-CODE, and SAID LABEL MESSAGE for every line on stderr.
call() {
    _label=$1 _code=0
    shift
    cowtool "$@" >/dev/null 2>/tmp/err || _code=$?
    sed "s/^/SAID $_label /" /tmp/err
    echo "CODE $_label $_code"
}

# new_group GROUP DISK...: extents of 128 KiB.
new_group() {
    _group=$1
    shift
    lvm_do pvcreate "$@"
    lvm_do vgcreate -s 128k "$_group" "$@"
}

# new_volume GROUP NAME EXTENTS [OPTION-OR-PV...]
new_volume() {
    _group=$1 _name=$2 _extents=$3
    shift 3
    lvm_do lvcreate -y -Zn -Wn -l "$_extents" -n "$_name" "$_group" "$@"
}

# new_snapshot GROUP ORIGIN NAME CHUNK EXTENTS [OPTION-OR-PV...]
new_snapshot() {
    _group=$1 _origin=$2 _name=$3 _chunk=$4 _extents=$5
    shift 5
    lvm_do lvcreate -y -s -c "$_chunk" -l "$_extents" -n "$_name" "$_group/$_origin" "$@"
}

# random_writes SEED COUNT ORIGIN SNAPSHOT: writes of up to 16 blocks to random places, half of them through the snapshot.
random_writes() {
    _block=$(($(blockdev --getss "$3") / 512))
    awk -v seed="$1" -v count="$2" -v block=$_block -v blocks=$(($(sectors_of "$3") / _block)) 'BEGIN {
        srand(seed)
        for (i = 0; i < count; i++) {
            length_of = 1 + int(rand() * 16)
            start = int(rand() * (blocks - length_of))
            print (rand() < 0.5 ? "s" : "o"), start * block, length_of * block, seed * 1000 + i
        }
    }' >/tmp/writes
    sectors write /tmp/writes "$3" "$4"
}

# take_snapshots GROUP DISK1 DISK2: three of root, which is filled, with writes before, between and after: s1 is on the
# first disk, s2 striped over both. They have room for all of root.
take_snapshots() {
    sectors fill "/dev/$1/root" 0 "$(sectors_of "/dev/$1/root")" 1
    new_snapshot "$1" root s1 4k 66 "$2"
    random_writes 2 80 "/dev/$1/root" "/dev/$1/s1"
    new_snapshot "$1" root s2 32k 66 -i 2 -I 64k
    random_writes 3 80 "/dev/$1/root" "/dev/$1/s2"
    new_snapshot "$1" root s3 8k 66 "$3"
    random_writes 4 80 "/dev/$1/root" "/dev/$1/s3"
    random_writes 5 20 "/dev/$1/root" "/dev/$1/s1"
}

# make_group GROUP DISK1 DISK2: root over both disks, and three snapshots of it.
make_group() {
    new_group "$1" "$2" "$3"
    new_volume "$1" root 32 "$2"
    lvm_do lvextend -l 60 "$1/root" "$3"
    take_snapshots "$@"
}

# make_raid0_group TYPE STRIPES GROUP DISK1 DISK2: the same with root of TYPE, whose images begin on the second disk. Each
# image is in two pieces: what keeps them apart is removed.
make_raid0_group() {
    _type=$1 _stripes=$2
    shift 2
    modprobe -a dm-raid raid0 # where a kernel has none, this says which
    new_group "$@"
    new_volume "$1" root 36 --type "$_type" -i "$_stripes" -I 4k --alloc anywhere "$3" "$2"
    new_volume "$1" gap1 2 "$2"
    new_volume "$1" gap2 2 "$3"
    lvm_do lvextend -l 60 --alloc anywhere "$1/root" "$3" "$2"
    lvm_do lvremove -y "$1/gap1" "$1/gap2"
    take_snapshots "$@"
}

# volumes LABEL GROUP: all that there are: LV LABEL NAME ATTRIBUTES ORIGIN.
volumes() {
    lvm_on lvs -a --noheadings -o lv_name,lv_attr,origin "$2" | sed "s/^ */LV $1 /; s/ *$//"
}

# views LABEL GROUP: of each visible volume that is active, VIEW LABEL NAME HASH; and what `volumes` tells.
views() {
    for _volume in $(lvm_on lvs --noheadings -o lv_name -S 'lv_active=active' "$2"); do
        blockdev --flushbufs "/dev/$2/$_volume"
        _hash=$(md5sum <"/dev/$2/$_volume")
        echo "VIEW $1 $_volume ${_hash%% *}"
    done
    volumes "$1" "$2"
}

# map LABEL GROUP: what lvm2 says of the group's extents, for tests/tools/extents: lines of MAP LABEL LINE.
map() {
    lvm_on pvs --noheadings --separator '|' --units s --nosuffix -S "vg_name=$2" -o pv_name,pe_start |
        while IFS='|' read -r _pv _first; do
            _pv=${_pv##* }
            _start=$(cat "/sys/class/block/${_pv#/dev/}/start" 2>/dev/null || echo 0)
            echo "MAP $1 pv|$_pv|$(echo "$_pv" | sed 's/[0-9]*$//')|$_start|$_first"
        done
    lvm_on lvs -a --noheadings --separator '|' --units s --nosuffix -O lv_name,seg_start_pe \
        -o lv_name,segtype,seg_start_pe,seg_size_pe,seg_pe_ranges,origin,chunk_size,stripe_size,vg_extent_size "$2" |
        sed "s/^ */MAP $1 lv|/"
}

# look LABEL GROUP: activates it, shows all of it, and deactivates it.
look() {
    lvm_do vgchange -ay "$2"
    views "$1" "$2"
    map "$1" "$2"
    lvm_do vgchange -an "$2"
}

# mark GROUP/SNAPSHOT ORIGIN: what `lvconvert --merge` does where the origin is in use: a mark. The group is inactive then.
mark() {
    exec 9<"/dev/${1%/*}/$2"
    lvm_do lvconvert --merge "$1"
    exec 9<&-
    lvm_do vgchange -an "${1%/*}"
}

# merge_ends GROUP/SNAPSHOT: waits until LVM has merged it, and removed it by itself.
merge_ends() {
    _tries=0
    while lvm_on lvs -a "$1" >/tmp/lvm.log 2>&1; do
        _tries=$((_tries + 1))
        [ $_tries -lt 100 ] || {
            cat /tmp/lvm.log
            return 1
        }
        usleep 300000
    done
}
