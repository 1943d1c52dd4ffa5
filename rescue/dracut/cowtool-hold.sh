#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Before udev is started: where a merge is asked for, LVM activates nothing before it, and the
# initqueue does not end.
# shellcheck disable=SC2154 # hookdir is dracut's

# shellcheck source=/dev/null
. /usr/share/cowtool/cowtool-boot.sh
if cowtool_asked >/dev/null; then
    cowtool_hold
    echo '[ -e /run/cowtool.finished ]' >"$hookdir/initqueue/finished/cowtool.sh"
    echo 'cowtool_late=yes' >"$hookdir/initqueue/timeout/00-cowtool.sh"
fi
