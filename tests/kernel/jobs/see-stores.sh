# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# shellcheck source-path=SCRIPTDIR
# Guest job: loads each store named in /stores (NAME SECTORS) as a snapshot of /dev/vdb with chunks of 8 sectors, and
# reads all of what it shows. The stores lie on /dev/vda, 4096 sectors apart. Prints of each
#   REFUSED NAME REASON           the kernel does not load it, and the last thing it said
#   LOADED NAME HASH STATUS       it does: SHA-256 of the view ("unreadable" where a part cannot be read), the status
#   CHANGED NAME                  the kernel wrote to the store, of which nothing but the view was read
# shellcheck source=../guest-lib.sh
. /lib.sh
slot_sectors=4096 slot=0
echo 1 >/proc/sys/kernel/printk # the console is for what is said here

# What the kernel said last, without the time and its names for itself.
last_words() {
    dmesg | grep 'device-mapper' | grep -v 'ioctl: error adding target' | tail -n 1 | sed 's/^\[[^]]*\] //; s/^device-mapper: //; s/^table: [0-9:]*: snapshot: //'
}

hash_of() {
    if sha256sum "$1" >sum 2>sum.err; then
        cut -d ' ' -f 1 sum
    else
        echo unreadable
    fi
}

while read -r name sectors; do
    dmsetup create store --table "0 $sectors linear /dev/vda $((slot * slot_sectors))"
    before=$(hash_of /dev/mapper/store)
    dmesg -c >old.dmesg
    if dmsetup create seen --table "0 $(sectors_of /dev/vdb) snapshot /dev/vdb /dev/mapper/store P 8" 2>create.err; then
        hash=$(hash_of /dev/mapper/seen)
        echo "LOADED $name $hash $(status seen)"
        dmsetup remove seen
    else
        echo "REFUSED $name $(last_words)"
    fi
    blockdev --flushbufs /dev/mapper/store
    [ "$before" = "$(hash_of /dev/mapper/store)" ] || echo "CHANGED $name"
    dmsetup remove store
    slot=$((slot + 1))
done </stores
