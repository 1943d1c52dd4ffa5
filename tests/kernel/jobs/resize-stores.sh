# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# shellcheck source-path=SCRIPTDIR
# Guest job: stores whose size was changed, in the kernel. /stores has lines of NAME CHUNK ORIGIN SHRUNK GROWN
# KEPT-ORIGIN KEPT SCRATCH, the last six being disks. The kernel loads SHRUNK and GROWN over ORIGIN, takes the writes of
# /NAME.more through ORIGIN and through the snapshot in GROWN, and loads KEPT over KEPT-ORIGIN. Printed are, WHEN being
# shrunk, grown, full (GROWN after the writes) or kept:
#   SHOWN NAME WHEN HASH      what the snapshot shows
#   STATUS NAME WHEN STATUS   the status of the store, as it is read anew
#   OVER NAME WHEN STATUS     that of a copy of the store after the write of /NAME.over
# shellcheck source=../guest-lib.sh
. /lib.sh
echo 1 >/proc/sys/kernel/printk # the console is for what is said here

# shown WHEN ORIGIN STORE
shown() {
    dmsetup create seen --table "0 $(sectors_of "$2") snapshot $2 $3 P $chunk"
    _hash=$(md5sum </dev/mapper/seen)
    echo "SHOWN $name $1 ${_hash%% *}"
    echo "STATUS $name $1 $(status seen)"
    dmsetup remove seen
}

# one_more WHEN ORIGIN STORE: the write fails where the kernel gives the snapshot up.
one_more() {
    dd if="$3" of="$scratch" bs=1M conv=fsync 2>/dev/null
    linear copy "$scratch" "$(sectors_of "$3")"
    dmsetup create seen --table "0 $(sectors_of "$2") snapshot $2 /dev/mapper/copy P $chunk"
    sectors write "/$name.over" - /dev/mapper/seen 2>/dev/null || true
    echo "OVER $name $1 $(status seen)"
    dmsetup remove seen
    dmsetup remove copy
}

go_on() {
    snap_create pair "$1" "$2" "$chunk"
    sectors write "/$name.more" /dev/mapper/pair-origin /dev/mapper/pair-snap
    snap_remove pair
}

while read -r name chunk origin shrunk grown kept_origin kept scratch; do
    for when in shrunk grown full kept; do
        case $when in
        shrunk) set -- "$origin" "$shrunk" ;;
        grown) set -- "$origin" "$grown" ;;
        full) go_on "$origin" "$grown" ;;
        kept) set -- "$kept_origin" "$kept" ;;
        esac
        shown $when "$@"
        [ $when = grown ] || one_more $when "$@"
    done
done </stores
