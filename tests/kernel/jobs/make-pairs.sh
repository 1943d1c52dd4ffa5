# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# shellcheck source-path=SCRIPTDIR
# Guest job: makes the pairs named in /cases (NAME CHUNK ORIGIN STORE) by the writes in /NAME.writes. Prints of each
# the status of the snapshot that took the writes, and that of the store read anew from the disk.
# shellcheck source=../guest-lib.sh
. /lib.sh
while read -r name chunk origin store; do
    snap_create pair "$origin" "$store" "$chunk"
    sectors write "/$name.writes" /dev/mapper/pair-origin /dev/mapper/pair-snap
    echo "WRITTEN $name $(status pair-snap)"
    snap_remove pair
    echo "LOADED $name $(snap_status "$origin" "$store" "$chunk")"
done </cases
