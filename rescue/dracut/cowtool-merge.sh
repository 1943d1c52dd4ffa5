#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The merges that are asked for, before LVM activates anything: each time that udev has settled,
# until they are done. The initqueue sources it. cowtool-initramfs(7)
# shellcheck disable=SC2154 # root is dracut's

# shellcheck source=/dev/null
. /usr/share/cowtool/cowtool-boot.sh

root_is_there() {
    [ "${root%%:*}" != block ] || [ -e "${root#block:}" ]
}

# As dracut's own lvm_scan does: where rd.lvm.lv or rd.lvm.vg name something, nothing else is
# activated; and nothing at all where dracut removed the rules (rd.lvm=0, or nothing is named and
# there is no rd.auto).
activate_groups() {
    [ -n "$(cowtool_rules .rules.held)" ] || return 0
    _volumes=$(getargs rd.lvm.lv)
    for _volume in $_volumes; do
        case " $* " in
        *" ${_volume%%/*} "*) lvm lvchange --yes -K -ay --sysinit "$_volume" ;;
        esac
    done
    _named=$(getargs rd.lvm.vg)
    [ -n "$_volumes$_named" ] || _named=$*
    for _group in $_named; do
        case " $* " in
        *" $_group "*) lvm vgchange -ay --sysinit "$_group" ;;
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
