#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2119,SC2016 # BATS_* come from bats; jq has variables of its own
# cowtool restore that is cut off: what it leaves, what the other commands say to that, and how it is finished; and
# restores over an unfinished merge.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

sentence='a restore was cut off here: do it again, with the same file'

# saved_stores: ./old, and ./new in ./file.
saved_stores() {
    fill origin 1048576
    "$mkstore" new chunk=1 sequential=4000 data=0 size=3200000
    "$mkstore" old chunk=1 sequential=100 data=0 size=3200000
    "$cowtool" save --quiet new file
}

# half_restored SIGNAL [FROM]: ./file is being restored to ./device, a copy of ./old or FROM, when this signal comes;
# $status is the exit code.
half_restored() {
    cp --sparse=always "${2:-old}" device
    "$live" mark device "$cowtool" restore --force file device >out 2>err </dev/null 3>&- &
    stands_still $!
    kill -s "$1" $!
    kill -s CONT $! 2>/dev/null || true
    status=0
    wait $! 2>/dev/null || status=$?
}

@test "restore: stopped by a signal, it says that the device is half written, and what finishes it does" {
    saved_stores
    for signal in INT TERM; do
        half_restored $signal
        ((status == 3)) || complain "exit code $status"
        said "device: stopped on request; the device is half written and no store until 'cowtool restore --force file device' finishes it"
        expect 0 restore file device
        same device new
    done
}

@test "restore: what is cut off is said to be that, and not that the kernel gave it up" {
    saved_stores
    half_restored KILL
    expect 0 inspect device
    grep -qF "$sentence" out
    expect 0 inspect --json device
    is .state invalid
    is .record.role restoring
    expect 2 verify device
    grep -qF "restore-unfinished: $sentence" out
    fails grep -E 'gave|set-valid|merge-unfinished' out
    expect 2 verify --json device
    object '.verdict == "damaged" and .findings[0].code == "restore-unfinished" and .findings[0].message == $text
        and all(.findings[]; .code != "header-invalid")' --arg text "$sentence"
}

@test "restore: no command makes a store of what is cut off but a restore, or a new one" {
    saved_stores
    half_restored KILL
    for option in --set-valid --rebuild-header --forget-kept --drop-shared; do
        refuses 2 device -- repair --yes --no-backup $option device
        said "device: $sentence"
    done
    for option in --quiet --resume --force --skip-lost; do
        refuses 2 device origin -- merge $option origin device
        said "$sentence"
    done
    refuses 2 device origin -- export origin device image
    said "$sentence"
    [[ ! -e image ]]
    cp device half
    refuses 5 device -- create --chunk=4K device
    said 'half restored'
    expect 0 create --force --chunk=4K device
    expect 0 verify device
    expect 0 restore file half
    same half new
}

@test "restore: a kept store that is half restored is not given up in silence" {
    saved_stores
    half_restored KILL
    make chunk=1 sequential=10
    for option in --quiet --invalidate-full; do
        refuses 2 origin store device -- merge $option --keep=device origin store
        said "$sentence"
    done
}

@test "restore: cut off where no store was, it is marked, too, and finished" {
    saved_stores
    truncate -s 3200000 blank
    half_restored KILL blank
    refuses 2 device -- inspect device
    said "device: $sentence"
    expect 2 verify --json device
    object '[.findings[].code] == ["restore-unfinished", "header-magic"]'
    for option in --rebuild-header --set-valid; do
        refuses 2 device -- repair --yes --no-backup $option device
        said "$sentence"
    done
    expect 0 restore file device
    same device new
}

@test "restore: cut off over a store of another size, it is finished without more consent" {
    saved_stores
    "$mkstore" other chunk=8 sequential=10 data=0 size=3201024
    half_restored KILL other
    truncate -s 3201024 right
    dd if=new of=right bs=1M conv=notrunc,sparse status=none
    expect 0 restore file device
    expect 0 verify device
    expect 0 dump --format=csv device
    mv out dumped
    expect 0 dump --format=csv new
    same out dumped
}

@test "restore: over an unfinished merge that the file does not know of, it is refused without --force" {
    pristine_pair
    "$mkstore" pristine/kept chunk=1 sequential=10 origin_chunks=3072 size=4194304
    cp pristine/store before
    "$cowtool" save --quiet before file
    "$cowtool" save --quiet pristine/kept kept.file
    cut_off TERM --keep=kept
    refuses 5 store file -- restore file store
    said "store: it has the record of an unfinished merge, and file holds nothing of that; finish it with 'cowtool merge --resume'"
    refuses 5 kept kept.file -- restore kept.file kept
    said 'kept: is kept by the unfinished merge of another store'
    # What was saved in the middle of this merge knows of it.
    expect 0 save store midway.file
    expect 0 save kept kept.midway
    cp store midway
    expect 0 restore midway.file store
    same store midway
    expect 0 restore kept.midway kept
    expect 0 merge --resume --keep=kept origin store
    same origin right.origin
    # With consent.
    cp midway store
    expect 0 restore --force file store
    expect 0 inspect --json store
    is .record null
}

@test "restore: a record that is stale, or damaged, or of another version" {
    make chunk=8 sequential=40
    "$cowtool" save --quiet store file
    cp store wanted
    for name in stale-record damaged-record; do
        "$here/../defects" $name origin store
        truncate -s "$(stat -c %s wanted)" store
        expect 0 restore file store
        same store wanted
    done
    "$here/../defects" merge-unfinished origin store
    truncate -s "$(stat -c %s wanted)" store
    refuses 5 store -- restore file store
    put store 264 '\002'
    refuses 5 store -- restore file store
    said 'another version of cowtool'
    expect 0 restore --force file store
    same store wanted
}

@test "restore: two records of another version are not taken for one merge's" {
    for name in stale-record merge-unfinished; do
        "$here/../defects" $name origin $name
        put $name 264 '\002'
    done
    fails cmp -s stale-record merge-unfinished
    truncate -s "$(stat -c %s merge-unfinished)" stale-record
    "$cowtool" save --quiet stale-record file
    mv merge-unfinished store
    refuses 5 store file -- restore file store
    said 'another version of cowtool'
}
