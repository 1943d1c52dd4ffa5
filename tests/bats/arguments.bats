#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2119,SC2154,SC2016,SC2030,SC2031
# Names and options that could be taken for each other.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
    pair 1048576 chunk=8 random=100 origin_chunks=256 size=425984
}

is_text() {
    grep -q "$1" out || complain "no text: $1"
    fails grep -q '^{' out
}

@test "--json after -- is a name" {
    cp store ./--json
    expect 0 inspect -- --json
    is_text '^Store: *--json$'
    expect 0 inspect --json -- --json
    has '{"store": "--json"}'
}

@test "--json as the value of an option is a name" {
    cp origin ./--json
    expect 0 verify --origin --json store
    is_text '^store: clean'
    expect 0 verify --json --origin --json store
    has '{"verdict": "clean"}'
}

@test "--json after -- does not make an error JSON" {
    cp store ./--json
    expect 64 inspect -- --json store
    [[ ! -s out ]]
    expect 8 inspect -- --quiet
    [[ ! -s out ]]
    expect 64 merge --window=0 origin -- --json
    [[ ! -s out ]]
}

@test "an error in an option is told in JSON wherever --json is" {
    expect 64 inspect --nosuch store --json
    failure 64
    expect 64 inspect --json --nosuch store
    failure 64
}

# paste_from FILE: the command in quotes in this file, run by a shell.
paste_from() {
    local command
    command=$(grep -o "'cowtool [^']*'" "$1" | tail -n 1)
    [[ -n $command ]] || complain "no command in $1"
    PATH=$PWD/bin:$PATH bash -c "${command:1:-1}" >out 2>err </dev/null
}

# with_program: cowtool is in the path.
with_program() {
    mkdir bin
    ln -s "$(realpath "$cowtool")" bin/cowtool
}

@test "save and restore: a file that looks like a tag is a file" {
    cp store before
    for tag in LABEL UUID PARTLABEL PARTUUID; do
        expect 0 save store "$tag=x"
        [[ -f $tag=x ]]
        expect 0 inspect "./$tag=x"
        expect 0 restore "$tag=x" store
        same store before
        expect 0 save --force store "./$tag=x"
    done
    refuses 5 LABEL=x store -- save store LABEL=x
    [[ -z $(find . -name '*=x.*') ]]
}

@test "repair: a backup that looks like a tag is a file, and what is suggested works" {
    with_program
    make chunk=8 size=204800 sequential=40 entry=5:5:49000
    cp store before
    expect 0 repair --yes --backup LABEL=x store
    [[ -f LABEL=x ]]
    fails same store before
    cp out told
    paste_from told
    same store before
    remember LABEL=x store
    expect 5 repair --yes --backup=LABEL=x store
    expect 5 repair --dry-run --backup=LABEL=x store
    unchanged
}

@test "merge: an undo file that looks like a tag is a file" {
    cp origin before
    refuses 8 origin -- merge --undo=LABEL=y --keep=nosuch origin store
    expect 0 merge --dry-run --undo=LABEL=x origin store
    [[ ! -e LABEL=x ]]
    expect 0 merge --undo LABEL=x origin store
    [[ -f LABEL=x ]]
    fails same origin before
    expect 0 merge origin ./LABEL=x
    same origin before
}

@test "merge: the resume of one with an undo file that looks like a tag works as it is suggested" {
    with_program
    pristine_pair
    cut_off INT --undo=LABEL=x
    ((status == 3))
    cp err told
    paste_from told
    merged
    expect 0 merge origin ./LABEL=x
    same origin "$pristine/origin"
}

@test "export: OUT that looks like a tag is a file" {
    expect 0 export origin store right
    expect 0 export origin store LABEL=x
    same LABEL=x right
    expect 0 export origin store UUID=00000000-0000-4000-8000-00000000c047
    same UUID=00000000-0000-4000-8000-00000000c047 right
    refuses 5 LABEL=x -- export origin store LABEL=x
    expect 0 export --force origin store LABEL=x
    same LABEL=x right
}

@test "ORIGIN and STORE that look like a tag are devices, whatever files there are" {
    cp store LABEL=cowtool-nosuch
    cp origin UUID=cowtool-nosuch
    refuses 8 -- inspect LABEL=cowtool-nosuch
    refuses 8 store -- verify --origin=UUID=cowtool-nosuch store
    refuses 8 origin -- merge origin LABEL=cowtool-nosuch
    refuses 8 -- create --chunk=4K --size=1M LABEL=cowtool-nosuch2
    [[ ! -e LABEL=cowtool-nosuch2 ]]
}

@test "options come after arguments, also with POSIXLY_CORRECT" {
    for variable in POSIXLY_CORRECT POSIX_ME_HARDER; do
        export $variable=1
        expect 0 inspect store --json
        has '{"store": "store"}'
        expect 0 create new --chunk 4K --size 1M
        rm new
        expect 64 inspect store --nosuch
        expect 8 inspect -- --json
        unset $variable
    done
}

@test "a symbolic link that leads nowhere is refused, never followed and never replaced, whatever writes" {
    local target command
    "$mkstore" broken chunk=8 size=204800 sequential=40 entry=5:5:49000
    for target in nowhere nodir/x origin/x link; do
        ln -s $target link
        for command in 'export origin store link' 'export --force origin store link' \
            'export --resume origin store link' 'save store link' 'save --force store link' \
            'repair --yes --backup=link broken' 'repair --dry-run --backup=link broken' \
            'create --chunk=4K --size=1M link' 'create --chunk=4K link' 'create --force --chunk=4K --size=1M link' \
            'merge --undo=link origin store' 'merge --resume --undo=link origin store' \
            'merge --dry-run --undo=link origin store'; do
            remember origin store broken
            # shellcheck disable=SC2086
            expect 5 $command
            said 'link: exists already, as a symbolic link that leads nowhere'
            [[ -L link && ! -e link && ! -e nowhere && ! -e link.cowtool-export ]]
            unchanged
        done
        rm link
    done
}

@test "a symbolic link that leads to a file is that file" {
    expect 0 save store file
    ln -s file link
    refuses 5 file -- save store link
    expect 0 export origin store image
    ln -s image image.link
    cp image right
    : >image
    expect 0 export --force origin store image.link
    [[ -L image.link ]]
    same image right
}
