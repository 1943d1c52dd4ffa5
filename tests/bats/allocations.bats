#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154
# Without memory: of each command's allocations one after the other fails, alone and with all that follow. Nothing crashes,
# nothing is lost, and what ends with 70 has written nothing. (With sanitizers: nothing leaks.)

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
    failing=$tools/cowtool-failing
    gunzip -c "$here/../fixtures/chunk8-random.origin.gz" >origin
    gunzip -c "$here/../fixtures/chunk8-random.store.gz" >store
    set_aside
    "$cowtool" create --quiet --chunk=8K --size=8M pristine/kept
    "$cowtool" save --quiet pristine/store saved.was
    restore_files
    remember origin store kept
}

restore_files() {
    local file
    for file in out.img out.img.cowtool-export saved backup; do
        [[ ! -e $file ]] || rm "$file"
    done
    from_pristine
}

# without_memory ARGUMENT...: each allocation of the command fails once, of a merge also with all that follow. It ends with 0 (it can do without) or 70, and then
# nothing is changed, no file is left, and the same once more succeeds.
without_memory() {
    quickly try_each '' "$@"
    [[ $1 != merge ]] || quickly try_each + "$@"
}

try_each() {
    local after=$1 status number count text
    shift
    restore_files
    COUNT_ALLOCATIONS=count "$failing" "$@" >out 2>err || complain "cowtool $*: exit code $?"
    count=$(<count)
    ((count > 0)) || complain "cowtool $*: only $count allocations were seen"
    restore_files
    for ((number = 1; number <= count; number++)); do
        status=0
        FAIL_ALLOCATION=$number$after "$failing" "$@" >out 2>err </dev/null || status=$?
        ((status == 0 || status == 70)) || complain "allocation $number$after of cowtool $*: exit code $status"
        if ((status == 0)); then
            restore_files
            continue
        fi
        text_of err
        [[ $text == *'out of memory'* || $text == *'Cannot allocate memory'* ]] ||
            complain "allocation $number$after of cowtool $*: the lack of memory was not told"
        unchanged || complain "allocation $number$after of cowtool $*: something was written"
        [[ ! -e out.img ]] || goes_on_after "$number$after" "$@"
        # It is read again once it is complete.
        if [[ -e saved ]]; then
            expect 0 verify saved
            rm saved
        fi
        [[ ! -e undo && ! -e backup ]] ||
            complain "allocation $number$after of cowtool $*: a file was left"
    done
}

# goes_on_after NUMBER EXPORT...: the image that was begun is known to be unfinished, and is finished by --resume.
goes_on_after() {
    [[ -e out.img.cowtool-export ]] || complain "allocation $1 of cowtool ${*:2}: an image was left that looks whole"
    expect 0 "$2" --resume "${@:3}"
    same out.img view
    rm out.img
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
    put pristine/store 1057728 x # after the end of the list
    restore_files
    remember origin store kept
    without_memory repair --dry-run store
}

@test "memory: scan, and a merge by the name of a volume, without it write nothing" {
    gunzip -c "$here/../fixtures/volumes1.gz" >pristine/disk
    restore_files
    remember origin store kept disk
    without_memory scan --lost --json disk
    without_memory merge --quiet --disk=disk vg0/before-upgrade
    without_memory merge --pending --disk=disk
    "$cowtool" export --quiet --disk=disk vg0/other view
    without_memory export --quiet --disk=disk vg0/other out.img
}
