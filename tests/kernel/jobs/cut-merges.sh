# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# shellcheck source-path=SCRIPTDIR
# Guest job: the kernel merges each pair named in /cases (NAME CHUNK ORIGIN STORE) until no more than /percent of its
# exceptions are left, then CUT-NOW is printed: `guest --cut-at CUT-NOW` pulls the plug. The origins are slow, so that
# the cut lies in the middle. A merge that has come so far waits for the others: the device under it is suspended,
# with what is in flight at that moment half done. The last one just runs on.
# shellcheck source=../guest-lib.sh
. /lib.sh
read -r percent </percent
last=$(tail -n 1 /cases | cut -d ' ' -f 1)

# delay_for EXCEPTIONS: a whole merge takes about 5 s, where each step takes 10 ms under emulation, and the delay.
delay_for() {
    _delay=$((5000 / $1 - 10))
    echo $((_delay > 0 ? _delay : 1))
}

while read -r name chunk origin store; do
    _status=$(snap_status "$origin" "$store" "$chunk")
    all=$(((${_status%%/*} - ${_status##* }) / chunk))
    slow "$name.slow" "$origin" "$(delay_for $all)"
    merge_start "$name" "/dev/mapper/$name.slow" "$store" "$chunk"
    while left=$(merge_left "$name") && [ "$left" -gt $((all * chunk * percent / 100)) ]; do
        usleep 10000
    done
    [ "$name" = "$last" ] || dmsetup suspend --noflush --nolockfs "$name.slow"
    echo "LEFT $name $((left / chunk)) of $all"
done </cases
echo CUT-NOW
sleep 60
