#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2119
# inspect, verify and dump never write, as the kernel sees it: strace shows every system call on the devices.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

# calls TRACE: the names of all system calls on ./store and ./origin, each once.
calls() {
    sed -nE "s#^[0-9]+ +([a-z0-9_]+)\(.*<[^>]*/(store|origin)>.*#\1#p" "$1" | sort -u
}

# opens TRACE: the calls that open them, but for those that failed.
opens() {
    grep -E '^[0-9]+ +open(at|at2)?\([^"]*"[^"]*(store|origin)"' "$1" | grep -v '= -1 '
}

# only_reads TRACE: true where nothing on the devices could have changed a byte. Calls that are not known to be harmless
# count as harmful.
only_reads() {
    local harmless=' close fadvise64 fcntl flock fstat fstatfs lseek newfstatat open openat pread64 preadv preadv2 read readv statx io_uring_enter io_uring_register '
    local name
    while read -r name; do
        [[ $harmless == *" $name "* ]] || return 1
    done < <(calls "$1")
    opens "$1" >opened
    [[ -s opened ]] && ! grep -v 'O_RDONLY' opened && ! grep -E 'O_(WRONLY|RDWR|CREAT|TRUNC|APPEND)' opened
}

# look ARGUMENT...: cowtool with these, traced: with its best engine, and with threads, whose reads strace can see.
look() {
    local inject
    for inject in '' --inject=io_uring_setup:error=ENOSYS; do
        # shellcheck disable=SC2086
        strace -f -y -s 0 -o trace $inject "$cowtool" "$@" >out 2>err || complain "cowtool $* fails"
        only_reads trace || complain "cowtool $*: $(calls trace | xargs); $(cat opened)"
        [[ -z $inject ]] || calls trace | grep -q preadv || complain 'strace saw no read'
    done
}

@test "read only: inspect, verify and dump open read-only and never write" {
    needs_strace
    pair 153600 chunk=1 random=150 origin_chunks=300
    remember origin store
    look inspect store
    look verify store
    look verify --origin=origin store
    look verify --data=origin store
    look dump store
    look dump --format=csv store
    look dump --stale --origin=origin --json store
    look dump --runs store
    look dump --map --origin=origin store
    unchanged
}

@test "read only: the same for stores that are damaged, invalid or none" {
    needs_strace
    fill origin 153600
    for defect in valid=0 entry=3:9:34 entry=0:0:0 magic=0 version=2 poke=300:1; do
        make chunk=1 sequential=40 $defect
        remember origin store
        for arguments in 'inspect' 'verify --data=origin' 'dump --stale' 'dump --map --origin=origin'; do
            # shellcheck disable=SC2086
            strace -f -y -s 0 -o trace --inject=io_uring_setup:error=ENOSYS "$cowtool" $arguments store >out 2>err || true
            only_reads trace || complain "cowtool $arguments: $(calls trace | xargs)"
        done
        unchanged
    done
}

@test "read only: this test sees the writes of a merge" {
    needs_strace
    pair 153600 chunk=1 random=150 origin_chunks=300
    strace -f -y -s 0 -o trace "$cowtool" merge --io=sync origin store
    fails only_reads trace
    calls trace | grep -q pwritev
    opens trace | grep -q O_RDWR
    make chunk=1 random=150 origin_chunks=300
    strace -f -y -s 0 -o trace "$cowtool" merge --dry-run --io=sync origin store
    fails grep pwritev <(calls trace)
}

@test "read only: access times stay as they are" {
    needs_strace
    pair 153600 chunk=1 random=150 origin_chunks=300
    for arguments in 'inspect' 'verify --data=origin' 'dump --map --origin=origin' dump; do
        # shellcheck disable=SC2086
        strace -f -y -s 0 -o trace "$cowtool" $arguments store >out 2>err
        fails grep -v O_NOATIME <(opens trace)
    done
    # And by what stat says, where this file system keeps access times at all.
    touch -a -d 2001-01-01 store origin
    "$cowtool" verify --data=origin store >out
    (($(stat -c %X store) == $(date -d 2001-01-01 +%s)))
    (($(stat -c %X origin) == $(date -d 2001-01-01 +%s)))
}

@test "read only: who may not ask for O_NOATIME reads without it" {
    if (($(id -u) != 0)); then
        skip 'only root can be another user'
    fi
    command -v setpriv >/dev/null || skip 'there is no setpriv'
    make chunk=1 sequential=40
    fill origin 20480
    # Where another user can get to.
    place=$(mktemp -d)
    chmod 755 "$place"
    cp "$cowtool" "$place/cowtool"
    cp origin store "$place"
    chmod 644 "$place"/{origin,store}
    code=0
    (cd "$place" && setpriv --reuid=65534 --regid=65534 --clear-groups ./cowtool verify --data=origin store) >out 2>err || code=$?
    rm -rf "$place"
    ((code == 0)) || complain "exit code $code"
    grep -q 'clean' out
}
