# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# shellcheck source-path=SCRIPTDIR
# Guest job: the store of LVM's snapshot s1 is made smaller and larger while its group is inactive. /dev/vda, which is full
# of junk, gets the group vg0, with extents as large as the chunks: root, and s1 and s2, which take /s1.writes and
# /s2.writes. s1 gets its smallest size. It has to be larger before cowtool can merge s2: done as cowtool advises. But then
# the kernel takes /s1.more, and s1 has to be larger still. At the end it has room for /s1.last, but not for /s1.over.
# What is shown: see /lvm-lib.sh; and
#   STATUS LABEL STATUS   of s1
#   DISK LABEL HASH       of all that is on the disk
# shellcheck source=../lvm-lib.sh
. /lvm-lib.sh

# used LABEL [LIST]: the group in use by the kernel, which does the writes of LIST through s1.
used() {
    lvm_do vgchange -ay vg0
    [ -z "${2:-}" ] || sectors write "$2" - /dev/vg0/s1
    views "$1" vg0
    echo "STATUS $1 $(status vg0-s1)"
    lvm_do vgchange -an vg0
}

disk() {
    blockdev --flushbufs /dev/vda
    _hash=$(md5sum </dev/vda)
    echo "DISK $1 ${_hash%% *}"
}

# too_small LABEL: a merge of s2 is refused, and then what is advised is done.
too_small() {
    disk "before-$1"
    call "$1" merge --quiet vg0/s2
    disk "after-$1"
    # shellcheck disable=SC2046 # words
    lvm_do $(sed -n "s/.*\(lvextend [^']*\).*/\1/p" /tmp/err)
}

use_disks /dev/vda
sectors fill /dev/vda 0 "$(sectors_of /dev/vda)" 9
lvm_do pvcreate /dev/vda
lvm_do vgcreate -s 4k vg0 /dev/vda
new_volume vg0 root 300
new_snapshot vg0 root s1 4k 270
sectors write /s1.writes - /dev/vg0/s1
new_snapshot vg0 root s2 4k 40
sectors write /s2.writes - /dev/vg0/s2
lvm_do vgchange -an vg0
used made
bytes=$(cowtool inspect --json vg0/s1 | sed -n 's/.*"smallest_store_bytes": *\([0-9]*\).*/\1/p')
lvm_do lvreduce -y --force -L "${bytes}b" vg0/s1
used shrunk
too_small first
used grown /s1.more
too_small second
call merge merge --quiet vg0/s2
used merged /s1.last
lvm_do vgchange -ay vg0
sectors write /s1.over - /dev/vg0/s1 2>/dev/null || true # it fails where the kernel gives the snapshot up
echo "STATUS over $(status vg0-s1)"
