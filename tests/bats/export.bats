#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2016,SC2119,SC2030,SC2031
# cowtool export: the image must equal, in every byte, the origin that the reference merge leaves.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

# A pair of which an export takes several windows of 4 MiB, and a small one of 100 exceptions.
setup_file() {
    cd "$BATS_FILE_TMPDIR" || exit
    judged_pair 13632512 chunk=8 random=1500 origin_chunks=3328
    mv origin big.origin
    mv store big.store
    mv right.origin big.right
    judged_pair 409600 chunk=4 random=100 origin_chunks=200
}

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
    ulimit -c 0
}

# crc FILE: as gzip computes it, in eight hexadecimal digits.
crc() {
    "$tools/bytes" crc "$1"
}

# shows WANTED OPTION...: an export of ./origin and ./store to a new image equals WANTED; ./out is its JSON. Origin,
# store and WANTED are not changed, and nothing else is left beside the image.
shows() {
    quickly is_shown "$@"
}

is_shown() {
    local wanted=$1 made
    shift
    if [[ -e made ]]; then
        rm -r made
    fi
    mkdir made
    remember origin store "$wanted"
    expect 0 export --json "$@" origin store made/image
    unchanged
    same made/image "$wanted"
    made=(made/*)
    [[ ${made[*]} == made/image ]] || complain "there is more than the image: ${made[*]}"
    object '.origin == "origin" and .store == "store" and .out == "made/image" and .crc32 == $crc and .bytes == $bytes
        and .bytes_done == .bytes and .bytes_from_store + .bytes_from_origin == .bytes
        and (.seconds | type) == "number"' \
        --argjson bytes "$(stat -L -c %s "$wanted")" --arg crc "$(crc "$wanted")"
}

# shows_right OPTION...: what the reference merge leaves.
shows_right() {
    reference
    shows right.origin "$@"
}

# orders CHUNK COUNT ORIGIN_CHUNKS: stores in random, sequential and reversed order.
orders() {
    local shape
    for shape in "random=$2" "sequential=$2 from=$((($3 - $2) / 2))" "random=$2 seed=2 reversed=1"; do
        # shellcheck disable=SC2086
        pair $(($1 * 512 * $3)) chunk="$1" origin_chunks="$3" $shape
        shows_right || complain "in this order: $shape"
        is .bytes_from_store $(($1 * 512 * $2))
        is '.unreadable | length' 0
    done
}

# usual_pair: copies of the small pair, ./origin, ./store and right.origin.
usual_pair() {
    cp "$BATS_FILE_TMPDIR"/{origin,store,right.origin} .
}

# big_pair: ./origin, ./store and right.origin are links to the big ones.
big_pair() {
    ln -s "$BATS_FILE_TMPDIR/big.origin" origin
    ln -s "$BATS_FILE_TMPDIR/big.store" store
    ln -s "$BATS_FILE_TMPDIR/big.right" right.origin
}

# store_with_a_repeated_exception: ./store has one more, for a chunk that has one: it counts for nothing.
store_with_a_repeated_exception() {
    cp --remove-destination "$BATS_FILE_TMPDIR/big.store" store
    # Number 1500, of chunks of 4 KiB, is number 220 of area 5.
    dd if=store of=store bs=16 skip=256 seek=$(((1 + 5 * 257) * 256 + 220)) count=1 conv=notrunc status=none
}

# unfinished [COMMAND [OPTION...]]: a big pair, changed by the command, and ./image, of which 8 MiB are done: larger
# files were not allowed.
unfinished() {
    big_pair
    ${1:-true}
    (
        ulimit -f 8192
        expect 7 export --json "${@:2}" origin store image
    )
    failure_in_object 7
    said 'cannot make it 12582912 bytes long: File too large'
    said "'cowtool export --resume${2:+ $2} origin store image' goes on"
    is .bytes_done 8388608
    is .crc32 null
    [[ -s image.cowtool-export ]]
}

# failure_in_object CODE: the error is the last key of the one object.
failure_in_object() {
    object '.error.code == $code and (.error.message | type) == "string" and (keys_unsorted | last) == "error"' \
        --argjson code "$1"
    said "$(value .error.message)"
}

# finished OPTION...: a resume of ./image goes to the end, and the end is right.
finished() {
    expect 0 export --resume --json "$@" origin store image
    same image right.origin
    is .crc32 "$(crc right.origin)"
    [[ ! -e image.cowtool-export ]]
}

# locked FILE: somebody holds it with flock.
locked() {
    flock --no-fork "$1" sleep 30 3>&- &
    held_pid=$!
    until fails flock -n "$1" true >/dev/null; do :; done
}

# catches_sigint PID: waits until that process, which is no longer this shell's twin, has a handler for it.
catches_sigint() {
    local mask
    for _ in {1..1000}; do
        mask=$(sed -n 's/^SigCgt:\s*//p' "/proc/$1/status")
        ((!(0x$mask & 2))) || [[ /proc/$1/exe -ef /proc/$$/exe ]] || return 0
        sleep 0.01
    done
    complain 'it does not wait for SIGINT'
}

# ---- the image ----

@test "export: chunks of 512 bytes in random, sequential and reversed order" {
    orders 1 300 2000
}

@test "export: chunks of 2 KiB in random, sequential and reversed order" {
    orders 4 300 600
}

@test "export: chunks of 4 KiB in random, sequential and reversed order" {
    orders 8 300 500
}

@test "export: chunks of 16 KiB in random, sequential and reversed order" {
    orders 32 40 80
}

@test "export: chunks of 512 KiB in random, sequential and reversed order" {
    orders 1024 3 5
}

@test "export: chunks larger than what is in memory at a time" {
    pair 16777216 chunk=16384 sequential=1 from=1
    shows_right
}

@test "export: more than one window" {
    big_pair
    shows right.origin
    is .bytes_from_store 6144000
}

@test "export: a last, partial chunk is clipped to the origin" {
    for bytes in 168448 166912 164352; do
        pair $bytes chunk=32 sequential=11
        shows_right
        is .bytes $bytes
    done
    pair 1536 chunk=8 sequential=1
    shows_right
}

@test "export: an empty store shows the origin" {
    pair 40960 chunk=8
    shows origin
    is .bytes_from_store 0
}

@test "export: an empty origin has an empty view" {
    : >origin
    make chunk=8
    expect 0 export --json origin store image
    is .crc32 00000000
    [[ -e image && ! -s image ]]
}

@test "export: stores that a kernel made show what the kernel's merge left" {
    local name
    for name in chunk1-areas chunk8-random chunk8-sequential chunk8-full-area chunk32-random chunk128-partial \
        merging; do
        gunzip -c "$here/../fixtures/$name.origin.gz" >origin
        gunzip -c "$here/../fixtures/$name.store.gz" >store
        shows_right
        [[ $(sha256sum <made/image) == "$(sed -n "s/ *$name.merged\$//p" "$here/../fixtures/$name.sha256")  -" ]]
    done
}

@test "export: of a chunk that has two exceptions the first counts, with --force" {
    pair 65536 chunk=1 size=40960 sequential=40 entry=40:1:45 entry=41:0:46
    refuses 2 origin store -- export origin store image
    [[ ! -e image ]]
    shows_right --force
}

@test "export: with every engine" {
    usual_pair
    shows right.origin --io=sync
    shows right.origin --io=threads
    shows right.origin --io=auto
}

@test "export: a merge that was stopped midway still shows the snapshot" {
    pristine_pair
    cut_off INT
    shows right.origin
    fill origin 1048576
    refuses 5 origin store -- export origin store image
}

@test "export: what cannot be written can be read" {
    usual_pair
    chmod 400 origin store
    if ((EUID == 0)); then
        command -v setpriv >/dev/null || skip 'there is no setpriv(1)'
        setpriv --bounding-set=-dac_override "$cowtool" export origin store image
    else
        "$cowtool" export origin store image
    fi
    same image right.origin
}

@test "export: only its owner may read the image" {
    usual_pair
    (umask 000 && expect 0 export origin store image)
    [[ $(stat -c %a image) == 600 ]]
}

# ---- holes ----

@test "export: holes of the origin stay holes" {
    truncate -s 32M origin
    fill piece 12288
    dd if=piece of=origin bs=4096 seek=5000 conv=notrunc status=none
    dd if=piece of=origin bs=512 seek=50001 conv=notrunc status=none
    make chunk=8 random=20 origin_chunks=8192
    shows_right
    (($(du -k made/image | cut -f 1) <= 200)) || complain "the image has $(du -k made/image) KiB"
    object '.bytes == 33554432 and .bytes_sparse >= .bytes - 20 * 4096 - 10 * 4096'
}

@test "export: zeros in the origin and in the store become holes" {
    head -c 4194304 /dev/zero >origin
    make chunk=8 sequential=512 data=0
    dd if=/dev/zero of=store bs=4096 seek=2 count=256 conv=notrunc status=none
    shows_right
    is .bytes_sparse 4194304
    is .bytes_from_store 2097152
    (($(du -k made/image | cut -f 1) <= 4))
}

@test "export: a hole that the store covers is filled" {
    truncate -s 8M origin
    make chunk=8 sequential=1024 from=512
    shows_right
    is .bytes_sparse 4194304
}

@test "export: a sparse image that is overwritten keeps nothing of what was there" {
    truncate -s 8M origin
    make chunk=8 sequential=3 from=700
    reference
    head -c 12000000 /dev/urandom >image
    expect 0 export --force origin store image
    same image right.origin
    [[ $(stat -c %s image) == 8388608 ]]
}

# ---- where it goes ----

@test "export: - is the standard output" {
    big_pair
    expect 0 export origin store -
    same out right.origin
    said 'standard output: exported 13.0 MiB'
    said "$(crc right.origin)"
    expect 0 export --quiet origin store -
    same out right.origin
    silent
}

@test "export: a name that ends in .gz is a name like any other" {
    usual_pair
    for out in image.gz .gz; do
        expect 0 export origin store $out
        same $out right.origin
        [[ $(stat -c %a $out) == 600 ]]
    done
}

@test "export: the standard output, compressed by another program" {
    big_pair
    "$cowtool" export --quiet origin store - | gzip -1 >image.gz
    gunzip -c image.gz | cmp - right.origin
}

@test "export: to a block device, of which the rest stays as it is" {
    usual_pair
    head -c 1048576 /dev/urandom >disk
    tail -c +409601 disk >behind
    attach disk
    expect 0 export --json origin store "$loop"
    is .bytes_sparse 0
    is .crc32 "$(crc right.origin)"
    detach_all
    same disk right.origin 409600
    tail -c +409601 disk | cmp - behind
}

@test "export: zeros are written to a block device" {
    truncate -s 1M origin
    make chunk=8 sequential=3 from=7
    reference
    head -c 1048576 /dev/urandom >disk
    attach disk
    expect 0 export origin store "$loop"
    detach_all
    same disk right.origin
}

@test "export: to a block device of larger blocks than the view ends with" {
    judged_pair 41472 chunk=1 random=40 origin_chunks=81
    head -c 81920 /dev/urandom >disk
    tail -c +41473 disk >behind
    attach disk --sector-size=4096
    expect 0 export origin store "$loop"
    detach_all
    same disk right.origin 41472
    tail -c +41473 disk | cmp - behind
}

@test "export: origin and store on block devices" {
    usual_pair
    attach store --read-only
    expect 0 export --json origin "$loop" image
    same image right.origin
}

@test "export: a block device that is too small is refused" {
    usual_pair
    head -c 409088 /dev/zero >disk
    attach disk
    remember disk
    expect 7 export --json origin store "$loop"
    failure 7
    unchanged
}

# spares_disk TEXT: a block device of ./disk is not overwritten without --force, and TEXT is said.
spares_disk() {
    attach disk
    remember disk
    expect 5 export --json origin store "$loop"
    failure 5
    said "$1"
    unchanged
    expect 0 export --force origin store "$loop"
    detach_all
    same disk right.origin 409600
}

@test "export: a block device that holds something is refused, unless forced" {
    usual_pair
    file_system disk 11111111-1111-4111-8111-111111111111
    spares_disk 'ext4'
}

@test "export: a block device on which signatures contradict each other is refused, unless forced" {
    usual_pair
    two_file_systems disk 11111111-1111-4111-8111-111111111111
    spares_disk 'holds something already (more than one signature)'
}

@test "export: a full standard output is an error" {
    usual_pair
    local status=0
    "$cowtool" export origin store - >/dev/full 2>err || status=$?
    ((status == 4))
    said 'cowtool export: standard output: cannot write: No space left on device'
}

@test "export: a reader that goes away before the image is complete is an error" {
    big_pair
    { "$cowtool" export origin store - 2>err || echo $? >code; } | head -c 1000 | cmp - right.origin -n 1000
    (($(<code) == 4))
    said 'cowtool export: standard output: cannot write: Broken pipe; the image is not complete'
    rm code
    { "$cowtool" export --io=sync --quiet origin store - 2>err || echo $? >code; } | true
    (($(<code) == 4))
    said 'the image is not complete'
}

@test "export: a closed pipe is silent where it gets a report" {
    big_pair
    { "$cowtool" export origin store image 2>err || echo $? >code; } | true
    silent
    [[ ! -e code ]]
    same image right.origin
}

@test "export: a resume of an image that is complete says that it may be" {
    usual_pair
    expect 0 export origin store image
    refuses 5 image -- export --resume origin store image
    said 'it may be complete already'
}

@test "export: an image is not written to a terminal" {
    usual_pair
    terminal "'$cowtool' export origin store -" terminal </dev/null >/dev/null || true
    grep -q 'is a terminal' terminal
    (($(stat -c %s terminal) < 1000))
}

# ---- damaged stores ----

@test "export: an invalid store is refused, and exported with --force" {
    usual_pair
    put store 4 '\0\0\0\0'
    refuses 2 origin store -- export origin store image
    [[ ! -e image ]]
    shows right.origin --force
    said 'header-invalid'
}

@test "export: what is no store is refused, with --force, too" {
    usual_pair
    put store 0 'XXXX'
    refuses 6 origin store -- export origin store image
    refuses 6 origin store -- export --force origin store image
    make chunk=8 sequential=3 version=2
    refuses 2 origin store -- export --force origin store image
    refuses 8 origin -- export origin nowhere image
    [[ ! -e image ]]
}

@test "export: chunks that a cut store has lost are an error, and are filled and listed with --fill" {
    judged_pair 65536 chunk=8 sequential=6 from=4
    # 3 chunks are gone, and of one a half, with which the other one goes, as verify says.
    truncate -s $((5 * 4096 - 2048)) store
    refuses 2 origin store -- export origin store image
    refuses 2 origin store -- export --fill=zero origin store image
    refuses 2 origin store -- export --force origin store image
    said '--fill=zero'
    [[ ! -e image && ! -e image.cowtool-export ]]
    dd if=/dev/zero of=right.origin bs=2048 seek=12 count=8 conv=notrunc status=none
    shows right.origin --force --fill=zero
    said '16384 bytes of its view'
    has '{"unreadable": [{"offset": 24576, "bytes": 16384, "from": "store"}]}'
    rm made/image
    expect 0 export --force --fill=zero origin store made/image
    [[ $(grep -cE '^ +24576 +16384  store$' out) == 1 ]]
    expect 0 export --force --fill=zero origin store -
    same out right.origin
    [[ $(grep -cE '^ +24576 +16384  store$' err) == 1 ]]
}

@test "export: exceptions whose new chunk cannot hold data are lost" {
    pair 65536 chunk=1 size=40960 sequential=3 entry=3:9:34 entry=4:10:80 entry=5:20:72057594037927936
    cp origin right.origin
    dd if=store of=right.origin bs=512 skip=2 count=3 conv=notrunc status=none
    for chunk in 9 10 20; do
        dd if=/dev/zero of=right.origin bs=512 seek=$chunk count=1 conv=notrunc status=none
    done
    shows right.origin --force --fill=zero
    has '{"unreadable": [{"offset": 4608, "bytes": 1024, "from": "store"}, {"offset": 10240, "bytes": 512, "from": "store"}]}'
}

@test "export: the list of exceptions has no end" {
    pair 65536 chunk=1 sequential=32 size=17408
    cp origin right.origin
    dd if=store of=right.origin bs=512 skip=2 count=32 conv=notrunc status=none
    refuses 2 origin store -- export origin store image
    shows right.origin --force
}

# ---- what is refused ----

@test "export: a file that exists is refused, and overwritten with --force" {
    usual_pair
    fill image 500000 7
    refuses 5 image origin store -- export origin store image
    expect 0 export --force origin store image
    same image right.origin
}

@test "export: OUT is the origin or the store, by any name, with --force, too" {
    usual_pair
    ln -s origin soft
    ln store hard
    for out in origin store soft hard ./store; do
        refuses 5 origin store -- export --force origin store $out
        refuses 5 origin store -- export origin store $out
    done
}

@test "export: OUT is a loop device of the origin or of the store, with --force, too" {
    usual_pair
    for source in origin store; do
        attach $source
        for out in "$loop" $source; do
            refuses 5 origin store -- export --force origin store "$out"
            refuses 5 origin store -- export origin store "$out"
        done
        detach_all
    done
}

@test "export: OUT is the file of the loop device that is given as origin" {
    usual_pair
    attach origin
    refuses 5 origin store -- export --force "$loop" store origin
}

@test "export: OUT is neither a file nor a block device" {
    usual_pair
    mkdir folder
    mkfifo pipe
    for out in folder pipe /dev/null; do
        refuses 5 origin store -- export --force origin store $out
    done
}

@test "export: OUT cannot be made" {
    usual_pair
    refuses 8 origin store -- export origin store nowhere/image
}

@test "export: ORIGIN does not exist, is no device, is the store, or is swapped with it" {
    usual_pair
    refuses 8 store -- export nowhere store image
    refuses 5 store -- export /dev/null store image
    refuses 5 store -- export store store image
    refuses 5 origin store -- export store origin image
    said swapped
    refuses 5 origin store -- export --force store origin image
    "$mkstore" other chunk=8 size=65536 sequential=5
    refuses 5 store other -- export other store image
    [[ ! -e image ]]
}

@test "export: an origin with another file system than the view's is refused, unless forced" {
    local uuid=11111111-1111-4111-8111-11111111111
    file_system origin ${uuid}1
    file_system other ${uuid}2
    make chunk=8 sequential=2
    dd if=other of=store bs=512 seek=16 count=16 conv=notrunc status=none
    refuses 5 origin store -- export origin store image
    said ${uuid}1
    said ${uuid}2
    [[ ! -e image ]]
    reference
    shows right.origin --force
    # The right one.
    dd if=origin of=store bs=512 seek=16 count=16 conv=notrunc status=none
    shows origin
}

@test "export: an origin that is too small is refused, unless forced" {
    judged_pair 65536 chunk=8 sequential=3 from=4
    truncate -s 24576 origin
    refuses 5 origin store -- export origin store image
    truncate -s 24576 right.origin
    shows right.origin --force
}

# busy ARGUMENT...: refused with 5. Cheaper than refuses, as cowtool waits a second for a lock.
busy() {
    expect 5 export --json "$@"
    failure 5
    unchanged
}

@test "export: an origin or a store in use is refused, unless forced" {
    usual_pair
    remember origin store
    locked origin
    busy origin store image
    said --force
    expect 0 export --force origin store image
    same image right.origin
    kill "$held_pid"
    locked store
    busy origin store image
    [[ $(stat -c %s image) == 409600 ]]
    expect 0 export --force origin store image
    same image right.origin
}

@test "export: an origin that is attached to a loop device is refused, and with --force warned of" {
    usual_pair
    attach origin
    refuses 5 origin store -- export origin store image
    said "$loop"
    expect 0 export --force origin store image
    said "$loop"
    same image right.origin
}

@test "export: an image that is in use is refused, with --force, too" {
    usual_pair
    fill image 5000 3
    remember origin store image
    locked image
    busy --force origin store image
}

@test "export: options that do not fit are a matter of usage" {
    usual_pair
    refuses 64 origin store -- export origin store
    refuses 64 origin store -- export --fill=one origin store image
    refuses 64 origin store -- export --fill origin store image
    refuses 64 origin store -- export --io=fast origin store image
    refuses 64 origin store -- export --progress=loud origin store image
    expect 64 export --resume origin store -
    said '--resume'
    [[ ! -s out ]]
    expect 64 export --json origin store -
    failure 64
    [[ ! -e image ]]
}

# ---- interruptions ----

@test "export: a resume goes on where the earlier one ended" {
    unfinished
    # What only reads does not count as a change. Between the samples, it is not looked at again, nor written again.
    expect 0 verify --origin=origin store
    expect 0 export origin store another
    put image 100000 '?'
    expect 0 export --resume --json origin store image
    is .crc32 "$(crc right.origin)"
    is .bytes_from_store 6144000
    has '{"bytes": 13632512, "bytes_done": 13632512}'
    [[ $(cmp -l image right.origin | wc -l) == 1 ]]
    put image 100000 "$(head -c 100001 right.origin | tail -c 1)"
    same image right.origin
    [[ ! -e image.cowtool-export ]]
}

@test "export: what is after the place of a resume does not count" {
    unfinished
    fill junk 13000000 5
    tail -c +8388609 junk >>image
    finished
}

# killed_before N CALL OPTION...: an export to ./image that is killed as it begins the Nth of these system calls.
killed_before() {
    local status=0
    strace -o trace --trace="$2" --inject="$2:signal=SIGKILL:when=$1" \
        "$cowtool" export --io=sync "${@:3}" origin store image >out 2>err || status=$?
    ((status == 137)) || complain "it ended with $status"
}

@test "export: killed before any of its writes, a resume finishes it" {
    needs_strace
    big_pair
    for write in 1 2 7; do
        killed_before $write pwritev
        [[ -s image.cowtool-export ]]
        refuses 5 image image.cowtool-export -- export origin store image
        said 'unfinished export'
        finished
        rm image
    done
}

@test "export: a resume that is killed before any of its writes is resumed, too" {
    needs_strace
    unfinished
    for write in 1 2 4; do
        killed_before $write pwritev --resume
        [[ -s image.cowtool-export ]]
    done
    finished
}

@test "export: a limit on file sizes that keeps the origin from being looked at is told" {
    judged_pair 1048576 chunk=8 random=100 origin_chunks=256
    { (ulimit -f 512; exec "$cowtool" export origin store - 2>err); echo $? >code; } | cmp - right.origin
    [[ $(<code) == 0 ]]
    said 'whether this is its origin is not known: origin: which file system it holds cannot be told'
    said 'ulimit -f'
    (ulimit -f 512; refuses 4 origin store -- merge origin store)
    said 'cowtool merge: origin: which file system it holds cannot be told'
    said 'ulimit -f'
    said '--force merges without'
}

@test "export: SIGINT and SIGTERM stop it with 3 and name the command that goes on, which finishes it" {
    local signal status
    unfinished store_with_a_repeated_exception --force
    for signal in INT TERM; do
        # It has something to say about the store, and nobody listens: so it is caught before the end.
        mkfifo pipe
        exec 5<>pipe
        head -c 65536 /dev/zero >&5
        "$cowtool" export --resume --force --json origin store image >out 2>pipe 5>&- 3>&- &
        held_pid=$!
        catches_sigint $held_pid
        kill -s $signal $held_pid
        tr -d '\0' <pipe >err 5>&- 3>&- &
        exec 5>&-
        status=0
        wait $held_pid || status=$?
        wait $!
        rm pipe
        ((status == 3)) || complain "exit code $status, not 3"
        note_json out
        failure_in_object 3
        said 'store: stopped on request; what is written is safe'
        said "'cowtool export --resume --force origin store image' goes on"
        [[ -s image.cowtool-export ]]
    done
    finished --force
}

@test "export: SIGINT stops an export to a pipe that nobody reads" {
    local status=0
    big_pair
    mkfifo pipe
    exec 5<>pipe
    "$cowtool" export origin store - >pipe 2>err 5>&- 3>&- &
    held_pid=$!
    head -c 1000000 <&5 | cmp - right.origin -n 1000000
    until [[ $(cut -d ' ' -f 3 /proc/$held_pid/stat) == S ]]; do :; done
    sleep 0.1
    kill -s INT $held_pid
    wait $held_pid || status=$?
    exec 5>&-
    ((status == 3)) || complain "exit code $status, not 3"
    said 'stopped on request'
    fails grep -q resume err
}

@test "export: an unfinished export is not overwritten without --force" {
    unfinished
    refuses 5 image image.cowtool-export -- export origin store image
    said --resume
    expect 0 export --force --json origin store image
    same image right.origin
    [[ ! -e image.cowtool-export ]]
}

@test "export: a resume of nothing begins" {
    usual_pair
    expect 0 export --resume origin store image
    same image right.origin
    refuses 5 image -- export --resume origin store image
    [[ ! -e image.cowtool-export ]]
}

@test "export: a resume of an image that is gone begins anew" {
    unfinished
    rm image
    finished
}

@test "export: a resume with another origin, store or image is refused" {
    unfinished
    fill other 13632000
    refuses 5 image image.cowtool-export -- export --resume other store image
    "$mkstore" other chunk=8 random=1500 origin_chunks=3328 seed=2
    refuses 5 image image.cowtool-export -- export --resume origin other image
    cp image whole
    cp image.cowtool-export whole.cowtool-export
    truncate -s 8388096 image
    refuses 5 image image.cowtool-export -- export --resume origin store image
    cp whole image
    put image 8388607 '?'
    refuses 5 image image.cowtool-export -- export --resume origin store image
    cp whole image
    finished
}

# own_pair: what was linked becomes files that can be changed.
own_pair() {
    cp --remove-destination "$BATS_FILE_TMPDIR/big.origin" origin
    cp --remove-destination "$BATS_FILE_TMPDIR/big.store" store
}

# chunks: old and new chunk of every exception, one a line, in the order of the origin.
chunks() {
    "$cowtool" dump --format=csv store | sed 1d | cut -d , -f 3,4 | tr , ' ' | sort -n
}

@test "export: a resume onto an origin or a store that was changed is refused, and goes on with --force" {
    unfinished own_pair
    cp image before
    cp image.cowtool-export before.cowtool-export
    local old new
    read -r old new < <(chunks | sed -n 500p)
    # A chunk of the origin that shows, the data of an exception, and both again, in the image.
    chunks | cut -d ' ' -f 1 >old
    plain=$(seq 1000 2000 | grep -vxFf old | head -n 1)
    cp origin origin.right
    put origin $((plain * 4096 + 7)) '?'
    refuses 5 image image.cowtool-export -- export --resume origin store image
    said 'are not what the view has there'
    said 'with both, the export goes on'
    cp origin origin.changed
    cp origin.right origin
    put store $((new * 4096 + 7)) '?'
    refuses 5 image image.cowtool-export -- export --resume origin store image
    cp "$BATS_FILE_TMPDIR/big.store" store
    cp origin.changed origin
    expect 0 export --resume --force origin store image
    said 'warning: image: bytes'
    same image right.origin
    cp before image
    cp before.cowtool-export image.cowtool-export
    cp origin.right origin
    finished
    said 'was changed since the export began'
}

@test "export: a resume goes on while a merge that was cut off before it cleared anything has changed the origin" {
    unfinished own_pair
    local old new
    while read -r old new; do
        dd if=store of=origin bs=4096 count=1 conv=notrunc status=none skip="$new" seek="$old"
    done < <(chunks | head -n 200)
    fails same origin "$BATS_FILE_TMPDIR/big.origin" >/dev/null
    finished
    said 'was changed since the export began'
}

@test "export: a resume onto an origin that was changed after what is done shows that change" {
    unfinished own_pair
    put origin 13000000 '?'
    rm right.origin
    reference
    finished
}

@test "export: a resume onto a block device whose beginning was changed is refused" {
    big_pair
    own_pair
    attach origin
    (
        ulimit -f 8192
        expect 7 export "$loop" store image
    )
    detach_all
    cp origin right
    chunk=$(seq 0 15 | grep -vxFf <(chunks | cut -d ' ' -f 1) | head -n 1)
    put origin $((chunk * 4096)) '????'
    attach origin
    refuses 5 image image.cowtool-export -- export --resume "$loop" store image
    detach_all
    cp right origin
    attach origin
    expect 0 export --resume "$loop" store image
    same image right.origin
}

@test "export: a state that is damaged, cut, or somebody else's is refused" {
    unfinished
    cp image.cowtool-export state
    put image.cowtool-export 72 '\7'
    refuses 5 image image.cowtool-export -- export --resume origin store image
    said damaged
    refuses 5 image image.cowtool-export -- export origin store image
    cp state image.cowtool-export
    put image.cowtool-export 29 1
    refuses 5 image image.cowtool-export -- export --resume origin store image
    said 'of another version'
    head -c 100 state >image.cowtool-export
    refuses 5 image image.cowtool-export -- export --resume origin store image
    echo 'my own notes, which have nothing to do with it' >image.cowtool-export
    refuses 5 image image.cowtool-export -- export --resume origin store image
    refuses 5 image image.cowtool-export -- export --force origin store image
    cp state image.cowtool-export
    finished
}

@test "export: files beside the image that are not cowtool's stay as they are" {
    usual_pair
    echo 'my own notes' >image.cowtool-export.new
    remember image.cowtool-export.new
    expect 0 export origin store image
    unchanged
    [[ $(echo image*) == 'image image.cowtool-export.new' ]]
}

@test "export: a state that cannot be written leaves nothing" {
    needs_strace
    usual_pair
    local call
    for call in fsync rename; do
        strace -o trace --trace=$call --inject=$call:error=EDQUOT:when=1 \
            "$cowtool" export origin store image >out 2>err && complain "no $call failed" || (($? == 7))
        said 'image.cowtool-export: cannot write how far the export is'
        [[ $(echo image*) == 'image*' ]] || complain "there is $(echo image*)"
    done
    # The second flush is that of its folder, in which it is by then.
    strace -o trace --trace=fsync --inject=fsync:error=EIO:when=2 \
        "$cowtool" export origin store image >out 2>err && complain 'no fsync failed' || (($? == 4))
    [[ $(echo image*) == 'image*' ]] || complain "there is $(echo image*)"
    fill image 500000 7
    remember image
    strace -o trace --trace=fsync --inject=fsync:error=EIO:when=2 \
        "$cowtool" export --force origin store image >out 2>err && complain 'no fsync failed' || (($? == 4))
    unchanged
    [[ $(echo image*) == image ]] || complain "there is $(echo image*)"
}

# ---- what it says ----

@test "export: the text has the numbers" {
    usual_pair
    expect 0 export origin store image
    [[ $(<out) == "image: exported 400.0 KiB (409600 bytes), 200.0 KiB from store, in "*" s; CRC-32 $(crc right.origin)" ]]
    silent
}

@test "export: --quiet says nothing at all" {
    usual_pair
    expect 0 export --quiet origin store image
    [[ ! -s out && ! -s err ]]
    same image right.origin
}

@test "export: progress is told in JSON" {
    usual_pair
    expect 0 export --progress=json origin store image
    grep -v '^cowtool' err | tail -n 1 |
        jq -e '.device == "store" and .done_bytes == "409600" and .total_bytes == "409600"' >/dev/null
}
