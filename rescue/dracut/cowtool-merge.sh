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

cowtool_at_boot() {
    [ ! -e /run/cowtool.finished ] && cowtool_asked >/dev/null || return
    while true; do
        cowtool_try
        case $? in
        0) break ;;
        2)
            # Nobody waits longer than for a root. One that does not come, without a merge that waits, is told by the initqueue.
            [ -n "$cowtool_late" ] || return
            [ -n "$cowtool_missing" ] || break
            ;;
        esac
        cowtool_help
        emergency_shell -n cowtool 'a merge is not finished'
    done
    : >/run/cowtool.finished
    cowtool_release
}

cowtool_at_boot
