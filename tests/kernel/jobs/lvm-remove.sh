# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# shellcheck source-path=SCRIPTDIR
# Guest job: the group vg0 on /dev/vda and /dev/vdb, and a kernel without dm-snapshot. Does what /advice has, line by line,
# and lists what there is then; then removes the other snapshots, as no origin can be active with them here, and shows root.
# shellcheck source=../lvm-lib.sh
. /lvm-lib.sh
use_disks /dev/vda /dev/vdb
rmmod dm-snapshot
find /lib/modules -name 'dm-snapshot.ko' -exec rm {} +
while read -r line; do
    echo "ADVICE $line"
    sh -c "$line"
done </advice
volumes after vg0
lvm_do lvremove -y vg0/s2 vg0/s3
look alone vg0
