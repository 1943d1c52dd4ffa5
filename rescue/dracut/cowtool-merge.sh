#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The merges that are asked for, before LVM activates anything: each time that udev has settled, until they are done.
# The initqueue sources it. cowtool-initramfs(7)
# shellcheck disable=SC2154 # root is dracut's

# shellcheck source=/dev/null
. /usr/share/cowtool/cowtool-boot.sh

root_is_there() {
    [ "${root%%:*}" != block ] || [ -e "${root#block:}" ]
}

# As dracut's own lvm_scan does: of what rd.lvm.lv names nothing else is activated.
activate_groups() {
    _volumes=$(getargs rd.lvm.lv)
    [ -n "$_volumes" ] || lvm vgchange -ay --sysinit "$@"
    for _volume in $_volumes; do
        case " $* " in
        *" ${_volume%%/*} "*) lvm lvchange --yes -K -ay --sysinit "$_volume" ;;
        esac
    done
}

# The initqueue calls again, and says when it was long enough for a root.
keep_waiting() {
    [ -z "$cowtool_late" ] || return 1
    return 2
}

open_shell() {
    emergency_shell -n cowtool 'a merge is not finished'
}

! cowtool_is_due || cowtool_at_boot
