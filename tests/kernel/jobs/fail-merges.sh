# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# shellcheck source-path=SCRIPTDIR
# Guest job: cowtool merges pairs while a part of one device fails, and goes on when it is well again.
#
# /faults has lines of NAME DEVICE WHAT FROM SECTORS WHEN OPTION...: of DEVICE (origin or store), WHAT (reads, writes,
# flushes, or some of these) fail in SECTORS from FROM on, from the start or when half of the exceptions are merged.
# The pair lies in the next slot of /dev/vda: 16 MiB, with the origin first and the store from 12 MiB on, as long as
# /sizes says. After the merge that fails, the slot is copied to the same place of /dev/vdb.
# shellcheck source=../guest-lib.sh
. /lib.sh
slot_sectors=32768 store_at=24576
read -r origin_sectors store_sectors </sizes
echo 1 >/proc/sys/kernel/printk # the console is for what is said here

# size_of DEVICE
size_of() {
    [ "$1" = store ] && echo "$store_sectors" || echo "$origin_sectors"
}

# piece RAW FROM SECTORS MILLISECONDS [READS WRITES FLUSHES]: a line of a table: RAW, but some I/O goes to other devices
# (`broken` fails it), and writes take so much longer.
piece() {
    [ "$3" -eq 0 ] || echo "$2 $3 delay ${5:-$1} $2 0 ${6:-$1} $2 $4 ${7:-$1} $2 0"
}

# faulty DEVICE WHAT FROM SECTORS MILLISECONDS: its table. Without WHAT nothing fails.
faulty() {
    _raw=/dev/mapper/raw-$1 _broken=/dev/mapper/broken _end=$(($3 + $4)) _reads='' _writes='' _flushes=''
    case $2 in *reads*) _reads=$_broken ;; esac
    case $2 in *writes*) _writes=$_broken ;; esac
    case $2 in *flushes*) _flushes=$_broken ;; esac
    piece "$_raw" 0 "$3" "$5"
    piece "$_raw" "$3" "$4" "$5" "$_reads" "$_writes" "$_flushes"
    piece "$_raw" $_end $(($(size_of "$1") - _end)) "$5"
}

# well DEVICE MILLISECONDS: its table when nothing fails.
well() {
    piece "/dev/mapper/raw-$1" 0 "$(size_of "$1")" "$2"
}

# change DEVICE: gives it the table that was loaded for it.
change() {
    dmsetup resume --noflush --nolockfs "$1"
}

# set_up SLOT DEVICE: raw-origin, raw-store, and broken, which fails in place of raw-DEVICE.
set_up() {
    dmsetup create raw-origin --table "0 $origin_sectors linear /dev/vda $(($1 * slot_sectors))"
    dmsetup create raw-store --table "0 $store_sectors linear /dev/vda $(($1 * slot_sectors + store_at))"
    dmsetup create broken --table "0 $(size_of "$2") flakey /dev/mapper/raw-$2 0 0 10000"
}

# merge OPTION...: what it says goes to the file said, its result to merged, its exit code to the file code.
merge() {
    _code=0
    cowtool merge --quiet "$@" /dev/mapper/origin /dev/mapper/store >merged 2>said || _code=$?
    echo $_code >code
}

# How many exceptions are left, on the disk and not in the kernel's cache of pages.
left() {
    blockdev --flushbufs /dev/mapper/raw-store
    /live count /dev/mapper/raw-store
}

# merge_until_half OPTION...: the fault comes when half of the exceptions are gone. Until then the origin is slow.
merge_until_half() {
    well origin 40 | dmsetup create origin
    well store 0 | dmsetup create store
    faulty "$device" "$what" "$from" "$sectors" 40 | dmsetup load "$device"
    _all=$(left)
    merge "$@" &
    while [ "$(left)" -gt $((_all / 2)) ] && kill -0 $!; do
        usleep 10000
    done
    change "$device"
    wait
}

# merge_from_start OPTION...: the fault is there at the beginning.
merge_from_start() {
    for _device in origin store; do
        if [ $_device = "$device" ]; then
            faulty "$device" "$what" "$from" "$sectors" 0
        else
            well $_device 0
        fi | dmsetup create $_device
    done
    merge "$@"
}

# keep_state SLOT
keep_state() {
    blockdev --flushbufs /dev/vda
    dd if=/dev/vda of=/dev/vdb bs=1M count=16 skip=$(($1 * 16)) seek=$(($1 * 16)) conv=notrunc 2>dd.log
}

slot=0
while read -r name device what from sectors when options; do
    set_up $slot "$device"
    # shellcheck disable=SC2086 # words
    if [ "$when" = half ]; then
        merge_until_half $options
    else
        merge_from_start $options
    fi
    echo "ENDED $name $(cat code) $(left)"
    sed "s/^/SAID $name /" said
    sed "s/^/MERGED $name /" merged
    keep_state $slot
    echo "0 $(size_of "$device") linear /dev/mapper/raw-$device 0" | dmsetup load "$device"
    change "$device"
    merge --resume
    echo "RESUMED $name $(cat code) $(left)"
    dmsetup remove origin store broken raw-origin raw-store
    slot=$((slot + 1))
done </faults
