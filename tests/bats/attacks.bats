#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154
# Somebody else who may write in a folder, or chooses a name, gets nothing by that.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

usual_pair() {
    judged_pair 409600 chunk=1 random=300 origin_chunks=800
}

# ---- one descriptor from creation on ----

# opened NAME ARGUMENT...: the calls with which cowtool opens that name, in ./opens.
opened() {
    local status=0
    strace -f -o trace -e trace=open,openat "$cowtool" "${@:2}" >out 2>err </dev/null || status=$?
    ((status == 0)) || complain "cowtool ${*:2}: exit code $status"
    grep -F "\"$1\"" trace >opens || true
}

@test "attacks: what export makes it opens once, and never again by its name" {
    needs_strace
    usual_pair
    opened image export origin store image
    (($(wc -l <opens) == 1)) || complain "opened more than once: $(<opens)"
    grep -q 'O_CREAT|O_EXCL' opens
    same image right.origin
}

@test "attacks: what is opened by a user's name never waits for the other end of a FIFO" {
    needs_strace
    usual_pair
    cp origin image
    for arguments in 'inspect store' 'verify --data=origin store' 'merge --dry-run origin store' \
        'export --force origin store image' 'save --force store saved' 'inspect saved'; do
        for name in origin store image saved; do
            # shellcheck disable=SC2086
            opened $name $arguments
            fails grep -v O_NONBLOCK opens
        done
    done
    : >undo
    opened undo merge --resume --undo=undo origin store
    fails grep -vE 'O_NONBLOCK|O_EXCL' opens
}

# ---- files of somebody else ----

theirs() {
    ((EUID == 0)) || skip 'only root can give files away'
    chown 65534 -- "$@"
}

@test "attacks: an OUT of another user is refused, with --force and --resume, too" {
    usual_pair
    echo planted >image
    theirs image
    refuses 5 image -- export origin store image
    said "belongs to another user (uid 65534)"
    said "'chown -h 0 image'"
    refuses 5 image -- export --force origin store image
    : >image
    refuses 5 image -- export --resume origin store image
    [[ ! -e image.cowtool-export ]]
}

@test "attacks: an OUT that is another user's symbolic link is refused" {
    usual_pair
    echo mine >precious
    ln -s precious image
    ((EUID == 0)) || skip 'only root can give links away'
    chown -h 65534 image
    refuses 5 precious -- export --force origin store image
    said 'image: belongs to another user'
    chown -h 0 image
    expect 0 export --force origin store image
    same precious right.origin
}

@test "attacks: a state file of another user is not believed" {
    usual_pair
    export_killed_early
    theirs image.cowtool-export
    refuses 5 image image.cowtool-export -- export --resume origin store image
    said 'image.cowtool-export: belongs to another user'
    refuses 5 image image.cowtool-export -- export --force origin store image
    chown 0 image.cowtool-export
    expect 0 export --resume origin store image
    same image right.origin
}

# export_killed_early: ./image and its state, of an export that was killed when it began to write.
export_killed_early() {
    needs_strace
    strace -f -o trace --inject=pwritev,io_uring_enter:signal=KILL "$cowtool" export --io=sync origin store image \
        >out 2>err </dev/null || true
    [[ -s image.cowtool-export ]]
}

@test "attacks: a saved file that somebody exchanges for another one is told" {
    needs_strace
    usual_pair
    # The file is flushed; before it gets its name, its temporary name leads to another one.
    echo theirs >theirs
    strace -f -o trace --inject=renameat2:delay_enter=3000000 "$cowtool" save store saved >out 2>err </dev/null &
    for _ in {1..200}; do
        if compgen -G 'saved.*' >/dev/null && grep -q fsync trace; then
            mv theirs saved.?????? && break
        fi
        sleep 0.01
    done
    status=0
    wait $! || status=$?
    ((status == 5))
    said 'saved: is not the file that was written'
}

# ---- names ----

@test "attacks: no result on stdout has a control character of a name, and none has a line too many" {
    name=$'disk: clean; exceptions: 0\nfull: 0%\r\e[8m\u9b'
    shown='disk: clean; exceptions: 0\x0afull: 0%\x0d\x1b[8m'
    usual_pair
    cp store "$name"
    cp store plain
    cp origin plain.origin
    cp origin "$name.origin"
    for arguments in 'inspect STORE' 'verify STORE' 'verify --data=STORE.origin STORE' 'save STORE STORE.saved' \
        'restore --force STORE.saved STORE' 'repair --dry-run STORE' 'export STORE.origin STORE STORE.image' \
        'merge --dry-run STORE.origin STORE' 'merge --dry-run --undo=STORE.undo STORE.origin STORE' \
        'merge STORE.origin STORE' 'merge --resume STORE.origin STORE' 'create --chunk=4K --size=1M STORE.new'; do
        words=()
        for word in $arguments; do
            words+=("${word//STORE/$name}")
        done
        # shellcheck disable=SC2086
        expect 0 ${arguments//STORE/plain}
        wanted=$(wc -l <out)
        expect 0 "${words[@]}"
        (($(wc -l <out) == wanted)) || complain "other lines: $arguments"
        fails grep -q $'[\e\r]' out
        fails grep -q $'\xc2\x9b' out
        grep -qF "$shown" out || complain "the name is not there: $arguments"
    done
}

# no_control: neither ./out nor ./err has a control character but the ends of lines.
no_control() {
    fails grep -q $'[\x01-\x09\x0b-\x1f\x7f]' out err
    fails grep -q $'\xc2[\x80-\x9f]' out err
}

@test "attacks: no label on a disk brings a control character to a terminal, on either stream" {
    usual_pair
    file_system ext4 3e6be9de-8139-11d1-9106-a43f08d823a6
    tune2fs -L $'a\e[8m\r\x7f\u9b1m' ext4 >/dev/null
    for arguments in 'inspect ext4' 'verify ext4' 'dump ext4' 'save ext4 saved' 'restore ext4 store' 'scan ext4' \
        'repair --dry-run ext4' 'repair --yes --no-backup --rebuild-header --chunk=4K ext4' 'export origin ext4 image' \
        'merge origin ext4' 'merge --keep=ext4 origin store' 'create --chunk=4K ext4'; do
        for json in '' --json; do
            # shellcheck disable=SC2086 # words
            "$cowtool" $arguments $json >out 2>err </dev/null || true
            no_control
            cat out err | grep -q 'LABEL a.*8m' || complain "the label is not there: $arguments"
        done
    done
}

@test "attacks: JSON has no control character of a name, and the name" {
    name=$'disk\e[8m\r\x7f\u9b1m'
    usual_pair
    cp store "$name"
    for command in inspect verify dump scan; do
        expect 0 $command --json "$name"
        no_control
        # shellcheck disable=SC2016 # jq's
        object 'tojson | contains($name | tojson | .[1:-1])' --arg name "$name"
    done
}
