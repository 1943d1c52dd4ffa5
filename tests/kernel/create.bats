#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# Empty stores that cowtool makes: they are what the kernel makes, and the kernel uses them like its own.

store_chunks='1 8 32 128 1024'
pair_sectors=8192 # of the origin and of the store

setup_file() {
    bats_require_minimum_version 1.5.0
    setup
    mkdir -p "$created"
    create_and_use
}

setup() {
    # shellcheck source=common.bash
    . "$BATS_TEST_DIRNAME/common.bash"
    # shellcheck source=boot.bash
    . "$BATS_TEST_DIRNAME/boot.bash"
    created=$images/created
}

# writes CHUNK SEED: through both devices, to distinct chunks: at most 5 of large ones, more than an area of the smallest.
writes() {
    local count=$((pair_sectors / $1 / 3)) n
    [ $count -le 40 ] || count=40
    for ((n = 0; n < count; n++)); do
        [ $((n % 2)) -eq 0 ] && echo -n 'o ' || echo -n 's '
        echo "$((n * 3 * $1)) 1 $(($2 + n))"
    done
}

create_and_use() {
    local chunk disks=() options=()
    for chunk in $store_chunks; do
        "$sectors" fill "$created/$chunk.origin" 0 $pair_sectors 1
        "$sectors" fill "$created/$chunk.scratch" 0 $pair_sectors 2
        truncate -s $((pair_sectors * 512)) "$created/$chunk.blank"
        "$cowtool" create --quiet --chunk $((chunk * 512)) --size $((pair_sectors * 512)) "$created/$chunk.store"
        cp "$created/$chunk.store" "$created/$chunk.fresh"
        cp "$created/$chunk.scratch" "$created/$chunk.junk"
        writes "$chunk" 100 >"$created/$chunk.writes"
        cp "$created/$chunk.origin" "$created/$chunk.view"
        "$sectors" write "$created/$chunk.writes" - "$created/$chunk.view"
        echo "$chunk $(disk ${#disks[@]}) $(disk $((${#disks[@]} + 1))) $(disk $((${#disks[@]} + 2))) $(disk $((${#disks[@]} + 3)))"
        disks+=("$created/$chunk".{origin,store,blank,scratch})
        options+=(--add "$created/$chunk.writes")
    done >"$created/stores"
    boot "$created/log" create-stores --add "$created/stores" "${options[@]}" "${disks[@]}"
}

# told WORD CHUNK: what the guest printed after them.
told() {
    sed -n "s/^$1 $2 //p" "$created/log" | grep .
}

@test "create: a file is byte for byte what the kernel makes of a blank device" {
    for chunk in $store_chunks; do
        same "$created/$chunk.fresh" "$created/$chunk.blank"
    done
}

@test "create: on a block device full of junk, header and first area are what the kernel makes, the rest stays" {
    for chunk in $store_chunks; do
        cp "$created/$chunk.junk" "$created/wanted"
        dd if="$created/$chunk.blank" of="$created/wanted" bs=512 count=$((chunk * 2)) conv=notrunc status=none
        same "$created/wanted" "$created/$chunk.scratch"
        differ "$created/$chunk.junk" "$created/$chunk.scratch"
    done
}

@test "create: the kernel loads it as an empty snapshot, with another chunk size in the table, too" {
    for chunk in $store_chunks; do
        [ "$(told FRESH "$chunk")" = "$((chunk * 2))/$pair_sectors $((chunk * 2))" ]
        [ "$(told KERNEL "$chunk")" = "$(told FRESH "$chunk")" ]
        [ "$(told OTHER "$chunk")" = "$(told FRESH "$chunk")" ]
    done
}

@test "create: the smallest store, header and first area alone, is loaded" {
    for chunk in $store_chunks; do
        [ "$(told SMALLEST "$chunk")" = "$((chunk * 2))/$((chunk * 2)) $((chunk * 2))" ]
    done
}

@test "create: what is written through the kernel is in the store, and still after it is loaded again" {
    for chunk in $store_chunks; do
        [ "$(told VIEW "$chunk")" = "$(sha256sum "$created/$chunk.view" | cut -d ' ' -f 1)" ]
        [ "$(told AGAIN "$chunk")" = "$(told VIEW "$chunk")" ]
        [ "$(told WRITTEN "$chunk")" = "$(told LOADED "$chunk")" ]
        [ "$("$live" count "$created/$chunk.store")" -eq "$(wc -l <"$created/$chunk.writes")" ]
    done
    [ "$("$live" count "$created/1.store")" -gt 32 ]
}

@test "create: the used store is sound and is merged into its origin" {
    for chunk in $store_chunks; do
        "$cowtool" verify --origin "$created/$chunk.origin" "$created/$chunk.store"
        "$cowtool" merge --quiet "$created/$chunk.origin" "$created/$chunk.store"
        same "$created/$chunk.origin" "$created/$chunk.view"
    done
}
