#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2119,SC2120
# Merges with kept stores and an undo store that are cut off: every view is what it was at the cut, and a resume, with
# exactly the stores of that merge, makes everything right.

# shellcheck source=keep.bash
. "$BATS_TEST_DIRNAME/keep.bash"

all_kept='--keep=a --keep=b --keep=c'

setup_file() {
    cd "$BATS_FILE_TMPDIR" || exit
    pristine_pair
    pristine_kept a
    "$mkstore" pristine/b chunk=1 size=2097152 random=300 origin_chunks=3072 seed=4
    "$mkstore" pristine/c chunk=32 size=2097152 random=20 origin_chunks=96 seed=5
    from_pristine
    note_kept a b c undo
    # shellcheck disable=SC2086
    cut_off INT $all_kept --undo=undo
    ((status == 3))
    put_by origin store undo a b c
}

setup() {
    pristine=$BATS_FILE_TMPDIR/pristine
    cd "$BATS_TEST_TMPDIR" || exit
    ln -s "$BATS_FILE_TMPDIR"/right.* "$BATS_FILE_TMPDIR"/*.noted .
}

# in_own FOLDER: a folder in which $pristine has copies of the pair, and nothing else yet.
in_own() {
    mkdir -p "$1/pristine"
    cp --sparse=always "$pristine"/origin "$pristine"/store "$1/pristine"
    cd "$1" || return
    pristine=$PWD/pristine
}

# undone: the undo store is one like any other, and brings the origin back.
undone() {
    was_kept undo
    cp --sparse=always undo undo.copy
    expect 0 merge --quiet origin undo.copy
    same origin "$pristine/origin"
}

# goes_well OPTION...: a resume with these options goes to the end, and everything is right.
goes_well() {
    quickly went_well "$@"
}

went_well() {
    # shellcheck disable=SC2086
    expect 0 merge --resume $all_kept "$@" origin store
    merged
    was_kept a b c
    [[ ! -e undo ]] || undone
}

# refused NAMES OPTION...: a resume with these options is refused, with each of the NAMES in the message.
refused() {
    local names=$1 name
    shift
    refuses 5 origin store undo a b c -- merge --resume "$@" origin store
    for name in $names; do
        said "$name"
    done
    expect 5 merge --resume --dry-run "$@" origin store
}

# ---- cut off, and on ----

@test "keep: SIGINT stops a merge with 3, and tells the whole command that resumes it" {
    # shellcheck disable=SC2086
    cut_off INT $all_kept
    ((status == 3)) || complain "exit code $status"
    said "cowtool merge --resume --keep a --keep b --keep c origin store"
    shows_the_same a b c
    goes_well
}

# What a stop gives back may have been kept in part.
@test "keep: a merge that SIGINT stopped counts every exception that it added" {
    local name before
    for _ in {1..6}; do
        # shellcheck disable=SC2086
        cut_off INT --json $all_kept
        ((status == 3)) || complain "exit code $status"
        for name in a b c; do
            before=$(live "$pristine/$name")
            is ".kept[] | select(.store == \"$name\") | .exceptions_added" $(($(live $name) - before))
        done
    done
}

@test "keep: SIGTERM stops a merge with an undo store, and tells the whole command that resumes it" {
    # shellcheck disable=SC2086
    cut_off TERM $all_kept --undo=undo
    ((status == 3)) || complain "exit code $status"
    said "cowtool merge --resume --keep a --keep b --keep c --undo undo origin store"
    shows_the_same a b c undo
    goes_well --undo=undo
}

@test "keep: SIGKILL leaves every view as it was, and a resume finishes" {
    # shellcheck disable=SC2086
    cut_off KILL $all_kept --undo=undo
    shows_the_same a b c undo
    goes_well --undo=undo
}

@test "keep: SIGKILL at random moments, several times in a row, with every engine and window" {
    local how
    unfinished
    for how in '--io=sync --window=512' '--io=threads --window=8K' '--io=auto --window=2K' '--io=sync --window=4K' \
        '--io=auto --window=512' '--io=threads --window=512'; do
        # shellcheck disable=SC2086
        start --resume $all_kept --undo=undo $how
        sleep "$(printf '0.%03d' $((5 + RANDOM % 60)))"
        kill -KILL "$merge_pid" 2>/dev/null || true
        ended
        quickly shows_the_same a b c undo
    done
    goes_well --undo=undo
}

# Before the first commit: also while the records and the undo store are being made.
@test "keep: SIGKILL in the first moments leaves every view as it was, and a resume begins or finishes" {
    for _ in {1..8}; do
        from_pristine
        # shellcheck disable=SC2086
        start $all_kept --undo=undo --io=sync --window=512
        sleep "$(printf '0.%03d' $((RANDOM % 12)))"
        kill -KILL "$merge_pid" 2>/dev/null || true
        ended
        quickly shows_the_same a b c
        goes_well --undo=undo
    done
}

@test "keep: every stop of a merge that is stopped many times, resumed with other windows" {
    unfinished
    for window in 512 2K 1K; do
        remember origin store undo a b c
        # shellcheck disable=SC2086
        start --resume $all_kept --undo=undo --window=$window --io=sync
        sleep "$(printf '0.%03d' $((20 + RANDOM % 60)))"
        kill -TERM "$merge_pid" 2>/dev/null || true
        ended
        # 143: the signal came before the program had begun, which under a sanitizer takes its time.
        case $status in
        0 | 3) quickly shows_the_same a b c undo ;;
        143) unchanged ;;
        *) complain "exit code $status" ;;
        esac
    done
    goes_well --undo=undo --window=1M --io=threads
}

@test "keep: a resume counts what is left and what it adds" {
    unfinished
    before=$(live b)
    # shellcheck disable=SC2086
    expect 0 merge --resume --json $all_kept --undo=undo origin store
    has "{\"exceptions_before\": $left, \"merged\": $left, \"exceptions_left\": 0}"
    is '.kept[] | select(.store == "b") | .exceptions_added' $(($(live b) - before))
    is '[.kept[] | "\(.store) \(.role)"] | sort | join(", ")' 'a kept, b kept, c kept, undo undo'
    ((before < $(live b))) || complain 'the test is wrong: nothing was left to keep'
    merged
    was_kept a b c
}

@test "keep: a dry run of a resume writes nothing and tells what is left to keep" {
    unfinished
    remember origin store undo a b c
    # shellcheck disable=SC2086
    expect 0 merge --resume --dry-run --json $all_kept --undo=undo origin store
    for row in a:kept b:kept c:kept undo:undo; do
        count_of "${row%:*}"
        [[ $(tells_of "${row%:*}" "${row#*:}") == "$needed $possible 0" ]] ||
            complain "$row: not $needed, $possible"
    done
    unchanged
    goes_well --undo=undo
}

@test "keep: the order of the names does not matter, nor by what name a store is reached" {
    unfinished
    ln -s b link
    expect 0 merge --resume --undo=./undo --keep=c --keep=link --keep="$PWD/a" origin store
    merged
    was_kept a b c
    undone
}

# ---- records ----

@test "keep: while a merge is unfinished, inspect shows its record in every store" {
    unfinished
    for row in store:merging a:kept b:kept c:kept undo:undo; do
        expect 0 inspect --json "${row%:*}"
        has "{\"state\": \"merging\", \"record\": {\"role\": \"${row#*:}\", \"origin_bytes\": 1572864}}"
        value .record.id >>ids
        expect 0 inspect "${row%:*}"
        grep -qw "${row#*:}" out || [[ $row == store:* ]] || complain "the text does not say ${row#*:}"
    done
    (($(sort -u ids | wc -l) == 1 && $(wc -l <ids) == 5)) || complain 'the records have other merge ids'
    expect 0 inspect --json store
    has '{"record": {"kept_stores": 4}}'
    goes_well --undo=undo
    for name in store a b c undo; do
        expect 0 inspect --json $name
        has '{"record": null}'
    done
}

@test "keep: verify says of every store that a merge is unfinished" {
    unfinished
    for name in store a b c undo; do
        expect 0 verify --origin=origin --json $name
        object '[.findings[].code] | index("merge-unfinished") != null'
    done
}

@test "keep: a kept store of an unfinished merge is not merged, nor made anew" {
    unfinished
    for name in a undo; do
        refuses 5 origin store undo a b c -- merge origin $name
        refuses 5 origin store undo a b c -- merge --resume origin $name
        refuses 5 origin store undo a b c -- merge --dry-run origin $name
        refuses 5 origin store undo a b c -- create --chunk=4K $name
    done
    goes_well --undo=undo
}

@test "keep: a kept store of an unfinished merge is not kept by another" {
    unfinished
    mkdir unfinished
    mv origin store unfinished
    cp "$pristine/origin" origin
    make chunk=8 sequential=20
    refuses 5 origin store a undo -- merge --keep=a origin store
    refuses 5 origin store a undo -- merge --resume --keep=a origin store
    refuses 5 origin store a undo -- merge --keep=undo origin store
    refuses 5 origin store a undo -- merge --undo=undo origin store
    mv unfinished/* .
    goes_well --undo=undo
}

@test "keep: a store with the record of another merge is kept with --force alone, which forgets that" {
    unfinished
    dd if=a of=record bs=256 skip=1 count=1 status=none
    from_pristine
    make chunk=8 sequential=20
    rm right.* a.noted
    reference
    dd if=record of=a bs=256 seek=1 conv=notrunc status=none
    note_kept a
    refuses 5 origin store a -- merge --keep=a origin store
    said 'a: is kept by an unfinished merge of another store; finish that first, or, if there is none, remove what it left there'
    refuses 5 origin store a -- merge --dry-run --keep=a origin store
    put a $((256 + 8)) '\2'
    refuses 5 origin store a -- merge --keep=a origin store
    said 'a: belongs to an unfinished merge of another version of cowtool; finish it with that version, or use --force, which forgets it'
    refuses 5 origin store a -- merge --dry-run --keep=a origin store
    expect 0 merge --force --keep=a origin store
    merged
    was_kept a
}

@test "keep: a store whose own merge is unfinished is not kept" {
    cut_off KILL
    mv store other
    make chunk=8 sequential=20
    refuses 5 origin store other -- merge --keep=other origin store
    said --resume
}

# ---- what a resume must name ----

@test "keep: a plain merge of an unfinished one is refused and names all stores" {
    unfinished
    refuses 5 origin store undo a b c -- merge origin store
    said 'cowtool merge --resume'
    for name in a b c undo; do
        grep -qw -- "$name" err || complain "$name is not named"
    done
    # shellcheck disable=SC2086
    refuses 5 origin store undo a b c -- merge $all_kept origin store
    goes_well --undo=undo
}

@test "keep: a resume without the kept stores, or without one of them, is refused and names all" {
    unfinished
    refused 'a b c undo'
    refused 'a b c undo' --keep=a
    refused 'a b c undo' --keep=a --keep=b --keep=c
    refused 'a b c undo' --keep=b --keep=c --undo=undo
    refused 'a b c undo' --undo=undo
    refused 'a b c undo' --force --keep=a --keep=b --undo=undo
    goes_well --undo=undo
}

@test "keep: a resume with one store more is refused" {
    unfinished
    "$mkstore" more chunk=8 size=2097152 sequential=10
    remember more
    # shellcheck disable=SC2086
    refused 'a b c undo' $all_kept --keep=more --undo=undo
    unchanged
    goes_well --undo=undo
}

@test "keep: a resume with another store in the place of a kept one is refused" {
    unfinished
    cp "$pristine/b" other
    refused 'a b c undo' --keep=a --keep=other --keep=c --undo=undo
    # One of another merge.
    mkdir first
    mv origin store undo a b c first
    # shellcheck disable=SC2086
    cut_off KILL $all_kept --undo=undo
    mv b other
    mv undo other.undo
    rm origin store a c
    mv first/* .
    refused 'a b c undo' --keep=a --keep=other --keep=c --undo=undo
    # shellcheck disable=SC2086
    refused 'a b c undo' $all_kept --undo=other.undo
    goes_well --undo=undo
}

@test "keep: a resume that names a store twice, instead of another one, is refused" {
    unfinished
    refused '' --keep=a --keep=b --keep=b --undo=undo
    refused '' --keep=a --keep=a --keep=b --keep=c --undo=undo
    goes_well --undo=undo
}

@test "keep: a resume of a merge that kept nothing does not begin to" {
    cut_off KILL
    cp "$pristine/a" a
    refuses 5 origin store a -- merge --resume --keep=a origin store
    refuses 5 origin store -- merge --resume --undo=undo origin store
    [[ ! -e undo ]] || complain 'an undo store was made'
    expect 0 merge --resume origin store
    merged
}

@test "keep: a resume of a merge that the kernel began, or nobody, keeps what it is told to keep" {
    from_pristine
    # shellcheck disable=SC2086
    expect 0 merge --resume --undo=undo $all_kept origin store
    merged
    was_kept a b c
    undone
}

@test "keep: with nothing left to merge a resume succeeds, again and again, and writes nothing" {
    unfinished
    goes_well --undo=undo
    cp right.origin origin
    remember origin store a b c undo
    for _ in 1 2 3; do
        # shellcheck disable=SC2086
        expect 0 merge --resume $all_kept --undo=undo origin store
        unchanged
        expect 0 merge --resume origin store
        unchanged
    done
}

@test "keep: a kept store that is damaged or invalid since is refused by a resume" {
    unfinished
    cp b sound
    put b 520 '\1\0\0\0\0\0\0\0'
    # shellcheck disable=SC2086
    refuses 2 origin store undo a b c -- merge --resume $all_kept --undo=undo origin store
    cp sound b
    put b 4 '\0'
    # shellcheck disable=SC2086
    refuses 2 origin store undo a b c -- merge --resume $all_kept --undo=undo origin store
    cp sound b
    goes_well --undo=undo
}

# Where every chunk is kept already, the reference merge may finish in the kernel's place.
@test "keep: a merge that the kernel finished leaves records, which a resume with all stores removes" {
    in_own full
    "$mkstore" pristine/d chunk=8 size=2097152 random=384 origin_chunks=384 seed=3
    from_pristine
    note_kept d
    cut_off KILL --keep=d
    "$refmerge" origin store >/dev/null
    shows_the_same d
    refuses 5 origin store d -- merge --resume origin store
    refuses 5 origin store d -- merge --keep=d origin store
    expect 0 merge --resume --keep=d origin store
    same origin ../right.origin
    same store ../right.store
    was_kept d
    same d "$pristine/d"
}

# The end of a merge takes the records away one by one.
# all_but_ended: in ./ended, a merge that kept d, e and f, each of which had all exceptions already; only records are left.
all_but_ended() {
    in_own full
    for name in d e f; do
        "$mkstore" pristine/$name chunk=8 size=2097152 random=384 origin_chunks=384 seed=$((${#name} + 3))
    done
    from_pristine
    note_kept d e f
    cut_off KILL --keep=d --keep=e --keep=f
    "$refmerge" origin store >/dev/null
    mkdir ended
    mv origin store d e f ended
}

@test "keep: of what a merge kept, some records are gone already: a resume removes the others, in any order of names" {
    all_but_ended
    for gone in d e f 'd e' 'd f' 'e f' 'd e f'; do
        for order in 'd e f' 'f e d' 'e f d'; do
            cp --sparse=always ended/* .
            for name in $gone; do
                dd if=/dev/zero of="$name" bs=256 seek=1 count=1 conv=notrunc status=none
            done
            # shellcheck disable=SC2046,SC2086
            expect 0 merge --resume $(printf -- '--keep=%s ' $order) origin store ||
                complain "the record of $gone was gone, the order was $order"
            "$refkeep" ended origin d e f
            same store ../right.store
        done
    done
}

# ---- dropping ----

# invalid STORE BEFORE: it is the store BEFORE but marked invalid, and without a record.
invalid() {
    cp --sparse=always "$2" wanted
    put wanted 4 '\0'
    dd if=/dev/zero of=wanted bs=1 seek=16 count=496 conv=notrunc status=none
    same "$1" wanted
}

@test "keep: --drop-kept gives a store up, marks it invalid, and goes on; the others are kept" {
    unfinished
    cp --sparse=always a a.before
    expect 0 merge --resume --drop-kept=a --keep=b --keep=c --undo=undo origin store
    invalid a a.before
    merged
    was_kept b c
    undone
}

@test "keep: a store can be dropped also when records of others are gone already" {
    all_but_ended
    for gone in e f 'e f'; do
        cp --sparse=always ended/* .
        for name in $gone; do
            dd if=/dev/zero of="$name" bs=256 seek=1 count=1 conv=notrunc status=none
        done
        expect 0 merge --resume --drop-kept=d --keep=e --keep=f origin store || complain "the record of $gone was gone"
        invalid d ended/d
        "$refkeep" ended origin e f
        same store ../right.store
    done
}

@test "keep: several can be dropped, the undo store too" {
    unfinished
    cp --sparse=always c c.before
    cp --sparse=always undo undo.before
    expect 0 merge --resume --drop-kept=undo --keep=b --keep=a --drop-kept=c origin store
    invalid c c.before
    invalid undo undo.before
    merged
    was_kept a b
}

@test "keep: what was dropped is not asked for by later resumes" {
    unfinished
    start --resume --io=sync --window=512 --drop-kept=a --keep=b --keep=c --undo=undo
    until "$cowtool" inspect --json a | grep -q '"state":"invalid"'; do :; done
    kill -KILL "$merge_pid" 2>/dev/null || true
    ended
    shows_the_same b c undo
    if (($(live store) > 0)); then
        # shellcheck disable=SC2086
        expect 2 merge --resume $all_kept --undo=undo origin store
    fi
    expect 0 merge --resume --drop-kept=a --keep=b --keep=c --undo=undo origin store || # the cut lay before it was noted
        expect 0 merge --resume --keep=b --keep=c --undo=undo origin store
    merged
    was_kept b c
    undone
}

@test "keep: --drop-kept of a store that cannot be opened needs --force" {
    unfinished
    mv a away
    refuses 8 origin store undo b c -- merge --resume --drop-kept=a --keep=b --keep=c --undo=undo origin store
    expect 0 merge --resume --force --drop-kept=a --keep=b --keep=c --undo=undo origin store
    [[ ! -e a ]]
    merged
    was_kept b c
    undone
}

@test "keep: --drop-kept of a store that does not belong to the merge is refused" {
    unfinished
    "$mkstore" more chunk=8 size=2097152 sequential=10
    refuses 5 origin store undo a b c more -- \
        merge --resume --drop-kept=more --keep=a --keep=b --keep=c --undo=undo origin store
    refuses 5 origin store undo a b c more -- \
        merge --resume --drop-kept=more --keep=a --keep=b --undo=undo origin store
    refuses 5 origin store undo a b c -- \
        merge --resume --drop-kept=a --keep=a --keep=b --keep=c --undo=undo origin store
    truncate -s 511 tiny
    refuses 5 origin store undo a b c tiny -- \
        merge --resume --drop-kept=tiny --keep=a --keep=b --keep=c --undo=undo origin store
    said 'tiny: '
    goes_well --undo=undo
}

# as_the_kernel_gives_up STORE: the header says invalid, and the rest of its chunk, with the record in it, is zero.
as_the_kernel_gives_up() {
    dd if=/dev/zero of="$1" bs=1 seek=16 count=496 conv=notrunc status=none
    put "$1" 4 '\0'
}

@test "keep: --drop-kept of a store that the kernel gave up meanwhile goes on without it" {
    unfinished
    as_the_kernel_gives_up a
    cp a a.before
    expect 2 merge --resume --keep=a --keep=b --keep=c --undo=undo origin store
    said --drop-kept
    expect 0 merge --resume --drop-kept=a --keep=b --keep=c --undo=undo origin store
    same a a.before
    merged
    was_kept b c
    undone
}

@test "keep: --drop-kept of a store without a record and of another name needs --force" {
    unfinished
    as_the_kernel_gives_up a
    mv a renamed
    refuses 5 origin store undo b c renamed -- \
        merge --resume --drop-kept=renamed --keep=b --keep=c --undo=undo origin store
    said --force
    # One of the others is not named.
    refuses 5 origin store undo b c renamed -- merge --resume --force --drop-kept=renamed --keep=b --undo=undo origin store
    expect 0 merge --resume --force --drop-kept=renamed --keep=b --keep=c --undo=undo origin store
    merged
    was_kept b c
    undone
}

@test "keep: --drop-kept with --force of a store whose record was forgotten marks it invalid" {
    unfinished
    expect 0 repair --yes --no-backup --forget-kept a
    refuses 5 origin store undo a b c -- merge --resume --drop-kept=a --keep=b --keep=c --undo=undo origin store
    cp a a.before
    expect 0 merge --resume --force --drop-kept=a --keep=b --keep=c --undo=undo origin store
    invalid a a.before
    merged
    was_kept b c
    undone
}

@test "keep: --drop-kept with --dry-run writes nothing" {
    unfinished
    remember origin store undo a b c
    expect 0 merge --resume --dry-run --drop-kept=a --keep=b --keep=c --undo=undo origin store
    unchanged
}

# ---- room, later ----

@test "keep: a resume counts the room again; what has become too small can be dropped" {
    unfinished
    count_of b
    ((needed > 0)) || complain 'the test is wrong'
    size=$(json_of inspect --json b | jq .smallest_store_bytes)
    truncate -s $((size + 512 * (needed - 1))) b
    # shellcheck disable=SC2086
    refuses 7 origin store undo a b c -- merge --resume $all_kept --undo=undo origin store
    said 'b: '
    said --drop-kept
    # shellcheck disable=SC2086
    refuses 7 origin store undo a b c -- merge --resume --invalidate-full $all_kept --undo=undo origin store
    cp --sparse=always b b.before
    expect 0 merge --resume --keep=a --drop-kept=b --keep=c --undo=undo origin store
    invalid b b.before
    merged
    was_kept a c
    undone
}

@test "keep: what --invalidate-full gave up is not asked for by a resume, and may be named in the same way" {
    in_own small
    cp "$BATS_FILE_TMPDIR/pristine/a" pristine
    "$mkstore" pristine/d chunk=1 size=16384
    ln -s ../right.* ../a.noted .
    for again in '--invalidate-full --keep=d' ''; do
        cut_off KILL --invalidate-full --keep=a --keep=d
        shows_the_same a
        cp d d.before
        refuses 2 origin store a d -- merge --resume --keep=a --keep=d origin store
        # shellcheck disable=SC2086
        expect 0 merge --resume --keep=a $again origin store
        merged
        was_kept a
        same d d.before
    done
}

# ---- errors ----

@test "keep: a write error of a kept store ends a merge with 4, nothing is lost, and a resume finishes it" {
    mkdir far
    cd far
    pair 200000 chunk=1 random=300 origin_chunks=390 seed=6
    cp origin before
    # Its free chunks begin below 512 KiB, which is as far as files can be written.
    "$mkstore" a chunk=1 size=1048576 sequential=1 entry=1:380:970
    "$mkstore" b chunk=8 size=262144 sequential=3 seed=9
    reference
    note_kept a b
    code=0
    (
        ulimit -f 512
        exec "$cowtool" merge --json --window=2K --keep=a --keep=b origin store
    ) >out 2>err || code=$?
    ((code == 4)) || complain "exit code $code, not 4"
    failure 4
    said 'a: '
    said 'File too large'
    (($(live a) > 2)) || complain 'the test is wrong: nothing was kept before the error'
    (($(live a) < 200)) || complain 'the test is wrong: there was no error'
    shows_the_same a b
    expect 0 merge --resume --keep=a --keep=b origin store
    merged
    was_kept a b
}

# goes_on_as_told OPTION...: a resume with these can write nothing; what it says goes on does, once it can. With --force,
# as libblkid is shown a file.
goes_on_as_told() {
    local command
    { (ulimit -f 0; exec "$cowtool" merge --resume "$@" origin store) 2>&1 || true; } | cat >err
    said 'File too large'
    command=$(grep -o "'cowtool merge --resume [^']*'" err | tr -d "'")
    [[ $command == *--drop-kept* ]] || complain "no --drop-kept in the command that goes on: $command"
    # shellcheck disable=SC2086
    expect 0 ${command#cowtool }
    merged
    was_kept b c
    undone
}

@test "keep: the command that goes on after an error drops again what was to be dropped" {
    unfinished
    cp --sparse=always a a.before
    goes_on_as_told --force --drop-kept=a --keep=b --keep=c --undo=undo
    invalid a a.before
}

@test "keep: the command that goes on after an error drops again what could not be opened" {
    unfinished
    mv a away
    goes_on_as_told --force --drop-kept=a --keep=b --keep=c --undo=undo
}

# stopped_at LEFT ARGUMENT...: a merge of ./origin and ./store gets a TERM when this many exceptions are left, and ends with 3.
stopped_at() {
    start_until "$@"
    kill -s TERM "$merge_pid"
    goes_on
    ((status == 3)) || complain "exit code $status"
}

@test "keep: the command that goes on after a stop does not name what is dropped already; it may be named" {
    unfinished
    stopped_at $((left - 100)) --resume --drop-kept=a --keep=b --keep=c --undo=undo
    said "'cowtool merge --resume --keep b --keep c --undo undo origin store' goes on"
    expect 0 merge --resume --dry-run --drop-kept=a --keep=b --keep=c --undo=undo origin store
    expect 0 merge --resume --keep=b --keep=c --undo=undo origin store
    merged
    was_kept b c
    undone
}

@test "keep: a store that is dropped already is not taken for another one of the same name" {
    local option
    from_pristine
    mkdir o p
    mv a o/cow
    mv b p/cow
    stopped_at 1900 --keep=o/cow --keep=p/cow
    stopped_at 1800 --resume --drop-kept=o/cow --keep=p/cow
    for option in --quiet --force; do
        refuses 5 origin store o/cow p/cow -- merge --resume $option --drop-kept=o/cow origin store
        said 'keeps cow'
    done
    mv o/cow away
    refuses 5 origin store p/cow -- merge --resume --force --drop-kept=o/cow origin store
    said 'keeps cow'
}
