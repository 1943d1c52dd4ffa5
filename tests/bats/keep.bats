#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2119,SC2164
# cowtool merge --keep: other snapshots of the origin show what they showed, byte for byte, and have the exceptions that
# the kernel's merge would have given them.

# shellcheck source=keep.bash
. "$BATS_TEST_DIRNAME/keep.bash"

# five: ./a to ./e, snapshots of ./origin with chunks from 512 bytes to 64 KiB and some exceptions each.
five() {
    local sectors=$((($(stat -c %s origin) + 511) / 512)) row name chunk
    for row in a:1:20 b:2:20 c:8:30 d:32:80 e:128:500; do
        IFS=: read -r name chunk every <<<"$row"
        "$mkstore" "$name" chunk="$chunk" size=4194304 random=$((sectors / every)) \
            origin_chunks=$(((sectors + chunk - 1) / chunk)) seed=$((chunk + 7))
    done
}

# ---- the judge ----

# judges JUDGEMENT WORDS: refkeep finds ./a wrong, and says why.
judges() {
    local told
    if told=$("$refkeep" "$1" origin a); then
        complain 'refkeep noticed nothing'
    fi
    [[ $told == *"$2"* ]] || complain "refkeep said: $told"
}

@test "keep: the judge notices what was not kept" {
    pair 204800 chunk=2 random=50 origin_chunks=200
    "$mkstore" a chunk=8 size=1048576 random=10 origin_chunks=50 seed=3
    cp a before
    note_kept a
    set_aside
    from_pristine
    expect 0 merge origin store
    judges midway 'the view is another one'
    from_pristine
    judges ended 'has no exception'
    expect 0 merge --keep=a origin store
    was_kept a
    cp a kept
    put a 8192 x # of the first old exception's data
    judges midway 'the view is another one'
    cp kept a
    put a 4096 '\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0'
    judges midway 'the view is another one'
    cp kept a
    put a 4096 '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
    judges ended 'the view is another one'
    cp kept a
    put a 300 x
    judges ended 'something is after the header'
    cp kept a
    put a 4 '\0'
    judges ended 'another header'
    # A chunk more than was asked for.
    from_pristine
    cp before a
    make chunk=2 random=49 origin_chunks=200
    note_kept a
    make chunk=2 random=50 origin_chunks=200 seed=99
    expect 0 merge --keep=a origin store
    judges midway 'one exception too many'
}

# ---- views ----

@test "keep: a merge of 512-byte chunks keeps stores of 512 bytes to 64 KiB" {
    pair 1048576 chunk=1 random=300 origin_chunks=2048
    five
    keep_all --window=16K -- a b c d e
}

@test "keep: a merge of 4 KiB chunks keeps stores of 512 bytes to 64 KiB" {
    pair 1048576 chunk=8 random=100 origin_chunks=256
    five
    keep_all --window=64K -- a b c d e
}

@test "keep: a merge of 64 KiB chunks keeps stores of 512 bytes to 64 KiB" {
    pair 1048576 chunk=128 random=9 origin_chunks=16
    five
    keep_all --window=64K -- a b c d e
}

@test "keep: windows from one chunk to all, and a chunk that several windows share" {
    for window in 512 3000 20K 32M; do
        pair 65536 chunk=1 random=60 origin_chunks=128
        "$mkstore" a chunk=1 size=262144 random=20 origin_chunks=128 seed=2
        "$mkstore" b chunk=32 size=524288 random=1 origin_chunks=4 seed=3
        keep_all --window=$window -- a b
    done
}

@test "keep: one request at a time, with threads, and with io_uring where it is" {
    local io
    for io in sync threads auto; do
        pair 1048576 chunk=4 random=200 origin_chunks=512 seed=7 reversed=1
        five
        keep_all --io=$io --window=64K -- c a e
    done
}

@test "keep: in every order of the exceptions" {
    local shape
    for shape in 'sequential=200 from=30' 'sequential=100 every=3' 'random=250 reversed=1'; do
        # shellcheck disable=SC2086
        pair 1048576 chunk=4 origin_chunks=512 $shape
        five
        keep_all --window=100K -- d b
    done
}

@test "keep: the origin's last partial chunk is clipped in every store" {
    local row size chunk
    for row in 413696:8 410112:8 413184:1 413184:128 41660:8 51300:1; do
        IFS=: read -r size chunk <<<"$row"
        pair "$size" chunk="$chunk" sequential=$(((size / 512 + chunk - 1) / chunk))
        five
        keep_all --window=64K -- a b c d e
    done
}

@test "keep: only the origin's last partial chunk is merged" {
    pair 413184 chunk=32 sequential=1 from=25
    "$mkstore" a chunk=128 size=262144
    "$mkstore" b chunk=1 size=262144
    keep_all -- a b
    (($(live a) == 1 && $(live b) == 7)) || complain 'other counts'
}

@test "keep: a store that has every exception already keeps every byte" {
    pair 204800 chunk=1 random=200 origin_chunks=400
    "$mkstore" a chunk=8 random=50 origin_chunks=50 seed=5
    cp a before
    keep_all --window=4K -- a
    same a before
}

@test "keep: stores that touch nothing of the merge keep every byte" {
    fill origin 1024
    truncate -s 4M origin
    "$mkstore" a chunk=8 size=1048576 sequential=30
    cp a before
    make chunk=8 sequential=10 from=10
    keep_all -- a
    same a before
}

@test "keep: an empty store, and one that goes through many areas" {
    pair 1048576 chunk=2 random=700 origin_chunks=1024
    "$mkstore" a chunk=1 size=1310720
    "$mkstore" b chunk=1 size=1310720 random=1000 origin_chunks=2048 seed=4
    keep_all --window=64K -- a b
    (($(live a) == 1400)) || complain 'not every chunk was kept'
}

@test "keep: a chunk of 512 KiB merged, chunks of 512 bytes kept, and a kept chunk of 16 MiB" {
    truncate -s 20M origin
    fill junk 3000000
    dd if=junk of=origin bs=1M seek=15 conv=notrunc status=none
    "$mkstore" a chunk=1 size=4194304 random=30 origin_chunks=2048 seed=3
    "$mkstore" b chunk=32768 size=67108864
    make chunk=1024 sequential=4 from=29
    keep_all -- a b
    (($(live b) == 2)) || complain 'the merged chunks lie in two kept ones'
}

@test "keep: twenty stores" {
    local names=() n
    fill origin 409600
    for n in {1..20}; do
        "$mkstore" "kept$n" chunk=$((1 << n % 5)) size=1048576 random="$n" origin_chunks=50 seed="$n"
        names+=("kept$n")
    done
    make chunk=4 random=50 origin_chunks=200
    keep_all --window=50K -- "${names[@]}"
}

@test "keep: stores without order and with holes" {
    pair 204800 chunk=1 random=200 origin_chunks=400
    "$mkstore" a chunk=1 size=1048576 entry=0:70:150 entry=1:60:50 entry=2:61:198 entry=3:80:45
    "$mkstore" b chunk=2 size=1048576 random=80 origin_chunks=200 reversed=1 seed=3
    # The next chunk after the highest one is metadata.
    "$mkstore" c chunk=1 size=1048576 entry=0:99:33
    keep_all --window=8K -- a b c
}

@test "keep: what is after the last exception of a kept store does not come alive" {
    fill origin 204800
    # After a gap, in the same area, and in the next one, which nobody reaches yet.
    "$mkstore" a chunk=1 size=1048576 sequential=3 from=20 entry=5:40:20 entry=31:41:21 entry=32:50:30 entry=40:51:31
    "$mkstore" b chunk=8 size=2097152 sequential=3 from=2 entry=4:4:30 entry=255:5:31
    for count in 3 1 9 28 29 30 50; do
        cp a a.store
        cp b b.store
        pair 204800 chunk=1 sequential=$count from=100
        keep_all --window=2K -- a.store b.store
    done
}

@test "keep: full areas, before and after" {
    for before in 30 31 32 33; do
        for count in 1 2 32 33; do
            fill origin 204800
            "$mkstore" a chunk=1 size=1048576 sequential=$before
            fill junk 10000
            dd if=junk of=a bs=512 seek=$(($(sectors_for 1 "$before") + 1)) conv=notrunc status=none
            make chunk=1 sequential=$count from=100
            keep_all --window=1K -- a
        done
    done
}

@test "keep: of two exceptions for a chunk the first counts, in both stores, with --force" {
    pair 40960 chunk=1 sequential=20
    "$mkstore" a chunk=1 size=262144 sequential=70 modulo=40
    refuses 2 origin store a -- merge --keep=a origin store
    reference
    cp a before
    note_kept a
    expect 0 merge --force --keep=a origin store
    merged
    same a before
    pair 40960 chunk=1 sequential=150 modulo=60
    "$mkstore" a chunk=2 size=262144 sequential=3
    keep_all --force --window=4K -- a
}

@test "keep: an empty store is nothing to merge: nothing is written to the kept ones" {
    pair 40960 chunk=8
    "$mkstore" a chunk=1 size=65536 sequential=3
    remember origin store a
    expect 0 merge --json --keep=a origin store
    unchanged
    is '.merged' 0
    expect 0 merge --resume --keep=a origin store
    unchanged
}

# ---- room ----

# kept_at SECTORS KEY=VALUE...: ./a, made as the values say and then of that length.
kept_at() {
    "$mkstore" a "${@:2}"
    truncate -s $(($1 * 512)) a
}

# missing TEXT: the merge is refused with 7, with and without --dry-run, and nothing is written.
missing() {
    refuses 7 origin store a -- merge --keep=a origin store
    said "$1"
    refuses 7 origin store a -- merge --dry-run --keep=a origin store
    said "$1"
}

@test "keep: the last sector of room is used, and one chunk less is refused" {
    local row chunk before count
    # The second and third of each fill an area: the next one must have its place, too.
    for row in 1:10:25 1:10:22 1:0:64 2:3:61 8:100:41 32:20:20 128:3:13; do
        IFS=: read -r chunk before count <<<"$row"
        pair $((chunk * 512 * (before + count))) chunk="$chunk" sequential="$count" from="$before"
        kept_at "$(sectors_for "$chunk" $((before + count)))" chunk="$chunk" sequential="$before"
        count_of a
        ((needed == count && possible == count)) || complain "the test is wrong: $needed, $possible"
        keep_all --window=16K -- a
        pair $((chunk * 512 * (before + count))) chunk="$chunk" sequential="$count" from="$before"
        kept_at $(($(sectors_for "$chunk" $((before + count))) - 1)) chunk="$chunk" sequential="$before"
        missing "1 "
    done
}

@test "keep: an exactly full area of a large kept chunk" {
    truncate -s 2M origin
    make chunk=1 sequential=200 from=300
    kept_at "$(sectors_for 8 256)" chunk=8 sequential=255 from=38
    # 256 sectors of 4 KiB make an area: 300..499 are the chunks 37 to 62, of which 37 is lacking.
    keep_all --window=16K -- a
    make chunk=1 sequential=200 from=300
    kept_at $(($(sectors_for 8 256) - 1)) chunk=8 sequential=255 from=38
    missing "1 "
}

@test "keep: room after a high new chunk is what counts, not the holes before it" {
    pair 204800 chunk=1 sequential=5 from=100
    "$mkstore" a chunk=1 size=32768 entry=0:7:59
    count_of a
    ((needed == 5 && possible == 4)) || complain "the test is wrong: $needed, $possible"
    missing "1 "
    "$mkstore" a chunk=1 size=32768 entry=0:7:58
    keep_all -- a
}

@test "keep: a chunk that is shared by many counts once" {
    pair 1048576 chunk=1 random=1500 origin_chunks=2048
    kept_at "$(sectors_for 128 16)" chunk=128
    keep_all --window=16K -- a
    (($(live a) == 16))
}

@test "keep: how much is missing is told, of every store that is too small" {
    pair 204800 chunk=1 sequential=100
    kept_at 50 chunk=1 sequential=10
    count_of a
    missing " $((needed - possible)) "
    "$mkstore" b chunk=1 size=1048576
    refuses 7 origin store a b -- merge --keep=b --keep=a origin store
    said "a: "
}

@test "keep: a dry run shows what each store would get and has room for, and writes nothing" {
    pair 1048576 chunk=8 random=100 origin_chunks=256
    five
    remember origin store a b c d e
    expect 0 merge --dry-run --json --keep=a --keep=b --keep=c --keep=d --keep=e origin store
    is '.kept | length' 5
    for name in a b c d e; do
        count_of $name
        [[ $(tells_of $name kept) == "$needed $possible 0" ]] || complain "$name: not $needed, $possible"
    done
    expect 0 merge --dry-run --keep=a --keep=e origin store
    for name in a e; do
        count_of $name
        grep -q "$name: .*\b$needed\b.*\b$possible\b" out || complain "the text does not tell of $name"
    done
    unchanged
}

@test "keep: a dry run needs no right to write" {
    pair 204800 chunk=1 sequential=100
    "$mkstore" a chunk=8 size=262144
    remember origin store a
    chmod 400 origin store a
    if ((EUID == 0)); then
        command -v setpriv >/dev/null || skip 'there is no setpriv(1)'
        setpriv --bounding-set=-dac_override,-dac_read_search "$cowtool" merge --dry-run --keep=a origin store
    else
        expect 0 merge --dry-run --keep=a origin store
    fi
    unchanged
}

@test "keep: the JSON names each store, its role, and what was added, needed and possible" {
    pair 204800 chunk=1 sequential=100
    "$mkstore" a chunk=8 size=262144 sequential=2
    "$mkstore" b chunk=1 size=262144 sequential=100
    count_of b
    ((needed == 0))
    b_possible=$possible
    count_of a
    expect 0 merge --json --keep=a --keep=b origin store
    is '.kept | length' 2
    [[ $(tells_of a kept) == "$needed $possible $needed" ]] || complain "not $needed, $possible"
    [[ $(tells_of b kept) == "0 $b_possible 0" ]] || complain "not 0, $b_possible"
}

@test "keep: the plan's flushes are never fewer than the merge's" {
    local window shape planned
    for window in 1K 16K 32M; do
        for shape in 'chunk=1 random=300 origin_chunks=2048' 'chunk=8 sequential=200' 'chunk=32 random=60 origin_chunks=64'; do
            # shellcheck disable=SC2086
            pair 1048576 $shape
            five
            rm -f undo
            expect 0 merge --dry-run --json --window=$window --keep=a --keep=c --keep=e --undo=undo origin store
            planned=$(value .plan.flushes)
            expect 0 merge --json --window=$window --keep=a --keep=c --keep=e --undo=undo origin store
            (($(value .flushes) <= planned)) || complain "$shape, $window: $planned were planned"
        done
    done
}

@test "keep: --quiet says nothing at all" {
    pair 204800 chunk=1 sequential=100
    "$mkstore" a chunk=8 size=262144
    expect 0 merge --quiet --keep=a origin store
    [[ ! -s out && ! -s err ]] || complain 'something was said'
}

# ---- invalidating ----

@test "keep: --invalidate-full marks what is too small invalid, says so, and merges; the others are kept" {
    for count in 0 10; do
        pair 204800 chunk=1 sequential=100 from=50
        kept_at 50 chunk=1 sequential=$count
        "$mkstore" b chunk=8 size=262144 sequential=3 seed=4
        reference
        note_kept b
        cp a before
        put before 4 '\0'
        expect 0 merge --json --invalidate-full --keep=a --keep=b origin store
        said 'a: '
        grep -q 'a:.*invalid' err || complain 'it is not said that a is invalid now'
        merged
        was_kept b
        same a before
        expect 2 verify --json a
        object '[.findings[].code] | index("header-invalid") != null'
    done
}

@test "keep: --invalidate-full leaves what is large enough alone" {
    pair 204800 chunk=1 sequential=100 from=50
    "$mkstore" a chunk=8 size=262144 sequential=3 seed=4
    keep_all --invalidate-full -- a
}

@test "keep: --invalidate-full with --dry-run writes nothing" {
    pair 204800 chunk=1 sequential=100 from=50
    kept_at 50 chunk=1 sequential=10
    remember origin store a
    expect 0 merge --dry-run --invalidate-full --keep=a origin store
    unchanged
}

@test "keep: --invalidate-full does not help a store that is damaged" {
    pair 204800 chunk=1 sequential=100 from=50
    kept_at 50 chunk=1 sequential=10 entry=3:9:1
    refuses 2 origin store a -- merge --invalidate-full --keep=a origin store
}

# ---- refusals ----

# kept_pair: ./origin, ./store and ./a, a store that can be kept.
kept_pair() {
    small_pair
    "$mkstore" a chunk=4 size=65536 sequential=3 from=20 seed=3
}

# unkept CODE STORE [OPTION...]: a merge that keeps STORE is refused and writes nothing, to a sound one either.
unkept() {
    local files=(origin store a)
    [[ ! -f $2 ]] || files+=("$2")
    refuses "$1" "${files[@]}" -- merge "${@:3}" "--keep=$2" origin store
    refuses "$1" "${files[@]}" -- merge "${@:3}" --keep=a "--keep=$2" origin store
    refuses "$1" "${files[@]}" -- merge "${@:3}" --dry-run "--keep=$2" origin store
}

@test "keep: the same store twice is refused, by whatever name" {
    kept_pair
    ln -s a link
    ln a hard
    for name in a ./a link hard; do
        refuses 5 origin store a -- merge --keep=a --keep=$name origin store
        refuses 5 origin store a -- merge --force --keep=$name --keep=a origin store
    done
}

@test "keep: STORE and ORIGIN are not kept, by whatever name" {
    kept_pair
    ln -s store link
    ln origin hard
    for name in store ./store link origin hard; do
        unkept 5 $name
        unkept 5 $name --force
    done
}

@test "keep: a damaged store is refused, with --force, too" {
    kept_pair
    "$mkstore" b chunk=1 size=65536 sequential=3 entry=3:9:34
    unkept 2 b
    unkept 2 b --force
    "$mkstore" b chunk=1 size=65536 sequential=3 entry=3:9:3
    unkept 2 b
    "$mkstore" b chunk=1 size=65536 sequential=3 version=2
    unkept 2 b
    "$mkstore" b chunk=1 sequential=40
    truncate -s 17000 b
    unkept 2 b
}

@test "keep: a store that is marked invalid is refused" {
    kept_pair
    "$mkstore" b chunk=1 size=65536 sequential=3 valid=0
    unkept 2 b
    unkept 2 b --force
}

@test "keep: what is no store is refused" {
    kept_pair
    fill b 65536
    unkept 5 b
    : >b
    unkept 5 b
    rm b
    unkept 8 b
    mkdir folder
    unkept 5 folder
}

@test "keep: a store of a larger origin is refused" {
    kept_pair
    "$mkstore" b chunk=8 size=65536 sequential=3 from=14
    unkept 5 b
}

@test "keep: a store of another file system is refused, unless forced" {
    file_system origin 11111111-1111-4111-8111-111111111111
    file_system other 22222222-2222-4222-8222-222222222222
    "$mkstore" a chunk=8 size=65536 sequential=1 from=300
    "$mkstore" b chunk=8 size=65536 sequential=2
    dd if=other of=b bs=4096 seek=2 count=2 conv=notrunc status=none
    make chunk=8 sequential=3 from=400
    unkept 5 b
    said 11111111-1111-4111-8111-111111111111
    said 22222222-2222-4222-8222-222222222222
    keep_all --force -- a b
}

@test "keep: a store whose file system is the origin's is kept" {
    file_system origin 11111111-1111-4111-8111-111111111111
    "$mkstore" b chunk=8 size=65536 sequential=2
    dd if=origin of=b bs=4096 seek=2 count=2 conv=notrunc status=none
    put b 9392 'a name'
    make chunk=8 sequential=3 from=400
    keep_all -- b
}

@test "keep: a store that somebody holds is refused" {
    kept_pair
    flock --no-fork a sleep 30 3>&- &
    held_pid=$!
    until fails flock -n a true >/dev/null; do :; done
    remember origin store a
    expect 5 merge --json --keep=a origin store
    failure 5
    unchanged
}

@test "keep: an image that is attached to a loop device is refused and the device named" {
    kept_pair
    attach a
    refuses 5 origin store a -- merge --keep=a origin store
    said "$loop"
    refuses 5 origin store a -- merge --keep="$loop" --keep=a origin store
}

@test "keep: a store that must not be written is an error" {
    ((EUID != 0)) || command -v setpriv >/dev/null || skip 'there is no setpriv(1)'
    kept_pair
    remember origin store a
    chmod 400 a
    code=0
    setpriv --bounding-set=-dac_override,-dac_read_search "$cowtool" merge --keep=a origin store >out 2>err || code=$?
    chmod 600 a
    ((code == 4)) || complain "exit code $code"
    said 'Permission denied'
    unchanged
}

@test "keep: what is wrong with the pair is refused as ever, and the kept store is not written" {
    kept_pair
    truncate -s 16384 origin
    refuses 5 origin store a -- merge --keep=a origin store
    kept_pair
    put store 4 '\0'
    refuses 2 origin store a -- merge --keep=a origin store
}

@test "keep: --drop-kept without --resume is a usage error" {
    kept_pair
    refuses 64 origin store a -- merge --drop-kept=a origin store
    refuses 64 origin store a -- merge --keep=a --drop-kept=a origin store
}

# Files that are opened take the place of what is closed: a message must not land in them.
@test "keep: with closed standard streams nothing strays into any store" {
    for streams in '2>&-' '>&-' '>&- 2>&-' '<&- >&- 2>&-'; do
        pair 65536 chunk=1 random=50 origin_chunks=128
        "$mkstore" a chunk=8 size=262144
        rm -f undo
        reference
        note_kept a undo
        eval '"$cowtool" merge --json --progress=json --keep=a --undo=undo origin store' "$streams" >/dev/null || true
        merged
        was_kept a undo
    done
}

# ---- devices ----

@test "keep: stores on block devices of 512 and of 4096 bytes are kept" {
    for block in 512 4096; do
        pair 2097152 chunk=8 random=200 origin_chunks=512
        "$mkstore" a chunk=8 size=4194304 random=50 origin_chunks=512 seed=3
        "$mkstore" b chunk=32 size=4194304 random=5 origin_chunks=128 seed=4
        reference
        note_kept a b
        kept=()
        for name in a b; do
            attach $name --sector-size $block
            kept+=("--keep=$loop")
        done
        expect 0 merge --window=64K "${kept[@]}" origin store
        detach_all
        merged
        was_kept a b
    done
}

@test "keep: chunks smaller than the block of the kept store's device" {
    pair 65536 chunk=8 sequential=5 from=4
    "$mkstore" a chunk=1 size=262144 random=20 origin_chunks=128 seed=3
    reference
    note_kept a
    attach a --sector-size 4096
    expect 0 merge --keep="$loop" origin store
    detach_all
    merged
    was_kept a
}

@test "keep: all on block devices of 4096 bytes, a kept image of smaller chunks beside them" {
    pair 2097152 chunk=8 random=200 origin_chunks=512
    "$mkstore" a chunk=1 size=4194304 random=50 origin_chunks=4096 seed=3
    "$mkstore" b chunk=128 size=4194304 random=5 origin_chunks=32 seed=4
    reference
    note_kept a b
    devices=()
    for name in origin store b; do
        attach $name --sector-size 4096
        devices+=("$loop")
    done
    expect 0 merge --window=64K --keep=a --keep="${devices[2]}" "${devices[0]}" "${devices[1]}"
    detach_all
    merged
    was_kept a b
}

# on_large_blocks ORIGIN_BYTES STORE_CHUNK: a merge below ./mounted, where a block has 4096 bytes.
on_large_blocks() {
    cd "$BATS_TEST_TMPDIR/mounted"
    rm -rf -- *
    pair "$1" chunk="$2" sequential=20
    five
    reference
    note_kept a b c d e
    expect 0 merge --quiet --keep=a --keep=b --keep=c --keep=d --keep=e origin store
    merged
    was_kept a b c d e
    cd "$BATS_TEST_TMPDIR"
}

@test "keep: images on a disk with 4096-byte blocks" {
    truncate -s 96M disk
    attach disk --sector-size 4096
    mkfs.ext4 -q -b 4096 "$loop"
    mkdir mounted
    mount "$loop" mounted 2>/dev/null || skip 'nothing can be mounted here'
    on_large_blocks $((19 * 4096 + 512)) 8
    on_large_blocks 16384 1
    on_large_blocks 1048576 32
}
