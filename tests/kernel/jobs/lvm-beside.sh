# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# shellcheck source-path=SCRIPTDIR
# Guest job: cowtool beside volumes of the same group, and beside LVM's own commands, on /dev/vda and /dev/vdb. What is
# shown: see /lvm-lib.sh.
# shellcheck source=../lvm-lib.sh
. /lvm-lib.sh

# first_sector VOLUME: of its first extent on its disk.
first_sector() {
    _extent=$(lvm_on lvs --noheadings -o seg_pe_ranges "vg0/$1" | sed -n 's/.*:\([0-9]*\)-.*/\1/p' | head -n 1)
    echo $((2048 + _extent * 256))
}

# held_by_table SECTOR: a device whose table is only loaded has one sector of the first disk.
held_by_table() {
    dmsetup create held --notable
    dmsetup load held --table "0 8 linear /dev/vda $1"
}

beside_active() {
    lvm_do lvchange -ay vg0/home
    call beside merge --quiet vg0/s1
    md5sum /dev/vg0/home | sed 's/^\([^ ]*\).*/HOME \1/'
    lvm_do lvchange -an vg0/home
    look beside vg0
}

over_active() {
    lvm_do lvchange -ay vg0/root
    call active merge --quiet vg0/s2
    views active vg0
    lvm_do lvchange -an vg0/root
}

over_loaded() {
    held_by_table "$(first_sector root)"
    call loaded merge --quiet vg0/s2
    dmsetup remove held
    held_by_table "$(first_sector home)"
    call elsewhere merge --dry-run --quiet vg0/s2
    dmsetup remove held
    look loaded vg0
}

over_foreign() {
    dmsetup create foreign --table "0 8 linear /dev/vda $(first_sector root)"
    call foreign merge --dry-run --quiet vg0/s3
    dmsetup remove foreign
}

# ends_in_time PROCESS: within three seconds.
ends_in_time() {
    _tries=0
    while kill -0 "$1" 2>/dev/null; do
        _tries=$((_tries + 1))
        [ $_tries -lt 30 ] || return 1
        usleep 100000
    done
}

# stands_still PROCESS: waits until it does (SIGSTOP); fails where it has ended.
stands_still() {
    while _state=$(grep '^State:' "/proc/$1/status" 2>/dev/null); do
        case $_state in
        *T*) return ;;
        *Z*) return 1 ;;
        esac
        usleep 20000
    done
    return 1
}

beside_commands() {
    /live stop 10 "/dev/vdb@$(($(first_sector s3) * 512))" cowtool merge --quiet --window=4K vg0/s3 2>/tmp/err &
    merge=$!
    stands_still $merge || {
        sed 's/^/SAID lock /' /tmp/err
        return 1
    }
    lvs --devices "$devices" vg0 >/dev/null 2>&1 &
    lvs=$!
    if ends_in_time $lvs; then echo 'LVS went on'; else echo 'LVS waits'; fi
    kill -CONT $merge
    code=0
    wait $merge || code=$?
    sed 's/^/SAID lock /' /tmp/err
    echo "CODE lock $code"
    if ends_in_time $lvs; then echo 'LVS went on'; else echo 'LVS waits'; fi
    look lock vg0
}

use_disks /dev/vda /dev/vdb
make_group vg0 /dev/vda /dev/vdb
new_volume vg0 home 8 /dev/vda
sectors fill /dev/vg0/home 0 "$(sectors_of /dev/vg0/home)" 7
md5sum /dev/vg0/home | sed 's/^\([^ ]*\).*/HOME \1/'
views made vg0
lvm_do vgchange -an vg0
beside_active
over_active
over_loaded
over_foreign
beside_commands
