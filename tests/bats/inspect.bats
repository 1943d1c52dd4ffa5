#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2119
# cowtool inspect. The numbers of the stores are worked out by hand from the format's description:
# area a is chunk 1 + a * (32 * C + 1); status is next_free * C / device sectors, (areas + 1) * C.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

# shows JSON: inspect ./store has these keys and values, and leaves it alone.
shows() {
    remember store
    expect 0 inspect --json store
    has "$1"
    [[ ! -s err ]]
    unchanged
}

# shrinks_to BYTES: this many are enough for verify to find nothing, one sector less is not.
shrinks_to() {
    shows "{\"smallest_store_bytes\": $1}"
    cp --sparse=always store small
    truncate -s "$1" small
    expect 0 verify --json small
    grep -q '"verdict":"clean"' out
    truncate -s $(($1 - 512)) small
    expect 2 verify --json small
    grep -q '"verdict":"damaged"' out
}

@test "inspect: an empty store of 4 KiB chunks" {
    make chunk=8
    shows '{"store": "store", "bytes": 8192,
        "header": {"magic": "SnAp", "valid": 1, "version": 1, "chunk_sectors": 8},
        "chunk_bytes": 4096, "exceptions_per_area": 256, "exceptions": 0, "areas": 1, "runs": 0, "longest_run": 0,
        "changed_bytes": 0, "next_free_chunk": 2, "highest_old_chunk": null, "smallest_store_bytes": 8192,
        "status": {"allocated_sectors": 16, "total_sectors": 16, "metadata_sectors": 16},
        "state": "empty", "record": null}'
}

@test "inspect: an empty store on a device that is not a multiple of its chunks" {
    make chunk=32 size=1000448
    shows '{"bytes": 1000448, "chunk_bytes": 16384, "exceptions_per_area": 1024, "exceptions": 0, "areas": 1,
        "next_free_chunk": 2, "smallest_store_bytes": 32768,
        "status": {"allocated_sectors": 64, "total_sectors": 1954, "metadata_sectors": 64}, "state": "empty"}'
}

@test "inspect: one exception in chunks of one sector" {
    make chunk=1 sequential=1 from=7
    shows '{"bytes": 1536, "header": {"magic": "SnAp", "valid": 1, "version": 1, "chunk_sectors": 1},
        "chunk_bytes": 512, "exceptions_per_area": 32, "exceptions": 1, "areas": 1, "runs": 1, "longest_run": 1,
        "changed_bytes": 512, "next_free_chunk": 3, "highest_old_chunk": 7, "smallest_store_bytes": 1536,
        "status": {"allocated_sectors": 3, "total_sectors": 3, "metadata_sectors": 2},
        "state": "active", "record": null}'
}

@test "inspect: old chunk 0 is the highest old chunk of a store that has only this one" {
    make chunk=2 sequential=1
    shows '{"exceptions": 1, "highest_old_chunk": 0, "next_free_chunk": 3, "state": "active"}'
}

@test "inspect: an exactly full area of one-sector chunks: the list ends in the next area" {
    make chunk=1 sequential=32
    shows '{"bytes": 17920, "exceptions": 32, "areas": 2, "runs": 1, "longest_run": 32, "changed_bytes": 16384,
        "next_free_chunk": 35, "highest_old_chunk": 31, "smallest_store_bytes": 17920,
        "status": {"allocated_sectors": 35, "total_sectors": 35, "metadata_sectors": 3}}'
}

@test "inspect: an area that lacks one exception of being full" {
    make chunk=1 sequential=31
    shows '{"bytes": 16896, "exceptions": 31, "areas": 1, "longest_run": 31, "next_free_chunk": 33,
        "smallest_store_bytes": 16896,
        "status": {"allocated_sectors": 33, "total_sectors": 33, "metadata_sectors": 2}}'
}

@test "inspect: three areas of 1 KiB chunks: a run ends with its area" {
    make chunk=2 sequential=130
    shows '{"bytes": 137216, "chunk_bytes": 1024, "exceptions_per_area": 64, "exceptions": 130, "areas": 3, "runs": 3,
        "longest_run": 64, "changed_bytes": 133120, "next_free_chunk": 134, "highest_old_chunk": 129,
        "smallest_store_bytes": 137216,
        "status": {"allocated_sectors": 268, "total_sectors": 268, "metadata_sectors": 8}}'
}

@test "inspect: holes in a store of 2 KiB chunks, on a device that is not a multiple of them" {
    make chunk=4 size=42496 entry=0:5:2 entry=1:6:3 entry=2:9:10 entry=3:10:11 entry=4:2:12
    shows '{"bytes": 42496, "chunk_bytes": 2048, "exceptions_per_area": 128, "exceptions": 5, "areas": 1, "runs": 3,
        "longest_run": 2, "changed_bytes": 10240, "next_free_chunk": 13, "highest_old_chunk": 10,
        "smallest_store_bytes": 26624,
        "status": {"allocated_sectors": 52, "total_sectors": 83, "metadata_sectors": 8}}'
}

@test "inspect: a reversed store of 8 KiB chunks has no runs" {
    make chunk=16 sequential=3 from=100 reversed=1
    shows '{"bytes": 40960, "chunk_bytes": 8192, "exceptions_per_area": 512, "exceptions": 3, "areas": 1, "runs": 3,
        "longest_run": 1, "changed_bytes": 24576, "next_free_chunk": 5, "highest_old_chunk": 102,
        "smallest_store_bytes": 40960,
        "status": {"allocated_sectors": 80, "total_sectors": 80, "metadata_sectors": 32}}'
}

@test "inspect: exactly full area of 16 KiB chunks" {
    make chunk=32 sequential=1024 data=0
    shows '{"bytes": 16826368, "chunk_bytes": 16384, "exceptions_per_area": 1024, "exceptions": 1024, "areas": 2,
        "runs": 1, "longest_run": 1024, "changed_bytes": 16777216, "next_free_chunk": 1027, "highest_old_chunk": 1023,
        "smallest_store_bytes": 16826368,
        "status": {"allocated_sectors": 32864, "total_sectors": 32864, "metadata_sectors": 96}}'
}

@test "inspect: two exceptions in chunks of 64 KiB" {
    make chunk=128 size=1048576 sequential=2 from=4 every=3
    shows '{"bytes": 1048576, "chunk_bytes": 65536, "exceptions_per_area": 4096, "exceptions": 2, "areas": 1, "runs": 2,
        "longest_run": 1, "changed_bytes": 131072, "next_free_chunk": 4, "highest_old_chunk": 7,
        "smallest_store_bytes": 262144,
        "status": {"allocated_sectors": 512, "total_sectors": 2048, "metadata_sectors": 256}}'
}

@test "inspect: three exceptions in chunks of 512 KiB, LVM's largest" {
    make chunk=1024 sequential=3 data=0
    shows '{"bytes": 2621440, "chunk_bytes": 524288, "exceptions_per_area": 32768, "exceptions": 3, "areas": 1,
        "runs": 1, "longest_run": 3, "changed_bytes": 1572864, "next_free_chunk": 5, "highest_old_chunk": 2,
        "smallest_store_bytes": 2621440,
        "status": {"allocated_sectors": 5120, "total_sectors": 5120, "metadata_sectors": 2048}}'
}

@test "inspect: chunks of 1 GiB, the kernel's largest" {
    "$mkstore" store header_chunk=2097152 size=3221225472
    expect 0 inspect --json store
    has '{"chunk_bytes": 1073741824, "exceptions_per_area": 67108864, "exceptions": 0, "next_free_chunk": 2,
        "smallest_store_bytes": 2147483648, "state": "empty",
        "status": {"allocated_sectors": 4194304, "total_sectors": 6291456, "metadata_sectors": 4194304}}'
}

@test "inspect: the next free chunk is never a metadata chunk" {
    make chunk=1 size=20480 entry=0:4:33
    shows '{"exceptions": 1, "areas": 1, "next_free_chunk": 35, "smallest_store_bytes": 17408,
        "status": {"allocated_sectors": 35, "total_sectors": 40, "metadata_sectors": 2}}'
}

@test "inspect: an entry whose data lies in a later group counts for the size" {
    make chunk=1 size=40960 entry=0:4:2 entry=1:9:70
    shows '{"exceptions": 2, "areas": 1, "next_free_chunk": 71, "smallest_store_bytes": 36352, "runs": 2,
        "status": {"allocated_sectors": 71, "total_sectors": 80, "metadata_sectors": 2}}'
}

@test "inspect: a run ends with its area where the chunks go on" {
    make chunk=1 size=40960 sequential=31 entry=31:40:50 entry=32:41:51
    shows '{"exceptions": 33, "areas": 2, "runs": 3, "longest_run": 31, "next_free_chunk": 52,
        "highest_old_chunk": 41, "smallest_store_bytes": 26624,
        "status": {"allocated_sectors": 52, "total_sectors": 80, "metadata_sectors": 3}}'
}

@test "inspect: what is after the end of the list does not count" {
    make chunk=1 size=40960 sequential=3 entry=5:1000:20
    shows '{"exceptions": 3, "highest_old_chunk": 2, "next_free_chunk": 5, "smallest_store_bytes": 2560}'
}

@test "inspect: the numbers of an old chunk beyond 2^53 are exact" {
    make chunk=1 size=65536 entry=0:9007199254740993:2
    expect 0 inspect --json store
    object .exceptions==1
    grep -q '"highest_old_chunk":9007199254740993[,}]' out
}

@test "inspect: a store that is marked invalid has the state invalid" {
    make chunk=8 sequential=3 valid=0
    shows '{"state": "invalid", "header": {"valid": 0}, "exceptions": 3}'
}

@test "inspect: any valid but 0 is valid, as for the kernel" {
    make chunk=8 sequential=3 valid=7
    shows '{"state": "active", "header": {"valid": 7}, "exceptions": 3}'
}

@test "inspect: a store with an unfinished merge has the state merging and a record" {
    pristine_pair
    cut_off KILL
    shows "{\"state\": \"merging\", \"exceptions\": $left}"
    object '.record | type == "object"'
}

@test "inspect: an empty store shrinks to its header and its area" {
    make chunk=8 size=1048576
    shrinks_to 8192
}

@test "inspect: a store with exceptions shrinks to its last data chunk" {
    make chunk=4 size=1048576 random=100 origin_chunks=1000
    shrinks_to 208896
}

@test "inspect: an exactly full store shrinks to the area after its data" {
    make chunk=1 size=1048576 sequential=64
    shrinks_to 34816
}

@test "inspect: a store with holes shrinks to its highest chunk" {
    make chunk=2 size=1048576 sequential=2 entry=2:50:200 entry=3:7:60
    shrinks_to 205824
}

@test "inspect: a reversed store of several areas shrinks to its highest chunk" {
    make chunk=1 size=1048576 random=100 origin_chunks=200 reversed=1
    shrinks_to 53760
}

@test "inspect: a store of 512 KiB chunks shrinks to its last data chunk" {
    make chunk=1024 size=8388608 sequential=3 data=0
    shrinks_to 2621440
}

@test "inspect: the text shows the same numbers as the JSON" {
    make chunk=2 size=1048576 sequential=130 from=11
    remember store
    expect 0 inspect store
    [[ ! -s err ]]
    grep -q '\<1048576\>' out
    grep -q '\<1024\>' out
    grep -q '\<130\>' out
    grep -q '\<134\>' out
    grep -q '\<140\>' out
    grep -q '\<137216\>' out
    grep -qw '268/2048 8' out
    grep -qw active out
    unchanged
}

@test "inspect: the text says empty and invalid" {
    make chunk=8
    expect 0 inspect store
    grep -qw empty out
    make chunk=8 sequential=3 valid=0
    expect 0 inspect store
    grep -qw Invalid out
    fails grep -E '[0-9]+/[0-9]+ [0-9]+' out
}

@test "inspect: how full, as a gauge, and what helps where it is full" {
    make chunk=8 size=409600 sequential=48
    expect 0 inspect store
    grep -qx 'Full: *\[##########----------\]  50%, room for exceptions: 50' out
    grep -qx "Damage: *none seen; 'cowtool verify store' checks all" out
    fails grep -q 'What helps' out
    make chunk=8 sequential=40
    expect 0 inspect store
    grep -qx 'Next free chunk: *none of 42' out
    grep -qx 'Full: *\[####################\] 100%, room for exceptions: 0' out
    grep -q '^What happens next: .* the kernel gives the snapshot up' out
    grep -q "^What helps: *'truncate --size=+SIZE store' makes it larger" out
    # What is past giving up, or half merged, needs no room.
    make chunk=8 sequential=40 valid=0
    expect 0 inspect store
    grep -qx "Damage: *the snapshot was given up; 'cowtool verify store' says why" out
    fails grep -q 'What helps' out
    "$here/../defects" merge-unfinished origin store
    expect 0 inspect store
    fails grep -q 'What helps' out
}

@test "inspect: of a damaged store it says so, names verify, and shows no numbers that mean nothing" {
    for entry in 2:3:100000000 2:3:18446744073709551615 2:18446744073709551615:18446744073709551615; do
        make chunk=8 size=1241088 sequential=5 entry=$entry
        remember store
        expect 2 inspect store
        said "store: 1 of its 5 exceptions cannot be right; see 'cowtool verify store'"
        grep -qx "Damage: *1 of its 5 exceptions cannot be right; 'cowtool verify store' tells more" out
        fails grep -E -e '100000000|[0-9]{12}|EiB|dmsetup|Next free|Smallest' out
        expect 2 inspect --json store
        object '.error.code == 2 and .exceptions == 5'
        unchanged
        expect 0 scan store
        grep -qx 'store  *- *1.2 MiB *4.0 KiB - *damaged' out
        grep -qx '  1 of its 5 exceptions cannot be right' out
    done
    # Inside the device, but metadata.
    make chunk=8 size=1241088 sequential=5 entry=2:3:1
    expect 2 inspect store
    grep -q '1 of its 5 exceptions cannot be right' out
}

@test "inspect: a version that does not exist is refused as damaged" {
    make sequential=3 version=2
    refuses 2 store -- inspect store
    make sequential=3 version=0
    refuses 2 store -- inspect store
}

@test "inspect: impossible chunk sizes are refused as damaged" {
    for size in 3 2147483648 4194304 4294967295; do
        make sequential=3 header_chunk="$size"
        refuses 2 store -- inspect store
    done
    make sequential=3 poke=12:0
    refuses 2 store -- inspect store
}

@test "inspect: no magic is no store" {
    make sequential=3 magic=0x12345678
    refuses 6 store -- inspect store
    make sequential=3 magic=0
    refuses 6 store -- inspect store
}

@test "inspect: a list without an end exits as damaged" {
    make chunk=1 sequential=40
    truncate -s 16896 store
    remember store
    expect 2 inspect store
    said 'store'
    expect 2 inspect --json store
    object '.exceptions == 32'
    unchanged
}

@test "inspect: a name with quotes, a newline, a backslash and bytes that are no UTF-8 makes sound JSON" {
    name=$'odd "name"\n\\ \x01 \xff'
    "$mkstore" "$name" sequential=1
    expect 0 inspect --json "$name"
    object '.store | startswith("odd \"name\"\n\\ \u0001 ")'
}

# ---- --picture ----

# pictures ROW... [-- ARGUMENT...]: after the numbers, inspect --picture of ./store shows these lines, and changes nothing.
pictures() {
    local rows=()
    while (($# > 0)) && [[ $1 != -- ]]; do
        rows+=("$1")
        shift
    done
    remember store
    expect 0 inspect --picture "${@:2}" store
    unchanged
    printf '%s\n' '' "${rows[@]}" | diff - <(tail -n $((${#rows[@]} + 1)) out) || complain 'another picture'
}

@test "inspect: a picture has a row for each quarter of the origin, and its cells show what has changed" {
    make chunk=1 size=16384 sequential=18 from=15 entry=18:63:20
    rows=('  0 bytes |               #|' '  8.0 KiB |################|' ' 16.0 KiB |#               |'
        ' 24.0 KiB |               #|' '512 bytes a cell; . some, # all')
    pictures 'Changed, up to the last one, 32.0 KiB:' "${rows[@]/#/ }"
    truncate -s 32K origin
    pictures 'Changed, of 32.0 KiB:' "${rows[@]/#/ }" -- --origin=origin
    # Twice as long, the changes are in the first half; what was saved shows the same.
    truncate -s 64K origin
    rows=('  0 bytes |               #################|' ' 16.0 KiB |#                              #|'
        ' 32.0 KiB |                                |' ' 48.0 KiB |                                |'
        '512 bytes a cell; . some, # all')
    pictures 'Changed, of 64.0 KiB:' "${rows[@]/#/ }" -- --origin=origin
    "$cowtool" save --quiet store saved
    expect 0 inspect --picture --origin=origin saved
    diff <(printf ' %s\n' "${rows[@]}") <(tail -n 5 out)
}

@test "inspect: in a picture a cell is the fuller the more of it has changed, with blocks where the locale has them" {
    truncate -s $((66 * 4 * 8 * 512)) origin
    # 66 cells a row, of 8 chunks; in the third row, cell k has k changed chunks.
    entries=() number=0
    for ((cell = 0; cell <= 8; cell++)); do
        for ((i = 0; i < cell; i++)); do
            # Chunks 67 and 100 are metadata.
            entries+=("entry=$number:$(((2 * 66 + cell) * 8 + 7 - i)):$((number < 31 ? 68 + number : 70 + number))")
            number=$((number + 1))
        done
    done
    make chunk=1 size=1048576 "${entries[@]}"
    blank=$(printf '%66s' '')
    rest=${blank:9}
    ascii=("  0 bytes |$blank|" "264.0 KiB |$blank|" "528.0 KiB | .:-==+*#$rest|" "792.0 KiB |$blank|"
        '  4.0 KiB a cell; . some, # all')
    pictures 'Changed, of 1.0 MiB:' "${ascii[@]/#/ }" -- --origin=origin
    for locale in LC_ALL=C.UTF-8 'LC_ALL= LC_CTYPE=en_US.utf8 LANG=C' 'LC_ALL= LC_CTYPE= LANG=de_DE.UTF-8@euro'; do
        # shellcheck disable=SC2086 # words
        env $locale TERM=xterm "$cowtool" inspect --picture --origin=origin store >out
        grep -qxF " 528.0 KiB | ▁▂▃▄▅▆▇█$rest|" out
        grep -qx '   4.0 KiB a cell; ▁ some, █ all' out
        # Its fonts lack them.
        # shellcheck disable=SC2086
        env $locale TERM=linux "$cowtool" inspect --picture --origin=origin store >out
        grep -qxF " 528.0 KiB | .:-==+*#$rest|" out
    done
    for locale in 'LC_ALL=C LANG=C.UTF-8' 'LC_ALL= LC_CTYPE=de_DE.ISO-8859-1 LANG=C.UTF-8' 'LC_ALL= LC_CTYPE= LANG='; do
        # shellcheck disable=SC2086
        env $locale TERM=xterm "$cowtool" inspect --picture --origin=origin store >out
        grep -qxF " 528.0 KiB | .:-==+*#$rest|" out
    done
}

@test "inspect: a picture fits the terminal" {
    make chunk=1 random=300 origin_chunks=100000 data=0
    for columns in 40 80 200 16 600; do
        terminal "bash -c 'stty cols $columns && exec \"\$1\" inspect --picture store' bash '$cowtool'" >shown </dev/null
        width=$(tr -d '\r' <shown | grep -F '|' | awk '{ print length }' | sort -u)
        ((width == (columns > 264 ? 263 : columns < 16 ? 15 : columns - 1))) || complain "$width in $columns columns"
    done
}

@test "inspect: the picture of a volume's snapshot has the length that LVM's metadata says" {
    gzip -dc "$here/../fixtures/volumes1.gz" >disk.img
    expect 0 inspect --picture --disk=disk.img vg0/other
    grep -qx 'Changed, of 400.0 KiB:' out
    (($(grep '|' out | tr -cd '#' | wc -c) == 10))
}

@test "inspect: a picture of nothing, of damage, and of what lies outside" {
    make size=40960
    pictures 'Nothing is changed.'
    make chunk=1 size=65536 sequential=4 entry=1:18446744073709551615:3
    expect 2 inspect --picture store
    said 'store: warning: 1 exception is outside that'
    grep -qx 'Changed, up to the last one, 2.0 KiB:' out
    (($(grep '|' out | tr -cd '#' | wc -c) == 3))
}

@test "inspect: --picture is for people, and --origin for --picture" {
    make sequential=4
    refuses 64 store -- inspect --origin=store store
    expect 64 inspect --json --picture store
    failure 64
}

@test "inspect: what helps where the store of a volume's snapshot is full" {
    gzip -dc "$here/../fixtures/volumes1.gz" >disk.img
    read -r _ _ _ offset < <("$tools/volume_map" disk.img | sed -n '/^volume other /{n;p}')
    # It has 40 chunks and 10 exceptions; the next one is in the last chunk.
    put disk.img $((offset + 4096 + 10 * 16)) '\132\0\0\0\0\0\0\0\47'
    for name in vg0/other LVM=vg0/other; do
        expect 0 inspect --disk=disk.img $name
        grep -qx 'Full: *\[#*\] 100%, room for exceptions: 0' out
        grep -qx "What helps: *'lvextend --size=+SIZE vg0/other' makes it larger, also while the snapshot is active" out
    done
    expect 0 verify --json --disk=disk.img vg0/other
    is '.findings[-1] | "\(.code): \(.help)"' \
        "store-full: 'lvextend --size=+SIZE vg0/other' makes it larger, also while the snapshot is active"
    expect 0 scan disk.img
    grep -q '^vg0/other .* 100% full$' out
}

@test "inspect: on a terminal long lines are wrapped, but not within a command" {
    make chunk=8 sequential=40
    terminal "bash -c 'stty cols 80 && exec \"\$1\" inspect store' bash '$cowtool'" >shown </dev/null
    (($(tr -d '\r' <shown | awk '{ print length }' | sort -n | tail -n 1) <= 80))
    grep -q "^What helps:          'truncate --size=+SIZE store' makes" shown
    grep -q "^                     .*'losetup --set-capacity DEVICE'" shown
    terminal "bash -c 'stty cols 40 && exec \"\$1\" inspect store' bash '$cowtool'" >shown </dev/null
    grep -q "^        'truncate --size=+SIZE store'" shown
}
