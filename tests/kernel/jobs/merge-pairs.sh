# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# shellcheck source-path=SCRIPTDIR
# Guest job: the kernel merges every pair named in /cases (NAME CHUNK ORIGIN STORE) to the end. Prints of each the
# status of the store before it, and as it then is on the disk.
# shellcheck source=../guest-lib.sh
. /lib.sh
while read -r name chunk origin store; do
    echo "UNMERGED $name $(snap_status "$origin" "$store" "$chunk")"
    merge_start merge "$origin" "$store" "$chunk"
    merge_wait merge
    echo "MERGED $name $(snap_status "$origin" "$store" "$chunk")"
done </cases
