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
    rm -f undo out.img out.img.cowtool-export saved backup
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
        grep -q -e 'out of memory' -e 'Cannot allocate memory' err || complain "allocation $number$after of cowtool $*: the lack of memory was not told"
        files_unchanged || complain "allocation $number$after of cowtool $*: something was written"
        [[ ! -e out.img ]] || goes_on_after "$number$after" "$@"
        # It is read again once it is complete.
        [[ ! -e saved ]] || expect 0 verify saved
        [[ ! -e undo && ! -e backup ]] ||
            complain "allocation $number$after of cowtool $*: a file was left"
    done
}

# goes_on_after NUMBER EXPORT...: the image that was begun is known to be unfinished, and is finished by --resume.
goes_on_after() {
    [[ -e out.img.cowtool-export ]] || complain "allocation $1 of cowtool ${*:2}: an image was left that looks whole"
    expect 0 "$2" --resume "${@:3}"
    same out.img view
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
    "$cowtool" export --quiet origin store view
    without_memory export origin store out.img
}

@test "memory: save, restore and create without it leave everything as it was" {
    without_memory save store saved
    without_memory restore saved.was store
    without_memory create --force --chunk=4K store
}

@test "memory: repair without it writes nothing" {
    put store.was 1057728 x # after the end of the list
    cp store.was store
    without_memory repair --dry-run store
}
