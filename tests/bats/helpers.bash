# shellcheck shell=bash
# shellcheck disable=SC2154,SC2016 # BATS_* come from bats; jq has variables of its own
# What the tests share: programs, images, assertions that fail with a reason, and what a test begins and ends with.
#
# After expect, refuses and finds, ./out and ./err hold what cowtool wrote to stdout and stderr. What it wrote in JSON is
# compared with the schema, at the end of the test.

here=$BATS_TEST_DIRNAME
cowtool=${COWTOOL:-$here/../../cowtool}
tools=${TOOLS:-$here/../../build/tests/tools}
mkstore=$tools/mkstore
refmerge=$tools/refmerge
live=$tools/live
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C

# Before every command bats notes the line, for a failure; that costs more than most commands do. What begins with this
# goes without: the line of the call is known, and the assertions say what failed.
quickly() {
    local -
    set +o functrace
    "$@"
}

# ---- before and after each test, where its file says nothing else ----

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
}

teardown() {
    let_go
    json_is_right
}

# let_go: nothing stays mounted, attached or running.
let_go() {
    local pid stat
    for pid in ${merge_pid:-} ${held_pid:-}; do
        # Another process may have the number of one that ended.
        if read -r stat 2>/dev/null <"/proc/$pid/stat" && [[ $stat == *") "?" $BASHPID "* ]]; then
            kill -KILL "$pid"
            wait "$pid" 2>/dev/null || true
        fi
    done
    cd "$BATS_TEST_TMPDIR" || true # a test that failed may be below it
    [[ ! -d mounted ]] || umount mounted 2>/dev/null || true
    detach_all
}

# ---- JSON ----

# note_json FILE: its lines that are JSON objects are looked at when the test is over; here and now in setup_file.
note_json() {
    local rows row
    mapfile rows <"$1"
    for row in "${rows[@]}"; do
        [[ $row != '{'* ]] || printf '%s' "$row"
    done >>"${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/.json"
    [[ -n ${BATS_TEST_TMPDIR-} ]] || json_is_right
}

# json_is_right: so were all of them (tests/check-json).
json_is_right() {
    local noted=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/.json
    [[ -s $noted ]] || return 0
    "$here/../check-json" "$noted" || return
    : >"$noted"
}

# json_of ARGUMENT...: what cowtool writes to stdout, as it ends.
json_of() {
    local status=0 answer=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/.answer
    "$cowtool" "$@" >"$answer" || status=$?
    note_json "$answer"
    cat "$answer"
    return "$status"
}

# ---- assertions ----

# complain TEXT: says it, with what cowtool wrote last, and fails.
complain() {
    echo "$1"
    for file in out err; do
        [[ ! -s $file ]] || printf '%s:\n%s\n' "$file" "$(head -c 2000 "$file" | tr -d '\0')"
    done
    return 1
}

# fails COMMAND...: where bats does not look at "! COMMAND".
fails() {
    if "$@"; then
        complain "this should have failed: $*"
    fi
}

# text_of FILE: $text is what it holds, without the last newline. As all that every test calls, it starts no process:
# that takes longer than most of what is tested.
text_of() {
    local rows IFS=$'\n'
    mapfile -t rows <"$1"
    text=${rows[*]}
}

# one_line FILE: it has one line, which is whole; $text is that line.
one_line() {
    local rows
    mapfile rows <"$1"
    text=${rows[0]%$'\n'}
    [[ ${#rows[@]} == 1 && ${rows[0]} == *$'\n' ]]
}

# expect CODE ARGUMENT...: cowtool with these arguments exits with CODE.
expect() {
    local wanted=$1 status=0
    shift
    "$tools/within" 30 "$cowtool" "$@" >out 2>err </dev/null || status=$?
    [[ " $*" != *' --json'* && $* != *=json* ]] || note_json out
    [[ $* != *--progress=json* ]] || note_json err
    ((status == wanted)) || complain "cowtool $*: exit code $status, not $wanted"
}

# terminal COMMAND [FILE]: the shell's command on a terminal of its own, which types what comes on stdin, and shows on
# stdout, and in FILE, what is to be seen. It ends as the command does. exec: a shell that waits for the command, and is
# not bash, dies of the Ctrl-C that is meant for the command alone.
terminal() {
    SHELL=$BASH timeout 30 script -qec "exec $1" "${2:-/dev/null}"
}

# said TEXT: stderr has it.
said() {
    local text
    text_of err
    [[ $text == *"$1"* ]] || complain "not on stderr: $1"
}

# silent: nothing on stderr but, where O_DIRECT cannot be used (tmpfs), the note that says so, and that nothing in the
# tests' stores of random numbers tells whose they are.
silent() {
    fails grep -v -e 'note: O_DIRECT' -e 'note: nothing in it tells whether' err
}

# object FILTER [JQ-OPTION...]: stdout is exactly one JSON object, on one line, of which the filter is true.
object() {
    local filter=$1
    shift
    if ! jq -es "$@" "length == 1 and (.[0] | type == \"object\" and ($filter))" out >/dev/null; then
        complain "stdout is not one JSON object of which this is true: $filter $*"
    fi
    local text
    one_line out || complain 'stdout has more than one line'
}

# has JSON: stdout is one object with at least these keys and values, at every depth.
has() {
    object '. * $wanted == .' --argjson wanted "$1"
}

# value FILTER: what jq makes of stdout.
value() {
    jq -r "$1" out
}

# is FILTER WANTED
is() {
    local text
    value "$1" >"${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/.value"
    text_of "${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/.value"
    [[ $text == "$2" ]] || complain "$1 is '$text', not '$2'"
}

# same A B [BYTES]
same() {
    cmp ${3:+-n "$3"} -- "$1" "$2"
}

# remember FILE...; unchanged: every one of them has every byte it had.
remember() {
    if (($# > 0)); then
        b2sum -- "$@" >remembered
    else
        rm -f remembered
    fi
}

unchanged() {
    [[ ! -e remembered ]] || b2sum --check --quiet --strict remembered
}

# failure CODE: stdout's one object has the error, stderr the message: the same, with the command in front.
failure() {
    local message text string='([^"\\[:cntrl:]]|\\["\\/bfnrt])+'
    # Mostly it is this and nothing more, which takes no slow start of jq.
    if one_line out && [[ $text =~ ^\{\"cowtool\":\"[0-9.]+\",\"command\":(\"[a-z]+\"|null),\"error\":\{\"code\":$1,\"message\":\"($string)\"\}\}$ ]]; then
        message=${BASH_REMATCH[2]}
        message=${message//\\\"/\"}
        message=${message//\\\\/\\}
    else
        message=$(jq -rs --argjson code "$1" 'select(length == 1)[0] | .error | select(.code == $code) | .message | strings' out)
        [[ -n $message ]] || complain "stdout is not one JSON object with the error $1"
    fi
    said "$message"
}

# refuses CODE FILE... -- COMMAND ARGUMENT...: with text and with --json; the files keep every byte.
refuses() {
    quickly is_refused "$@"
}

is_refused() {
    local code=$1 files=() text
    shift
    while [[ $1 != -- ]]; do
        files+=("$1")
        shift
    done
    shift
    remember "${files[@]}"
    expect "$code" "$@"
    [[ $1 == verify || ! -s out ]] || complain 'stdout is not empty'
    text_of err
    [[ $'\n'$text == *$'\n'"cowtool $1: "[!$'\n']* ]] || complain "stderr does not begin with the command"
    unchanged
    expect "$code" "$1" --json "${@:2}"
    failure "$code"
    unchanged
}

# finds CODE VERDICT FINDINGS [OPTION...] STORE: verify does, with text and with --json, and changes nothing.
# FINDINGS: a JSON array in any order, without the messages. Most stores of the tests are full, as they end where their
# data does: store-full is looked at only where it is wanted.
finds() {
    quickly is_found "$@"
}

is_found() {
    local code=$1 verdict=$2 wanted=$3 name text rest store=${*: -1}
    shift 3
    remember "$store"
    expect "$code" verify "$@"
    text_of out
    rest=$wanted
    while [[ $rest =~ \"code\":\ *\"([^\"]*)(.*) ]]; do
        name=${BASH_REMATCH[1]}
        rest=${BASH_REMATCH[2]}
        [[ $text == *"$name"* ]] || complain "the text does not name $name"
    done
    expect "$code" verify --json "$@"
    object '.verdict == $verdict and .store == $store
        and all(.findings[]; .message | type == "string" and length > 0)
        and ([.findings[] | select(.code != "store-full" or ($wanted | any(.code == "store-full"))) | with_entries(select(.key | IN("code", "severity", "area", "index", "old_chunk",
            "new_chunk")))] | sort_by(.code, .area, .index)) == ($wanted | sort_by(.code, .area, .index))' \
        --arg verdict "$verdict" --arg store "$store" --argjson wanted "$wanted"
    unchanged
}

# [code=CODE] no_store PATH [FILE...]: every command says that no COW store is there (6), or ends with CODE. The
# files, PATH among them, are unchanged.
no_store() {
    local path=$1 command code=${code:-6}
    shift
    fill origin 65536
    for command in inspect verify dump; do
        refuses "$code" "$@" -- "$command" "$path"
    done
    refuses "$code" origin "$@" -- merge origin "$path"
}

needs_strace() {
    command -v strace >/dev/null || skip 'strace is not installed (make setup)'
    strace -o /dev/null true 2>/dev/null || skip 'strace may not trace here (no ptrace)'
    # LeakSanitizer cannot run beside it.
    export ASAN_OPTIONS=detect_leaks=0
}

# ---- devices, for root ----

loops=()

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

# ---- images ----

# fill FILE BYTES [FIRST]: a file of lines that all differ.
fill() {
    "$tools/bytes" fill "$1" "$2" "${3:-1}"
}

# make KEY=VALUE...: ./store, see mkstore.
make() {
    "$mkstore" store "$@"
}

# pair BYTES KEY=VALUE...: ./origin of that length, and ./store, see mkstore.
pair() {
    fill origin "$1"
    make "${@:2}"
}

# judged_pair BYTES KEY=VALUE...: and ./right.origin and ./right.store, as a merge must leave them.
judged_pair() {
    pair "$@"
    reference
}

# small_pair: ./origin and ./store, with three exceptions.
small_pair() {
    pair 65536 chunk=8 sequential=3 from=4
}

# file_system FILE UUID
file_system() {
    command -v mkfs.ext4 >/dev/null || skip 'there is no mkfs.ext4'
    truncate -s 2M "$1"
    mkfs.ext4 -q -F -b 1024 -U "$2" "$1"
}

# two_file_systems FILE UUID: libblkid finds two that cannot be beside each other.
two_file_systems() {
    file_system "$1" "$2"
    put "$1" 65600 '_BHRfS_M' # where btrfs has its magic
}

# put FILE OFFSET FORMAT: printf's bytes at that place.
put() {
    "$tools/bytes" put "$@"
}

# number FILE OFFSET: the 64-bit number there.
number() {
    "$tools/bytes" number "$@"
}

# live STORE: how many exceptions it has.
live() {
    "$live" count "$1"
}

# reference: ./origin and ./store as a merge must leave them, in ./right.origin and ./right.store.
reference() {
    cp --sparse=always origin right.origin
    cp --sparse=always store right.store
    "$refmerge" right.origin right.store >/dev/null
}

# merged: ./origin and ./store equal the reference.
merged() {
    same origin right.origin && same store right.store
}

# merges_right OPTION...: a merge with these options leaves what the reference leaves.
merges_right() {
    quickly is_merged_right "$@"
}

is_merged_right() {
    reference
    fails same origin right.origin >/dev/null
    expect 0 merge "$@" origin store
    merged
}

# ---- a merge that is caught in the middle ----

# set_aside: ./origin and ./store are moved to the folder $pristine.
set_aside() {
    pristine=$PWD/pristine
    mkdir -p "$pristine"
    mv origin store "$pristine"
}

# from_pristine: copies of all that is in $pristine, and no undo store.
from_pristine() {
    [[ ! -e undo && ! -e mounted/undo ]] || rm -f undo mounted/undo
    cp --sparse=always "$pristine"/* .
}

# pristine_pair KEY=VALUE...: $pristine/origin and $pristine/store, whose merge takes long enough to be caught, and
# right.origin and right.store.
pristine_pair() {
    judged_pair 1572864 chunk=1 random=2000 origin_chunks=3072 "$@"
    set_aside
}

# put_by FILE...; unfinished: what a merge that was cut off left, $left of its exceptions, too, is put by for every test
# of the file; it is here again.
put_by() {
    mkdir unfinished
    mv "$@" unfinished
    echo "$left" >unfinished.left
}

unfinished() {
    cp --sparse=always "$BATS_FILE_TMPDIR"/unfinished/* .
    left=$(<"$BATS_FILE_TMPDIR/unfinished.left")
}

# start OPTION...: a merge of ./origin and ./store in the background, $merge_pid.
start() {
    "$cowtool" merge "$@" origin store >out 2>err </dev/null 3>&- &
    merge_pid=$!
}

# ended: waits for the merge's end; $status is its exit code.
ended() {
    status=0
    wait "$merge_pid" 2>/dev/null || status=$?
    note_json out
    note_json err
}

# midway OPTION...: a merge of copies of what is in $pristine that is stopped (SIGSTOP), $left
# exceptions from its end: neither at the start nor at the end.
midway() {
    quickly catch_midway "$@"
}

catch_midway() {
    from_pristine
    start_until $((1950 - RANDOM % 100)) "$@"
    left=$(live store)
}

# start_until LEFT OPTION...: as start, but the merge is stopped (SIGSTOP) where no more than this many exceptions are left.
start_until() {
    "$live" stop "$1" store "$cowtool" merge --window=4K "${@:2}" origin store >out 2>err </dev/null 3>&- &
    merge_pid=$!
    stands_still $merge_pid
}

# stands_still PROCESS: waits until it does (SIGSTOP). It was started by live.
stands_still() {
    local state='' code=0
    until [[ $state == *') T '* ]]; do
        ! read -r state <"/proc/$1/stat" || continue
        wait "$1" || code=$?
        ((code != 77)) || skip 'no process may be traced here (ptrace)'
        complain "it ended with $code before it was stopped" || return
    done
}

# goes_on: so does the merge that was stopped.
goes_on() {
    kill -CONT "$merge_pid" 2>/dev/null || true
    ended
}

# cut_off SIGNAL [OPTION...]: what a merge leaves that gets this signal midway: ./origin, ./store and $status, its exit
# code; $left exceptions are left.
cut_off() {
    midway "${@:2}"
    kill -s "$1" "$merge_pid"
    goes_on
    left=$(live store)
    ((left > 0)) || complain 'nothing is left'
}
