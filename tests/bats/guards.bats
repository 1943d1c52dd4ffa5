#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2119
# What cowtool refuses to touch. Each case proves that every byte of what was refused is as it was.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
    small_pair
}

# no_origin PATH [FILE...]: a merge into it is refused; the files and the store keep every byte.
no_origin() {
    local path=$1
    shift
    refuses 5 store "$@" -- merge "$path" store
}

# busy ARGUMENT...: a merge is refused with 5. Cheaper than refuses, as cowtool waits a second for a lock.
busy() {
    remember origin store
    expect 5 merge --json "$@"
    failure 5
    unchanged
}

# without_rights COMMAND...: as somebody whom the modes of files stop: root is not.
without_rights() {
    if ((EUID == 0)); then
        command -v setpriv >/dev/null || skip 'there is no setpriv(1)'
        setpriv --bounding-set=-dac_override,-dac_read_search "$@"
    else
        "$@"
    fi
}

# no_rights MODE FILE ARGUMENT...: with that mode of the file, cowtool exits with 4 and says why.
no_rights() {
    local mode=$1 file=$2 code=0
    shift 2
    remember origin store
    chmod "$mode" "$file"
    without_rights "$cowtool" "$@" >out 2>err || code=$?
    chmod 600 "$file"
    ((code == 4)) || complain "exit code $code, not 4"
    [[ ! -s out ]]
    said "$file"
    said 'Permission denied'
    unchanged
}

uuid_a=11111111-1111-4111-8111-111111111111
uuid_b=22222222-2222-4222-8222-222222222222

# saves FILE CHUNK: ./store holds the file's first eight KiB in chunks of CHUNK sectors.
saves() {
    make chunk="$2" sequential=$((16 / $2))
    dd if="$1" of=store bs=512 seek=$(($2 * 2)) count=16 conv=notrunc status=none
}

# ---- damaged stores ----

# damaged KEY=VALUE...: a merge of such a store is refused as damaged.
damaged() {
    make "$@"
    refuses 2 origin store -- merge origin store
    refuses 2 origin store -- merge --resume origin store
}

@test "guards: a merge of version 0 or 2 is refused" {
    damaged sequential=3 version=0
    damaged sequential=3 version=2
}

@test "guards: a merge of a store with an impossible chunk size is refused" {
    damaged sequential=3 poke=12:0
    damaged sequential=3 header_chunk=3
    damaged sequential=3 header_chunk=4194304
    damaged sequential=3 header_chunk=2147483648
}

@test "guards: a merge of an invalid store is refused, with --force, too" {
    damaged sequential=3 valid=0
    refuses 2 origin store -- merge --force origin store
}

@test "guards: a merge of an empty store that is marked invalid is refused" {
    damaged valid=0
}

@test "guards: a merge of a store that was truncated anywhere is refused" {
    make chunk=1 sequential=40
    cp store whole
    for sectors in 1 2 3 17 33 34 35 36 41; do
        head -c $((sectors * 512)) whole >store
        refuses 2 origin store -- merge origin store
    done
}

@test "guards: a merge of a store with a header and nothing else is refused" {
    head -c 512 store >stump
    refuses 2 origin stump -- merge origin stump
}

@test "guards: a merge of an entry of 2^56 is refused" {
    damaged chunk=1 size=40960 sequential=3 entry=3:9:72057594037927936
}

@test "guards: a merge of an entry in an area is refused" {
    damaged chunk=1 size=40960 sequential=3 entry=3:9:34
    damaged chunk=1 size=40960 sequential=3 entry=3:9:1
}

@test "guards: a merge of an entry beyond the device is refused" {
    damaged chunk=1 size=40960 sequential=3 entry=3:9:80
}

@test "guards: a merge of an entry beyond the device is refused with --force, too" {
    make chunk=1 size=40960 sequential=3 entry=3:9:80
    refuses 2 origin store -- merge --force origin store
}

@test "guards: a merge of an old chunk that is there twice is refused" {
    damaged chunk=1 size=40960 sequential=3 entry=3:1:5
}

@test "guards: a merge of a new chunk that is there twice is refused, with --force, too" {
    damaged chunk=1 size=40960 sequential=3 entry=3:9:3
    refuses 2 origin store -- merge --force origin store
}

@test "guards: a dry run of a damaged store is refused like the merge" {
    make chunk=1 size=40960 sequential=3 entry=3:9:34
    refuses 2 origin store -- merge --dry-run origin store
}

@test "guards: a store with an error in its last entry is refused before the first write" {
    pair 1048576 chunk=1 size=1048576 random=1000 origin_chunks=2048 entry=1000:5000:1033
    refuses 5 origin store -- merge --window=512 origin store
    make chunk=1 size=1048576 random=1000 origin_chunks=2048 entry=1000:2048:2048
    refuses 2 origin store -- merge --window=512 origin store
}

# ---- origins that do not fit ----

@test "guards: a path that leads nowhere is no origin and is not made" {
    refuses 8 store -- merge nowhere store
    [[ ! -e nowhere ]]
}

@test "guards: a directory is no origin" {
    mkdir folder
    no_origin folder
}

@test "guards: a FIFO is no origin, and nobody waits for it" {
    mkfifo pipe
    no_origin pipe
}

@test "guards: /dev/null is no origin" {
    no_origin /dev/null
}

@test "guards: /dev/zero is no origin" {
    no_origin /dev/zero
}

@test "guards: an empty file is no origin for a store with exceptions" {
    : >tiny
    no_origin tiny tiny
    [[ ! -s tiny ]]
}

@test "guards: a tiny file is no origin for a store with exceptions" {
    head -c 511 origin >tiny
    no_origin tiny tiny
    head -c 512 origin >tiny
    no_origin tiny tiny
}

@test "guards: an origin that ends before the highest old chunk is refused, with --force, too" {
    truncate -s 24576 origin
    no_origin origin origin
    refuses 5 origin store -- merge --force origin store
    refuses 5 origin store -- merge --dry-run origin store
}

@test "guards: an origin that ends within the highest old chunk is none too small" {
    truncate -s 25088 origin
    merges_right
}

@test "guards: ORIGIN and STORE are the same path" {
    refuses 5 store -- merge store store
    refuses 5 origin -- merge origin origin
    refuses 5 store -- merge --force store ./store
}

@test "guards: ORIGIN and STORE are the same file by a symbolic link" {
    ln -s store link
    refuses 5 store -- merge link store
    refuses 5 store -- merge store link
}

@test "guards: ORIGIN and STORE are the same file by a hard link" {
    ln store link
    refuses 5 store -- merge link store
    refuses 5 store -- merge store link
}

@test "guards: ORIGIN and STORE are swapped" {
    refuses 5 origin store -- merge store origin
    said swapped
    refuses 5 origin store -- merge --force store origin
}

@test "guards: both are stores" {
    "$mkstore" other chunk=8 size=65536 sequential=5
    refuses 5 store other -- merge other store
}

@test "guards: a saved file is no origin" {
    # Large enough to hold the old chunks of ./store.
    "$mkstore" other chunk=1 size=16777216 random=20000 origin_chunks=1000000 data=0
    "$cowtool" save other file
    (($(stat -c %s file) > 28672))
    no_origin file file
    said 'file: is a saved file'
    refuses 5 file store -- merge --dry-run file store
    refuses 5 file store -- merge --resume file store
    refuses 5 file store -- export file store image
    refuses 5 file store -- repair --dry-run --origin=file store
    [[ ! -e image ]]
    cp file origin
    merges_right --force
}

@test "guards: a saved file on a block device is no origin" {
    "$cowtool" save store file
    truncate -s 65536 file
    attach file
    no_origin "$loop" file
    said "$loop: is a saved file"
}

@test "guards: an origin with another file system than the store's is refused, unless forced" {
    file_system origin $uuid_a
    file_system other $uuid_b
    for chunk in 1 2 4 16 8; do
        saves other $chunk
        refuses 5 origin store -- merge origin store
        said $uuid_a
        said $uuid_b
    done
    refuses 5 origin store -- merge --dry-run origin store
    refuses 5 origin store -- merge --resume origin store
    merges_right --force
    same origin other 8192
}

@test "guards: an origin with the same file system as the store's is taken" {
    file_system origin $uuid_a
    cp origin other
    put other 1200 'a name'
    saves origin 8
    put store 9392 'a name'
    fill origin.data 4096
    dd if=origin.data of=origin bs=512 seek=8 conv=notrunc status=none
    merges_right
}

@test "guards: an origin on which two file systems are recognised is taken if the store shows the same two" {
    two_file_systems origin $uuid_a
    saves origin 8
    put store 9392 'a name'
    merges_right
}

@test "guards: an origin on which two file systems are recognised is refused if the store shows one, unless forced" {
    two_file_systems origin $uuid_a
    make chunk=8 sequential=1 from=16
    refuses 5 origin store -- merge origin store
    said 'it holds more than one signature, and the store ext4'
    merges_right --force
}

@test "guards: an origin on which two file systems are recognised is refused if the store shows none" {
    two_file_systems origin $uuid_a
    make chunk=8 sequential=17
    refuses 5 origin store -- merge origin store
}

@test "guards: an origin without a file system is refused while the store holds one, unless forced" {
    file_system other $uuid_b
    fill origin 2097152
    saves other 8
    refuses 5 origin store -- merge origin store
    merges_right --force
}

@test "guards: where the store has nothing of the places of file systems, none is looked for" {
    judged_pair 8388608 chunk=8 sequential=100 from=300
    # A look would need a memory file as large as the origin.
    (ulimit -f 4096; expect 0 merge origin store)
    merged
}

@test "guards: an origin whose file system the store would overwrite with none is refused, unless forced" {
    file_system origin $uuid_a
    make chunk=8 sequential=1
    refuses 5 origin store -- merge origin store
    merges_right --force
}

# ---- what is in use ----

@test "guards: an origin that somebody locked with flock is refused" {
    flock --no-fork origin sleep 30 3>&- &
    held_pid=$!
    until fails flock -n origin true >/dev/null; do :; done
    busy origin store
}

@test "guards: a store that somebody locked with flock is refused" {
    flock --no-fork --shared store sleep 30 3>&- &
    held_pid=$!
    until fails flock -n store true >/dev/null; do :; done
    busy origin store
}

@test "guards: a second merge at the same time is refused, and the first one ends well" {
    pristine_pair
    midway
    mkdir first
    mv out err first
    busy --resume origin store
    goes_on
    ((status == 0)) || complain "exit code $status"
    merged
}

@test "guards: a store that is being merged can be looked at" {
    pristine_pair
    midway
    remember origin store
    expect 0 inspect --json store
    has "{\"state\": \"merging\", \"exceptions\": $left}"
    expect 0 verify --origin=origin store
    expect 0 dump --format=csv store
    unchanged
}

@test "guards: an origin image that is attached to a loop device is refused and the device named" {
    attach origin
    no_origin origin origin
    said "$loop"
}

@test "guards: a store image that is attached to a loop device is refused and the device named" {
    attach store
    refuses 5 origin store -- merge origin store
    said "$loop"
    expect 0 inspect store
    said "$loop"
}

@test "guards: a mounted origin is refused and the place named" {
    file_system image $uuid_a
    attach image
    mkdir mounted
    mount "$loop" mounted 2>/dev/null || skip 'nothing can be mounted here'
    refuses 5 store -- merge "$loop" store
    said "$PWD/mounted"
}

@test "guards: a loop device and its own image are not taken for two devices" {
    attach store
    remember store
    expect 5 merge --json store "$loop"
    failure 5
    unchanged
    expect 5 merge --json "$loop" store
    failure 5
    unchanged
}

@test "guards: block devices of 512 and of 4096 bytes are merged" {
    for block in 512 4096; do
        judged_pair 2097152 chunk=8 random=300 origin_chunks=512
        attach origin --sector-size "$block"
        expect 0 merge --window=64K "$loop" store
        detach_all
        merged
    done
    for block in 512 4096; do
        judged_pair 2097152 chunk=16 random=100 origin_chunks=256
        attach store --sector-size "$block"
        expect 0 merge --window=64K origin "$loop"
        detach_all
        merged
    done
}

# ---- what must not be read or written ----

@test "guards: a store that must not be read is an error" {
    no_rights 000 store inspect store
    no_rights 000 store verify store
    no_rights 000 store merge origin store
}

@test "guards: an origin that must not be written is an error" {
    no_rights 400 origin merge origin store
}

@test "guards: a store that must not be written is an error" {
    no_rights 400 store merge origin store
}

@test "guards: a dry run needs no right to write" {
    chmod 400 origin store
    remember origin store
    without_rights "$cowtool" merge --dry-run origin store 2>err
    said 'origin: note: the merge itself needs the right to write to it'
    said 'store: note: the merge itself needs the right to write to it'
    without_rights "$cowtool" merge --dry-run --quiet origin store 2>err
    [[ ! -s err ]]
    unchanged
    chmod 600 origin store
    expect 0 merge --dry-run origin store
    fails grep 'the right to write' err
}

# Files that are opened take the place of what is closed: a message must not land in them.
@test "guards: with closed standard streams nothing strays into origin or store" {
    # Where O_DIRECT takes any length: elsewhere such a write may just fail.
    folder=$(mktemp -d /dev/shm/cowtool-test.XXXXXX 2>/dev/null) || folder=$(mktemp -d -p .)
    for streams in '2>&-' '>&-' '>&- 2>&-' '<&- >&- 2>&-'; do
        judged_pair 1048576 chunk=1 random=100 origin_chunks=2000
        cp origin store "$folder"
        eval '"$cowtool" merge --json --progress=json "$folder/origin" "$folder/store"' "$streams" >/dev/null || true
        mv "$folder/origin" "$folder/store" .
        merged || {
            rm -rf "$folder"
            complain "with $streams"
        }
    done
    rm -rf "$folder"
}
