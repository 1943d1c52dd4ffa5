# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# shellcheck source-path=SCRIPTDIR
# Guest job: the views of snapshots by tables of cowtool's, without dm-snapshot. /dev/vda and /dev/vdb get the group vg0;
# /dev/vdc and /dev/vdd are an origin and its store. Shows what the kernel shows of vg0, then, as "table", what is mapped;
# and of the pair the hash of what is mapped, as VIEW table pair HASH.
# shellcheck source=../lvm-lib.sh
. /lvm-lib.sh

# mapped NAME ARGUMENT...: the hash of the device by the table that cowtool makes with these, for which nothing is written.
mapped() {
    _name=$1
    shift
    cowtool dump --quiet --map --format=table "$@" >/tmp/table
    dmsetup create --readonly "$_name" /tmp/table
    [ "$(blockdev --getro "/dev/mapper/$_name")" -eq 1 ]
    _hash=$(md5sum <"/dev/mapper/$_name")
    echo "VIEW table $_name ${_hash%% *}"
    dmsetup remove "$_name"
}

use_disks /dev/vda /dev/vdb
make_group vg0 /dev/vda /dev/vdb
views made vg0
lvm_do vgchange -an vg0
rmmod dm-snapshot
find /lib/modules -name 'dm-snapshot.ko' -exec rm {} +
for name in s1 s2 s3; do
    mapped "$name" "vg0/$name"
done
mapped pair --origin=/dev/vdc /dev/vdd
[ ! -e /sys/module/dm_snapshot ]
