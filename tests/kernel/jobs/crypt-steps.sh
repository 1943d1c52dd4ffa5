# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# shellcheck source-path=SCRIPTDIR
# Guest job: snapshots below which is dm-crypt. /steps has lines of KIND STEP LABEL DISK...: a pair's disks are an origin
# and its store, each encrypted; a group's is the physical volume of vg0, encrypted as a whole, with root and its snapshot
# s1, whose store is the last 4 MiB. The steps:
#   make    makes it by the writes in /KIND.writes
#   view    no snapshot, but in the origin what the snapshot shows after these writes
#   kernel  the kernel, or LVM, merges
#   merge   cowtool merges
#   resume  cowtool goes on with what was cut off
#   kill    cowtool merges until SIGKILL in the middle
#   cut     the kernel merges until the middle, and stands still there
# Of the last two it prints MIDWAY KIND LABEL LEFT ALL.
# After the last step, where it is a cut, CUT-NOW is printed: `guest --cut-at CUT-NOW` pulls the plug.
# shellcheck source=../lvm-lib.sh
. /lvm-lib.sh
key=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f

# crypt NAME DISK: /dev/mapper/NAME, what is encrypted on the disk.
crypt() {
    dmsetup create "$1" --table "0 $(sectors_of "$2") crypt aes-xts-plain64 $key 0 $2 0"
}

open_pair() {
    crypt origin "$1"
    crypt store "$2"
    cow=/dev/mapper/store names='/dev/mapper/origin /dev/mapper/store'
}

# What was never written is no zeros here: without them the kernel sees no new store.
make_pair() {
    dd if=/dev/zero of=/dev/mapper/store bs=4096 count=1 conv=fsync 2>/dev/null
    snap_create pair /dev/mapper/origin /dev/mapper/store 8
    sectors write /pair.writes /dev/mapper/pair-origin /dev/mapper/pair-snap
    snap_remove pair
}

view_pair() {
    sectors write /pair.writes - /dev/mapper/origin
}

kernel_pair() {
    merge_start merge /dev/mapper/origin /dev/mapper/store 8
    merge_wait merge
}

cut_pair() {
    slow slow-origin /dev/mapper/origin 20
    merge_start merge /dev/mapper/slow-origin /dev/mapper/store 8
    stand_still merge slow-origin
}

close_pair() {
    dmsetup remove origin store
}

open_group() {
    crypt pv "$1"
    use_disks /dev/mapper/pv
    names=vg0/s1
    cow=/dev/mapper/pv@$((($(sectors_of "$1") - 8192) * 512))
}

# new_root: all but the store's 32 extents of the group, where metadata takes 8.
new_root() {
    new_group vg0 /dev/mapper/pv
    new_volume vg0 root $(($(sectors_of /dev/mapper/pv) / 256 - 40))
}

make_group() {
    new_root
    new_snapshot vg0 root s1 4k 32
    sectors write /group.writes /dev/vg0/root /dev/vg0/s1
    lvm_do vgchange -an vg0
}

view_group() {
    new_root
    sectors write /group.writes - /dev/vg0/root
    lvm_do vgchange -an vg0
}

kernel_group() {
    lvm_do vgchange -ay vg0
    lvm_do lvconvert --merge vg0/s1
    merge_ends vg0/s1
    lvm_do vgchange -an vg0
}

cut_group() {
    lvm_do vgchange -ay vg0
    mark vg0/s1 root
    slow slow-pv /dev/mapper/pv 10
    use_disks /dev/mapper/slow-pv
    lvm_do vgchange -ay vg0
    stand_still vg0-root slow-pv
}

close_group() {
    dmsetup remove pv
}

# stand_still MERGE DEVICE: when half of it is merged, DEVICE below it is suspended.
stand_still() {
    _all=$(merge_left "$1")
    while _left=$(merge_left "$1") && [ "$_left" -gt $((_all / 2)) ]; do
        usleep 10000
    done
    dmsetup suspend --noflush --nolockfs "$2"
    echo "MIDWAY $kind $label $_left $_all"
}

kill_it() {
    _all=$(/live count "$cow")
    # shellcheck disable=SC2086 # words
    _left=$(/live cut $((_all / 2)) KILL "$cow" cowtool merge --quiet --window=4K $names)
    [ "${_left#* }" -eq 137 ]
    echo "MIDWAY $kind $label ${_left% *} $_all"
}

while read -r kind step label disks; do
    # shellcheck disable=SC2086 # words
    "open_$kind" $disks
    # shellcheck disable=SC2086 # words
    case $step in
    merge) cowtool merge --quiet $names ;;
    resume) cowtool merge --quiet --resume $names ;;
    kill) kill_it ;;
    *) "${step}_$kind" $disks ;;
    esac
    [ "$step" = cut ] || "close_$kind"
    echo "DONE $kind $step $label"
    last=$step
done </steps
[ "$last" != cut ] || {
    echo CUT-NOW
    sleep 60
}
