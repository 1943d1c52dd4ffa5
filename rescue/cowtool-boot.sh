# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# What the hooks of initramfs-tools, dracut and mkinitcpio have in common; cowtool-initramfs(7) says
# what happens. An initramfs has few programs: besides cowtool, this calls lvm, dmsetup, udevadm,
# modprobe, mv and cat.
#
# Who sources it for more than cowtool_asked and cowtool_hold defines these:
#   root_is_there          succeeds once the root's device is there
#   activate_groups NAME.. LVM activates of these groups what this initramfs would
#   keep_waiting           waits a moment for what is missing; 1: that was long enough;
#                          2: whoever calls cowtool_at_boot does it again later
#   open_shell             for somebody who reads what cowtool_help says

cowtool_result=/run/cowtool.json
cowtool_finished=/run/cowtool.finished
: "${cowtool_missing=}" # what the last attempt missed
: "${cowtool_known=}"   # what was told before
cowtool_activated=       # the disks of which LVM has activated all groups

# cowtool_asked: prints what the kernel's command line asks for, "pending" or names of snapshots.
# Fails where it asks for nothing.
cowtool_asked() (
    set -f
    read -r line </proc/cmdline
    asked=
    for word in $line; do
        case $word in
        cowtool.merge=?* | rd.cowtool.merge=?*) asked=$asked,${word#*=} ;;
        esac
    done
    IFS=', '
    # shellcheck disable=SC2086 # words
    set -- ${asked#,}
    IFS=' '
    echo "$*"
    [ $# -gt 0 ]
)

# cowtool_say LEVEL TEXT: on the console, and in the kernel's log.
cowtool_say() {
    echo "cowtool: $2" >&2
    echo "<$1>cowtool: $2" >/dev/kmsg
}

# cowtool_is_new TEXT: asked for the first time.
cowtool_is_new() {
    case $cowtool_known in
    *"<$1>"*) return 1 ;;
    esac
    cowtool_known="$cowtool_known<$1>"
}

# cowtool_say_once LEVEL TEXT: whoever waits for the root tries again each second.
cowtool_say_once() {
    ! cowtool_is_new "$2" || cowtool_say "$@"
}

# ---- LVM's activation ----

# cowtool_rules SUFFIX: prints the files of udev's rules about LVM that end in SUFFIX.
cowtool_rules() {
    for _rules in /etc/udev/rules.d/*lvm*"$1" /lib/udev/rules.d/*lvm*"$1" /usr/lib/udev/rules.d/*lvm*"$1"; do
        [ ! -f "$_rules" ] || echo "$_rules"
    done
}

# cowtool_activates FILE: these rules make LVM activate volumes.
cowtool_activates() {
    while read -r _line; do
        case $_line in
        \#*) ;;
        *pvscan* | *vgchange* | *lvm_scan*) return 0 ;;
        esac
    done <"$1"
    return 1
}

# cowtool_hold: a disk that appears makes LVM activate nothing, until cowtool_release. To be called
# before udev is started.
cowtool_hold() {
    for _held in $(cowtool_rules .rules); do
        # Where /lib is /usr/lib, a file is listed twice.
        if [ -f "$_held" ] && cowtool_activates "$_held"; then
            mv "$_held" "$_held.held"
        fi
    done
}

# cowtool_disks: prints the names of the block devices, but for those of the device mapper.
cowtool_disks() (
    for disk in /sys/class/block/*; do
        case $disk in
        */dm-*) ;;
        *) echo "$disk" ;;
        esac
    done
)

# cowtool_release: LVM activates what it may: what is there, unless that was done already, and what
# will come.
cowtool_release() {
    for _held in $(cowtool_rules .rules.held); do
        [ ! -f "$_held" ] || mv "$_held" "${_held%.held}"
    done
    udevadm control --reload
    if [ "$cowtool_activated" != "$(cowtool_disks)" ]; then
        udevadm trigger --action=add --subsystem-match=block
        udevadm settle
    fi
}

# cowtool_root_comes DISKS [GROUP MISSING]...: the root's device is there, or comes once those of
# these groups are activated of which no disk is missing. All groups on these disks are named.
cowtool_root_comes() {
    root_is_there && return
    _disks=$1
    shift
    _whole=
    while [ $# -gt 1 ]; do
        case $2 in
        0) _whole="$_whole $1" ;;
        # What its last disk told udev while the rules were held is to be told once more.
        *) _disks=some ;;
        esac
        shift 2
    done
    [ -n "$_whole" ] || return
    # shellcheck disable=SC2086 # words
    activate_groups $_whole >/dev/null
    root_is_there || udevadm settle
    root_is_there && cowtool_activated=$_disks
}

# cowtool_kernel_merges: the kernel has the target that LVM needs to activate the origin of a marked
# snapshot.
cowtool_kernel_merges() {
    modprobe -q dm-snapshot
    case $(dmsetup targets 2>/dev/null) in
    *snapshot-merge*) return 0 ;;
    esac
    return 1
}

# cowtool_remove_merged: where it has not, LVM can activate the origin after a marked snapshot is
# gone that was merged.
cowtool_remove_merged() {
    _merged=$(cowtool_stores '"exceptions":0,' '"marked":true,')
    [ -n "$_merged" ] && ! cowtool_kernel_merges || return 0
    for _name in $_merged; do
        cowtool_say 6 "$_name is merged, and the kernel has no snapshots: LVM removes it"
        lvm lvremove -y -A n "$_name"
    done
}

# ---- what cowtool tells ----

# cowtool_stores PAIR...: prints the names of the stores in whose object scan has each PAIR of key
# and value.
cowtool_stores() (
    stores=$(cowtool scan --json 2>/dev/null)
    set -f
    IFS='{'
    for store in $stores; do
        name=${store#'"store":"'}
        [ "$name" != "$store" ] || continue
        for pair in "$@"; do
            case $store in
            *"$pair"*) ;;
            *) continue 2 ;;
            esac
        done
        echo "${name%%\"*}"
    done
)

# cowtool_is_unfinished WORD: a merge that cowtool, or another version of it, began is not at its
# end. (Damage makes a record look stale: that counts for nothing.)
cowtool_is_unfinished() {
    # shellcheck disable=SC2046 # words
    [ "$1" != pending ] || set -- $(cowtool_stores)
    for _name in "$@"; do
        case $(cowtool inspect --json "$_name" 2>/dev/null) in
        *'"role":"merging"'* | *'"state":"merging","record":null'*) return 0 ;;
        esac
    done
    return 1
}

# cowtool_is_gone NAME: its group is there, and has no such volume: it was merged and removed at
# another boot.
cowtool_is_gone() {
    case $(cowtool inspect --json "$1" 2>/dev/null) in
    *'has no such volume"'*) return 0 ;;
    esac
    return 1
}

# ---- the merges ----

# cowtool_merge WORD [OPTION...]: what it asks for. Returns cowtool's exit code.
cowtool_merge() {
    _word=$1
    shift
    if [ "$_word" = pending ]; then
        cowtool merge --pending --json --progress=log "$@"
    else
        cowtool merge --resume --json --progress=log "$@" "$_word"
    fi
}

# cowtool_note WORD CODE RESULT: keeps the result, unless an attempt before had the same and nothing
# was merged since.
cowtool_note() {
    _new=no
    ! cowtool_is_new "$1 $2" || _new=yes
    case $_new$3 in
    yes* | *'"merged":'[1-9]*) ;;
    *) return ;;
    esac
    # echo might expand backslashes.
    cat >>$cowtool_result <<END
$3
END
}

# cowtool_judge WORD CODE: what becomes of the boot after this exit code; returns what cowtool_try
# does.
cowtool_judge() {
    case $2 in
    0) cowtool_say_once 6 "$1: done" ;;
    6) cowtool_say_once 6 "$1: no COW store" ;;
    2 | 5 | 64)
        if cowtool_is_unfinished "$1"; then
            cowtool_say 3 "$1: exit code $2, and a merge is unfinished"
            return 1
        fi
        cowtool_say_once 4 "$1: exit code $2; nothing was written, the boot goes on"
        ;;
    8)
        if cowtool_is_gone "$1"; then
            cowtool_say_once 6 "$1: there is no such snapshot any more"
            return 0
        fi
        [ "$cowtool_missing" = "$1" ] || cowtool_say 4 "$1: not there yet"
        cowtool_missing=$1
        return 2
        ;;
    *)
        cowtool_say 3 "$1: exit code $2"
        return 1
        ;;
    esac
}

# cowtool_try: one attempt at all that is asked for, in its order. Returns 0: the boot goes on; 1:
# it stops, with what cowtool_help says; 2: something is not there yet.
cowtool_try() {
    udevadm settle
    unset _groups
    for cowtool_word in $(cowtool_asked); do
        # Whoever waits does not want to read each second what is missing.
        if [ "$cowtool_missing" = "$cowtool_word" ]; then
            cowtool_merge "$cowtool_word" --dry-run >/dev/null 2>&1
            [ $? -ne 8 ] || cowtool_is_gone "$cowtool_word" || return 2
            cowtool_missing=
        fi
        # What appears from here on is activated after the next attempt only.
        if [ "$cowtool_word" = pending ]; then
            _seen=$(cowtool_disks)
            _groups=$(lvm vgs --noheadings -o vg_name,vg_missing_pv_count 2>/dev/null)
        fi
        _result=$(cowtool_merge "$cowtool_word")
        _code=$?
        cowtool_note "$cowtool_word" $_code "$_result"
        cowtool_judge "$cowtool_word" $_code || return
    done
    case $(cat $cowtool_result) in
    *'"merged":'* | *'"error":'*) cowtool_remove_merged ;;
    esac
    # Which disks those of other merges are is not known; the root's are waited for.
    # shellcheck disable=SC2086 # words
    [ -z "${_groups+x}" ] || cowtool_root_comes "$_seen" $_groups || return 2
}

# cowtool_help: for the head of a shell.
cowtool_help() {
    if [ "$cowtool_word" = pending ]; then
        set -- scan 'merge --pending'
    else
        set -- "verify $cowtool_word" "merge --resume $cowtool_word"
    fi
    cat >&2 <<END

cowtool: $cowtool_word: not finished, and so the root is not mounted. Two commands matter here:
  cowtool $1
    says what is there and what is wrong
  cowtool $2
    continues the merge
After 'exit' the boot tries it once more.

END
}

# cowtool_is_due: something is asked for, and cowtool_at_boot has not come to its end.
cowtool_is_due() {
    [ ! -e $cowtool_finished ] && cowtool_asked >/dev/null
}

# cowtool_at_boot: all that is asked for, until the boot may go on, or is to come back later.
cowtool_at_boot() {
    while true; do
        cowtool_try
        case $? in
        0) break ;;
        2)
            keep_waiting
            case $? in
            0) continue ;;
            2) return 0 ;;
            esac
            # A root that does not come, without a merge that waits: that is told where the root is
            # mounted.
            [ -n "$cowtool_missing" ] || break
            ;;
        esac
        cowtool_help
        open_shell
    done
    : >$cowtool_finished
    cowtool_release
}
