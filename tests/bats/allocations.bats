#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Without memory: of each command's allocations one after the other fails, alone and with all that follow. Nothing crashes,
# nothing is lost, and what ends with 70 has written nothing. (With sanitizers: nothing leaks.)

setup() {
    # shellcheck source=tests/bats/helpers.bash
    . "$BATS_TEST_DIRNAME/helpers.bash"
    cd "$BATS_TEST_TMPDIR" || return
    failing=${TOOLS:-$here/../../build/tests/tools}/cowtool-failing
    gunzip -c "$here/../fixtures/chunk8-random.origin.gz" >origin.was
    gunzip -c "$here/../fixtures/chunk8-random.store.gz" >store.was
    "$cowtool" create --quiet --chunk=8K --size=8M kept.was
    "$cowtool" save --quiet store.was saved.was
    restore_files
}

restore_files() {
    rm -f undo out.img saved backup
    for file in origin store kept; do
        cp "$file.was" "$file"
    done
}

files_unchanged() {
    for file in origin store kept; do
        cmp -s "$file" "$file.was" || return 1
    done
}

# without_memory ARGUMENT...: each allocation of the command fails once. It ends with 0 (it can do without) or 70, and then
# nothing is changed, no file is left, and the same once more succeeds.
without_memory() {
    quickly try_each '' "$@"
    quickly try_each + "$@"
}

try_each() {
    local after=$1 status number count
    shift
    restore_files
    COUNT_ALLOCATIONS=count "$failing" "$@" >out 2>err || complain "cowtool $*: exit code $?"
    count=$(<count)
    ((count > 3)) || complain "cowtool $*: only $count allocations were seen"
    for ((number = 1; number <= count; number++)); do
        restore_files
        status=0
        FAIL_ALLOCATION=$number$after timeout 30 "$failing" "$@" >out 2>err </dev/null || status=$?
        ((status == 0 || status == 70)) || complain "allocation $number$after of cowtool $*: exit code $status"
        ((status == 0)) && continue
        grep -q 'out of memory' err || complain "allocation $number$after of cowtool $*: the lack of memory was not told"
        files_unchanged || complain "allocation $number$after of cowtool $*: something was written"
        [[ ! -e undo && ! -e out.img && ! -e saved && ! -e backup ]] ||
            complain "allocation $number$after of cowtool $*: a file was left"
    done
}

@test "memory: a merge without it writes nothing" {
    without_memory merge origin store
}

@test "memory: a merge with kept and undo stores without it writes nothing, and leaves no file" {
    without_memory merge --keep=kept --undo=undo origin store
}

@test "memory: a merge that skips what is lost without it writes nothing" {
    without_memory merge --skip-lost --io=threads origin store
}

@test "memory: inspect and verify without it say so" {
    without_memory inspect store
    without_memory inspect --json store
    without_memory verify --origin=origin store
    without_memory verify --data=origin --json store
}

@test "memory: dump without it says so" {
    without_memory dump store
    without_memory dump --map --origin=origin store
    without_memory dump --stale store
}

@test "memory: export without it leaves no image that looks whole" {
    without_memory export origin store out.img
}

@test "memory: save, restore and create without it leave everything as it was" {
    without_memory save store saved
    without_memory restore saved.was store
    without_memory create --force --chunk=4K store
}

@test "memory: repair without it writes nothing" {
    put store.was 5000 x
    cp store.was store
    without_memory repair --dry-run store
}
