# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# shellcheck source-path=SCRIPTDIR
# Guest job: whole disks with partition tables. /dev/vda has a GPT and the group vga in its second partition, /dev/vdb an
# MBR and vgb in its logical one, /dev/vdc the group vgc without partitions. /step says what is done, and with which of them:
#   make GROUP...    makes them: a volume root and its snapshots s1 and s2; shows them
#   merge GROUP...   cowtool merges s2 of each, by name alone, and prints CODE GROUP EXIT-CODE; shows them
# What is shown: see /lvm-lib.sh.
# shellcheck source=../lvm-lib.sh
. /lvm-lib.sh

make_group_on() {
    new_group "$1" "$2"
    new_volume "$1" root 10
    sectors fill "/dev/$1/root" 0 "$(sectors_of "/dev/$1/root")" "$3"
    new_snapshot "$1" root s1 4k 14
    random_writes "$3" 30 "/dev/$1/root" "/dev/$1/s1"
    new_snapshot "$1" root s2 8k 14
    random_writes "$3" 30 "/dev/$1/root" "/dev/$1/s2"
    views "made-$1" "$1"
    lvm_do vgchange -an "$1"
    map "$1" "$1"
}

# The tables count in blocks of the disk, of which there are 256 or 2048 in a MiB.
make() {
    mib=$((1048576 / $(blockdev --getss /dev/vda)))
    printf 'label: gpt\nstart=%s, size=%s\nstart=%s, size=%s\n' $mib $mib $((2 * mib)) $((10 * mib)) |
        sfdisk --quiet /dev/vda
    printf 'label: dos\nstart=%s, size=%s\nstart=%s, size=%s, type=5\nstart=%s, size=%s, type=8e\n' \
        $mib $mib $((2 * mib)) $((13 * mib)) $((3 * mib)) $((10 * mib)) | sfdisk --quiet /dev/vdb
    for group in $groups; do
        case $group in
        vga) make_group_on vga /dev/vda2 1 ;;
        vgb) make_group_on vgb /dev/vdb5 2 ;;
        vgc) make_group_on vgc /dev/vdc 3 ;;
        esac
    done
}

merge() {
    for group in $groups; do
        code=0
        cowtool merge --quiet "$group/s2" || code=$?
        echo "CODE $group $code"
        look "merged-$group" "$group"
    done
}

read -r step groups </step
use_disks /dev/vda2 /dev/vdb5 /dev/vdc
$step
