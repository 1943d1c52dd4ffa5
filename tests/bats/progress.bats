#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2016 # variables of helpers.bash; jq has its own
# How far a command is: a bar on terminals of any size, plain lines for consoles and logs.

load helpers

export TERM=xterm

# on COLUMNS ROWS [OPTION...] COMMAND...: on a terminal of that size (see pty.c); ./out has what it got, $status is the
# exit code, and $draws, $over, $feeds and $column are what pty found.
on() {
    local line
    status=0
    "$tools/within" 30 "$tools/pty" "$@" >out 2>err </dev/null || status=$?
    line=$(tail -n 1 err)
    [[ $line =~ ^draws=([0-9]+)\ over=([0-9]+)\ feeds=([0-9]+)\ column=([0-9]+)$ ]] || complain 'pty failed'
    draws=${BASH_REMATCH[1]} over=${BASH_REMATCH[2]} feeds=${BASH_REMATCH[3]} column=${BASH_REMATCH[4]}
    ((status != 99)) || complain 'a control sequence that is none of a bar'
}

# merging COLUMNS ROWS [OPTION...]: a merge there, long enough for many lines, of copies of what is in $pristine.
merging() {
    from_pristine
    on "$@" "$live" stop 1990 store "$cowtool" merge --window=1K origin store
    ((status != 77)) || skip 'no process may be traced here (ptrace)'
}

# drawn: the lines that were drawn, one a line.
drawn() {
    tr '\r' '\n' <out | sed -n 's/^\x1b\[[KJ]\(.*%.*\)/\1/p'
}

# no_control FILE: it has no control character but the ends of lines.
no_control() {
    fails grep -q '[^ -~]' "$1"
}

# fits COLUMNS ROWS PATTERN: what a merge draws there fits, and the fifth bar is like PATTERN.
fits() {
    local line
    merging "$1" "$2"
    ((status == 0)) || complain "$1x$2: exit code $status"
    merged
    ((draws >= 8)) || complain "$1x$2: only $draws lines were drawn"
    ((over == 0)) || complain "$1x$2: $over lines of $draws are too wide"
    ((feeds == 0)) || complain "$1x$2: the screen scrolls: $feeds lines between the first bar and the last"
    line=$(drawn | sed -n 5p)
    [[ $line =~ $3 ]] || complain "$1x$2: '$line' is not as it should be"
}

@test "progress: a bar is never wider than the terminal, stays in its line, and leaves out speed, sizes and bar" {
    pristine_pair
    fits 200 50 '^\[[#.]{30}\] .*% .* of 1000.0 KiB .*/s .* to go$'
    fits 80 24 '^\[[#.]{30}\] .*% .* of 1000.0 KiB [^/]* to go$'
    fits 60 24 '^\[[#.]{30}\] [^K/]*%[^K/]* to go$'
    fits 40 10 '^\[[#.]{5,20}\] [^K/]*%[^K/]* to go$'
    fits 20 5 '^ [0-9 ][0-9]%'
    fits 2 2 ''
}

@test "progress: a terminal that becomes narrower in a merge gets narrower bars, and what the old one left is erased" {
    pristine_pair
    merging 200 50 resize=40
    ((status == 0))
    merged
    ((draws >= 8 && over == 0 && feeds == 0)) || complain "$draws lines, $over too wide, $feeds line feeds"
    [[ $(drawn | head -n 3 | awk 'length > 40' | wc -l) == 3 ]]
    [[ $(drawn | tail -n +4 | awk 'length > 39' | wc -l) == 0 ]]
    # Once, for all the lines that the old bar became.
    [[ $(tr -cd '\033J' <out | grep -o $'\033J' | wc -l) == 1 ]]
}

@test "progress: a terminal that becomes wider in a merge gets wider bars" {
    pristine_pair
    merging 40 10 resize=120
    ((status == 0 && over == 0 && feeds == 0))
    merged
    [[ $(drawn | tail -n 1 | awk 'length > 60' | wc -l) == 1 ]]
}

@test "progress: after Ctrl-C the bar goes on to what is committed, and the cursor is on a new line" {
    pristine_pair
    merging 80 24 interrupt=1
    ((status == 3)) || complain "exit code $status"
    ((column == 0)) || complain "the cursor is in column $column"
    (($(live store) > 0))
    expect 0 merge --resume origin store
    merged
}

@test "progress: a second Ctrl-C ends a merge at once, and the cursor is on a new line" {
    needs_strace
    pristine_pair
    from_pristine
    # Of one window, which a first Ctrl-C does not cut short once something of it is written.
    on 80 24 interrupt=2 unlike=' 0 bytes of ' strace -o trace -e trace=pwritev --inject=pwritev:delay_enter=5000 \
        "$cowtool" merge --io=sync origin store
    ((status == 130)) || complain "exit code $status"
    ((column == 0)) || complain "the cursor is in column $column"
    expect 0 merge --resume origin store
    merged
}

@test "progress: Ctrl-C ends a verify --data, and the cursor is on a new line" {
    needs_strace
    pair 33554432 chunk=8 random=4000 origin_chunks=8192
    # Of plain calls, slowly.
    on 80 24 interrupt=1 strace -o trace -e trace=preadv,io_uring_setup,clone,clone3 \
        --inject=io_uring_setup:error=ENOSYS --inject=clone,clone3:error=EAGAIN --inject=preadv:delay_enter=10000 \
        "$cowtool" verify --data=origin store
    ((status == 130)) || complain "exit code $status"
    ((draws >= 3 && over == 0)) || complain "$draws lines, $over too wide"
    ((column == 0)) || complain "the cursor is in column $column"
}

@test "progress: a store of which nothing is left draws nothing" {
    pair 40960 chunk=8
    on 80 24 "$cowtool" merge origin store
    ((status == 0 && draws == 0))
    expect 0 merge --progress=log origin store
    fails grep -q '%' err
}

@test "progress: an export and verify --data draw bars, too" {
    judged_pair 409600 chunk=4 random=100 origin_chunks=200
    on 40 10 "$cowtool" export origin store image
    ((status == 0 && draws >= 1 && over == 0 && column == 0))
    same image right.origin
    drawn | grep -q '100%'
    on 40 10 "$cowtool" verify --data=origin store
    ((status == 0 && draws >= 1 && over == 0))
    drawn | grep -q '100%'
}

@test "progress: a terminal without control sequences gets the lines of a log" {
    judged_pair 409600 chunk=4 random=100 origin_chunks=200
    TERM=dumb on 40 10 "$cowtool" merge origin store
    ((status == 0 && draws == 0))
    tr -d '\r' <out >text
    no_control text
    grep -q '^cowtool merge: store: 100%, ' text
    merged
    (unset TERM && on 40 10 "$cowtool" export --progress=bar origin store image && ((status == 0 && draws == 0)))
    tr -d '\r' <out >text
    no_control text
    grep -q '^cowtool export: store: 100%, ' text
}

@test "progress: --progress=log prints a plain line each SECONDS, and one at the end" {
    pristine_pair
    midway --progress=log=1
    sleep 1
    goes_on
    ((status == 0))
    merged
    no_control err
    grep 'store: [0-9]*%' err >lines
    # On a busy machine it takes more than a second.
    seconds=$(sed -nE 's/.* in ([0-9]+)\.[0-9] s$/\1/p' out)
    (($(wc -l <lines) >= 2 && $(wc -l <lines) <= seconds + 1)) || complain "$seconds s, and other lines"
    [[ $(head -n 1 lines) =~ ^cowtool\ merge:\ store:\ [0-9]?[0-9]%,\ .*\ of\ 1000.0\ KiB,\ .*/s,\ .*\ to\ go$ ]]
    [[ $(tail -n 1 lines) =~ ^cowtool\ merge:\ store:\ 100%,\ 1000.0\ KiB\ of\ 1000.0\ KiB,\ .*/s$ ]]
}

@test "progress: --progress=log prints no line before its ten seconds but the last one, also on a terminal" {
    pristine_pair
    midway --progress=log
    sleep 1
    goes_on
    (($(grep -c 'store: [0-9]*%' err) == 1))
    merged
    from_pristine
    on 80 24 "$cowtool" merge --progress=log origin store
    ((status == 0 && draws == 0))
    (($(grep -c 'store: [0-9]*%' out) == 1))
    merged
}

@test "progress: SECONDS is a whole number from 1 on" {
    small_pair
    local seconds
    for seconds in 0 0.5 -1 '' 1s 1000000000; do
        refuses 64 origin store -- merge "--progress=log=$seconds" origin store
        said "--progress: 'log=$seconds': after 'log=' must be a whole number from 1 to 999999999"
        refuses 64 origin store -- export "--progress=log=$seconds" origin store image
    done
    refuses 64 origin store -- merge --progress=json=1 origin store
    said "--progress: 'json=1' is neither auto, bar, json, log nor none"
}

@test "progress: what is copied counts before its window is committed" {
    # One window has all of it.
    judged_pair 33554432 chunk=8 random=4000 origin_chunks=8192
    needs_strace
    strace -f -o trace -e trace=pwritev,pwritev2,pwrite64 --inject=pwritev,pwritev2,pwrite64:delay_enter=8000 \
        "$cowtool" merge --io=sync --progress=json origin store >out 2>err
    merged
    grep '^{' err | jq -es 'map(.done_bytes | tonumber) | length >= 3 and . == sort and .[0] < 16384000
        and .[1] > .[0]' >/dev/null || complain 'it jumps'
}

@test "progress: SIGUSR1 prints a line of its own in the place of the bar, which is drawn below" {
    pristine_pair
    merging 120 24 usr1=1
    ((status == 0)) || complain "exit code $status"
    merged
    ((draws >= 8 && over == 0 && feeds == 1 && column == 0)) || complain "$draws lines, $over too wide, $feeds line feeds"
    drawn | grep -Eq '^cowtool merge: store: [0-9]+%, .* of 1000.0 KiB, .*/s, .* to go$'
}

@test "progress: the closing lines of merge and export have the time that it took" {
    judged_pair 409600 chunk=4 random=100 origin_chunks=200
    expect 0 export origin store image
    grep -Eq '^image: exported .*, in [0-9]+\.[0-9] s; CRC-32 [0-9a-f]{8}$' out
    expect 0 merge origin store
    grep -Eq '^store: merged 100 exceptions \(.*\) into origin in [0-9]+\.[0-9] s$' out
}
