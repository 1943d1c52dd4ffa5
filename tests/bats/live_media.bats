#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154 # variables of bats and helpers.bash
# Overlays of live systems: the commands of cowtool-initramfs(7), word for word, on a medium as dmsquash-live has it, of
# an ext4 that a kernel wrote to (tests/fixtures/ext4-demo); and what the page says beside them.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

page=$here/../../man/cowtool-initramfs.7
fixture=$here/../fixtures/ext4-demo

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
    command -v mksquashfs >/dev/null || skip 'squashfs-tools are missing (make setup)'
}

# medium: what is in LiveOS, with the base in a squashfs.
medium() {
    mkdir -p image/LiveOS
    gzip -dc "$fixture.origin.gz" >image/LiveOS/rootfs.img
    mksquashfs image squashfs.img -quiet -no-progress
    overlay
}

overlay() {
    gzip -dc "$fixture.store.gz" >overlay-LIVE-2A3B
}

# shown TITLE: what the page shows in the part with that title, as it is written there.
shown() {
    awk -v title=".Ss $1" '
        /^\.S[sh] /{on = $0 == title}
        /^\.Ed/{display = 0}
        on && display
        /^\.Bd -literal/{display = 1}' "$page"
}

# typed TITLE: these commands are typed one after the other, and print what the page has.
typed() {
    ln -sf "$cowtool" cowtool
    shown "$1" >wanted
    sed -n 's/^\$ //p' wanted >commands
    [[ -s commands ]]
    while IFS= read -r line; do
        echo "\$ $line"
        PATH=$PWD:$PATH bash -c "$line" 2>>notes
    done <commands >printed
    diff wanted printed
}

# has_the_letter IMAGE: of the snapshot, not of the base.
has_the_letter() {
    debugfs -R 'cat /letter.txt' "$1" 2>/dev/null | diff - "$here/../fixtures/letter-after.txt"
}

@test "live media: no command of the page is left out here" {
    sed -n "s/^    typed '\(.*\)'$/\1/p" "$BATS_TEST_FILENAME" | while IFS= read -r title; do
        shown "$title"
    done | grep '^\$ ' | sort | diff - <(grep '^\$ ' "$page" | sort)
}

@test "live media: how full the overlay is, and room is made by truncate" {
    overlay
    cp overlay-LIVE-2A3B before
    typed 'How full it is, and making room'
    same before overlay-LIVE-2A3B "$(stat -c %s before)"
    expect 0 inspect --json overlay-LIVE-2A3B
    object '.status.total_sectors == 1103101952 / 512'
}

@test "live media: an overlay that is full is still valid, and exports what it held" {
    overlay
    gzip -dc "$fixture.origin.gz" >rootfs.img
    expect 0 export --quiet rootfs.img overlay-LIVE-2A3B view
    truncate -s 25329664 overlay-LIVE-2A3B
    expect 0 inspect overlay-LIVE-2A3B
    grep -qx 'Full:                \[#*\] 100%, room for exceptions: 0' out
    grep -qx 'Next free chunk:     none of 6184' out
    expect 0 verify overlay-LIVE-2A3B
    expect 0 export --quiet rootfs.img overlay-LIVE-2A3B full
    same view full
    truncate -s +1G overlay-LIVE-2A3B
    expect 0 verify overlay-LIVE-2A3B
    expect 0 export --quiet rootfs.img overlay-LIVE-2A3B larger
    same view larger
}

@test "live media: a new image, and a new squashfs, have all changes" {
    medium
    truncate -s +1G overlay-LIVE-2A3B
    remember squashfs.img
    typed 'A new image with all changes'
    unchanged
    unsquashfs -quiet -no-progress -d again squashfs-new.img
    has_the_letter again/LiveOS/rootfs.img
    fails has_the_letter image/LiveOS/rootfs.img
}

@test "live media: an overlay is merged into a base that can be written, and the way back is there" {
    overlay
    truncate -s +1G overlay-LIVE-2A3B
    gzip -dc "$fixture.origin.gz" >rootfs.img
    cp rootfs.img base
    typed 'Merging where the base can be written'
    has_the_letter rootfs.img
    expect 0 merge --quiet rootfs.img undo
    same base rootfs.img
}

@test "live media: a reset makes an empty store, and what it leaves is told" {
    overlay
    truncate -s +1G overlay-LIVE-2A3B
    expect 5 create --chunk=4K overlay-LIVE-2A3B
    # As dmsquash-live does it: the store that the kernel makes of it has the same left over.
    cp --sparse=always overlay-LIVE-2A3B zeroed
    dd if=/dev/zero of=zeroed bs=64k count=1 conv=notrunc status=none
    expect 6 inspect zeroed
    expect 0 create --quiet --chunk=4K zeroed
    expect 0 dump --stale --format=csv zeroed
    mv out left
    typed 'Resetting'
    (($(wc -l <left) > 5900))
    overlay
    truncate -s +1G overlay-LIVE-2A3B
    expect 0 create --force --quiet --chunk=4K overlay-LIVE-2A3B
    expect 0 dump --stale --format=csv overlay-LIVE-2A3B
    same left out
}
