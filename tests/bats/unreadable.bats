#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2016,SC2119
# Blocks of a store that cannot be read: what is left of it is merged with --skip-lost, looked at, saved, mended and
# exported. tests/preload/badblocks.c makes them.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
    # A sanitizer's library wants to be the first one.
    export ASAN_OPTIONS=verify_asan_link_order=0
}

# with_bad LIST CODE ARGUMENT...: as expect; LIST is badblocks.c's.
with_bad() {
    local list=$1
    shift
    BAD_BLOCKS=$list LD_PRELOAD=$tools/badblocks.so expect "$@"
}

# area N: area number N of ./store of 4 KiB chunks, whole.
area() {
    echo "store:$(((1 + $1 * 257) * 4096)):4096"
}

# usual_pair: 600 exceptions, 256 in each of areas 0 and 1, which are in ./list; right.origin and right.store as a merge of
# all of it leaves them.
setup_file() {
    cd "$BATS_FILE_TMPDIR" || exit
    judged_pair 8388608 chunk=8 random=600 origin_chunks=2048
    "$cowtool" dump --format=csv store >list
}

usual_pair() {
    cp --sparse=always "$BATS_FILE_TMPDIR"/{origin,store,right.origin,right.store,list} .
}

# without AREA: right.origin is what it is when the exceptions of this area are left out.
without() {
    awk -F , -v area="$1" 'NR > 1 && $1 == area { print $3 }' list | "$tools/bytes" copy origin right.origin 4096
}

@test "unreadable: a block of the data ends a merge with 4; --skip-lost leaves it out, lists it, and merges all else" {
    usual_pair
    local old bad="store:$((20 * 4096 + 1024)):512"
    old=$(awk -F , '$4 == 20 { print $3 }' list)
    dd if=origin of=right.origin bs=512 skip=$((old * 8 + 2)) seek=$((old * 8 + 2)) count=1 conv=notrunc status=none
    with_bad "$bad" 4 merge --window=64K origin store
    said '; --skip-lost leaves out what cannot be read; what is merged is safe'
    # It is in the data of exception number 18; a window has 16.
    expect 0 inspect --json store
    object '.exceptions > 18 and .exceptions <= 34'
    with_bad "$bad" 0 merge --json --skip-lost --resume --window=64K origin store
    object '.left_out == 0 and .lost == [{"offset": $at, "bytes": 512}] and .lost_unreadable_bytes == 512
        and (.lost_unknown | not) and .exceptions_left == 0' --argjson at $((old * 4096 + 1024))
    merged
}

# What stays at the end of area 0 leads whoever can read it after all into area 1: a part of the cut, too.
@test "unreadable: where an area's end cannot be read, the next one is cleared before it, block by block" {
    needs_strace
    export ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0
    usual_pair
    strace -o trace -y -e trace=pwritev,fdatasync -E BAD_BLOCKS=store:$((4096 + 3584)):512 -E LD_PRELOAD="$tools/badblocks.so" \
        "$cowtool" merge --skip-lost --quiet --io=sync origin store >out 2>err || complain "exit code $?"
    # The areas' writes and the store's flushes between them.
    sed -n 's/^pwritev(.*store>.*, \([0-9]*\)) = [0-9]*$/\1/p; s/^fdatasync(.*store>).*/flush/p' trace |
        awk '/flush/ { print; next } $1 >= 4096 && $1 < 8192 { print 0 } $1 >= 1056768 && $1 < 1060864 { print 1 }' |
        uniq >order
    [[ $(xargs <order) == 'flush 1 flush '* && $(xargs <order) == *'1 flush 0 flush'* ]] || complain "$(xargs <order)"
    ! grep -A1 1 order | grep -q 0 || complain "$(xargs <order)"
}

@test "unreadable: of chunks larger than a window, neighbours, and the origin's last one only the blocks are left out" {
    judged_pair 1000448 chunk=128 sequential=16
    # Data chunk 3 begins at 196608 and is old chunk 1; the origin ends in old chunk 15, which is data chunk 17.
    dd if=origin of=right.origin bs=512 skip=127 seek=127 count=2 conv=notrunc status=none
    dd if=origin of=right.origin bs=512 skip=1950 seek=1950 count=4 conv=notrunc status=none
    with_bad "store:196096:1024 store:$((17 * 65536 + (1950 - 1920) * 512)):20480" 0 \
        merge --skip-lost --window=16K origin store
    grep -qx 'store: left out, as they are lost: 3072 bytes that cannot be read; origin keeps what it has in' out
    grep -qx '  bytes 65024 to 66047' out
    grep -qx '  bytes 998400 to 1000447' out
    merged
}

@test "unreadable: what a long piece could not read is forgotten, also where a shorter one comes between" {
    local chunk at bad=
    judged_pair 1048576 chunk=128 sequential=16
    # Merged backwards, in windows that are used again, each chunk as a long piece and a short one: the last chunks have
    # a bad block at the end of the long piece, the first ones at its beginning.
    for chunk in {0..15}; do
        at=$((chunk < 8 ? 0 : 32768))
        bad+=" store:$(((2 + chunk) * 65536 + at)):4096"
        dd if=origin of=right.origin bs=4096 count=1 skip=$((chunk * 16 + at / 4096)) \
            seek=$((chunk * 16 + at / 4096)) conv=notrunc status=none
    done
    with_bad "${bad# }" 0 merge --json --skip-lost --window=36K origin store
    object '.lost_unreadable_bytes == 16 * 4096'
    merged
}

@test "unreadable: an area in the middle is left out, all others are merged, and what follows it is found by its numbers" {
    usual_pair
    without 1
    with_bad "$(area 1)" 4 merge origin store
    said '; --skip-lost leaves out what cannot be read'
    with_bad "$(area 1)" 0 merge --dry-run --skip-lost origin store
    grep -q '^store: left out: up to 256 exceptions that cannot be read; where origin keeps' out
    with_bad "$(area 1)" 0 merge --json --skip-lost origin store
    object '.left_out == 256 and .merged == 600 and .lost == [] and .lost_unknown and .lost_unknown_chunks == 256'
    merged
}

@test "unreadable: what can be neither read nor written does not keep a merge from its end" {
    for area in 0 1 2; do
        usual_pair
        without $area
        BAD_BLOCKS_WRITES=1 with_bad "$(area $area)" 0 merge --skip-lost --window=64K origin store
        same origin right.origin
        with_bad "$(area $area)" 0 merge --skip-lost origin store
        grep -qx 'store: nothing is left to merge' out
    done
}

@test "unreadable: a part of an area that has several blocks is left out alone" {
    pair 8388608 chunk=64 size=8388608 random=200 origin_chunks=256
    "$cowtool" dump --format=csv store >list
    reference
    while read -r old; do
        dd if=origin of=right.origin bs=32768 skip="$old" seek="$old" count=1 conv=notrunc status=none
    done < <(awk -F , 'NR > 1 && $2 >= 64 && $2 < 96 { print $3 }' list)
    with_bad "store:$((32768 + 1024)):512" 0 merge --json --skip-lost origin store
    object '.left_out == 32 and .lost_unknown_chunks == 32 and .exceptions_left == 0'
    merged
}

@test "unreadable: where nothing shows that the list goes on, it ends, and that is said" {
    usual_pair
    without 2
    with_bad "$(area 2)" 0 merge --json --skip-lost origin store
    object '.left_out == 0 and .merged == 512 and .lost_unknown and .lost_unknown_chunks == 256'
    merged
    # Entries after it that are none of this store's.
    usual_pair
    without 1
    without 2
    put store $(((1 + 2 * 257) * 4096 + 8)) '\3'
    put store $(((1 + 2 * 257) * 4096 + 24)) '\7'
    with_bad "$(area 1)" 2 verify store
    grep -q 'up to 256 exceptions are lost; nothing shows that the list went on after them' out
    with_bad "$(area 1)" 0 merge --skip-lost origin store
    same origin right.origin
}

@test "unreadable: a kept snapshot keeps its view" {
    usual_pair
    cp origin before
    "$mkstore" kept chunk=8 size=8388608
    with_bad "$(area 1) store:$((20 * 4096)):4096" 0 merge --skip-lost --keep=kept origin store
    "$refmerge" origin kept >/dev/null
    same origin before
}

# The first window has 376 exceptions, whose chunks are not neighbours: they are being copied when the data of the next one
# is read.
@test "unreadable: a window that cannot be read does not end the copying for a kept snapshot" {
    usual_pair
    cp origin before
    "$mkstore" kept chunk=8 size=8388608
    with_bad "store:$((202 * 4096)):4096" 4 merge --io=sync --window=2M --keep=kept origin store
    expect 0 inspect --json store
    object '.exceptions == 224'
    expect 0 merge --resume --keep=kept origin store
    merged
    "$refmerge" origin kept >/dev/null
    same origin before
}

# The areas go bad once they were checked: the merge ends at the first one, whose chunks the undo store lacks.
@test "unreadable: an undo store that lacks what cannot be read is whole" {
    usual_pair
    cp origin before
    BAD_BLOCKS_AFTER=4 with_bad "$(area 0)" 4 merge --io=sync --window=64K --undo=undo origin store
    said "--skip-lost leaves out what cannot be read"
    with_bad "$(area 0)" 0 merge --resume --skip-lost --undo=undo origin store
    expect 0 merge origin undo
    same origin before
}

@test "unreadable: where a chunk of the origin cannot be kept, the windows before it are merged" {
    local old
    usual_pair
    old=$(awk -F , '$4 == 20 { print $3 }' list)
    "$mkstore" kept chunk=8 size=8388608
    with_bad "origin:$((old * 4096 + 512)):512" 4 merge --io=sync --window=64K --keep=kept origin store
    said 'origin: cannot read'
    # It is for exception number 18; a window has 16.
    expect 0 inspect --json store
    object '.exceptions > 18 and .exceptions <= 34'
    expect 0 merge --resume --keep=kept origin store
    merged
}

# The block of exceptions 288 to 319, of which the last 20 are a dirty tail. It is looked at to check, to sweep, to merge.
@test "unreadable: a block that goes bad while a merge runs leaves nothing out that is not listed" {
    local reads code
    judged_pair 8388608 chunk=8 random=300 origin_chunks=2048
    fill junk 64
    dd if=junk of=store bs=16 seek=$(((258 * 4096 + 55 * 16) / 16)) conv=notrunc status=none
    mkdir before
    mv origin store before
    for reads in 0 1 2 3 4 5 6 7 8; do
        cp before/* .
        code=0
        BAD_BLOCKS_AFTER=$reads BAD_BLOCKS="store:$((258 * 4096 + 512)):512" LD_PRELOAD=$tools/badblocks.so \
            "$cowtool" merge --json --skip-lost --io=sync origin store >out 2>err || code=$?
        echo "$reads reads: $code $(cat out)"
        ((code == 0 || code == 4)) || complain "after $reads reads: exit code $code"
        ((code == 4)) || [[ $(value '.left_out > 0 or .lost_unknown') == true ]] || same origin right.origin
    done
}

@test "unreadable: inspect, verify and dump say what is left" {
    usual_pair
    remember store
    with_bad "$(area 1)" 2 inspect --json store
    said 'the list of exceptions cannot be read everywhere'
    object '.exceptions == 600 and .unreadable == 256'
    with_bad "$(area 1)" 2 verify --json store
    object '.exceptions == 600 and .unreadable == 256 and .lost_unknown and ([.findings[].code] == ["area-unreadable"])'
    fails grep . err
    with_bad "$(area 1)" 2 verify store
    grep -q 'area 1 cannot be read at 1056768: 256 exceptions are lost; the list goes on after them' out
    with_bad "$(area 1)" 2 dump --format=csv store
    diff out <(awk -F , 'NR == 1 || $1 != 1' list)
    unchanged
}

@test "unreadable: how full it is is not known where the list's end cannot be read" {
    pair 8388608 chunk=8 random=300 origin_chunks=2048
    with_bad "$(area 1)" 2 inspect store
    grep -qx 'Full:                not known, as the list cannot be read where it ends' out || complain
    fails grep -E '^(Next free chunk|Smallest store|dmsetup status)' out
    with_bad "$(area 1)" 2 inspect --json store
    object '(has("next_free_chunk") or has("smallest_store_bytes") or (.status | has("allocated_sectors"))) | not'
    with_bad "$(area 1)" 2 verify store
    grep -qx 'full: not known, as the list cannot be read where it ends' out || complain
    with_bad "$(area 0)" 2 inspect store
    grep -q '^Smallest store' out || complain
}

@test "unreadable: the slack of the header's chunk is in nobody's way" {
    judged_pair 1048576 chunk=128 sequential=16
    with_bad store:8192:4096 0 verify store
    with_bad store:8192:4096 0 save --json store saved
    said 'not all of what is before its areas can be read; in saved, zeros are in the place of what cannot'
    is .unreadable true
    expect 0 save --force --json store saved
    fails grep 'can be read' err
    is .unreadable false
    with_bad store:8192:4096 0 merge origin store --skip-lost
    merged
}

@test "unreadable: what is in the slack of the header's chunk is cleared around a bad block, and the header made anew" {
    judged_pair 1048576 chunk=128 sequential=16
    # The header is lost, and something is in its slack.
    put store 0 '\0\0\0\0'
    put store 4096 junk
    with_bad store:8192:4096 0 repair --yes --rebuild-header --backup=saved store
    expect 0 verify store
    expect 0 merge origin store
    merged
}

@test "unreadable: what cannot be read by a wrong chunk size is nothing that is lost by the right one" {
    usual_pair
    cp store before
    put store 12 '\020'
    # The first exceptions, were the chunks of 8 KiB; the data of one.
    with_bad store:8192:512 0 repair --yes --rebuild-header --chunk=4K --backup=saved store
    same store before
}

@test "unreadable: a repair that fails before a wrong header is replaced names a command that brings back what was there" {
    make chunk=128 sequential=16
    put store 12 '\020'
    put store 4096 junk
    cp store before
    BAD_BLOCKS_WRITES=1 with_bad store:8192:4096 4 repair --yes --rebuild-header --chunk=64K --backup=saved store
    said "'cowtool restore --force saved store' brings back what was there"
    put store 4096 '\0'
    refuses 5 store -- restore saved store
    expect 0 restore --force saved store
    same store before
}

@test "unreadable: what can be read is saved; restored and mended, it is merged" {
    usual_pair
    without 1
    with_bad "$(area 1)" 0 save --json store saved
    is .unreadable true
    said 'not all of its metadata can be read'
    cp store copy
    mv copy store
    expect 0 restore saved store
    refuses 2 origin store -- merge origin store
    expect 0 repair --yes --no-backup store
    expect 0 merge origin store
    same origin right.origin
}

@test "unreadable: a repair drops what cannot be read, and writes its place anew" {
    for area in 0 1 2; do
        usual_pair
        without $area
        with_bad "$(area $area)" 0 repair --yes --backup="saved$area" store
        grep -q 'cannot be told' out || [[ $area == 2 ]]
        expect 0 verify store
        expect 0 merge origin store
        same origin right.origin
    done
}

@test "unreadable: as long as one exception that cannot be read is to stay, nothing is dropped, and its block is not written" {
    local answer code command
    # A block has 32 exceptions; of those in area 1, one is wrong.
    printf -v command '%q ' env BAD_BLOCKS=store:512:512 LD_PRELOAD="$tools/badblocks.so" "$cowtool" repair --no-backup store
    # One of the block and the wrong one; the wrong one alone, into whose place the list's end moves.
    for answer in "y\n$(printf 'n\\n%.0s' {1..31})y\n" "$(printf 'n\\n%.0s' {1..32})y\n"; do
        make chunk=1 size=65536 sequential=40 entry=34:34:49000
        remember store
        code=0
        # shellcheck disable=SC2059 # the text has escapes
        { printf "$answer" && sleep 0.2; } | terminal "$command" >said || code=$?
        ((code == 2)) || { cat said && complain "exit code $code"; }
        grep -q '(33 of 33)' said || complain "$(cat said)"
        grep -q 'no exception is dropped as long as what cannot be read stays in the list' said || complain "$(cat said)"
        unchanged
    done
}

@test "unreadable: an export of what can be read says that it is not complete" {
    usual_pair
    without 1
    with_bad "$(area 1)" 2 export origin store out.image
    with_bad "$(area 1)" 0 export --force --json origin store out.image
    object '.lost_unknown'
    said 'up to 256 exceptions cannot be read: the image is not complete'
    same out.image right.origin
}

@test "export: of a list without an end, it is said that the image is not complete" {
    usual_pair
    truncate -s $(((1 + 2 * 257) * 4096)) store
    without 2
    expect 0 export --force --json origin store out.image
    object '.lost_unknown'
    said 'the image is not complete'
    same out.image right.origin
    expect 0 export --force --quiet origin store out2.image
    said 'what was in areas outside the device is lost: the image is not complete'
    pair 163840 chunk=8 sequential=20
    expect 0 export --json origin store out3.image
    object '.lost_unknown | not'
}

@test "unreadable: the header: nothing is told or written, exit code 4; a copy with zeros there gets a new one and is merged" {
    usual_pair
    cp store before
    sha256sum origin store >sums
    for command in 'inspect store' 'verify store' 'merge origin store' 'merge --skip-lost origin store' \
        'export origin store image' 'save store saved' 'repair --backup=saved store'; do
        # shellcheck disable=SC2086 # words
        with_bad store:0:4096 4 $command
        said "copy the device to a sound one, and 'cowtool repair --rebuild-header' makes the header of the copy anew"
    done
    sha256sum --quiet -c sums
    [ ! -e image ] && [ ! -e saved ]
    dd if=/dev/zero of=store bs=4096 count=1 conv=notrunc status=none
    expect 0 repair --yes --rebuild-header --backup=saved store
    cmp store before
    expect 0 merge origin store
    merged
}
