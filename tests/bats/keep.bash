# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2017 # variables of helpers.bash, and for those who source this; whole areas
# What the tests of kept stores share. The merging pair is ./origin and ./store; the judge of the kept stores is refkeep,
# which knows nothing of cowtool's own counting.

refkeep=${TOOLS:-$here/../../build/tests/tools}/refkeep
loops=()

# note_kept NAME...: what each shows and holds, and must hold after the merge of ./store.
note_kept() {
    "$refkeep" note origin store "$@"
}

# shows_the_same NAME...: each shows what it showed when it was noted, and has no exception that it must not have.
shows_the_same() {
    "$refkeep" midway origin "$@" || complain 'a view is not what it was'
}

# was_kept NAME...: after the merge, each shows what it showed, has the exceptions that a kernel's merge would have left,
# no record, and verify finds no fault.
was_kept() {
    local name
    "$refkeep" ended origin "$@" || complain 'a store was not kept'
    for name in "$@"; do
        is_sound "$name"
    done
}

# is_sound STORE: verify says so; informations do not count.
is_sound() {
    local told
    told=$("$cowtool" verify --json --origin=origin "$1" 2>&1) || complain "$1 is not sound: $told"
    [[ $told == *'"verdict":"clean"'* ]] || complain "$1 is not sound: $told"
}

# count_of NAME: how many exceptions it lacks, and for how many it has room: $needed, $possible.
count_of() {
    read -r needed possible < <("$refkeep" count origin store "$1")
}

# tells_of NAME ROLE: the JSON's object of that kept store.
tells_of() {
    value ".kept[] | select(.store == \"$1\" and .role == \"$2\") |
        \"\(.exceptions_needed) \(.exceptions_possible) \(.exceptions_added)\""
}

# keep_all OPTION... -- NAME...: a merge with these options and --keep of each, from the beginning to the end, in which
# everything is right: the pair as the reference merge leaves it.
keep_all() {
    quickly is_all_kept "$@"
}

is_all_kept() {
    local options=() name
    while [[ $1 != -- ]]; do
        options+=("$1")
        shift
    done
    shift
    reference
    note_kept "$@"
    expect 0 merge "${options[@]}" "${@/#/--keep=}" origin store
    merged
    was_kept "$@"
}

# sectors_for CHUNK EXCEPTIONS: how long a store must be that has this many from the beginning.
sectors_for() {
    local area=$((32 * $1)) last=$(($2 - 1)) chunks
    chunks=$((2 + last + last / area + 1))
    (($2 % area > 0)) || chunks=$((2 + $2 / area * (area + 1)))
    echo $((chunks * $1))
}

# ---- devices and disks, for root ----

# attach FILE [OPTION...]: $loop is a block device of it.
attach() {
    ((EUID == 0)) || skip 'only root attaches loop devices'
    loop=$(losetup --find --show "${@:2}" "$1" 2>/dev/null) || skip 'there are no loop devices here'
    loops+=("$loop")
    # What blockdev set stays with the device, for the next one who attaches something to it.
    [[ " ${*:2} " == *' --read-only '* ]] || blockdev --setrw "$loop"
}

# detach_all: and the images hold what was written.
detach_all() {
    local device
    for device in "${loops[@]}"; do
        losetup --detach "$device" 2>/dev/null || true
    done
    loops=()
}

# let_go: nothing stays mounted, attached or running.
let_go() {
    [[ -z ${merge_pid:-} ]] || kill -KILL "$merge_pid" 2>/dev/null || true # it may be stopped
    [[ -z ${held_pid:-} ]] || kill "$held_pid" 2>/dev/null || true
    cd "$BATS_TEST_TMPDIR" || true # a test that failed may be below it
    [[ ! -d $BATS_TEST_TMPDIR/mounted ]] || umount "$BATS_TEST_TMPDIR/mounted" 2>/dev/null || true
    detach_all
}
