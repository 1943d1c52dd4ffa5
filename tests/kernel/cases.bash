# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The pairs of origin and store that the kernel tests make by real I/O, and what must be in each of them.
#
# A case is one line: name, chunk size, size of the origin and of the store (all in sectors), order of the changed
# chunks, the device they are written through, and how many chunks change. Everything else follows from the name.
#   order  sequential: neighbours, in writes of many chunks; random: any order, whole and part chunks, some twice;
#          far: as random, but only around 2 TiB, 4 TiB and at the very end of the origin
#   via    origin: the snapshot-origin device; snapshot: the snapshot device; both: now one, now the other

# "full": its last area is exactly full; "partial": its origin ends within a chunk, and that chunk is changed.
kernel_cases() {
    cat <<'END'
c1-random-snapshot          1    8192       1024   random     snapshot  400
c1-sequential-origin-full   1    8192       1024   sequential origin    128
c8-random-origin            8    32768      8192   random     origin    700
c8-sequential-snapshot-full 8    16384      8192   sequential snapshot  512
c8-random-both-partial      8    20003      8192   random     both      300
c8-far-both-partial         8    8589936643 8192   far        both      90
c32-random-both             32   65536      40960  random     both      1100
c32-random-snapshot         32   16384      16384  random     snapshot  240
c32-sequential-origin-full  32   40960      40960  sequential origin    1024
c128-random-origin-partial  128  41037      20480  random     origin    120
c128-sequential-snapshot    128  20480      16384  sequential snapshot  100
c1024-random-both-partial   1024 66536      40960  random     both      30
c1024-sequential-origin     1024 40960      32768  sequential origin    20
END
}

# The function that prints the table; make-fixtures has another one.
case_table=kernel_cases

case_names() {
    $case_table | cut -d ' ' -f 1
}

# use_case NAME: sets chunk, origin_sectors, store_sectors, order, via and count, and what follows from them.
use_case() {
    local line
    line=$($case_table | grep "^$1 ") || {
        echo "no case is named $1" >&2
        return 1
    }
    read -r _ chunk origin_sectors store_sectors order via count <<<"$line"
    chunks=$(((origin_sectors + chunk - 1) / chunk))
    seed=$(cksum <<<"$1" | cut -d ' ' -f 1)
    number=$((seed % 2147483646 + 1))
}

# draw N: sets `drawn` to a number of 0..N-1. (Park and Miller's generator, so that the same is drawn everywhere.)
draw() {
    number=$((number * 16807 % 2147483647))
    drawn=$((number % $1))
}

# Prints `o` or `s` for one write.
draw_device() {
    case $via in
    both) draw 2 && [ "$drawn" -eq 0 ] && device=o || device=s ;;
    *) device=${via:0:1} ;;
    esac
}

# draw_chunk: sets `drawn` to a chunk of the origin; far ones lie around 2 TiB and 4 TiB, and at the end.
draw_chunk() {
    if [ "$order" = random ]; then
        draw "$chunks"
        return
    fi
    draw 4
    case $drawn in
    0) draw 100 && drawn=$((4294967296 / chunk - 50 + drawn)) ;;
    1) draw 100 && drawn=$((8589934592 / chunk - 50 + drawn)) ;;
    *) draw 60 && drawn=$((chunks - 60 + drawn)) ;;
    esac
}

# write_in_chunk CHUNK: prints one write that lies in it: half of them all of it, the others a part.
write_in_chunk() {
    local start=$(($1 * chunk)) length=$chunk skip
    [ $((start + length)) -le "$origin_sectors" ] || length=$((origin_sectors - start))
    draw 2
    if [ "$drawn" -eq 0 ]; then
        draw "$length" && skip=$drawn
        draw $((length - skip)) && length=$((drawn + 1)) start=$((start + skip))
    fi
    draw_device
    writes=$((writes + 1))
    echo "$device $start $length $((seed + writes))"
}

# Random chunks until enough are changed; every tenth write or so goes to a chunk that already is.
random_writes() {
    local -A seen=()
    local writes=0
    if [ $((origin_sectors % chunk)) -ne 0 ]; then
        seen[$((chunks - 1))]=1
        write_in_chunk $((chunks - 1))
    fi
    while [ ${#seen[@]} -lt "$count" ]; do
        draw_chunk
        [ -z "${seen[$drawn]:-}" ] || [ $((writes % 10)) -eq 0 ] || continue
        seen[$drawn]=1
        write_in_chunk "$drawn"
    done
}

# Neighbours from chunk 3 on, 64 KiB or a chunk at a time.
sequential_writes() {
    local at=$((3 * chunk)) end=$(((3 + count) * chunk)) length
    length=$((chunk > 128 ? chunk : 128))
    while [ "$at" -lt "$end" ]; do
        draw_device
        [ $((at + length)) -le "$end" ] || length=$((end - at))
        echo "$device $at $length $seed"
        at=$((at + length))
    done
}

# case_writes: the writes of the case in use, in order, for `sectors write`.
case_writes() {
    if [ "$order" = sequential ]; then sequential_writes; else random_writes; fi
}

# expected_dump LIST: the exceptions that the writes of LIST make: chunks in the order of their first change, and the
# k-th one at 2 + k + floor(k / exceptions per area) (cowtool(5), "Which chunk is used next").
expected_dump() {
    local -A seen=()
    local start length old k=0 per_area=$((32 * chunk))
    echo 'area,index,old_chunk,new_chunk'
    while read -r _ start length _; do
        for ((old = start / chunk; old <= (start + length - 1) / chunk; old++)); do
            [ -z "${seen[$old]:-}" ] || continue
            seen[$old]=1
            echo "$((k / per_area)),$((k % per_area)),$old,$((2 + k + k / per_area))"
            k=$((k + 1))
        done
    done <"$1"
}

# make_images FOLDER NAME: an origin of known content (NAME.origin; holes but for its end where it is above 4 TiB),
# an empty store (NAME.store), the list of writes (NAME.writes), the expected dump (NAME.csv), and what the snapshot
# must show after them (NAME.view).
make_images() {
    local at="$1/$2" from=0
    [ "$order" != far ] || from=$((origin_sectors - 4096))
    truncate -s $((origin_sectors * 512)) "$at.origin"
    truncate -s $((store_sectors * 512)) "$at.store"
    "${sectors:?}" fill "$at.origin" $from $((origin_sectors - from)) 1
    case_writes >"$at.writes"
    expected_dump "$at.writes" >"$at.csv"
    cp --sparse=always "$at.origin" "$at.view"
    "$sectors" write "$at.writes" - "$at.view"
}
