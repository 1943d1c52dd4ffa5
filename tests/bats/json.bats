#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2016
# What all JSON has in common. That all of it is as tests/cowtool.schema.json says, every test of every file looks at
# (helpers.bash); here is that this look sees what is wrong.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

# is_wrong SED-SCRIPT: so is ./right, with this change, which is one.
is_wrong() {
    sed "$1" right >changed
    fails same right changed >/dev/null
    fails "$here/../check-json" changed
}

@test "json: what differs from the schema is seen" {
    make chunk=8 sequential=3 entry=1:7:1 entry=2:9:99999999999999999
    expect 2 verify --json store
    cp out right
    "$here/../check-json" right
    is_wrong 's/"cowtool":"[^"]*",\("command":"[^"]*"\),/\1,"cowtool":"1",/'
    is_wrong 's/"cowtool":"[^"]*",//'
    is_wrong 's/"command":"verify"/"command":"inspect"/'
    is_wrong 's/"store":"store"/"store":null/'
    is_wrong 's/"verdict"/"verdicts"/'
    is_wrong 's/"verdict":"damaged",//'
    is_wrong 's/"errors":\([0-9]*\)/"errors":"\1"/'
    is_wrong 's/"severity":"error"/"severity":"fatal"/'
    is_wrong 's/"index":1/"index":-1/'
    is_wrong 's/"index":1/"index":1.5/'
    is_wrong 's/"new_chunk_string":"99999999999999999",//'
    is_wrong 's/"new_chunk":1,/&"new_chunk_string":"1",/'
    is_wrong 's/"new_chunk_string":"99999999999999999"/"new_chunk_string":"many"/'
    is_wrong 's/}$//'
    sed 's/"minimum"/"minimal"/' "$here/../cowtool.schema.json" >schema
    COWTOOL_SCHEMA=schema fails "$here/../check-json" right
}

@test "json: the helpers look at all that a test made cowtool print" {
    make chunk=8 sequential=3
    expect 0 inspect --json store
    expect 0 dump --format=json store
    json_of verify --json store >/dev/null
    (($(wc -l <"$BATS_TEST_TMPDIR/.json") == 3))
    echo '{"cowtool":"1","command":"inspect","store":"store"}' >out
    note_json out
    fails json_is_right
    rm "$BATS_TEST_TMPDIR/.json"
}

@test "json: what is no COW store is one and the same object of all commands" {
    fill none 65536
    fill origin 65536
    for arguments in 'inspect none' 'verify none' 'verify --json=lines none' 'verify --data=origin none' 'dump none' \
        'dump --runs none' 'merge origin none' 'merge --pending origin none' 'export origin none image' 'save none file' \
        'repair --dry-run none' 'restore none origin'; do
        # shellcheck disable=SC2086 # words
        set -- $arguments
        [[ $arguments == *--json* ]] || set -- "$@" --json
        expect 6 "$@"
        # verify has more keys, as it found that, and perhaps whose traces these are; in lines, the findings are before.
        [[ $arguments != *=lines* ]] || { tail -n 1 out >last && mv last out; }
        object '.command == $command and ($command == "verify" or keys == ["command", "cowtool", "error"])
            and (.error | keys) == ["code", "message"] and .error.code == 6' --arg command "$1"
        failure 6
    done
}

@test "json: --help and --version are no text" {
    expect 0 --version --json
    object '.command == null and (.cowtool | test("^[0-9.]+$")) and length == 2'
    version=$(jq -r .cowtool out)
    [[ $("$cowtool" --version) == "cowtool $version" ]]
    expect 0 --json -V
    object '.cowtool == $version' --arg version "$version"
    expect 0 --help --json
    "$cowtool" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' >commands
    diff commands <(jq -r '.commands[].name' out)
    cp out right
    for arguments in '--json -h' 'help --json'; do
        # shellcheck disable=SC2086 # words
        expect 0 $arguments
        same out right
    done
    while read -r command; do
        expect 0 "$command" --version --json
        object '. == {"cowtool": $version, "command": $command}' --arg version "$version" --arg command "$command"
        expect 0 "$command" --json --help
        object '.command == $command' --arg command "$command"
        cp out right
        expect 0 help --json "$command"
        same out right
        "$cowtool" "$command" --help >text
        diff <(sed -n '/^Options:/,/^$/s/^ .\{5\}--\([a-z-]*\).*/\1/p' text) <(jq -r '.options[].name' out)
        diff <(sed -n '/^Exit codes:/,/^$/s/^ *\([0-9]\{1,2\}\)  .*/\1/p' text) <(jq -r '.exit_codes[].code' out)
        [[ $(tail -n 1 text) == "  $(jq -r .example out)" ]]
    done <commands
}

@test "json: a number that is rounded in a double is a string, too, and one that means nothing is left out" {
    pair 65536 chunk=8 sequential=3
    expect 0 inspect --json store
    object '.next_free_chunk == 5 and .smallest_store_bytes == 20480 and .status.allocated_sectors == 40'
    fails grep -q _string out
    make chunk=8 sequential=3 entry=1:9007199254740992:18446744073709551615
    expect 2 inspect --json store
    object '[has("next_free_chunk", "smallest_store_bytes"), (.status | has("allocated_sectors"))] | any | not'
    grep -qF '"highest_old_chunk":9007199254740992,"highest_old_chunk_string":"9007199254740992",' out
    expect 0 dump --json store
    object '[.exceptions[] | keys_unsorted] | .[0] == ["area", "index", "old_chunk", "new_chunk"]
        and .[1] == ["area", "index", "old_chunk", "old_chunk_string", "new_chunk", "new_chunk_string"]'
    is '.exceptions[1].new_chunk_string' 18446744073709551615
    make chunk=8 sequential=3 entry=1:9007199254740991:4
    expect 0 dump --json store
    fails grep -q _string out
}

@test "json: a device of 8 PiB has its size as a string, too" {
    make chunk=8 sequential=3
    local large
    large=$(mktemp /dev/shm/cowtool.XXXXXX) || skip 'there is no /dev/shm'
    exec 8<>"$large"
    rm "$large"
    dd if=store bs=64K of="/proc/$BASHPID/fd/8" conv=notrunc status=none
    truncate -s 8P "/proc/$BASHPID/fd/8" || skip 'no file is as large there'
    expect 0 inspect --json "/proc/$BASHPID/fd/8"
    is .bytes_string 9007199254740992
}

@test "json: verify --json=lines says what --json says, a line for each finding" {
    make chunk=8 sequential=40 entry=5:5:49000 entry=10:3:12 entry=20:9:1 entry=45:7:9
    expect 2 verify --json store
    cp out whole
    expect 2 verify --json=lines store
    (($(wc -l <out) == $(jq '.findings | length' whole) + 1))
    diff <(jq -S .findings[] whole) <(jq -S '.finding // empty' out)
    diff <(jq -S 'del(.findings)' whole) <(tail -n 1 out | jq -S .)
    expect 0 verify --json=lines --help
    object '.command == "verify"'
}

@test "json: --json=lines is an option of verify alone, and no other word is" {
    make chunk=8 sequential=3
    for arguments in 'inspect --json=lines store' 'verify --json=line store' 'verify --json= store' \
        'verify --json=lines --json store' 'verify --json --json=lines store' 'verify --quiet=lines store'; do
        # shellcheck disable=SC2086 # words
        expect 64 $arguments
        silent_or_failure=$(<out)
        [[ -z $silent_or_failure ]] || failure 64
    done
    expect 0 verify -- store
    cp store ./--json=lines
    expect 0 verify -- --json=lines
    fails grep -q '^{' out
}

@test "json: with --json=lines an error is in the last line" {
    pair 65536 chunk=8 sequential=3 entry=1:1:49000
    status=0
    "$cowtool" verify --json=lines store >/dev/full 2>err || status=$?
    ((status == 4))
    said 'No space left on device'
    expect 8 verify --json=lines nosuch
    failure 8
}

@test "json: --json=lines takes no more memory for more findings" {
    if grep -q __asan_init "$cowtool"; then
        skip 'the sanitizer has memory of its own'
    fi
    [[ -x /usr/bin/time ]] || skip 'there is no /usr/bin/time'
    local kib what
    fill origin 4096
    for what in from=8 modulo=1; do
        kib=()
        for count in 2000 40000; do
            make chunk=1 sequential=$count $what data=0
            /usr/bin/time -f %M -o kib "$cowtool" verify --json=lines --origin=origin store >out || true
            (($(wc -l <out) >= count))
            kib+=("$(tail -n 1 kib)")
        done
        ((kib[1] < kib[0] + 1024)) || complain "$what: ${kib[*]} KiB"
    done
}
