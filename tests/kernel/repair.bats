#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154
# Stores with a defect, and the same repaired, loaded by a real kernel: tests/defects-table shows all of it.

setup_file() {
    bats_require_minimum_version 1.5.0
    setup
    see_defects "$offered"
}

setup() {
    # shellcheck source=common.bash
    . "$BATS_TEST_DIRNAME/common.bash"
    # shellcheck source=boot.bash
    . "$BATS_TEST_DIRNAME/boot.bash"
    # shellcheck source=defects.bash
    . "$BATS_TEST_DIRNAME/defects.bash"
    offered=$images/defects
}

@test "repair: verify finds every defect, repair mends it, and verify finds nothing then" {
    for name in $("$defects"); do
        needs_of "$name"
        echo "$name: $(<"$offered/$name.codes"), to be: $before $during $after"
        [ "$(<"$offered/$name.codes")" = "$before $during $after" ]
        grep -q "\"code\":\"$code\"" "$offered/$name.found"
    done
}

@test "repair: the kernel loads every repaired store, and shows the right view" {
    for name in $("$defects"); do
        echo "$name: $(kernel_says "$offered" "$name.repaired")"
        [ "$(kernel_says "$offered" "$name.repaired")" = 'loads it, the view is right' ]
    done
}

@test "repair: the kernel finds no reason to write to a repaired store" {
    run -1 grep -E '^CHANGED .*repaired$' "$offered/console"
}

# What the kernel says to the defects: next to nothing of what verify says.
@test "repair: what the kernel says to each defect, and what blkid says" {
    while IFS='|' read -r name blkid kernel; do
        read -r name <<<"$name"
        read -r blkid <<<"$blkid"
        read -r kernel <<<"$kernel"
        echo "$name: blkid: $(<"$offered/$name.blkid"), the kernel $(kernel_says "$offered" "$name.broken")"
        [ "$(<"$offered/$name.blkid")" = "$blkid" ]
        [ "$(kernel_says "$offered" "$name.broken")" = "$kernel" ]
    done <<'END'
header-magic        | nothing         | refuses it: Failed to read snapshot metadata (-ENXIO)
header-blank        | nothing         | makes a new, empty store
header-race         | nothing         | makes a new, empty store
header-version      | DM_snapshot_cow | refuses it: Failed to read snapshot metadata (-EINVAL)
header-chunk-size   | DM_snapshot_cow | refuses it: Failed to read snapshot metadata (-EINVAL)
header-invalid      | DM_snapshot_cow | loads it as invalid
header-slack        | DM_snapshot_cow | loads it, the view is right
damaged-record      | DM_snapshot_cow | loads it, the view is right
stale-record        | DM_snapshot_cow | loads it, the view is right
store-truncated     | DM_snapshot_cow | loads it; a part is unreadable
area-missing        | DM_snapshot_cow | refuses it: Failed to read snapshot metadata (-EIO)
entry-too-large     | DM_snapshot_cow | loads it, the view differs
entry-in-metadata   | DM_snapshot_cow | loads it, the view differs
metadata-reused     | DM_snapshot_cow | loads it, the view differs
entry-beyond-device | DM_snapshot_cow | loads it; a part is unreadable
entry-beyond-origin | DM_snapshot_cow | loads it, the view is right
duplicate-old       | DM_snapshot_cow | loads it, the view is right
duplicate-new       | DM_snapshot_cow | loads it, the view differs
dirty-tail          | DM_snapshot_cow | loads it, the view is right
out-of-order        | DM_snapshot_cow | loads it, the view is right
leaked-chunks       | DM_snapshot_cow | loads it, the view is right
merge-unfinished    | DM_snapshot_cow | loads it, the view is right
END
}
