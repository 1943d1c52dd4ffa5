#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Merge records that do not say what they should, and resumes that must not trust them alone.

bats_require_minimum_version 1.5.0

cowtool=${COWTOOL:-$BATS_TEST_DIRNAME/../../cowtool}
tools=${TOOLS:-$BATS_TEST_DIRNAME/../../build/tests/tools}

setup() {
	PATH=$PATH:/usr/sbin:/sbin
	cd "$BATS_TEST_TMPDIR" || return 1
}

# A merge of store into origin that was stopped in the middle.
interrupt() {
	local pid
	"$cowtool" merge --quiet --io=sync --window=4K "$@" origin store &
	pid=$!
	while [ "$(left)" -gt 3500 ]; do :; done
	kill -INT "$pid"
	wait "$pid" || [ $? -eq 3 ]
	[ "$(left)" -gt 0 ]
	[ "$(state)" = merging ]
}

left() {
	"$cowtool" inspect --quiet --json store | jq .exceptions
}

state() {
	"$cowtool" inspect --quiet --json store | jq -r .state
}

poke() { # OFFSET OCTAL-BYTE
	# shellcheck disable=SC2059 # the byte is the format
	printf "\\$2" | dd of=store bs=1 seek="$1" conv=notrunc status=none
}

sums() {
	b2sum origin store
}

refused() { # ARGUMENT...
	local before
	before=$(sums)
	run -5 "$cowtool" merge "$@"
	[ "$before" = "$(sums)" ]
}

plain_pair() {
	head -c 20M /dev/urandom >origin
	"$tools/mkstore" store random=4000 origin_chunks=5120
	cp origin origin.wanted
	cp store store.wanted
	"$tools/refmerge" origin.wanted store.wanted
}

@test "record: one of another version is refused, shown, and forgotten only with --force" {
	plain_pair
	interrupt
	poke $((256 + 8)) 002
	[ "$(state)" = merging ]
	"$cowtool" verify --json store | jq -e '.findings[] | select(.code == "merge-unfinished")'
	refused origin store
	refused --resume origin store
	"$cowtool" merge --force --quiet origin store
	cmp origin origin.wanted
	cmp store store.wanted
}

@test "record: one with a flipped bit is no record, is told, and the merge goes on from the store" {
	plain_pair
	interrupt
	poke $((256 + 40)) 377
	run -1 "$cowtool" verify store
	run -0 --separate-stderr "$cowtool" merge --resume origin store
	# shellcheck disable=SC2154 # run sets it
	[[ $stderr == *"merge record is damaged"* ]]
	cmp origin origin.wanted
	cmp store store.wanted
}

@test "record: a witness of zeros does not prove the origin where the file system is another one" {
	truncate -s 32M origin other
	mkfs.ext4 -q -U 11111111-1111-1111-1111-111111111111 origin
	mkfs.ext4 -q -U 22222222-2222-2222-2222-222222222222 other
	"$tools/mkstore" store sequential=4000 from=4000
	"$tools/mkstore" store sequential=4000 from=4000 data=0 keep=1 entry=0:0:2
	dd if=origin of=store bs=4096 count=1 seek=2 conv=notrunc status=none
	dd if=/dev/zero of=store bs=4096 count=1 seek=$((2 + 3999 + 15)) conv=notrunc status=none
	interrupt
	cp store store.kept
	mv origin right
	cp other origin
	dd if=/dev/zero of=origin bs=4096 count=1 seek=7999 conv=notrunc status=none
	refused --resume origin store
	[[ $output == *"may be another device than the origin"* ]]
	mv right origin
	"$cowtool" merge --resume --quiet origin store
}

@test "record: a merge begun with --force is resumed without it" {
	truncate -s 32M origin
	mkfs.ext4 -q -U 11111111-1111-1111-1111-111111111111 origin
	cp origin template
	mkfs.ext4 -q -F -U 22222222-2222-2222-2222-222222222222 origin
	"$tools/mkstore" store sequential=4000 from=4000
	"$tools/mkstore" store sequential=4000 from=4000 data=0 keep=1 entry=0:0:2
	dd if=template of=store bs=4096 count=1 seek=2 conv=notrunc status=none
	refused origin store
	interrupt --force
	"$cowtool" merge --resume --quiet origin store
	[ "$(state)" = empty ]
}

@test "record: a resume without a record does not take an origin that holds nothing for the store's" {
	truncate -s 32M template origin
	mkfs.ext4 -q template
	"$tools/mkstore" store sequential=10
	dd if=template of=store bs=4096 count=10 seek=2 conv=notrunc status=none
	refused --resume origin store
}

@test "merge: the plan's flushes are never fewer than the merge's, also where blocks are cleared one by one" {
	for spec in "sequential=2000 reversed=1" "sequential=2000" "random=300 origin_chunks=5120"; do
		head -c 20M /dev/zero >origin
		# shellcheck disable=SC2086 # several keys
		"$tools/mkstore" store $spec
		planned=$("$cowtool" merge --dry-run --json origin store | jq .plan.flushes)
		needed=$("$cowtool" merge --json origin store | jq .flushes)
		[ "$needed" -le "$planned" ]
		[ "$planned" -le $((2 * needed)) ]
	done
}

@test "guards: an image on a loop device is found also where its path is long" {
	[ "$(id -u)" -eq 0 ] || skip "loop devices need root"
	long=$(printf 'd%.0s' {1..200})
	mkdir -p "$long/$long/$long" && cd "$long/$long/$long"
	truncate -s 1M origin
	"$tools/mkstore" store sequential=10
	device=$(losetup --find --show origin) || skip "no loop device is to be had"
	run "$cowtool" merge origin store
	losetup --detach "$device"
	[ "$status" -eq 5 ]
	[[ $output == *"is attached to $device"* ]]
}

@test "merge: sparse images on a disk with 4096-byte blocks" {
	[ "$(id -u)" -eq 0 ] || skip "loop devices need root"
	truncate -s 64M disk
	device=$(losetup --find --show --sector-size 4096 disk) || skip "no loop device is to be had"
	mkfs.ext4 -q -b 4096 "$device"
	mkdir mounted
	mount "$device" mounted || { losetup --detach "$device"; skip "cannot mount here"; }
	code=0
	on_large_blocks || code=$?
	umount mounted
	losetup --detach "$device"
	[ "$code" -eq 0 ]
}

on_large_blocks() {
	local spec
	for spec in "8 $((19 * 4096 + 512))" "1 16384"; do
		truncate -s 0 mounted/origin
		truncate -s "${spec#* }" mounted/origin
		"$tools/mkstore" mounted/store chunk="${spec% *}" sequential=20
		cp mounted/origin mounted/store .
		"$tools/refmerge" origin store || return 1
		"$cowtool" merge --quiet mounted/origin mounted/store || return 1
		cmp mounted/origin origin || return 1
		cmp mounted/store store || return 1
	done
}

# The initramfs hook of cowtool-merge(8), which must not let anything use a half-merged origin.
hook() {
	sed -n '/^\.Ss Initramfs hook/,/^\.Ed/p' "$BATS_TEST_DIRNAME/../../man/cowtool-merge.8" |
		sed '1,/^\.Bd/d; /^\.Ed/d; s|/dev/mapper/||g; s|\\e|\\|g' >hook
	grep -q 'merge --pending' hook
	PATH=$(dirname "$cowtool"):$PATH bash -c 'panic() { echo "$1"; exit 9; }; . ./hook'
}

@test "record: one after a damaged header is told, and the initramfs hook stops there" {
	local damage
	plain_pair
	interrupt
	cp store store.left
	for damage in 0:000 8:007 12:003 magic; do # the magic, the version, the chunk size, all 16 bytes
		cp store.left store
		if [ $damage = magic ]; then
			dd if=/dev/zero of=store bs=16 count=1 conv=notrunc status=none
		else
			poke ${damage%:*} ${damage#*:}
		fi
		run -2 "$cowtool" inspect store
		[[ $output == *'unfinished merge'*'--rebuild-header'* ]]
		run -2 "$cowtool" verify store
		run -2 "$cowtool" merge --resume origin store
		[ "$("$cowtool" inspect --json store 2>/dev/null | jq -r '.state, .record.role, .error.code' | xargs)" = 'merging merging 2' ]
		run -9 hook
		run -5 "$cowtool" create --chunk=4K store
	done
	cp store.left store
	hook
	cmp origin origin.wanted
	cmp store store.wanted
	# Nothing is left; then nothing is there.
	hook
	rm store
	run -9 hook
}
