#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# Boots of a real Debian whose initramfs dracut made.

setup() {
    bats_require_minimum_version 1.5.0
    # shellcheck source=boot.bash
    . "$BATS_TEST_DIRNAME/boot.bash"
    kind=dracut
    parameter=rd.cowtool.merge kernel_parameters='rd.lvm.lv=vg0/root'
    cd "$BATS_TEST_TMPDIR" || exit
}

# bats test_tags=short
@test "dracut: a marked snapshot of the running root is merged; the other snapshot keeps its view" {
    marked_snapshot
}

@test "dracut: the same where neither the initramfs nor the kernel has dm-snapshot" {
    kernel_without_snapshots
}

@test "dracut: ten power cuts: no mixture is ever mounted, and the root is right at last" {
    ten_power_cuts made vg0/before
}

@test "dracut: a boot without the parameter after a cut: of a marked merge, the kernel goes on" {
    boot_without_parameter_marked
}

@test "dracut: a boot without the parameter after a cut: of an unmarked merge, a mixture is mounted, as the manual says" {
    boot_without_parameter_unmarked
}

@test "dracut: a disk that appears late is waited for" {
    late_disk
}

@test "dracut: a snapshot that is gone holds nothing up" {
    nothing_to_do
}

@test "dracut: a boot takes no 0.2 s longer, and no second where it asks for a merge and none was begun" {
    boot_time
}

@test "dracut: a damaged store: it is told, and the boot goes on" {
    damaged_store
}

@test "dracut: a damaged store of an unfinished merge: a shell, and nothing is mounted" {
    damaged_store_of_unfinished_merge
}

@test "dracut: the same without systemd" {
    kind=dracut-plain
    marked_snapshot
}

@test "dracut: the shell without systemd" {
    kind=dracut-plain
    damaged_store_of_unfinished_merge
}
