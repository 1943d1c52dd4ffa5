# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A real lvm2 of its own: groups on loop devices, without the device mapper and without this machine's groups. For root.
#
# lvm_begin FOLDER comes first, lvm_end last. lvm2 works on metadata alone: `lvconvert -s -Zn` makes a snapshot of two
# volumes, and whatever else is needed is put into the text that vgcfgbackup writes. What lvm2 says goes to FOLDER/log.

lvm_folder='' lvm_loops=()

lvm_begin() {
    [ "$(id -u)" -eq 0 ] || { echo 'loop devices need root' >&2 && return 1; }
    PATH=$PATH:/usr/sbin:/sbin
    lvm_folder=$1 LVM_SYSTEM_DIR=$1/etc LVM_SUPPRESS_FD_WARNINGS=1
    export LVM_SYSTEM_DIR LVM_SUPPRESS_FD_WARNINGS
    mkdir -p "$1/etc" "$1/lock"
    lvm_configure
}

# lvm_configure: lvm2 looks at the attached loop devices only.
lvm_configure() {
    local loop accepted=''
    for loop in "${lvm_loops[@]}"; do
        accepted+="\"a|^$loop\$|\", "
    done
    cat >"$LVM_SYSTEM_DIR/lvm.conf" <<END
devices {
    filter = [ $accepted"r|.*|" ]
    use_devicesfile = 0
    hints = "none"
    obtain_device_list_from_udev = 0
    external_device_info_source = "none"
}
global {
    use_lvmpolld = 0
    locking_dir = "$lvm_folder/lock"
}
activation {
    udev_sync = 0
    udev_rules = 0
    monitoring = 0
}
backup {
    backup = 0
    archive = 0
}
END
}

# attach FILE [START SECTORS [LOSETUP-OPTION...]]: sets `loop` to a device of the file, or of these sectors of it.
attach() {
    local file=$1 part=()
    [ -z "${2:-}" ] || part=(--offset $(($2 * 512)) --sizelimit $(($3 * 512)))
    loop=$(losetup --find --show "${part[@]}" "${@:4}" "$file")
    lvm_loops+=("$loop")
    lvm_configure
}

# detach_all: what was written is in the files then.
detach_all() {
    local attached
    for attached in "${lvm_loops[@]}"; do
        losetup --detach "$attached"
    done
    lvm_loops=()
}

lvm_end() {
    detach_all
}

# lvm2 COMMAND ARGUMENT...: its stdout is ours.
lvm2() {
    lvm "$@" --driverloaded n 2>>"$lvm_folder/log"
}

# lvm2_do COMMAND ARGUMENT...: it must succeed, and has nothing to tell.
lvm2_do() {
    lvm2 "$@" >>"$lvm_folder/log" || {
        echo "lvm $*:" >&2
        tail -n 5 "$lvm_folder/log" >&2
        return 1
    }
}

# new_volume GROUP NAME EXTENTS [OPTION-OR-PV...]
new_volume() {
    lvm2_do lvcreate -an -Zn -Wn -l "$3" -n "$2" "$1" "${@:4}"
}

# new_snapshot GROUP ORIGIN VOLUME CHUNK: VOLUME becomes the store of a snapshot of ORIGIN, and keeps its bytes.
new_snapshot() {
    lvm2_do lvconvert -y -s -Zn -c "$4" "$1/$2" "$1/$3"
}

# edit_group GROUP SED-SCRIPT: puts the group's text back, edited.
edit_group() {
    lvm2_do vgcfgbackup -f "$lvm_folder/text" "$1"
    sed -i "$2" "$lvm_folder/text"
    lvm2_do vgcfgrestore --force -y -f "$lvm_folder/text" "$1"
}

# map_of GROUP NAME=FILE[:START]...: what lvm2 says of the group's extents, as tests/tools/extents reads it; it fails where
# lvm2 does not take the group. There is a NAME for each loop device, in the order in which they were attached: how the map
# calls it, and the image that it is in.
map_of() {
    local group=$1 names='' i=0 pv name file start loop first
    local -A first_of=()
    shift
    while IFS='|' read -r loop first; do
        first_of[${loop##* }]=$first
    done < <(lvm2 pvs --noheadings --separator '|' --units s --nosuffix -o pv_name,pe_start)
    for pv in "$@"; do
        name=${pv%%=*} file=${pv#*=} start=0 loop=${lvm_loops[i]}
        [[ $file != *:* ]] || start=${file#*:}
        [ -z "${first_of[$loop]:-}" ] || echo "pv|$name|${file%:*}|$start|${first_of[$loop]}"
        names+="s,$loop:,$name:,g;"
        i=$((i + 1))
    done
    lvm2 lvs -a --noheadings --separator '|' --units s --nosuffix -O lv_name,seg_start_pe \
        -o lv_name,segtype,seg_start_pe,seg_size_pe,seg_pe_ranges,origin,chunk_size,stripe_size,vg_extent_size "$group" |
        sed "s/^ */lv|/;$names"
    return "${PIPESTATUS[0]}"
}
