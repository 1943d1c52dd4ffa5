# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# shellcheck source-path=SCRIPTDIR
# Guest job: cowtool merges the pairs named in /merges (NAME DISK LOG ORIGIN_SECTORS STORE_SECTORS OPTION...). Origin
# and store are the beginning and the end of DISK; dm-log-writes writes to LOG what reaches either, in one order.
# shellcheck source=../guest-lib.sh
. /lib.sh
while read -r name disk log origin_sectors store_sectors options; do
    sectors=$(sectors_of "$disk")
    dmsetup create logged --table "0 $sectors log-writes $disk $log"
    dmsetup create origin --table "0 $origin_sectors linear /dev/mapper/logged 0"
    dmsetup create store --table "0 $store_sectors linear /dev/mapper/logged $((sectors - store_sectors))"
    # shellcheck disable=SC2086 # words
    cowtool merge --quiet $options /dev/mapper/origin /dev/mapper/store
    dmsetup remove origin
    dmsetup remove store
    dmsetup remove logged
    echo "LOGGED $name"
done </merges
