#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2016,SC2119
# cowtool merge: what it leaves must equal, in every byte of both files, what the reference merge leaves.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

# orders CHUNK COUNT ORIGIN_CHUNKS: merges stores in random, sequential and reversed order.
orders() {
    local shape
    for shape in "random=$2" "sequential=$2 from=$((($3 - $2) / 2))" "random=$2 seed=2 reversed=1"; do
        # shellcheck disable=SC2086
        pair $(($1 * 512 * $3)) chunk="$1" origin_chunks="$3" $shape
        merges_right || complain "in this order: $shape"
    done
}

# numbers JSON: merge --json has said so, and nothing was left.
numbers() {
    object '. * $wanted == . and (keys - ["cowtool", "command", "origin", "store", "identity", "exceptions_before", "merged", "exceptions_left",
        "bytes_copied", "commits", "flushes", "seconds", "kept", "then"]) == [] and .then == [] and .exceptions_left == 0
        and .merged == .exceptions_before and .kept == [] and (.seconds | type) == "number"' --argjson wanted "$1"
}

# ---- chunk sizes, orders, ends ----

@test "merge: chunks of 512 bytes in random, sequential and reversed order" {
    orders 1 300 2000
}

@test "merge: chunks of 1 KiB in random, sequential and reversed order" {
    orders 2 300 1000
}

@test "merge: chunks of 2 KiB in random, sequential and reversed order" {
    orders 4 300 600
}

@test "merge: chunks of 4 KiB in random, sequential and reversed order" {
    orders 8 300 500
}

@test "merge: chunks of 8 KiB in random, sequential and reversed order" {
    orders 16 530 600
}

@test "merge: chunks of 16 KiB in random, sequential and reversed order" {
    orders 32 40 80
}

@test "merge: chunks of 64 KiB in random, sequential and reversed order" {
    orders 128 10 20
}

@test "merge: chunks of 512 KiB in random, sequential and reversed order" {
    orders 1024 3 5
}

@test "merge: exactly full areas" {
    for shape in 'chunk=1 sequential=32' 'chunk=1 random=64' 'chunk=1 random=96 reversed=1' 'chunk=2 sequential=64' \
        'chunk=8 random=256' 'chunk=8 sequential=512'; do
        # shellcheck disable=SC2086
        pair 2097152 origin_chunks=512 $shape
        merges_right || complain "with $shape"
    done
}

@test "merge: one exception, in the first and in the last chunk" {
    pair 40960 chunk=8 sequential=1
    merges_right
    make chunk=8 sequential=1 from=9 seed=2
    merges_right
}

@test "merge: all chunks of an origin" {
    pair 1024000 chunk=2 random=1000 origin_chunks=1000
    merges_right
}

@test "merge: the last partial chunk is clipped to the origin's end" {
    for size in 413696 409600 410112 413184; do
        pair $size chunk=8 random=101 origin_chunks=101 seed=$size
        # The last chunk is not there at all, there in part, or whole.
        ((size > 409600)) || make chunk=8 random=100 origin_chunks=100
        merges_right
        (($(stat -c %s origin) == size))
    done
}

@test "merge: the last partial chunk of 16 KiB and of 512 KiB is clipped in its middle" {
    pair 168448 chunk=32 random=11 origin_chunks=11
    merges_right
    pair 2300416 chunk=1024 random=5 origin_chunks=5
    merges_right --window=64K
    (($(stat -c %s origin) == 2300416))
}

@test "merge: an image that ends in the middle of a sector" {
    pair 41660 chunk=8 random=11 origin_chunks=11
    merges_right
    (($(stat -c %s origin) == 41660))
    pair 51300 chunk=1 random=100 origin_chunks=100
    merges_right
    (($(stat -c %s origin) == 51300))
}

@test "merge: an origin larger than 4 TiB with changes at its very end" {
    truncate -s 5497558139904 origin
    make chunk=8 sequential=100 from=1342177181
    cp store before
    expect 0 merge origin store
    # 99 whole chunks and 1024 bytes of the last one; the store's data begins at chunk 2.
    cmp -i 5497557733376:8192 -n 406528 origin before
    (($(stat -c %s origin) == 5497558139904))
    (($(live store) == 0))
}

@test "merge: a store with holes, entries across groups and no order" {
    fill junk 80896 5000
    for window in 512 4K 16M; do
        pair 51200 chunk=1 size=102400 sequential=38 entry=0:70:150 entry=1:60:50 entry=33:61:198 entry=37:80:45
        dd if=junk of=store bs=512 seek=41 conv=notrunc status=none
        merges_right --window=$window
    done
}

@test "merge: a dirty tail does not come alive and is gone afterwards" {
    pair 204800 chunk=1 size=40960 sequential=3 from=20 entry=5:40:20 entry=31:41:21
    merges_right
    make chunk=8 size=204800 sequential=3 from=20 entry=40:40:20 entry=255:41:21
    merges_right
    expect 0 verify --json store
    has '{"verdict": "clean", "exceptions": 0}'
}

@test "merge: of two exceptions for one chunk the first counts, with --force" {
    for window in 512 4K 16M; do
        for shape in '' reversed=1; do
            pair 40960 chunk=1 sequential=150 modulo=60 $shape
            merges_right --force --window=$window
        done
    done
}

# ---- windows and engines ----

@test "merge: windows from 1 byte to 64 MiB" {
    for window in 1 511 4096 5000 64K 1M 64M; do
        pair 524288 chunk=4 random=150 origin_chunks=256 seed=4
        merges_right --window=$window
    done
}

@test "merge: windows smaller than a chunk" {
    for window in 1 4K 10000 100K; do
        pair 2097152 chunk=1024 random=3 origin_chunks=4
        merges_right --window=$window
    done
}

@test "merge: windows that end within areas, in reversed order" {
    for window in 512 3000 20K; do
        pair 524288 chunk=1 random=200 origin_chunks=1000 reversed=1
        merges_right --window=$window
    done
}

@test "merge: one request at a time" {
    pair 2097152 chunk=4 random=400 origin_chunks=1024
    merges_right --io=sync --window=64K
    make chunk=4 random=300 origin_chunks=1024 reversed=1 seed=2
    merges_right --io=sync --window=64K
}

@test "merge: with threads" {
    pair 2097152 chunk=4 random=400 origin_chunks=1024
    merges_right --io=threads --window=64K
    make chunk=4 random=300 origin_chunks=1024 reversed=1 seed=2
    merges_right --io=threads --window=64K
}

# calls_of ORIGIN STORE [OPTION]: "plain" where a dry run of a merge reads by plain calls, all by the main thread, else
# "many".
calls_of() {
    strace -f -o trace -e trace=io_uring_setup,clone,clone3,preadv \
        "$cowtool" merge --dry-run --quiet "${@:3}" "$1" "$2" >/dev/null || { echo "exit code $?"; return; }
    if grep -q '^[0-9]* *\(io_uring_setup\|clone\)' trace; then
        echo many
    elif grep -q '^[0-9]* *preadv' trace; then
        echo plain
    fi
}

@test "merge: both devices in memory: plain calls; one on a disk: what can have many under way" {
    needs_strace
    [[ $(stat -f -c %T /dev/shm) == tmpfs && $(stat -f -c %T .) != tmpfs ]] || skip 'no tmpfs at /dev/shm, or here, too'
    pair 2097152 chunk=4 random=400 origin_chunks=1024
    memory=$(mktemp -d /dev/shm/cowtool.XXXXXX)
    cp origin store "$memory"
    outcome=$(
        for at in "$memory/origin $memory/store" "origin $memory/store" "$memory/origin store" 'origin store'; do
            # shellcheck disable=SC2086 # two names
            calls_of $at
        done
        calls_of "$memory/origin" "$memory/store" --io=threads
        "$mkstore" kept chunk=4 size=2097152
        calls_of "$memory/origin" "$memory/store" --keep=kept
    )
    rm -r "$memory"
    [[ $(xargs <<<"$outcome") == 'plain many many many many many' ]] || complain "$outcome"
}

# With stacks of the usual size, not one thread would fit.
@test "merge: threads need little more memory than none" {
    if grep -q __asan_init "$cowtool"; then
        skip 'the sanitizer needs memory of its own'
    fi
    judged_pair 1638400 chunk=8 random=300 origin_chunks=400
    set_aside
    ulimit -s 8192
    for ((kib = 4096; kib < 65536; kib += 512)); do
        from_pristine
        (ulimit -v $kib; exec "$cowtool" merge --quiet --window=64K --io=sync origin store) >out 2>err || continue
        break
    done
    merged
    from_pristine
    (ulimit -v $((kib + 4096)); expect 0 merge --window=64K --io=threads origin store)
    merged
}

@test "merge: with io_uring" {
    judged_pair 2097152 chunk=4 random=400 origin_chunks=1024
    remember origin store
    if ! "$cowtool" merge --io=uring --window=64K origin store >out 2>err; then
        said 'cannot use io_uring here'
        unchanged
        skip 'io_uring cannot be used here'
    fi
    merged
    make chunk=4 random=300 origin_chunks=1024 reversed=1 seed=2
    merges_right --io=uring --window=64K
}

# ---- what it says ----

@test "merge: the JSON has the numbers of the merge" {
    judged_pair 409600 chunk=4 random=100 origin_chunks=200
    expect 0 merge --json origin store
    numbers '{"origin": "origin", "store": "store", "exceptions_before": 100, "merged": 100, "exceptions_left": 0,
        "bytes_copied": 204800, "kept": []}'
    object '.commits >= 1 and .flushes >= 2'
    silent
    merged
}

@test "merge: bytes_copied is what lies inside the origin" {
    pair 168448 chunk=32 sequential=11
    expect 0 merge --json origin store
    numbers '{"exceptions_before": 11, "bytes_copied": 168448}'
}

@test "merge: an empty store is nothing to merge, and nothing is written" {
    pair 40960 chunk=8
    remember origin store
    expect 0 merge origin store
    unchanged
    expect 0 merge --json origin store
    numbers '{"exceptions_before": 0, "merged": 0, "bytes_copied": 0, "commits": 0}'
    unchanged
}

@test "merge: a merged store is empty and can be merged again" {
    pair 409600 chunk=4 random=100 origin_chunks=200
    merges_right
    remember origin store
    expect 0 inspect --json store
    has '{"state": "empty", "exceptions": 0, "record": null, "header": {"valid": 1}}'
    expect 0 verify store
    expect 0 merge origin store
    unchanged
}

@test "merge: a dry run writes nothing and counts runs, windows, bytes and flushes" {
    pair 409600 chunk=4 size=1048576 sequential=200 from=0
    # Areas of 128: a run of 128, then 72; windows of 16 chunks.
    remember origin store
    expect 0 merge --dry-run --window=32K --json origin store
    has '{"exceptions_before": 200, "merged": 0, "exceptions_left": 200, "bytes_copied": 0, "commits": 0, "flushes": 0,
        "plan": {"runs": 2, "bytes": 409600}}'
    windows=$(value .plan.windows)
    flushes=$(value .plan.flushes)
    unchanged
    expect 0 merge --dry-run --window=32K origin store
    grep -qw 200 out
    grep -qw 409600 out
    unchanged
    ((windows >= 200 / 16 && windows <= 200)) || complain "$windows windows"
    expect 0 merge --window=32K --json origin store
    object '.commits <= $windows and .flushes <= $flushes and .bytes_copied == 409600' \
        --argjson windows "$windows" --argjson flushes "$flushes"
}

@test "merge: a dry run counts the bytes that lie inside the origin" {
    pair 168448 chunk=32 sequential=11
    expect 0 merge --dry-run --json origin store
    has '{"plan": {"bytes": 168448}}'
}

@test "merge: a dry run of an empty store has nothing to do" {
    pair 40960 chunk=8
    expect 0 merge --dry-run --json origin store
    has '{"exceptions_before": 0, "plan": {"runs": 0, "windows": 0, "bytes": 0, "flushes": 0}}'
}

@test "merge: --quiet says nothing at all" {
    judged_pair 409600 chunk=4 random=100 origin_chunks=200
    expect 0 merge --quiet origin store
    [[ ! -s out ]]
    [[ ! -s err ]]
    merged
}

@test "merge: no progress is shown where stderr is no terminal" {
    pair 1048576 chunk=2 random=100 origin_chunks=1024
    expect 0 merge --window=1K --io=sync origin store
    silent
    make chunk=2 random=100 origin_chunks=1024
    expect 0 merge --window=1K --progress=none origin store
    silent
}

@test "merge: --progress=json writes lines of JSON with strings, beginning while it merges" {
    pristine_pair
    midway --quiet --progress=json
    sleep 0.5
    goes_on
    ((status == 0))
    merged
    (($(wc -l <err) >= 2)) || complain 'there are fewer than two lines'
    jq -es 'all(.[]; .device == "store" and .total_bytes == "1024000"
            and ([.done_bytes, .speed, .eta_ms, .time_ms] | all(type == "string" and test("^[0-9]+$"))))
        and ([.[].done_bytes | tonumber] | . == sort and .[0] < 1024000 and .[-1] == 1024000)
        and ([.[].time_ms | tonumber] | . == sort and .[0] >= 500)' err >/dev/null || complain 'the lines are wrong'
    while read -r line; do
        jq -e . <<<"$line" >/dev/null
    done <err
}

@test "merge: SIGUSR1 prints the progress and does not disturb the merge" {
    pristine_pair
    midway
    kill -USR1 "$merge_pid"
    goes_on
    ((status == 0))
    grep -q '[0-9]%' err || complain 'no progress was printed'
    merged
}

# writes_of OPTION...: a merge of copies of the pristine pair under strace; ./writes has the size of each write.
writes_of() {
    from_pristine
    strace -o trace -e trace=pwritev "$@" "$cowtool" merge --io=sync --window=4K origin store >out 2>err
    grep -o '= [0-9]*$' trace >writes
    merged
}

@test "merge: the blocks of an image's disk are known where the kernel does not tell them (before 6.1)" {
    needs_strace
    judged_pair 262144 chunk=1 random=300 origin_chunks=512
    set_aside
    writes_of
    mv writes told
    ! grep -q O_DIRECT err || skip 'no O_DIRECT here'
    writes_of --inject=statx:error=ENOSYS
    cmp told writes
    # Where the disk does not say it, either, nothing is guessed.
    if [[ -e /sys/dev/block/$(stat -c '%Hd:%Ld' .)/queue ]]; then
        ! grep -q O_DIRECT err || complain 'O_DIRECT was given up'
    fi
}
