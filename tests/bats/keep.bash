# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2034,SC2017 # variables of helpers.bash, and for those who source this; whole areas
# What the tests of kept stores share. The merging pair is ./origin and ./store; the judge of the kept stores is refkeep,
# which knows nothing of cowtool's own counting.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

refkeep=$tools/refkeep

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
    told=$(json_of verify --json --origin=origin "$1" 2>&1) || complain "$1 is not sound: $told"
    [[ $told == *'"verdict":"clean"'* ]] || complain "$1 is not sound: $told"
}

# count_of NAME: how many exceptions it lacks, and for how many it has room: $needed, $possible.
count_of() {
    read -r needed possible < <("$refkeep" count origin store "$1")
}

# pristine_kept NAME: $pristine/NAME, a store of the pristine pair that can be kept.
pristine_kept() {
    "$mkstore" "$pristine/$1" chunk=8 size=2097152 random=60 origin_chunks=384 seed=3
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
