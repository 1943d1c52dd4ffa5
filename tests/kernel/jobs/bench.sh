# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# shellcheck source-path=SCRIPTDIR
# Guest job: the kernel and cowtool merge copies of one pair on disks of the same kind, one after the other.
# /dev/vda and vdb: the kernel's origin and store; vdc and vdd: cowtool's. Prints "BENCH WHO SECONDS".
# shellcheck source=../guest-lib.sh
. /lib.sh

uptime_seconds() {
    cut -d ' ' -f 1 /proc/uptime
}

report() { # WHO BEGIN END
    echo "BENCH $1 $(awk -v a="$2" -v b="$3" 'BEGIN {print b - a}')"
}

begin=$(uptime_seconds)
merge_start merge /dev/vda /dev/vdb 8
merge_wait merge
report kernel "$begin" "$(uptime_seconds)"
begin=$(uptime_seconds)
cowtool merge --quiet /dev/vdc /dev/vdd
report cowtool "$begin" "$(uptime_seconds)"
cmp /dev/vda /dev/vdc
echo "BENCH same bytes"
