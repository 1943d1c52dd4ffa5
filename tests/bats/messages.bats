#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2016,SC2119 # of the helpers; names that a shell would expand
# What messages suggest can be pasted and is not refused, whatever the files are called.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
    mkdir 'q d'
    odd_names=('q d/my backup' "q d/it's a \$store \`.img" $'q d/a\nb\e[31m' $'q d/\xc3\xa4 \xff"\\x')
}

cowtool() {
    "$cowtool" "$@"
}

# pasted FILE COMMAND CODE [SED-SCRIPT]: runs the command that FILE suggests, as a person would copy it, from between
# the quotes; it exits with CODE.
pasted() {
    local text status=0
    text=$(grep -aoE "(^|[ (])('cowtool $2 [^']*'|\"cowtool $2 .*\")( |$|;)" "$1" | head -n 1 | sed -E "s/^[ (]?.//; s/[\"'][ ;]?\$//; ${4:-}")
    [[ -n $text ]] || complain "$1 suggests no cowtool $2"
    (eval "$text") >out 2>err </dev/null || status=$?
    ((status == $3)) || complain "this exited with $status, not $3: $text"
}

# one_clean_line: stderr is one line, without control characters.
one_clean_line() {
    (($(wc -l <err) == 1)) || complain 'stderr is not one line'
    fails env LC_ALL=C grep -aq '[[:cntrl:]]' err
}

# big_pair: ./origin of 12 MiB and ./store, and the view.
big_pair() {
    pair 12582912 chunk=8 random=100 origin_chunks=3072
    expect 0 export origin store view
}

# unfinished_merge [KEPT]: ./store and ./origin as a killed merge leaves them.
unfinished_merge() {
    pristine_pair
    [[ -z ${1:-} ]] || expect 0 create --chunk=4K --size=8M "pristine/$1"
    cut_off KILL ${1:+--keep="$1"}
}

@test "messages: the command that goes on with an export, for any names" {
    big_pair
    for name in "${odd_names[@]}"; do
        rm -rf 'q d'/*
        cp origin "$name.o"
        cp store "$name.s"
        (
            ulimit -f 8192
            trap '' XFSZ
            expect 7 export --quiet --force --fill=zero "$name.o" "$name.s" "$name"
        )
        one_clean_line
        cp err suggested
        pasted suggested export 0
        same "$name" view
    done
}

@test "messages: the commands that go on with a merge, and list errors, for any names" {
    unfinished_merge
    cp store unfinished.store
    for name in "${odd_names[@]}"; do
        cp origin "$name.o"
        cp unfinished.store "$name.s"
        expect 5 merge "$name.o" "$name.s"
        one_clean_line
        cp err suggested
        pasted suggested 'merge --resume' 0
        same "$name.o" right.origin
        make chunk=1 random=2000 origin_chunks=3072 entry=3:3:1
        mv store "$name.s"
        expect 2 merge "$name.o" "$name.s"
        one_clean_line
        cp err suggested
        pasted suggested verify 2
        grep -q 'error: entry-in-metadata' out
        expect 2 merge --json "$name.o" "$name.s"
        object '.error.code == 2'
    done
}

@test "messages: the command that brings back what a repair changed, for any names" {
    for name in "${odd_names[@]}"; do
        make chunk=8 sequential=40 entry=3:3:1
        mv store "$name"
        remember "$name"
        cp "$name" before
        expect 0 repair --yes --backup="$name.bak" "$name"
        cp out suggested
        fails same "$name" before >/dev/null
        pasted <(tr '\n\033' '__' <suggested) restore 0
        same "$name" before
    done
}

@test "messages: what verify suggests has the names, quoted" {
    make chunk=8 sequential=3 entry=9:1:1
    mv store 'my store'
    expect 1 verify --json 'my store'
    object '.findings[0].help | contains("'\''cowtool repair --backup=FILE my\\ store'\''")'
    object '.findings[0].help | contains("'\''cowtool dump --stale my\\ store'\''")'
    make chunk=8 sequential=40 entry=3:3:1
    fill origin 1228800
    expect 2 verify --origin=origin store
    pasted <(grep helps out) 'merge --skip-lost' 0
    make chunk=8 sequential=40 entry=3:3:1
    expect 2 verify store
    grep -q "'cowtool merge --skip-lost ORIGIN store'" out
}

@test "messages: a kept store says how the merge of the other one goes on" {
    unfinished_merge a
    expect 0 verify --json --origin=origin a
    object '.findings[0].help | contains("STORE is the other store")'
    expect 0 verify --origin=origin a
    pasted <(grep helps out) 'merge --resume' 0 's/STORE/store/'
    same origin right.origin
    rm a pristine/a
    pristine_pair
    cut_off KILL --undo=undo
    refuses 5 origin undo -- merge origin undo
    said "'cowtool merge --resume --undo=undo origin STORE'"
    expect 0 verify undo
    pasted <(grep helps out) 'merge --resume --undo=undo' 0 's/STORE/store/; s/ORIGIN/origin/'
    same origin right.origin
}

@test "messages: a merging store that keeps others says so" {
    unfinished_merge a
    expect 0 verify --origin=origin store
    grep -q "what helps: 'cowtool merge --resume ... origin store' goes on with it; for ... name each store" out
    expect 0 merge --resume --keep=a origin store
}

@test "messages: for a damaged store in an unfinished merge, verify suggests what is not refused" {
    unfinished_merge
    put store $((512 + 3 * 16 + 10)) '\377'
    refuses 2 origin store -- merge --resume origin store
    expect 2 verify --origin=origin store
    fails grep 'cowtool repair.*drops the entry' out
    pasted <(grep helps out) 'merge --resume --skip-lost' 0
    (($(live store) == 0))
}

@test "messages: a damaged kept store can be given up, as verify suggests" {
    unfinished_merge a
    put a $((4096 + 3 * 16 + 15)) '\377'
    expect 2 verify --origin=origin a
    cp out suggested
    expect 2 merge --resume --keep=a origin store
    pasted <(grep helps suggested) 'merge --resume --drop-kept=a' 0 's/STORE/store/'
    same origin right.origin
}

@test "messages: a dry run that would give up a store that is gone says would" {
    unfinished_merge a
    rm a
    expect 0 merge --resume --dry-run --force --drop-kept=a origin store
    said 'a: would be given up as it is; it could not be marked invalid'
    expect 0 merge --resume --force --drop-kept=a origin store
    said 'a: is given up as it is; it could not be marked invalid'
}

@test "messages: reading commands warn of a store that another process has locked" {
    big_pair
    rm view
    flock --no-fork store sleep 30 3>&- &
    local holder=$!
    until fails flock -n store true >/dev/null; do :; done
    for command in inspect verify dump; do
        expect 0 $command store
        said "cowtool $command: store: warning: is locked by another process"
    done
    expect 0 save store saved
    said 'cowtool save: store: warning: is locked by another process'
    expect 5 export origin store view
    said "store: is locked by another process (another cowtool?); 'fuser store' shows which; let it end first, or export it as it is with --force"
    expect 0 export --force origin store view
    said 'cowtool export: store: warning: is locked by another process'
    kill "$holder"
    wait "$holder" || true
    until flock -n store true; do :; done
    expect 0 verify store
    fails grep locked err
}

@test "messages: reading commands leave a merge alone, and warn of it" {
    pristine_pair
    midway
    expect 0 verify --quiet store
    expect 0 verify store
    kill -CONT "$merge_pid"
    said 'store: warning: is locked by another process'
    ended
    ((status == 0))
    merged
    # One that begins while others read waits for their locks.
    from_pristine
    while [[ ! -e enough ]]; do
        "$cowtool" verify store
        "$cowtool" inspect origin
    done >/dev/null 2>&1 3>&- &
    local reader=$!
    for _ in 1 2 3; do
        from_pristine
        expect 0 merge origin store
        merged
    done
    : >enough
    wait "$reader" || true
}
