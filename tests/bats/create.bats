#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2119,SC2030,SC2031 # each test has its own variables
# cowtool create: what it makes is what the kernel makes, and it overwrites nothing without consent.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
    fixtures=$BATS_TEST_DIRNAME/../fixtures
}

# header FILE CHUNK_SECTORS: its first 16 bytes, as cowtool(5) has them.
header() {
    # shellcheck disable=SC2059
    printf "$(printf 'SnAp\\1\\0\\0\\0\\1\\0\\0\\0\\x%02x\\x%02x\\x%02x\\0' $(($2 & 255)) $(($2 >> 8 & 255)) $(($2 >> 16)))" \
        >wanted.header
    same "$1" wanted.header 16
}

# empty_store FILE CHUNK_SECTORS [AFTER]: header and area 0, and after them what is in the file AFTER, or zeros.
empty_store() {
    local bytes
    bytes=$(stat -c %s "$1")
    header "$1" "$2"
    cp --sparse=always "${3:-/dev/null}" wanted
    truncate -s "$bytes" wanted
    dd if=/dev/zero of=wanted bs=512 count=$((2 * $2)) conv=notrunc status=none
    dd if=wanted.header of=wanted conv=notrunc status=none
    same "$1" wanted
}

# uncreated CODE PATH ARGUMENT...: create ends with CODE and makes no file PATH.
uncreated() {
    refuses "$1" -- create "${@:3}" "$2"
    [[ ! -e $2 ]] || complain "$2 was made"
}

@test "create: a new file is an empty store of that size and of holes, for its owner alone" {
    for chunk in 1 2 8 32 128 1024; do
        expect 0 create --chunk=$((chunk * 512)) --size=3M store
        silent
        empty_store store $chunk
        (($(stat -c %s store) == 3145728)) || complain 'wrong size'
        [[ $(stat -c %a store) == 600 ]] || complain 'others may read it'
        (($(stat -c %b store) <= 16)) || complain 'it is not sparse'
        finds 0 clean '[]' store
        rm store
    done
}

@test "create: the largest chunk size and the largest sizes work" {
    expect 0 create --chunk=1G --size=2G store
    header store 2097152
    (($(stat -c %s store) == 2147483648))
    expect 0 create --chunk=512 --size=4T large
    is_size=$(stat -c %s large)
    ((is_size == 4398046511104))
}

@test "create: header and first chunk equal those of the stores that a kernel made" {
    for name in chunk1-areas chunk8-random chunk32-random chunk128-partial; do
        gunzip -c "$fixtures/$name.store.gz" >kernel
        chunk=${name%-*}
        chunk=${chunk#chunk}
        expect 0 create --chunk=$((chunk * 512)) --size="$(stat -c %s kernel)" "$name"
        same "$name" kernel $((chunk * 512))
    done
}

@test "create: inspect and the text tell the same of it" {
    expect 0 create --chunk=4K --size=1M store
    grep -qF 'store: empty store, chunks of 4096 bytes, room for exceptions: 254' out
    expect 0 inspect --json store
    has '{"state": "empty", "bytes": 1048576, "chunk_bytes": 4096, "exceptions": 0, "next_free_chunk": 2, "record": null}'
}

@test "create: --json has all keys, --quiet prints nothing" {
    expect 0 create --json --chunk=512 --size=64K store
    has '{"store": "store", "bytes": 65536, "chunk_bytes": 512, "exceptions_per_area": 32, "exceptions_possible": 123}'
    expect 0 create --quiet --chunk=512 --size=64K other
    [[ ! -s out && ! -s err ]]
    same store other
}

@test "create: the room that is told is what fits by the rules of the areas" {
    for row in 2:0 3:1 33:31 34:31 35:32 36:33 67:63 68:64; do
        expect 0 create --json --chunk=512 --size=$((${row%:*} * 512)) "store$row"
        is .exceptions_possible "${row#*:}"
    done
}

@test "create: a store that was made is merged like any other" {
    fill origin 65536
    cp origin before
    expect 0 create --chunk=4K --size=1M store
    expect 0 merge origin store
    same origin before
    # Exceptions in it: the same bytes as in a store that mkstore made.
    make chunk=8 sequential=3 size=1048576
    cp store other
    expect 0 create --chunk=4K --force store
    "$mkstore" store chunk=8 sequential=3 size=1048576 keep=1
    same store other
}

# ---- what exists ----

@test "create: a file of zeros is taken as it is and keeps its size" {
    truncate -s 65536 store
    expect 0 create --chunk=4K store
    empty_store store 8
    truncate -s 0 store
    truncate -s 65999 store
    expect 0 create --json --chunk=4K --size=65536 store
    (($(stat -c %s store) == 65999))
}

@test "create: --size other than what the file has is refused" {
    truncate -s 65536 store
    refuses 5 store -- create --chunk=4K --size=64512 store
    said 65536
    refuses 5 store -- create --force --chunk=4K --size=1M store
}

@test "create: a COW store is overwritten with --force alone" {
    make chunk=8 sequential=300
    refuses 5 store -- create --chunk=4K store
    said --force
    refuses 5 store -- create --chunk=512 store
    cp store before
    expect 0 create --force --chunk=4K store
    empty_store store 8 before
    expect 0 create --force --chunk=512 store
    empty_store store 1 store
}

@test "create: an invalid or damaged COW store, and one with an unfinished merge, is refused" {
    make chunk=8 sequential=3 valid=0
    refuses 5 store -- create --chunk=4K store
    make chunk=8 sequential=3 version=7 header_chunk=3
    refuses 5 store -- create --chunk=4K store
    pristine_pair
    cut_off KILL
    refuses 5 store origin -- create --chunk=4K store
    said 'unfinished merge'
}

@test "create: a file system is overwritten with --force alone" {
    for chunk in 512 4K 64K; do
        file_system image 11111111-1111-4111-8111-111111111111
        refuses 5 image -- create --chunk=$chunk image
        said ext4
        said 11111111-1111-4111-8111-111111111111
        said wipefs
    done
    cp image before
    expect 0 create --force --chunk=4K image
    empty_store image 8 before
}

@test "create: two signatures that contradict each other are refused, too" {
    two_file_systems image 11111111-1111-4111-8111-111111111111
    refuses 5 image -- create --chunk=512 image
    said 'more than one signature'
}

@test "create: an image file that is not blank where the store would be is refused without a signature, too" {
    truncate -s 65536 file
    for place in 0 16 511 512 4095 4096 8191; do
        cp --sparse=always file store
        put store "$place" x
        refuses 5 store -- create --chunk=4K store
        said --force
    done
    cp store before
    expect 0 create --force --chunk=4K store
    empty_store store 8 before
    cp --sparse=always file store
    put store 8192 x
    cp store before
    expect 0 create --chunk=4K store
    empty_store store 8 before
}

@test "create: junk on a block device is overwritten, a store or file system is not" {
    fill image 1048576
    cp image before
    attach image
    expect 0 create --chunk=16K "$loop"
    sync image
    empty_store image 32 before
    refuses 5 image -- create --chunk=16K "$loop"
    expect 0 create --force --chunk=4K "$loop"
    header image 8
    detach_all
    file_system image 11111111-1111-4111-8111-111111111111
    attach image
    refuses 5 image -- create --chunk=16K "$loop"
    said ext4
}

@test "create: on a block device a chunk is a multiple of the logical block" {
    truncate -s 1M image
    attach image --sector-size 4096
    for chunk in 512 1K 2K; do
        refuses 5 image -- create --chunk=$chunk "$loop"
        refuses 5 image -- create --force --chunk=$chunk "$loop"
        said 4096
    done
    expect 0 create --chunk=4K "$loop"
    header image 8
}

@test "create: a block device keeps its size" {
    truncate -s 1M image
    attach image
    refuses 5 image -- create --chunk=4K --size=512K "$loop"
    expect 0 create --chunk=4K --size=1M "$loop"
}

@test "create: what is in use is refused, with --force, too" {
    truncate -s 1M image
    attach image
    refuses 5 image -- create --chunk=4K image
    refuses 5 image -- create --force --chunk=4K image
    said "$loop"
    detach_all
    exec 9<>image
    flock 9
    expect 5 create --force --chunk=4K --json image 9>&-
    failure 5
    exec 9>&-
    (($(stat -c %b image) == 0))
}

# ---- what cannot be ----

@test "create: without --size no file is made" {
    uncreated 8 nowhere --chunk=4K
    said --size
    uncreated 8 nowhere --force --chunk=4K
    uncreated 8 UUID=99999999-9999-4999-8999-999999999999 --chunk=4K --size=1M
}

@test "create: a folder, a FIFO, a device that is none, and a folder that is missing are no place" {
    mkdir folder
    mkfifo pipe
    for path in folder pipe /dev/null; do
        refuses 5 -- create --chunk=4K "$path"
        refuses 5 -- create --force --chunk=4K --size=1M "$path"
    done
    refuses 8 -- create --chunk=4K folder/missing/store
    refuses 8 -- create --force --chunk=4K --size=1M folder/missing/store
    [[ -z $(ls folder) ]]
    ln -s missing dangling
    refuses 5 -- create --chunk=4K --size=1M dangling
    [[ ! -e missing ]]
}

@test "create: what is too small for header and first area is refused, and no file stays behind" {
    uncreated 7 store --chunk=4K --size=4K
    uncreated 7 store --chunk=4K --size=7680
    uncreated 7 store --chunk=1G --size=1G
    truncate -s 8191 store
    refuses 7 store -- create --chunk=4K store
    refuses 7 store -- create --force --chunk=4K store
    : >store
    refuses 7 store -- create --force --chunk=512 store
    expect 0 create --chunk=4K --size=8K other
    empty_store other 8
}

@test "create: chunk sizes that no kernel takes are usage errors" {
    for chunk in 0 1 256 511 513 1000 1536 4095 3K 2G 1T 16777215T 16777216T 18446744073709551615 4294967808 abc '' -4096 4KB; do
        uncreated 64 store --chunk="$chunk" --size=1M
    done
    uncreated 64 store --size=1M
    said --chunk
}

@test "create: sizes that are none are usage errors, and those that no file system takes an error" {
    for size in 0 511 513 1000001 abc '' -1 1.5M 16777216T 18446744073709551615; do
        uncreated 64 store --chunk=4K --size="$size"
    done
    uncreated 7 store --chunk=4K --size=16777215T
    uncreated 7 store --chunk=4K --size=8388607T
    uncreated 7 store --chunk=4K --size=9223372036854775808
}

@test "create: a file larger than the user may make is no space, and no file stays behind" {
    (
        ulimit -f 512
        refuses 7 -- create --chunk=4K --size=1M store
    )
    said 'cannot make it 1048576 bytes long: File too large'
    [[ ! -e store ]]
}

@test "create: a saved file is told as one" {
    make chunk=8 sequential=3
    expect 0 save store saved
    refuses 5 saved -- create --chunk=4K saved
    said 'saved: is a saved file'
    refuses 5 saved -- create --chunk=16M saved
    said 'saved: is a saved file'
}

@test "create: a saved file on a block device is told as one" {
    make chunk=8 sequential=3
    expect 0 save store image
    truncate -s 1M image
    attach image
    refuses 5 image -- create --chunk=4K "$loop"
    said "$loop: holds a saved file"
    expect 0 create --force --chunk=4K "$loop"
    sync image
    header image 8
}

@test "create: a full file system is told, and no file stays behind" {
    ((EUID == 0)) || skip 'only root mounts'
    mkdir small
    mount -t tmpfs -o size=64k tmpfs small 2>/dev/null || skip 'nothing can be mounted here'
    fill small/filling 65536 2>/dev/null || true
    code=0
    "$cowtool" create --chunk=4K --size=1M small/store >out 2>err || code=$?
    left=$(ls small)
    umount small
    ((code == 7)) || complain "exit code $code"
    said 'No space left on device'
    [[ $left == filling ]] || complain "there is $left"
}
