#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# dracut's module for merges at boot: cowtool-initramfs(7). It does nothing unless the kernel's command line asks for it.
# shellcheck disable=SC2154 # moddir is dracut's

check() {
    require_binaries cowtool lvm || return 1
    return 0
}

depends() {
    echo lvm
}

installkernel() {
    hostonly='' instmods dm-snapshot
}

install() {
    inst_multiple cowtool cat mv
    inst_simple /usr/share/cowtool/cowtool-boot.sh
    inst_hook pre-udev 30 "$moddir/cowtool-hold.sh"
    inst_hook initqueue/settled 00 "$moddir/cowtool-merge.sh"
    dracut_need_initqueue
}
