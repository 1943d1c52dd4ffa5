#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2119
# cowtool verify --data: all that a merge would read or write can be read. tests/unit/data.c has the places.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

# plainly OPTION... -- ARGUMENT...: cowtool with these, one read after the other: strace counts each thread by itself.
plainly() {
    local options=()
    while [[ $1 != -- ]]; do
        options+=("$1")
        shift
    done
    shift
    strace -o trace -e trace=preadv,io_uring_setup,clone,clone3 --inject=io_uring_setup:error=ENOSYS \
        --inject=clone,clone3:error=EAGAIN "${options[@]}" "$cowtool" "$@" >out 2>err
}

# reads ARGUMENT...: how many reads cowtool makes with these.
reads() {
    plainly -- "$@"
    grep -c '^preadv(' trace
}

# failing_from N ARGUMENT...: cowtool with these, whose reads fail from the Nth on; ./code has its exit code.
failing_from() {
    local status=0
    plainly --inject=preadv:error=EIO:when="$1+" -- "${@:2}" || status=$?
    echo $status >code
}

@test "data: of sound devices everything can be read, and how much is said" {
    pair 153600 chunk=1 random=150 origin_chunks=300 size=102400
    remember origin store
    expect 0 verify --data=origin --json store
    has '{"verdict": "clean", "findings": [], "data": {"unreadable": [], "store_bytes": 76800, "origin_bytes": 76800,
        "store_unreadable": 0, "origin_unreadable": 0, "view_unreadable": 0}}'
    expect 0 verify --data origin store
    grep -qx 'data in the store: 76800 bytes looked at, unreadable: 0' out
    grep -qx 'data in the origin: 76800 bytes looked at, unreadable: 0' out
    unchanged
}

@test "data: chunks of every size, clipped at the origin's end" {
    fill origin 1050112
    for chunk in 1 8 32 128 2048; do
        last=$((1050111 / (chunk * 512)))
        make chunk=$chunk size=$((chunk * 512 * 40)) entry=0:$last:2 entry=1:0:4
        expect 0 verify --data=origin --json store
        is .data.store_bytes $((2 * chunk * 512))
        is .data.origin_bytes $((chunk * 512 + 1050112 - last * chunk * 512))
    done
}

@test "data: it includes the check against the origin" {
    pair 16896 chunk=8 sequential=6
    finds 2 damaged '[{"code": "entry-beyond-origin", "severity": "error", "area": 0, "index": 5, "old_chunk": 5, "new_chunk": 7}]' \
        --data=origin store
    is .data.store_bytes 20480
}

@test "data: of a damaged store what can be merged is read" {
    pair 16896 chunk=1 size=40960 sequential=3 entry=3:9:34 entry=4:8:99 entry=5:3:18446744073709551615
    expect 2 verify --data=origin --json store
    is .data.store_bytes 1536
    is .data.origin_bytes 1536
}

@test "data: without a header there is nothing to read" {
    pair 16896 chunk=8 sequential=3 version=2
    expect 2 verify --data=origin --json store
    object 'has("data") | not'
    make chunk=8 sequential=3 magic=0
    expect 6 verify --data=origin --json store
    object 'has("data") | not'
}

@test "data: what is unreadable is listed, with its place in the view, and the exit code is 4" {
    needs_strace
    pair 40960 chunk=8 sequential=8 from=2 size=45056
    before=$(reads verify store)
    # The metadata is read once more: one read, for there is one area.
    failing_from $((before + 2)) verify --data=origin --json store
    (($(<code) == 4))
    failure 4
    has '{"verdict": "damaged", "data": {"store_unreadable": 32768, "origin_unreadable": 32768, "view_unreadable": 32768,
        "store_bytes": 32768, "origin_bytes": 32768}}'
    object '(.data.unreadable | sort_by(.device)) == [
        {"device": "origin", "offset": 8192, "bytes": 32768, "view_offset": 8192, "view_bytes": 32768,
            "error": "Input/output error"},
        {"device": "store", "offset": 8192, "bytes": 32768, "view_offset": 8192, "view_bytes": 32768,
            "error": "Input/output error"}]'
    failing_from $((before + 2)) verify --data=origin store
    (($(<code) == 4))
    grep -q '^unreadable: store: 32768 bytes at 8192 (bytes 8192 to 40959 of the view): Input/output error$' out
    grep -q '^unreadable: origin: 32768 bytes at 8192 (bytes 8192 to 40959 of the view, which has them from the store): ' out
    grep -q '^unreadable: 32.0 KiB (32768 bytes) of the view$' out
    said 'store: 2 places that a merge into origin needs cannot be read: 32768 bytes of the store, 32768 of the origin'
}

@test "data: the text lists twenty places and counts the others, JSON lists all" {
    needs_strace
    pair 51200 chunk=1 sequential=32 every=3 size=40960
    # Two areas are on this device: both are read ahead.
    before=$(reads verify store)
    failing_from $((before + 3)) verify --data=origin store
    (($(<code) == 4))
    (($(grep -c '^unreadable: [a-z]*: ' out) == 20))
    grep -q '^unreadable: and 44 more places (--json lists all)$' out
    failing_from $((before + 3)) verify --data=origin --json store
    is '.data.unreadable | length' 64
}

@test "data: metadata that cannot be read is an error, as without --data" {
    needs_strace
    pair 40960 chunk=8 sequential=8
    failing_from 3 verify --data=origin --json store
    (($(<code) == 4))
    failure 4
    said 'store: cannot read 4096 bytes at 4096: Input/output error'
    object 'has("data") | not'
}

@test "data: an origin that is not there is refused; two origins make no sense" {
    pair 40960 chunk=8 sequential=8
    refuses 8 origin store -- verify --data=nowhere store
    refuses 64 origin store -- verify --data=origin --origin=origin store
}

@test "data: SIGUSR1 prints the progress and disturbs nothing; SIGINT ends it" {
    needs_strace
    pair 819200 chunk=8 random=100 origin_chunks=200
    plainly --inject=preadv:signal=SIGUSR1:when=6 -- verify --json --data=origin store
    object '.verdict == "clean" and .data.store_bytes == 409600'
    grep -qE '^cowtool verify: store: [0-9]+%, [0-9.]+ [a-zA-Z]+ of 800\.0 KiB, ' err
    (($(grep -vc 'note: nothing in it tells' err) == 1))
    local status=0
    plainly --inject=preadv:signal=SIGINT:when=6 -- verify --json --data=origin store || status=$?
    ((status == 130))
    [[ ! -s err ]]
}

@test "data: memory does not grow with the data" {
    if grep -q __asan_init "$cowtool"; then
        skip 'the sanitizer needs memory of its own'
    fi
    [[ -x /usr/bin/time ]] || skip 'GNU time is not installed (make setup)'
    truncate -s 1G origin
    make chunk=1 data=0 random=300000 origin_chunks=2097152
    /usr/bin/time -f %M -o kib "$cowtool" verify --data=origin store >out
    grep -q '^data in the store: 153600000 bytes looked at' out
    # 16 bytes for each exception, and 32 MiB
    (($(<kib) <= 300000 * 16 / 1024 + 32768)) || complain "$(<kib) KiB"
}

@test "data: the verdict is the last that is said, and not clean where data cannot be read" {
    make chunk=8 sequential=8 size=409600
    fill origin 40960
    expect 0 verify --data=origin store
    [[ $(grep -n '^store: clean' out) == 3:* && $(sed -n 1,2p out) == 'data in the store:'* ]]
}
