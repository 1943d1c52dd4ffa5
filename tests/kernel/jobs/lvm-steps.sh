# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# shellcheck source-path=SCRIPTDIR
# Guest job: the group vg0, of which there are copies on several disks. /steps has lines of LABEL STEP DISK1 DISK2 [SNAPSHOT];
# each step begins and ends with an inactive group. The steps:
#   make    makes it, and shows it while it is active for the first time
#   raid0   makes it with a root of raid0 or raid0_meta, shows it likewise; in SNAPSHOT's place are TYPE STRIPES
#   look    shows it
#   merge   LVM and the kernel merge SNAPSHOT; shows it
#   mark    SNAPSHOT is marked as merging
#   cut     activates it on slow disks, where SNAPSHOT, which is marked, begins to be merged; CUT-NOW is printed in the
#           middle: `guest --cut-at CUT-NOW` pulls the plug
#   finish  activates it, and waits until LVM has removed SNAPSHOT by itself; shows it
#   stale   renames SNAPSHOT to `renamed`, which the second disk's own metadata does not know
# What is shown: see /lvm-lib.sh.
# shellcheck source=../lvm-lib.sh
. /lvm-lib.sh

# make COMMAND...: with GROUP DISK1 DISK2, makes the group.
make() {
    "$@" vg0 "$disk1" "$disk2"
    views "$label" vg0
    lvm_do vgchange -an vg0
    look "again-$label" vg0
    map "$label" vg0
}

merge() {
    lvm_do vgchange -ay vg0
    lvm_do lvconvert --merge "vg0/$snapshot"
    merge_ends "vg0/$snapshot"
    lvm_do vgchange -an vg0
    look "$label" vg0
}

mark_it() {
    lvm_do vgchange -ay vg0
    mark "vg0/$snapshot" root
    map "$label" vg0
    sync
}

cut_off() {
    slow slow1 "$disk1" 10
    slow slow2 "$disk2" 10
    use_disks /dev/mapper/slow1 /dev/mapper/slow2
    lvm_do vgchange -ay vg0
    all=$(merge_left vg0-root)
    while left=$(merge_left vg0-root) && [ "$left" -gt $((all / 2)) ]; do
        usleep 10000
    done
    echo "LEFT $left of $all"
    echo CUT-NOW
    sleep 60
}

finish() {
    lvm_do vgchange -ay vg0
    merge_ends "vg0/$snapshot"
    lvm_do vgchange -an vg0
    look "$label" vg0
}

stale() {
    dd if="$disk2" of=/tmp/old bs=1M count=1 2>/dev/null
    lvm_do lvrename "vg0/$snapshot" vg0/renamed
    map "$label" vg0
    dd if=/tmp/old of="$disk2" bs=1M conv=notrunc 2>/dev/null
}

while read -r label step disk1 disk2 snapshot; do
    use_disks "$disk1" "$disk2"
    case $step in
    make) make make_group ;;
    raid0)
        # shellcheck disable=SC2086 # two words
        make make_raid0_group $snapshot
        ;;
    look) look "$label" vg0 ;;
    mark) mark_it ;;
    cut) cut_off ;;
    *) $step ;;
    esac
    echo "DONE $label"
done </steps
