# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# /lib.sh of the guest: what jobs use of the device mapper. A job begins with `. /lib.sh`; a failed call ends it.
set -eu

# sectors_of DEVICE: its size in 512-byte sectors.
sectors_of() {
    blockdev --getsz "$1"
}

# linear NAME DEVICE [SECTORS]: /dev/mapper/NAME, the first SECTORS of DEVICE or all of it.
linear() {
    dmsetup create "$1" --table "0 ${3:-$(sectors_of "$2")} linear $2 0"
}

# slow NAME DEVICE MILLISECONDS: /dev/mapper/NAME, where each write takes MILLISECONDS more.
slow() {
    dmsetup create "$1" --table "0 $(sectors_of "$2") delay $2 0 0 $2 0 $3 $2 0 0"
}

# snap_create NAME ORIGIN STORE CHUNK_SECTORS: /dev/mapper/NAME-origin and /dev/mapper/NAME-snap.
# As LVM does it: the snapshot is there before the origin takes its first write.
snap_create() {
    _size=$(sectors_of "$2")
    dmsetup create "$1-snap" --table "0 $_size snapshot $2 $3 P $4"
    dmsetup create "$1-origin" --table "0 $_size snapshot-origin $2"
}

snap_remove() {
    dmsetup remove "$1-origin"
    dmsetup remove "$1-snap"
}

# status NAME: what `dmsetup status` says after the target's name, such as `80/4096 32`.
status() {
    dmsetup status "$1" | cut -d ' ' -f 4-
}

# snap_status ORIGIN STORE CHUNK_SECTORS: the status of a store that the kernel has just read from the disk.
snap_status() {
    dmsetup create only-status --table "0 $(sectors_of "$1") snapshot $1 $2 P $3"
    status only-status
    dmsetup remove only-status
}

# merge_start NAME ORIGIN STORE CHUNK_SECTORS: the kernel merges STORE into ORIGIN, in the background.
merge_start() {
    dmsetup create "$1" --table "0 $(sectors_of "$2") snapshot-merge $2 $3 P $4"
}

# merge_left NAME: how many sectors the merge has still to free; 0 says that it is done.
merge_left() {
    _status=$(status "$1")
    case $_status in
    */*' '*) echo $((${_status%%/*} - ${_status##* })) ;;
    *)
        echo "the merge of $1 is at: $_status" >&2
        return 1
        ;;
    esac
}

# merge_wait NAME: waits until the merge is done (A == M in the status), then removes the target.
merge_wait() {
    while _left=$(merge_left "$1") && [ "$_left" -gt 0 ]; do
        usleep 20000
    done
    [ "$_left" -eq 0 ]
    dmsetup remove "$1"
}
