# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # kind and parameter are of who sources this
# What the files of boots have in common. The disk `made` has, beside the root, its snapshots "before" and "other"; in `marked`, LVM was told by
# the running root to merge "before". Each test boots a copy, with the initramfs of $kind.

here=$BATS_TEST_DIRNAME
cache=$here/cache
cowtool=${COWTOOL:-$here/../../cowtool}
# The store of "before" begins after the partition's start, LVM's metadata and the 240 extents of the root: at 242 MiB.
store_at=$((242 << 20))

# The options that type what comes next at the prompt of the shell. (systemd asks for Enter before.)
in_shell=(--type 'Control-D' '' --type '^([(]initramfs[)]|[^ ]*#) ')

# copy FROM TO
copy() {
    cp --sparse=always "$cache/$1" "$2"
}

# boot LOG PARAMETERS DISK [OPTION...]: the console goes to LOG, and to stderr if it goes wrong.
boot() {
    "$here/machine" "${@:4}" "$cache/${initramfs:-$kind}.img" "${kernel_parameters:-} $2" "$3" >"$1" || {
        cat "$1" >&2
        return 1
    }
}

# told LOG WORD: what the judge said of it.
told() {
    sed -n "s/^JUDGE $2 *//p" "$1"
}

# root_is LOG first|changed: the root that was mounted has the data of the snapshot "before"; of the root before any merge.
root_is() {
    local wanted
    wanted=$(told "$cache/make.log" root)
    [ "$2" = first ] || wanted=$(told "$cache/mark.log" root)
    [ -n "$wanted" ]
    [ "$(told "$1" root)" = "$wanted" ]
}

# other_is_kept LOG: the other snapshot shows what it did before any merge.
other_is_kept() {
    [ "$(told "$1" other)" = "$(told "$cache/mark.log" other)" ]
}

# volumes LOG: the names of the volumes that LVM has at last.
volumes() {
    told "$1" lv | awk '{print $1}' | tr '\n' ' '
}

# heard LOG REGEX
heard() {
    grep -qE "$2" "$1" || {
        cat "$1" >&2
        return 1
    }
}

# ---- the cases ----

marked_snapshot() {
    copy marked disk
    boot log "$parameter=pending judge=poll" disk
    root_is log first
    other_is_kept log
    [ "$(volumes log)" = 'other root ' ]
    [ "$(told log kmsg)" = 'cowtool: pending: done' ]
    told log json | jq -e '.pending[0].store == "vg0/before" and .pending[0].exceptions_left == 0'
}

kernel_without_snapshots() {
    copy alone disk
    initramfs=$kind-bare boot log "$parameter=pending" disk
    root_is log first
    [ "$(volumes log)" = 'root ' ]
    heard log 'cowtool: vg0/before is merged, and the kernel has no snapshots: LVM removes it'
}

# cuts DISK WORD MEGABYTES...: a boot for each, cut off after that much was written. Each cut is within the merge.
cuts() {
    local disk=$1 word=$2 megabytes
    shift 2
    for megabytes in "$@"; do
        boot "cut-$megabytes.log" "$parameter=$word" "$disk" --cut-after $((megabytes << 20))
        [ -z "$(told "cut-$megabytes.log" root)" ]
        "$cowtool" inspect --json --disk="$disk" vg0/before >store.json 2>/dev/null
        "$here/../check-json" store.json
        jq -e '.record.role == "merging" and .exceptions > 0' store.json >/dev/null
    done
}

# ten_power_cuts FROM WORD
ten_power_cuts() {
    copy "$1" disk
    cuts disk "$2" 1 4 8 13 18 23 28 36 2 3
    heard cut-36.log ': [0-9]+%, .* MiB of 37'
    boot log "$parameter=$2" disk
    root_is log first
    other_is_kept log
}

# The kernel takes a marked merge over; what is written then stays.
boot_without_parameter_marked() {
    copy marked disk
    cuts disk pending 53
    boot without.log judge=use,poll disk
    root_is without.log first
    other_is_kept without.log
    [ "$(volumes without.log)" = 'other root ' ]
}

# Of one that LVM does not know of a mixture is mounted, as the manual warns. With the parameter, cowtool finds that somebody wrote to the
# root; in the shell it is told to go on, and the boot does.
boot_without_parameter_unmarked() {
    copy made disk
    cuts disk vg0/before 53
    boot without.log judge=use disk
    told without.log root | grep -q .
    ! root_is without.log first
    ! root_is without.log changed
    other_is_kept without.log
    boot log "$parameter=vg0/before" disk "${in_shell[@]}" 'cowtool merge --resume --force --quiet vg0/before; exit'
    heard log 'cowtool: vg0/before: not finished, and so the root is not mounted'
    root_is log first
    other_is_kept log
}

late_disk() {
    copy marked disk
    boot log "$parameter=pending" disk --late 25
    root_is log first
    other_is_kept log
}

nothing_to_do() {
    copy made disk
    boot log "$parameter=vg0/gone" disk
    root_is log changed
    heard log 'cowtool: vg0/gone: there is no such snapshot any more'
}

# uptime_of LOG: when the root is mounted.
uptime_of() {
    told "$1" uptime | tr -d .
}

# The guest counts instructions, 500 million of them a second, and hundredths of seconds.
boot_time() {
    local name more
    copy made disk
    initramfs=$kind-without boot without.log '' disk --counted
    boot silent.log '' disk --counted
    boot asked.log "$parameter=pending" disk --counted
    root_is asked.log changed
    for name in silent asked; do
        more=$(($(uptime_of $name.log) - $(uptime_of without.log)))
        echo "# $kind, $name: $more hundredths of a second more than the $(uptime_of without.log) without cowtool" >&3
        [ $more -lt "$([ $name = silent ] && echo 20 || echo 100)" ]
    done
}

# damage DISK: the first exception leads nowhere.
damage() {
    printf '\377%.0s' {1..16} | dd of="$1" bs=16 seek=$(((store_at + 4096) / 16)) conv=notrunc status=none
}

damaged_store() {
    copy made disk
    damage disk
    boot log "$parameter=vg0/before" disk
    heard log 'cowtool: vg0/before: exit code 2; nothing was written, the boot goes on'
    root_is log changed
}

damaged_store_of_unfinished_merge() {
    copy made disk
    cuts disk vg0/before 36
    damage disk
    boot log "$parameter=pending" disk "${in_shell[@]}" 'cowtool verify -q vg0/before; echo SHELL-$?' \
        --until '^SHELL-'
    heard log 'pending: not finished, and so the root is not mounted'
    heard log '^SHELL-2'
    [ -z "$(told log root)" ]
}
