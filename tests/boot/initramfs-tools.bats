#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# Boots of a real Debian whose initramfs initramfs-tools made.

setup() {
    bats_require_minimum_version 1.5.0
    # shellcheck source=boot.bash
    . "$BATS_TEST_DIRNAME/boot.bash"
    kind=initramfs-tools
    parameter=cowtool.merge
    cd "$BATS_TEST_TMPDIR" || exit
}

# bats test_tags=short
@test "initramfs-tools: a marked snapshot of the running root is merged; the other snapshot keeps its view" {
    marked_snapshot
}

@test "initramfs-tools: the same where neither the initramfs nor the kernel has dm-snapshot" {
    kernel_without_snapshots
}

@test "initramfs-tools: ten power cuts: no mixture is ever mounted, and the root is right at last" {
    ten_power_cuts marked pending
}

@test "initramfs-tools: a boot without the parameter after a cut: of a marked merge, the kernel goes on" {
    boot_without_parameter_marked
}

@test "initramfs-tools: a boot without the parameter after a cut: of an unmarked merge, a mixture is mounted, as the manual says" {
    boot_without_parameter_unmarked
}

@test "initramfs-tools: a disk that appears late is waited for" {
    late_disk
}

@test "initramfs-tools: a snapshot that is gone holds nothing up" {
    nothing_to_do
}

@test "initramfs-tools: a boot takes no 0.2 s longer, and no second where it asks for a merge and none was begun" {
    boot_time
}

@test "initramfs-tools: a damaged store: it is told, and the boot goes on" {
    damaged_store
}

@test "initramfs-tools: a damaged store of an unfinished merge: a shell, and nothing is mounted" {
    damaged_store_of_unfinished_merge
}
