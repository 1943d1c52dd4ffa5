#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2119
# cowtool save and restore, and saved files in the place of a store. Where the metadata is on a device is worked out here
# from the format's description: with chunks of C sectors, area a is chunk 1 + a * (32 * C + 1).

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

bats_require_minimum_version 1.5.0

# saved [OPTION...]: ./store in ./file; the store keeps every byte.
saved() {
    remember store
    expect 0 save "$@" store file
    unchanged
}

# metadata_of STORE TARGET CHUNK-SECTORS AREAS: puts header and areas of the one into the other.
metadata_of() {
    local area bytes=$(($3 * 512))
    dd if="$1" of="$2" bs=$bytes count=1 conv=notrunc status=none
    for ((area = 0; area < $4; area++)); do
        dd if="$1" of="$2" bs=$bytes count=1 conv=notrunc status=none \
            skip=$((1 + area * ($3 * 32 + 1))) seek=$((1 + area * ($3 * 32 + 1)))
    done
}

# comes_back CHUNK-SECTORS AREAS: saved and restored to a device full of other bytes, ./store's metadata is there and
# nothing else was written.
comes_back() {
    saved
    fill device "$(stat -c %s store)"
    cp device wanted
    metadata_of store wanted "$1" "$2"
    expect 0 restore file device
    same device wanted
}

# looks_same STORE FILE ARGUMENT...: the command says of the file what it says of the store, but for the name, which is
# STORE where a command is advised (STORE2 where that is another one).
looks_same() {
    quickly is_looking_same "$@"
}

is_looking_same() {
    local store=$1 file=a_name_of_its_own code=0 file_code=0
    ln -sf "$2" $file
    shift 2
    "$cowtool" "$@" "$store" >store.out 2>store.err || code=$?
    "$cowtool" "$@" $file >file.out 2>file.err || file_code=$?
    ((code == file_code)) || complain "cowtool $*: exit code $file_code for the file, $code for the store"
    sed -i "s/$file/$store/g; s/; STORE2\? is the device of which this is the saved file//g" file.out file.err
    sed -i "s/STORE2\?/$store/g" file.out store.out
    # A device can be made larger; of what is saved, only that device.
    sed -i "s/'truncate --size=+SIZE $store' makes it larger;.* tells that one/make the device larger of which this is the saved file/" \
        store.out file.out
    cmp store.out file.out
    diff store.err <(grep -v 'note: a saved file' file.err)
}

# all_look_same: for all commands and formats.
all_look_same() {
    local command
    saved --force --quiet
    for command in inspect verify dump 'dump --format=csv'; do
        # shellcheck disable=SC2086
        looks_same store file $command
    done
    for command in inspect verify dump; do
        looks_same store file $command --json
    done
}

@test "save: the file is there, and nothing beside it; the store keeps every byte" {
    make chunk=8 random=600 origin_chunks=5000
    saved --json
    has '{"store": "store", "file": "file", "bytes": 2473984, "chunk_sectors": 8, "areas": 3, "saved_bytes": 16384}'
    object ".file_bytes == $(stat -c %s file)"
    [[ ! -s err ]]
    [[ $(echo ./*) == './err ./file ./out ./remembered ./store' ]]
}

@test "save: text, and with --quiet none" {
    make chunk=8 sequential=3
    saved
    grep -q '^store: saved in file: areas: 1, metadata: 8.0 KiB, file: ' out
    [[ ! -s err ]]
    saved --quiet --force
    [[ ! -s out && ! -s err ]]
}

@test "save: the metadata comes back byte for byte, and no data chunk is written: one area" {
    make chunk=8 random=100 origin_chunks=1000
    comes_back 8 1
}

@test "save: the metadata comes back byte for byte, and no data chunk is written: many areas" {
    make chunk=1 random=2000 origin_chunks=9000
    comes_back 1 63
}

@test "save: the metadata comes back byte for byte, and no data chunk is written: chunks of 16 KiB" {
    make chunk=32 random=1100 origin_chunks=9000
    comes_back 32 2
}

@test "save: a full area and the empty one after it come back" {
    make chunk=8 sequential=256 size=4194304
    comes_back 8 2
}

@test "save: what is after the end of the list, and in the header's slack, comes back" {
    make chunk=8 sequential=10 entry=12:77:88 entry=255:1:2 poke=16:1 poke=300:65 poke=4095:66
    comes_back 8 1
}

@test "save: of a header's chunk larger than 1 MiB the first MiB is saved" {
    make chunk=8192 sequential=3 data=0 poke=16:1 poke=1048575:2 poke=1048576:3
    saved --json
    is .saved_bytes $((1048576 + 4194304))
    truncate -s "$(stat -c %s store)" device
    expect 0 restore file device
    put store 1048576 '\0'
    same store device
}

@test "save: what a merge cleared is brought back" {
    pair 4000000 chunk=8 random=600 origin_chunks=900
    cp store store.before
    saved
    expect 0 merge origin store
    fails same store store.before >/dev/null
    expect 0 restore file store
    same store store.before
}

@test "save: a store of 1 TiB is saved in a small file, in little memory" {
    make size=$((1 << 40)) chunk=8 sequential=200000 data=0
    # The address sanitizer needs more than there is.
    ! (ulimit -v 300000 && "$cowtool" --version >/dev/null 2>&1) || ulimit -v 300000
    expect 0 save --json store file
    is .areas 782
    (($(stat -c %s file) < 50000)) || complain "the file has $(stat -c %s file) bytes"
    truncate -s 1T device
    expect 0 restore file device
    looks_same store device verify
    looks_same store device inspect --json
}

@test "save: random old chunks take less than half of their size" {
    make chunk=8 random=20000 origin_chunks=1000000 data=0
    saved --json
    (($(stat -c %s file) * 2 < $(value .saved_bytes)))
}

@test "save: of a store without a good header the first bytes are saved, and come back" {
    make chunk=8 random=600 origin_chunks=5000
    for change in 0:0 0:1 8:2 12:9; do
        cp store lost
        put lost "${change%:*}" "\\x${change#*:}"
        expect 0 save --force --json lost file
        has '{"chunk_sectors": null, "areas": 0, "saved_bytes": 1048576, "bytes": 2473984}'
        said 'only the first bytes of it are saved'
        cp lost mended
        dd if=store of=mended bs=512 count=1 conv=notrunc status=none
        expect 0 restore file mended
        same mended lost
    done
}

@test "save: of a lost store smaller than 1 MiB all is saved" {
    fill store 100352
    saved --force --json
    has '{"saved_bytes": 100352, "bytes": 100352, "areas": 0}'
    truncate -s 100352 device
    expect 0 restore file device
    same device store
}

@test "save: what is no store is refused without --force, what has lost a part of its header is not" {
    fill origin 100352
    truncate -s 100352 blank
    for path in origin blank; do
        refuses 6 $path -- save $path file
        said "$path: no COW store there"
        said '; --force saves its first bytes all the same'
        [[ ! -e file ]]
        expect 0 save --force $path file
        rm file
    done
    for defect in version=3 header_chunk=5; do
        make chunk=8 sequential=3 $defect
        saved
        said 'only the first bytes of it are saved'
        rm file
    done
}

@test "save: a list without an end is saved as far as the device goes" {
    make chunk=1 sequential=64 data=0 size=$(((1 + 33 * 2) * 512))
    saved --json
    is .areas 2
    all_look_same
}

@test "save: a file that exists is not replaced without --force" {
    make chunk=8 sequential=3
    fill file 100
    refuses 5 file store -- save store file
    said 'exists already'
    expect 0 save --force store file
    expect 0 inspect file
}

@test "save: what is no regular file is never replaced" {
    make chunk=8 sequential=3
    mkdir directory
    mkfifo fifo
    for path in directory fifo /dev/null; do
        refuses 5 store -- save --force store $path
        said 'no regular file'
    done
    [[ -d directory && -p fifo && -c /dev/null ]]
}

@test "save: the store itself is never replaced" {
    make chunk=8 sequential=3
    ln store link
    ln -s store symlink
    for path in store ./store link symlink; do
        refuses 5 store -- save --force store $path
        said 'is the store itself'
    done
    [[ -L symlink ]]
}

@test "save: a file that is attached to a loop device is not replaced" {
    make chunk=8 sequential=3
    fill file 65536
    attach file
    refuses 5 store file -- save --force store file
    said "file: is attached to $loop"
    detach_all
    expect 0 save --force store file
}

@test "save: a file that another process has locked is not replaced" {
    make chunk=8 sequential=3
    fill file 65536
    flock --no-fork file sleep 30 3>&- &
    held_pid=$!
    until fails flock --nonblock file true >/dev/null; do :; done
    refuses 5 store file -- save --force store file
    said 'file: is locked by another process'
    [[ $(ls) != *file.* ]]
    kill "$held_pid"
}

@test "save: a directory that is missing is an I/O error" {
    make chunk=8 sequential=3
    refuses 8 store -- save store missing/file
    said 'No such file or directory'
}

@test "save: what does not fit is no space, and leaves nothing behind" {
    make chunk=8 random=20000 origin_chunks=1000000 data=0
    mkdir into
    code=0
    (
        ulimit -f 8
        json_of save --json store into/file >out 2>err
    ) || code=$?
    ((code == 7)) || complain "exit code $code"
    failure 7
    [[ -z $(ls into) ]]
}

# failing_flush N ERROR: a save to ./file whose Nth flush fails so; ./code has its exit code.
failing_flush() {
    local status=0
    strace -o trace --trace=fsync --inject=fsync:error="$2:when=$1" "$cowtool" save store file >out 2>err || status=$?
    grep -q INJECTED trace || complain "there is no flush number $1"
    echo $status >code
}

@test "save: a flush of the file that fails is an I/O error and leaves nothing, one of its folder leaves all of it" {
    needs_strace
    make chunk=8 sequential=3
    failing_flush 1 EIO
    [[ $(<code) == 4 && $(echo file*) == 'file*' ]]
    failing_flush 2 EIO
    [[ $(<code) == 4 ]]
    said 'cowtool save: file: cannot flush its folder: Input/output error; the file is there and complete'
    [[ $(echo file*) == file ]]
    looks_same store file verify
}

@test "save: a file system whose folders cannot be flushed will do" {
    needs_strace
    make chunk=8 sequential=3
    failing_flush 2 EINVAL
    [[ $(<code) == 0 ]]
    looks_same store file verify
}

@test "save: a saved file is not saved again" {
    make chunk=8 sequential=3
    saved
    refuses 6 file -- save file again
    said 'is a saved file already'
    [[ ! -e again ]]
}

@test "save: what is no store at all" {
    truncate -s 100 small
    refuses 6 small -- save small file
    refuses 8 -- save missing file
    refuses 5 -- save /dev/null file
    [[ ! -e file ]]
}

@test "save, restore: usage" {
    make chunk=8 sequential=3
    for command in save restore; do
        refuses 64 store -- $command store
        refuses 64 store -- $command store file more
        refuses 64 store -- $command --force --force store file
        expect 0 $command --help
        for option in --force --json --quiet --help FILE STORE; do
            grep -qw -- "$option" out
        done
    done
    expect 0 --help
    grep -q '^  save ' out
    grep -q '^  restore ' out
}

@test "a saved file looks like its store: sound ones" {
    make chunk=8 sequential=0
    all_look_same
    make chunk=8 random=600 origin_chunks=5000
    all_look_same
    make chunk=1 sequential=64 size=1000448
    all_look_same
    make chunk=32 random=1100 reversed=1 origin_chunks=9000
    all_look_same
}

@test "a saved file looks like its store: damaged ones" {
    make chunk=8 sequential=600 valid=0
    all_look_same
    make chunk=8 sequential=10 entry=12:77:88
    all_look_same
    make chunk=8 sequential=300 entry=5:7:258 entry=6:1:99999 entry=7:1:3 entry=8:9:72057594037927936 poke=16:1
    all_look_same
    make chunk=8 sequential=300
    truncate -s 500000 store
    all_look_same
    truncate -s 6144 store # less than two chunks
    all_look_same
    truncate -s 512 store
    all_look_same
}

@test "a saved file looks like its store: lost headers" {
    make chunk=8 sequential=300 magic=0
    all_look_same
    make chunk=8 sequential=300 magic=1
    all_look_same
    make chunk=8 sequential=300 version=2
    all_look_same
    make chunk=8 sequential=300 header_chunk=7
    all_look_same
}

@test "a saved file looks like its store: those that a kernel made" {
    for fixture in "$BATS_TEST_DIRNAME"/../fixtures/*.store.gz; do
        gunzip -c "$fixture" >store
        all_look_same
    done
}

@test "a saved file looks like its store: with an unfinished merge" {
    pristine_pair
    cut_off TERM
    all_look_same
    grep -q 'are left to merge' <("$cowtool" inspect file)
}

@test "a saved file: verify --origin" {
    make chunk=8 random=100 origin_chunks=1000
    truncate -s 4096000 origin
    saved
    # Only of the store itself it is asked whose it is.
    looks_same store file verify --quiet --origin=origin
    truncate -s 100000 origin
    looks_same store file verify --origin=origin --json
    grep -q entry-beyond-origin store.out
}

@test "a saved file: that it is one is noted, but not with --quiet" {
    make chunk=8 sequential=3
    saved
    for command in inspect verify dump; do
        expect 0 $command file
        said 'file: note: a saved file'
        expect 0 $command --quiet file
        [[ ! -s err ]]
    done
}

@test "a saved file: no command that needs a store takes one" {
    pair 65536 chunk=8 sequential=3
    saved
    refuses 6 file origin -- merge origin file
    said 'file: is a saved file, not a store'
    refuses 6 file origin -- merge --resume --force origin file
    cp file other
    refuses 5 file other -- restore file other
    said 'is a saved file, not a device'
    refuses 5 file other -- restore --force file other
    refuses 5 file -- restore --force file file
}

@test "a saved file: truncated anywhere, it is refused everywhere" {
    pair 65536 chunk=1 sequential=1
    saved
    truncate -s 1M device
    size=$(stat -c %s file)
    for length in 8 20 100 511 512 513 531 532 533 $((size - 21)) $((size - 20)) $((size - 19)) $((size - 1)); do
        head -c "$length" file >short
        for command in inspect verify dump; do
            refuses 2 short -- $command short
        done
        refuses 2 short device -- restore --force short device
    done
    : >short
    refuses 6 short -- inspect short
    refuses 6 short device -- restore --force short device
    head -c 7 file >short
    refuses 6 short -- inspect short
    refuses 6 short device -- restore --force short device
}

@test "a saved file: changed or longer, it is refused everywhere, and says where" {
    make chunk=1 sequential=1
    saved
    truncate -s 1M device
    size=$(stat -c %s file)
    for place in 8 16 40 508 512 520 532 540 $((size - 21)) $((size - 20)) $((size - 1)); do
        cp file changed
        put changed "$place" '\xa5'
        refuses 2 changed device -- restore --force changed device
        said 'changed: this saved file is damaged at byte'
        refuses 2 changed -- verify changed
    done
    cp file changed
    put changed "$size" '\0'
    refuses 2 changed device -- restore changed device
    said "damaged at byte $size of $((size + 1)): it should end there"
}

@test "a saved file: one that says that its device is larger than what it holds ends what reads it, and soon" {
    make chunk=1 size=17408 sequential=32
    saved
    # 2^62 - 1024 bytes, and the header's checksum: gzip's trailer begins with it.
    put file 16 '\0\374\377\377\377\377\377\077'
    head -c 508 file | gzip -c | tail -c 8 | head -c 4 | dd of=file bs=1 seek=508 conv=notrunc status=none
    for command in inspect verify dump; do
        expect 4 $command file
        said "file: cannot read 512 bytes at 17408"
    done
}

@test "restore: what is no saved file" {
    make chunk=8 sequential=3
    fill file 5000
    truncate -s 1M device
    refuses 6 file device -- restore file device
    said 'file: is no saved file'
    refuses 6 store device -- restore store device
    said 'the order is FILE, then STORE'
    refuses 8 device -- restore missing device
    refuses 5 device -- restore . device
}

@test "restore: a device that is missing" {
    make chunk=8 sequential=3
    saved
    refuses 8 file -- restore file missing
    [[ ! -e missing ]]
}

@test "restore: json and text" {
    make chunk=8 random=600 origin_chunks=5000
    saved
    truncate -s 2473984 device
    expect 0 restore --json file device
    has '{"file": "file", "store": "device", "bytes": 2473984, "chunk_sectors": 8, "areas": 3, "bytes_written": 16384}'
    expect 0 restore file device
    grep -q '^device: restored from file and read back: areas: 3, metadata: 16.0 KiB$' out
    expect 0 restore --quiet file device
    [[ ! -s out && ! -s err ]]
}

@test "restore: a device that is too small is refused" {
    make chunk=8 random=600 origin_chunks=5000
    saved
    truncate -s $((2473984 - 512)) device
    refuses 5 file device -- restore file device
    said 'is too small'
    truncate -s 0 device
    refuses 5 file device -- restore file device
}

@test "restore: a device that is too small is written with --force, if the metadata fits" {
    make chunk=8 random=600 origin_chunks=5000
    saved
    truncate -s $((516 * 4096)) device # up to area 2
    expect 0 restore --force file device
    cp store wanted
    truncate -s $((516 * 4096)) wanted
    expect 2 verify device
    metadata_of device wanted 8 3
    same store wanted $((516 * 4096))
    truncate -s $((516 * 4096 - 512)) device
    refuses 5 file device -- restore --force file device
    said 'the saved metadata reaches up to byte 2113536'
}

@test "restore: a larger device that holds nothing is written" {
    make chunk=8 random=100 origin_chunks=5000
    saved
    truncate -s 10M device
    expect 0 restore file device
    looks_same store device dump
}

# spares_device KIND TEXT: what KIND makes on ./device is not overwritten without --force, and TEXT is said.
spares_device() {
    make chunk=8 random=100 origin_chunks=5000 size=2097152
    saved
    "$1" device 11111111-2222-3333-4444-555555555555
    refuses 5 file device -- restore file device
    said "$2"
    expect 0 restore --force file device
    looks_same store device dump
}

@test "restore: a file system is not overwritten without --force" {
    spares_device file_system 'holds something else: ext4, UUID 11111111-2222-3333-4444-555555555555'
}

@test "restore: two signatures that contradict each other are not overwritten without --force" {
    spares_device two_file_systems 'holds something else: more than one signature; name'
}

@test "restore: a store of another chunk size or size is not overwritten without --force" {
    make chunk=8 random=100 origin_chunks=5000 size=2097152
    saved
    for kind in 'chunk=16 size=2097152' 'chunk=8 size=2101248'; do
        # shellcheck disable=SC2086
        "$mkstore" device $kind sequential=5
        refuses 5 file device -- restore file device
        said 'holds another store'
        expect 0 restore --force file device
        looks_same store device dump
    done
}

@test "restore: a store of the same size and chunk size is overwritten, whatever is damaged in it" {
    make chunk=8 random=600 origin_chunks=5000
    saved
    for defect in sequential=7 'sequential=7 valid=0' 'sequential=7 version=3' 'sequential=7 header_chunk=5' \
        'sequential=7 magic=0' 'sequential=7 magic=1'; do
        # shellcheck disable=SC2086
        "$mkstore" device chunk=8 size=2473984 data=0 $defect
        expect 0 restore file device
        looks_same store device dump
        looks_same store device inspect
    done
}

@test "restore: an invalid store comes back as invalid" {
    make chunk=8 sequential=10 valid=0
    saved
    cp store device
    put device 4 '\x01'
    expect 0 restore file device
    same store device
}

@test "restore: a device that another process has locked is refused" {
    make chunk=8 sequential=3
    saved
    cp store device
    flock --exclusive --no-fork device sleep 100 3>&- &
    held_pid=$!
    until fails flock --nonblock device true >/dev/null; do :; done
    remember file device
    expect 5 restore --json file device
    failure 5
    unchanged
}

@test "restore: a device that is attached to a loop device is refused, the loop device is not" {
    make chunk=8 sequential=300 size=4194304
    saved
    truncate -s 4M device
    attach device
    remember file device
    expect 5 restore file device
    said "is attached to $loop"
    unchanged
    expect 0 restore file "$loop"
    detach_all
    looks_same store device dump
}

@test "restore: another saved file on a block device is not overwritten, unless forced" {
    make chunk=8 sequential=300 size=4194304
    saved
    cp file device
    truncate -s 4M device
    attach device
    refuses 5 file device -- restore file "$loop"
    said "$loop: holds something else: a saved file"
    expect 0 restore --force file "$loop"
    detach_all
    looks_same store device dump
}

@test "restore: a device that cannot be written is an I/O error" {
    make chunk=8 sequential=3
    saved
    cp store device
    chmod 400 device
    code=0
    if ((EUID == 0)); then
        command -v setpriv >/dev/null || skip 'there is no setpriv(1)'
        setpriv --bounding-set=-dac_override,-dac_read_search "$cowtool" restore file device 2>err || code=$?
    else
        "$cowtool" restore file device 2>err || code=$?
    fi
    ((code == 4))
    said 'Permission denied'
}

@test "a saved file has no data to look at, and nothing stale" {
    truncate -s 20M origin
    "$mkstore" store random=100 origin_chunks=5120
    "$cowtool" save --quiet store file
    run -5 "$cowtool" verify --data=origin file
    [[ $output == *"file: is a saved file"* ]]
    run -5 "$cowtool" dump --stale file
    [[ $output == *"file: is a saved file"* ]]
    run -0 "$cowtool" dump --map --origin=origin --quiet file
}

# stopped COMMAND...: it is signalled as soon as a file ./file.XXXXXX is there, until it says that it was stopped; then
# no such file is there, nor ./file, and the store has every byte.
stopped() {
    local pid code
    remember store
    for _ in {1..50}; do
        rm -f file
        "$cowtool" "$@" >out 2>err </dev/null 3>&- &
        pid=$!
        until compgen -G 'file.*' >/dev/null || ! kill -0 $pid 2>/dev/null; do :; done
        kill -s "$signal" $pid 2>/dev/null || true
        code=0
        wait $pid 2>/dev/null || code=$?
        [[ -z $(compgen -G 'file.*') ]] || complain 'a file is left behind'
        ((code != 3)) || break
        ((code == 0)) || complain "exit code $code"
        cp --sparse=always pristine store
    done
    ((code == 3)) || complain 'not one of 50 was caught'
    # By the name of what was read or written at that moment.
    said ': stopped on request; nothing was written'
    [[ ! -e file ]]
    unchanged
}

@test "save: stopped by a signal, it leaves nothing behind and says so" {
    make chunk=1 sequential=100000 data=0 size=80000000
    cp --sparse=always store pristine
    for signal in INT TERM; do
        stopped save store file
    done
}

@test "repair: stopped in its backup by a signal, it leaves no backup and writes nothing" {
    make chunk=1 sequential=100000 data=0 size=80000000 poke=100:1
    cp --sparse=always store pristine
    for signal in INT TERM; do
        stopped repair --yes --backup=file store
    done
}
