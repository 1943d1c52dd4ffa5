#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154
# The command line: help, usage errors, where output goes, arguments that are no store.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
    pair 65536 chunk=8 sequential=3
}

# usage ARGUMENT...: refused with 64, a message on stderr, nothing on stdout; origin and store keep every byte.
usage() {
    remember origin store
    expect 64 "$@"
    [[ ! -s out ]] || complain 'stdout is not empty'
    [[ -s err ]] || complain 'stderr is empty'
    unchanged
}

# helps OPTION... -- ARGUMENT...: the help on stdout names every one of the options.
helps() {
    local options=()
    while [[ $1 != -- ]]; do
        options+=("$1")
        shift
    done
    shift
    expect 0 "$@"
    [[ ! -s err ]]
    grep -q '^Usage: cowtool' out
    for option in "${options[@]}"; do
        grep -qw -- "$option" out || complain "the help does not name $option"
    done
}

# full ARGUMENT...: to a full stdout, it exits with 4 and says why.
full() {
    local code=0
    "$cowtool" "$@" >/dev/full 2>err || code=$?
    ((code == 4)) || complain "cowtool $* >/dev/full: exit code $code, not 4"
    said 'No space left on device'
}

# piped ARGUMENT...: to a pipe that nobody reads any more, it exits with 0 and says nothing.
piped() {
    rm -f closed
    {
        until [[ -e closed ]]; do :; done
        code=0
        "$cowtool" "$@" 2>err || code=$?
        echo $code >code
    } | {
        exec <&-
        : >closed
    }
    silent
    (($(<code) == 0)) || complain "cowtool $* to a closed pipe: exit code $(<code)"
}

@test "cli: --help names every command" {
    helps inspect verify dump merge save restore create -- --help
}

@test "cli: --help of inspect is on stdout" {
    helps --json --quiet --help STORE -- inspect --help
}

@test "cli: --help of verify is on stdout" {
    helps --origin --json --quiet --help STORE -- verify --help
}

@test "cli: --help of dump is on stdout" {
    helps --format --json --quiet --help text csv json STORE -- dump --help
}

@test "cli: --help of merge is on stdout" {
    helps --resume --dry-run --progress --window --force --io --json --quiet --help ORIGIN STORE -- merge --help
}

@test "cli: --help of create is on stdout" {
    helps --chunk --size --force --json --quiet --help STORE -- create --help
}

@test "cli: --help wins over arguments and touches none of them" {
    remember origin store
    helps -- merge --help origin store
    unchanged
}

@test "cli: --version is one line with the name and a number" {
    expect 0 --version
    [[ ! -s err ]]
    grep -Eq '^cowtool [0-9]+\.[0-9.]+$' out
    (($(wc -l <out) == 1))
}

@test "cli: --version is a common option of the commands" {
    expect 0 --version
    cp out wanted
    for command in inspect verify dump merge create; do
        expect 0 $command --version
        same out wanted
    done
}

@test "cli: no command is a usage error" {
    usage
    usage ''
}

@test "cli: a command that does not exist is a usage error" {
    usage nosuch store
    said nosuch
    usage inspec store
    usage --nosuch
}

@test "cli: an option that does not exist is a usage error" {
    usage inspect --nosuch store
    usage verify --nosuch store
    usage dump --nosuch store
    usage merge --nosuch origin store
    usage merge -x origin store
    usage create --nosuch --chunk=4K store
}

@test "cli: an option of another command is a usage error" {
    usage inspect --resume store
    usage verify --format=csv store
    usage dump --origin=origin store
    usage merge --format=csv origin store
}

@test "cli: an option given twice is a usage error" {
    usage inspect --quiet --quiet store
    usage verify --origin=origin --origin=origin store
    usage dump --format=csv --format=csv store
    usage merge --resume --resume origin store
    usage merge --window=4K --window=8K origin store
    usage merge --progress=none --progress=json origin store
    usage create --chunk=4K --chunk=4K --force store
}

@test "cli: a missing argument is a usage error" {
    usage inspect
    usage verify
    usage dump
    usage merge
    usage merge store
    usage merge --dry-run origin
    usage create --chunk=4K --force
}

@test "cli: too many arguments are a usage error" {
    usage inspect store store
    usage verify store origin
    usage dump store store
    usage merge origin store store
    usage create --chunk=4K --force store store
}

@test "cli: a missing value is a usage error" {
    usage dump store --format
    usage verify store --origin
    usage merge origin store --window
}

@test "cli: a value for a flag is a usage error" {
    usage merge --resume=yes origin store
    usage inspect --quiet=1 store
}

@test "cli: windows of no size are refused" {
    for window in 0 abc -1 1.5M 4KB 99999999999999999999 16777216T '' K; do
        refuses 64 origin store -- merge --window="$window" origin store
    done
}

@test "cli: progress and engines that do not exist are refused" {
    refuses 64 origin store -- merge --progress=loud origin store
    refuses 64 origin store -- merge --io=magic origin store
}

@test "cli: with --json a usage error is one object, wherever the option is" {
    for arguments in 'inspect --json --nosuch store' 'inspect --json' 'merge --json origin' 'dump --json --json store' \
        'merge --json --window=0 origin store' 'merge origin store --json --nosuch' 'dump --format=xml store --json' \
        'nosuch store --json' '--nosuch --json'; do
        # shellcheck disable=SC2086
        expect 64 $arguments
        failure 64
    done
}

@test "cli: with --json after the mistake a usage error is one object, too" {
    expect 64 merge --nosuch origin store --json
    failure 64
}

@test "cli: options may come after the arguments" {
    expect 0 inspect --json store
    cp out wanted
    expect 0 inspect store --json
    same out wanted
}

@test "cli: a value may come after an equals sign or in the next argument" {
    expect 0 dump --format=csv store
    cp out wanted
    expect 0 dump --format csv store
    same out wanted
}

@test "cli: after two dashes a name may begin with a dash" {
    cp store ./-store
    expect 0 inspect --json -- -store
    has '{"store": "-store", "exceptions": 3}'
}

@test "cli: a tag that no device has leads nowhere" {
    remember origin
    refuses 8 -- inspect UUID=3e6be9de-8139-11d1-9106-a43f08d823a6
    refuses 8 origin -- merge origin LABEL=cowtool-nosuch
    unchanged
}

@test "cli: a full stdout is an error for every command" {
    remember origin store
    full --help
    full --version
    full inspect --help
    full inspect store
    full inspect --json store
    full verify store
    full verify --json store
    full dump store
    full merge --help
    full merge --dry-run origin store
    full merge --dry-run --json origin store
    unchanged
}

@test "cli: a full stdout is an error for a merge, which is done all the same" {
    reference
    full merge --json origin store
    merged
}

@test "cli: a full stdout is an error whatever the verdict" {
    make sequential=3 entry=9:1:1
    expect 1 verify store
    full verify store
    full verify --json store
    full repair --dry-run --json store
    make sequential=3 version=2
    expect 2 verify store
    full verify --json store
    full inspect --json store
}

@test "cli: a closed pipe is silent for the program's own options" {
    piped --help
    piped --version
}

@test "cli: a closed pipe is silent for every command" {
    piped inspect --help
    piped inspect store
    piped inspect --json store
    piped verify store
    piped verify --json store
    piped dump store
    piped merge --dry-run origin store
    reference
    piped merge --json origin store
    merged
}

@test "cli: an empty name is a usage error everywhere" {
    usage inspect ''
    usage verify --origin= store
    usage verify --data= store
    usage dump --map --origin= store
    usage merge origin ''
    usage merge '' store
    usage merge --keep= origin store
    usage merge --undo= origin store
    usage merge --resume --drop-kept= origin store
    usage export origin store ''
    usage save store ''
    usage restore '' store
    usage repair --backup= --yes store
    usage repair --no-backup --yes --origin= store
    usage create --chunk=4K ''
    said 'argument 1 is empty'
    usage merge --undo '' origin store
    said '--undo: its value is empty; it must be FILE'
}

@test "cli: a message has the command, the device and the reason" {
    expect 8 inspect nowhere
    said 'cowtool inspect: nowhere: '
    said 'No such file or directory'
    expect 8 merge origin nowhere
    said 'cowtool merge: nowhere: '
    expect 6 dump origin
    said 'cowtool dump: origin: '
}

# ---- what is no store ----

@test "cli: a path that leads nowhere is not there" {
    code=8 no_store nowhere
    code=8 no_store origin/below
}

@test "cli: a symbolic link that leads nowhere is not there" {
    ln -s nowhere link
    code=8 no_store link
}

@test "cli: a directory is refused" {
    mkdir folder
    code=5 no_store folder
}

@test "cli: a FIFO is refused, and nobody waits for it" {
    mkfifo pipe
    code=5 no_store pipe
}

@test "cli: /dev/null is refused" {
    code=5 no_store /dev/null
}

@test "cli: /dev/zero is refused" {
    code=5 no_store /dev/zero
}

@test "cli: an empty file is no store" {
    : >tiny
    no_store tiny tiny
}

@test "cli: a file of one byte is no store" {
    head -c 1 store >tiny
    no_store tiny tiny
}

@test "cli: a file of 15 bytes is no store" {
    head -c 15 store >tiny
    no_store tiny tiny
}

@test "cli: a file of 511 bytes is no store" {
    head -c 511 store >tiny
    no_store tiny tiny
}

@test "cli: a file of 512 zero bytes is no store" {
    head -c 512 /dev/zero >tiny
    no_store tiny tiny
}

@test "cli: a file of zeros is no store" {
    head -c 65536 /dev/zero >zeros
    no_store zeros zeros
}

@test "cli: a text file is no store" {
    fill text 20000
    no_store text text
}

@test "cli: a wrong magic is no store" {
    make sequential=3 magic=0x53416e70
    no_store store store
}

@test "cli: an ext4 file system is no store" {
    file_system image 11111111-1111-4111-8111-111111111111
    no_store image image
}
