#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The pairs in tests/fixtures, which a real kernel made, judged by what that kernel said and did.

bats_require_minimum_version 1.5.0

fixtures=$BATS_TEST_DIRNAME/../fixtures
cowtool=${COWTOOL:-$BATS_TEST_DIRNAME/../../cowtool}
mergeable="chunk1-areas chunk8-random chunk8-sequential chunk8-full-area chunk32-random
	chunk128-partial merging"

unpack() { # NAME
	gunzip -c "$fixtures/$1.origin.gz" >"$BATS_TEST_TMPDIR/origin"
	gunzip -c "$fixtures/$1.store.gz" >"$BATS_TEST_TMPDIR/store"
	cd "$BATS_TEST_TMPDIR" || return 1
	[ "$(sum "$1.origin")" = "$(sha256sum <origin | cut -d' ' -f1)" ]
	[ "$(sum "$1.store")" = "$(sha256sum <store | cut -d' ' -f1)" ]
}

sum() { # NAME.PART: as the fixture's script wrote it down
	awk -v name="$1" '$2 == name {print $1}' "$fixtures/${1%.*}.sha256"
}

merged_as_by_the_kernel() { # NAME
	[ "$(sum "$1.merged")" = "$(sha256sum <origin | cut -d' ' -f1)" ]
	[ "$(sum "$1.emptied")" = "$(sha256sum <store | cut -d' ' -f1)" ]
	[ "$(sum "$1.origin")" != "$(sum "$1.merged")" ]
}

@test "kernel-made: inspect shows the numbers of dmsetup status" {
	for name in $mergeable; do
		unpack "$name"
		"$cowtool" inspect --json store |
			jq -r '.status | "\(.allocated_sectors)/\(.total_sectors) \(.metadata_sectors)"' |
			cmp - "$fixtures/$name.status"
	done
}

@test "kernel-made: dump lists what was written" {
	for name in $mergeable invalid; do
		unpack "$name"
		"$cowtool" dump --format=csv store | cmp - "$fixtures/$name.dump.csv"
	done
}

@test "kernel-made: every store that can be merged is clean" {
	for name in $mergeable; do
		unpack "$name"
		"$cowtool" verify --origin=origin store
	done
}

@test "kernel-made: a merge leaves what the kernel's merge leaves, with every engine and window" {
	for name in $mergeable; do
		for options in --io=auto --io=threads "--io=sync --window=4K"; do
			unpack "$name"
			# shellcheck disable=SC2086 # several options
			"$cowtool" merge --quiet $options origin store
			merged_as_by_the_kernel "$name"
		done
	done
}

@test "kernel-made: a merge that the kernel began is resumed" {
	unpack merging
	"$cowtool" merge --resume --quiet origin store
	merged_as_by_the_kernel merging
}

@test "kernel-made: a store that overflowed is invalid, and refused as it is" {
	unpack invalid
	[ "$("$cowtool" inspect --json store | jq -r .state)" = invalid ]
	run -2 "$cowtool" merge origin store
	[ "$(sum invalid.store)" = "$(sha256sum <store | cut -d' ' -f1)" ]
	[ "$(sum invalid.origin)" = "$(sha256sum <origin | cut -d' ' -f1)" ]
}
