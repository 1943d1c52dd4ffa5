#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2016,SC2154,SC2119
# cowtool repair: what each repair leaves, byte for byte; consent; the backup; what it refuses.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

# wanted KEY=VALUE...: ./wanted, as the repaired store must be.
wanted() {
    "$mkstore" wanted "$@"
}

# mends OPTION...: ./store becomes ./wanted, by a repair with these options; verify finds nothing then, and a second
# repair has nothing to do and changes nothing. What was there can be brought back.
mends() {
    quickly is_mended "$@"
}

is_mended() {
    cp store broken
    rm -f backup
    expect 0 repair --yes --backup=backup "$@" store
    same store wanted
    expect 0 verify --quiet store
    expect 0 repair --yes --backup=other "$@" store
    grep -q 'nothing to mend' out
    [[ ! -e other ]]
    same store wanted
    expect 0 restore --quiet --force backup store
    same store broken
}

# answers TEXT CODE ARGUMENT...: cowtool on a terminal of its own, where TEXT is typed; what it says is in ./said.
answers() {
    local text=$1 wanted_code=$2 code=0 command
    shift 2
    printf -v command '%q ' "$cowtool" "$@"
    # shellcheck disable=SC2059 # the text has escapes
    { printf "$text" && sleep 0.2; } | terminal "$command" >said || code=$?
    ((code == wanted_code)) || { cat said && complain "cowtool $*: exit code $code, not $wanted_code"; }
}

three_defects() {
    make chunk=8 size=204800 sequential=40 entry=5:5:49000 entry=10:3:12 entry=45:7:9
}

# ---- every defect ----

@test "repair: every defect of tests/defects is found, mended, and found no more; nothing is left to do" {
    for name in $("$here/../defects"); do
        quickly comes_and_goes "$name"
    done
}

# comes_and_goes NAME: what the table of tests/defects says, and the way back.
comes_and_goes() {
    local about needs code before during after
    "$here/../defects" "$1" origin store
    IFS='|' read -r about needs < <("$here/../defects" "$1")
    read -r code before during after <<<"$about"
    expect "$before" verify --json --origin=origin store
    grep -q "\"code\":\"$code\"" out
    rm -f backup
    cp store broken
    # shellcheck disable=SC2086 # words
    expect "$during" repair --yes --backup=backup ${needs/ORIGIN/origin} store
    expect "$after" verify --json --origin=origin store
    fails grep -E '"severity":"(error|warning)"' out
    if [[ -e backup ]]; then
        fails same store broken >/dev/null
        expect 0 restore --quiet --force backup store
    fi
    same store broken
}

@test "repair: a header that is lost in any way becomes what it was, byte for byte" {
    wanted chunk=8 sequential=40
    for name in header-magic header-blank header-version header-chunk-size; do
        "$here/../defects" $name origin store
        mends --rebuild-header
    done
    "$here/../defects" header-race origin store
    mends --rebuild-header --set-valid
}

@test "repair: slack, records that say nothing, and a dirty tail are zeroed, and nothing else is" {
    wanted chunk=8 sequential=40
    for name in header-slack damaged-record stale-record dirty-tail; do
        "$here/../defects" $name origin store
        mends
    done
}

@test "repair: slack in the place of a record and all over a large chunk" {
    wanted chunk=256 sequential=3
    make chunk=256 sequential=3 poke=16:1 poke=255:1 poke=256:1 poke=511:1 poke=512:1 poke=70000:1 poke=131071:255
    mends
}

@test "repair: an invalid store is marked valid, and nothing else is written" {
    wanted chunk=8 sequential=40
    make chunk=8 sequential=40 valid=0
    mends --set-valid
}

@test "repair: --set-valid says in plain words what can be expected" {
    make chunk=8 sequential=40 valid=0
    expect 0 repair --dry-run --set-valid store
    grep -q 'written to the origin after that was not saved' out
    grep -q 'do not merge it' out
}

@test "repair: a store whose end is cut off loses the exceptions whose data is gone" {
    "$here/../defects" store-truncated origin store
    wanted chunk=8 sequential=28 size=122880
    mends
}

@test "repair: a list without an end gives up its last exception" {
    "$here/../defects" area-missing origin store
    wanted chunk=8 sequential=256 entry=255:0:0
    truncate -s $((258 * 4096)) wanted
    mends
}

@test "repair: a list without an end gives up nothing more where another exception goes anyway" {
    make chunk=8 sequential=256 entry=100:100:1
    truncate -s $((258 * 4096)) store
    wanted chunk=8 sequential=256 entry=100:255:257 entry=255:0:0
    truncate -s $((258 * 4096)) wanted
    mends
}

@test "repair: a bad exception in the middle is overwritten by the last one, never zeroed" {
    wanted chunk=8 size=204800 sequential=40 entry=5:39:41 entry=39:0:0
    for entry in 5:1 5:0x42 5:50 5:72057594037927936 5:18446744073709551615; do
        make chunk=8 size=204800 sequential=40 entry="5:5:$((${entry#*:}))"
        put store $((4096 + 5 * 16)) '\5'
        case ${entry#*:} in
        72057594037927936 | 18446744073709551615) make chunk=8 size=204800 sequential=40 entry="5:${entry}" ;;
        esac
        mends
    done
}

@test "repair: a bad exception at the end is just cleared" {
    make chunk=8 sequential=40 entry=39:39:1
    wanted chunk=8 sequential=40 entry=39:0:0
    mends
}

@test "repair: all exceptions are bad, and an empty store is left" {
    make chunk=1 sequential=70 every=1
    for ((i = 0; i < 70; i++)); do
        edits+=("entry=$i:$i:$((90000 + i))")
    done
    make chunk=1 sequential=70 "${edits[@]}"
    for ((i = 0; i < 70; i++)); do
        zeros+=("entry=$i:0:0")
    done
    wanted chunk=1 sequential=70 "${zeros[@]}"
    mends
}

@test "repair: several that go in several areas, at the edges of areas and blocks" {
    make chunk=1 sequential=100 entry=0:0:1 entry=31:31:34 entry=32:32:90000 entry=95:95:1 entry=98:98:1
    # 95 stay: of the last five, 96, 97 and 99 take the places of 0, 31 and 32.
    wanted chunk=1 sequential=100 entry=0:96:101 entry=31:97:102 entry=32:99:104 entry=95:0:0 entry=96:0:0 \
        entry=97:0:0 entry=98:0:0 entry=99:0:0
    mends
}

@test "repair: exceptions outside the origin are dropped where the origin is named, and not else" {
    pair 163840 chunk=8 size=204800 sequential=40 entry=7:40:9
    remember store
    expect 0 repair --yes --no-backup store
    unchanged
    wanted chunk=8 size=204800 sequential=40 entry=7:39:41 entry=39:0:0
    mends --origin=origin
}

@test "repair: of two exceptions for a chunk the first one stays, wherever the second one is" {
    make chunk=1 sequential=100 entry=40:3:43 entry=99:3:104 entry=70:41:74
    wanted chunk=1 sequential=100 entry=40:97:102 entry=70:98:103 entry=97:0:0 entry=98:0:0 entry=99:0:0
    cp store before
    mends
    same before store
}

@test "repair: where the first of two exceptions for a chunk is lost, the second one stays" {
    make chunk=8 size=204800 sequential=40 entry=3:3:1 entry=20:3:22
    wanted chunk=8 size=204800 sequential=40 entry=3:39:41 entry=20:3:22 entry=39:0:0
    cp store again
    expect 0 repair --json --dry-run store
    object '.lost == [] and (.plan | length) == 1'
    cp again store
    mends
}

@test "repair: two exceptions with one data chunk stay until it is asked for; then the later one goes" {
    make chunk=8 size=204800 sequential=40 entry=10:10:5
    remember store
    expect 2 repair --yes --no-backup store
    grep -q -e --drop-shared out
    unchanged
    wanted chunk=8 size=204800 sequential=40 entry=10:39:41 entry=39:0:0
    mends --drop-shared
}

@test "repair: the view is the one before but for the chunks that are lost" {
    fill origin 1228800
    three_defects
    cp origin view
    cp store before
    # What the kernel shows, from the bytes: exceptions 5 and 10 give nothing.
    "$mkstore" before chunk=8 size=204800 sequential=40 entry=5:41:7
    for ((i = 39; i >= 0; i--)); do
        ((i == 5 || i == 10)) || dd if=before of=view bs=4096 skip=$((i + 2)) seek=$i count=1 conv=notrunc status=none
    done
    expect 0 repair --yes --no-backup store
    "$refmerge" origin store >/dev/null
    same origin view
}

@test "repair: five thousand duplicates go, and the plan for people stays short" {
    make chunk=1 sequential=10000 modulo=5000
    wanted chunk=1 sequential=5000
    expect 0 repair --yes --no-backup store
    (($(wc -l <out) < 40)) || complain 'the plan is too long'
    expect 0 verify store
    diff <("$cowtool" dump --format=csv store) <("$cowtool" dump --format=csv wanted)
    (($(live store) == 5000))
}

# ---- the plan ----

@test "repair: a dry run changes no byte, writes no file, and ends as the repair would" {
    three_defects
    remember store
    expect 0 repair --dry-run store
    grep -q 'nothing was written' out
    expect 0 repair --dry-run --backup=backup --yes store
    [[ ! -e backup ]]
    make chunk=8 sequential=40 valid=0
    remember store
    expect 2 repair --dry-run store
    grep -q -e --set-valid out
    unchanged
}

@test "repair: JSON has the plan, what is lost, and what is left" {
    make chunk=8 size=204800 valid=0 sequential=40 entry=5:5:49000 entry=6:6:49000 entry=10:3:12 entry=45:7:9
    expect 2 repair --json --dry-run store
    object '.store == "store" and .repaired == 0 and .backup == null and .verdict == "damaged"
        and [.plan[] | [.code, .repair, .area, .index, .old_chunk, .new_chunk, .consent]] == [
            ["dirty-tail", "zero-tail", null, null, null, null, false],
            ["entry-beyond-device", "drop", 0, 5, 5, 49000, false],
            ["entry-beyond-device", "drop", 0, 6, 6, 49000, false],
            ["duplicate-old", "drop", 0, 10, 3, 12, false]]
        and all(.plan[]; .message | length > 0)
        and .lost == [{"offset": 20480, "bytes": 8192}]
        and [.left[] | [.code, .count]] == [["header-invalid", 1]]
        and (.left[0].message | contains("--set-valid"))'
    expect 2 repair --json --yes --backup=backup store
    object '.repaired == 4 and .backup == "backup" and .verdict == "damaged" and all(.plan[]; .consent)
        and [.left[].code] == ["header-invalid"] and .error.code == 2'
    expect 0 repair --json --yes --no-backup --set-valid store
    object '.repaired == 1 and .backup == null and .verdict == "clean" and .left == [] and .lost == []
        and [.plan[].repair] == ["set-valid"] and (has("error") | not)'
}

@test "repair: in a dry run, verdict, left and exit code are those of the repair" {
    for keys in 'entry=5:5:49000' 'valid=0 entry=5:5:49000' 'poke=1000:1'; do
        # shellcheck disable=SC2086 # words
        make chunk=8 size=204800 sequential=40 $keys
        code=0
        [[ $keys != valid=0* ]] || code=2
        expect $code repair --json --dry-run store
        dry=$(value '[.verdict, (.left | map([.code, .count]))] | tostring')
        expect $code repair --json --yes --no-backup store
        is '[.verdict, (.left | map([.code, .count]))] | tostring' "$dry"
        object '.verdict == $wanted' --arg wanted "$([[ $code == 0 ]] && echo clean || echo damaged)"
    done
    # An unfinished merge: what stays is an error, in a dry run as well.
    "$here/../defects" merge-unfinished origin store
    put store $((4096 + 5 * 16 + 8)) '\1'
    expect 2 repair --json --dry-run store
    object '.verdict == "damaged" and (.left | length) == 1'
    # Refused, nothing is done: the verdict is that of the store as it is.
    three_defects
    expect 5 repair --json --no-backup store
    object '.verdict == "damaged" and (.left | length) == 3'
}

@test "repair: what is lost is clipped to the origin, joined, and told in bytes" {
    pair 162304 chunk=8 size=204800 sequential=40 entry=39:38:1 entry=38:39:1 entry=2:2:1
    expect 0 repair --dry-run --json --origin=origin store
    object '.lost == [{"offset": 8192, "bytes": 4096}, {"offset": 155648, "bytes": 6656}]'
    expect 0 repair --dry-run --origin=origin store
    grep -q 'bytes 159744 to 162303 of the view are lost' out
    grep -q 'all together: 10752 bytes' out
}

@test "repair: an unfinished merge keeps its exceptions and its record; the rest is mended" {
    "$here/../defects" merge-unfinished origin store
    put store $((4096 + 5 * 16 + 8)) '\1'
    put store 1000 '\7'
    put store $((4096 + 45 * 16)) '\7'
    cp store wanted
    put wanted 1000 '\0'
    put wanted $((4096 + 45 * 16)) '\0'
    expect 2 repair --yes --no-backup store
    grep -q -e 'merge --resume' out
    same store wanted
}

@test "repair: a store is empty, or sound: there is nothing to do, and no backup is made" {
    make chunk=8
    remember store
    expect 0 repair --yes --backup=backup store
    grep -q 'nothing to mend' out
    make chunk=8 random=300 origin_chunks=400
    expect 0 repair --backup=backup store
    expect 0 repair --quiet --backup=backup store
    [[ ! -s out && ! -e backup ]]
}

# ---- consent ----

@test "repair: without a terminal and without --yes it shows the plan and is refused" {
    three_defects
    remember store
    expect 5 repair --backup=backup store
    grep -q duplicate-old out
    said --yes
    unchanged
    expect 5 repair --json --no-backup store
    object '.error.code == 5 and (.plan | length) == 3 and .repaired == 0 and (.left | length) == 3'
    unchanged
    [[ ! -e backup ]]
}

# asked TIMES: waits until ./said has this many questions.
asked() {
    for _ in {1..200}; do
        (($(grep -cF '[y/N/a/q]' said) < $1)) || break
        sleep 0.05
    done
}

@test "repair: Ctrl-C in a question writes nothing, whatever was consented to before it" {
    three_defects
    remember store
    : >said
    code=0
    {
        asked 1
        printf 'y\n'
        asked 2
        printf '\003'
        sleep 0.2
    } | terminal "'$cowtool' repair --backup=backup store" >said || code=$?
    ((code == 3)) || { cat said && complain "exit code $code"; }
    grep -q 'stopped on request; nothing was written' said
    [[ ! -e backup ]]
    unchanged
}

@test "repair: a question says which exception it is about, as the plan does, also where the plan is cut short" {
    three_defects
    answers 'n\nn\nn\n' 2 repair --no-backup store
    for place in 'entry-beyond-device: area 0 index 5 (old chunk 5, new chunk 49000): drop it; ' \
        'duplicate-old: area 0 index 10 (old chunk 3, new chunk 12): drop it, '; do
        grep -F "$place" said | grep -qF '[y/N/a/q]'
    done
    make chunk=1 sequential=40 modulo=15
    remember store
    answers "$(printf 'n\\n%.0s' {1..25})" 2 repair --no-backup store
    grep -F 'area 1 index 7 (old chunk 9, new chunk 42)' said | grep -qF '25. duplicate-old'
    unchanged
}

# sees_plan: of ./said, the plan comes before the first question.
sees_plan() {
    grep -q 'entry-beyond-device: area 0 index 5' <(sed '/\[y.N.a.q\]/,$d' said) ||
        { cat said && complain 'it asks for what was not shown'; }
}

@test "repair: nobody is asked who has not seen the plan, wherever stdout goes" {
    for output in '| tee log' '| cat >log' '>log'; do
        three_defects
        remember store
        { printf 'n\nn\nn\n' && sleep 0.2; } | terminal "'$cowtool' repair --no-backup store $output" >said || true
        sees_plan
        grep -q 'entry-beyond-device: area 0 index 5' log
        unchanged
    done
    three_defects
    answers 'n\nn\nn\n' 2 repair --no-backup store
    sees_plan
    (($(grep -vF '[y/N/a/q]' said | grep -c 'entry-beyond-device: area 0 index 5') == 1)) || complain 'the plan is there twice'
    answers 'n\nn\nn\n' 2 repair --json --no-backup store
    sees_plan
    # Where the questions cannot be seen, none is asked.
    { terminal "'$cowtool' repair --no-backup store 2>log" </dev/null || true; } >said
    grep -q 'nobody can be asked' log
    unchanged
}

@test "repair: yes to all of three questions does all" {
    three_defects
    wanted chunk=8 size=204800 sequential=38 entry=5:38:40 entry=10:39:41
    expect 0 repair --yes --no-backup store
    mv store right
    three_defects
    answers 'y\nyes\nY\n' 0 repair --no-backup store
    same store right
}

@test "repair: what is answered with no stays, and the exit code says what is left" {
    three_defects
    make chunk=8 size=204800 sequential=40 entry=45:7:9 poke=1000:1
    cp store wanted
    put wanted 1000 '\0'
    answers 'y\nn\n' 1 repair --no-backup store
    same store wanted
    grep -q 'repairs done: 1' said
}

@test "repair: a question says which of how many it is, and a line without an answer is no" {
    three_defects
    remember store
    answers '\nz\n\n\n' 2 repair --no-backup store
    for number in 1 2 2 3; do
        echo "? ($number of 3) [y/N/a/q] "
    done >wanted
    cmp wanted <(grep -oF -e '? (1 of 3) [y/N/a/q] ' -e '? (2 of 3) [y/N/a/q] ' -e '? (3 of 3) [y/N/a/q] ' said)
    unchanged
}

@test "repair: no to everything writes nothing, and makes no backup" {
    three_defects
    remember store
    answers 'n\nn\nn\n' 2 repair --backup=backup store
    unchanged
    [[ ! -e backup ]]
}

@test "repair: quit, or the end of the input, takes all answers back: nothing is written, and no backup is made" {
    make chunk=8 size=204800 sequential=40 entry=45:7:9 poke=1000:1
    remember store
    for last in '\004' 'quit\n' 'q\n'; do
        answers "what?\ny\n$last" 5 repair --backup=backup store
        grep -q 'store: not every question was answered' said
        fails grep 'repairs done' said
        answers "a\n$last" 5 repair --json --backup=backup store
        grep -o '{"cowtool".*' said >out
        object '.repaired == 0 and .backup == null and all(.plan[]; .consent | not) and .error.code == 5'
    done
    answers '\004' 5 repair --backup=backup store
    unchanged
    [[ ! -e backup ]]
}

@test "repair: 'all' is asked once for a kind" {
    make chunk=8 size=204800 sequential=40 entry=5:5:1 entry=6:6:1 entry=7:7:1 entry=45:7:9
    answers 'n\na\n' 1 repair --no-backup store
    (($(live store) == 37))
    grep -q 'repairs done: 3' said
}

@test "repair: 'all' of the bytes after a header does not take the stale record with it" {
    "$here/../defects" stale-record origin store
    cp store wanted
    put store 1000 '\7'
    answers 'a\nn\n' 1 repair --no-backup store
    same store wanted
    grep -q 'repairs done: 1' said
}

@test "repair: no exception moves as long as a chunk is to keep two" {
    three_defects
    make chunk=8 size=204800 sequential=40 entry=5:5:49000 entry=39:3:41
    remember store
    # Dropping 5 would put 39, the later one for chunk 3, in front of 3 were it not for this rule.
    answers 'y\nn\n' 2 repair --no-backup store
    grep -q 'as long as a chunk has two exceptions' said
    unchanged
}

@test "repair: no exception goes as long as a stale record is to stay" {
    "$here/../defects" stale-record origin store
    put store $((4096 + 5 * 16 + 8)) '\1'
    remember store
    answers 'n\ny\n' 2 repair --no-backup store
    grep -q 'as long as the stale merge record is there' said
    unchanged
}

# ---- the backup ----

@test "repair: neither --backup nor --no-backup, or both, is a usage error that touches nothing" {
    three_defects
    refuses 64 store -- repair store
    refuses 64 store -- repair --yes store
    refuses 64 store -- repair --yes --backup=b --no-backup store
    refuses 64 store -- repair --no-backup --chunk=4096 store
    refuses 64 store -- repair --no-backup --rebuild-header --chunk=5000 store
    refuses 64 store -- repair --no-backup --rebuild-header --chunk=2G store
    refuses 64 store -- repair --no-backup --rebuild-header --chunk=256 store
    refuses 64 store -- repair --no-backup --rebuild-header --chunk=0 store
    refuses 64 store -- repair --no-backup --chunk=0 store
    refuses 64 store -- repair --no-backup
}

@test "repair: a backup never overwrites a file, and nothing is repaired without it" {
    three_defects
    echo precious >backup
    remember store backup
    expect 5 repair --yes --backup=backup store
    said backup
    unchanged
    expect 8 repair --yes --backup=no/such/folder/file store
    unchanged
}

@test "repair: the backup is made before the first write, and restores what was there" {
    "$here/../defects" header-blank origin store
    cp store broken
    expect 0 repair --yes --rebuild-header --backup=backup store
    expect 0 restore --force --quiet backup store
    same store broken
}

# types_later QUESTION COMMAND...: when QUESTION is in ./said, runs COMMAND, then types $typed and 'a' for all that is asked.
types_later() {
    for ((i = 0; i < 500; i++)); do
        ! grep -qF -- "$1" said || break
        sleep 0.02
    done
    "${@:2}"
    printf '%ba\na\na\na\n' "${typed:-}"
    sleep 0.2
}

# meanwhile QUESTION COMMAND... -- CODE ARGUMENT...: cowtool on a terminal of its own; COMMAND is run while it asks QUESTION.
meanwhile() {
    local before=() wanted_code code=0 command
    while [[ $1 != -- ]]; do
        before+=("$1")
        shift
    done
    wanted_code=$2
    shift 2
    printf -v command '%q ' "$cowtool" "$@"
    : >said
    types_later "${before[@]}" | terminal "$command" >said || code=$?
    ((code == wanted_code)) || { cat said && complain "cowtool $*: exit code $code, not $wanted_code"; }
}

@test "repair: what was written while it asked is never mended by the plan that was made before" {
    three_defects
    cp store before
    # An exception after the last one; a byte after the list's end; the header; its slack; the beginning of a record.
    for place in "$((4096 + 40 * 16 + 8)) \\52" "$((4096 + 47 * 16)) \\1" "4 \\0" "1000 \\7" "256 \\143"; do
        cp before store
        # shellcheck disable=SC2086 # words
        meanwhile '[y/N/a/q]' put store $place -- 5 repair --backup=backup store
        grep -q 'store: has changed since it was looked at' said
        [[ ! -e backup ]] || complain 'the backup stays'
        cp before changed
        # shellcheck disable=SC2086 # words
        put changed $place
        same store changed
    done
    cp before store
    meanwhile '[y/N/a/q]' put store 1000 '\7' -- 5 repair --no-backup store
    cp before changed
    put changed 1000 '\7'
    same store changed
    # What is no metadata may change.
    cp before store
    meanwhile '[y/N/a/q]' put store 8192 '\1' -- 0 repair --backup=backup store
}

@test "repair: a header that came back while it asked for a chunk size is not overwritten" {
    make chunk=8 sequential=40
    "$mkstore" other chunk=16 sequential=9 data=0
    dd if=other of=store bs=8192 skip=1 seek=1 count=1 conv=notrunc status=none
    cp store wanted
    put wanted 4 '\0'
    put store 0 '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
    typed='1\n'
    meanwhile 'Which one' dd if=wanted of=store bs=16 count=1 conv=notrunc status=none -- \
        5 repair --no-backup --rebuild-header store
    grep -q 'store: has changed since it was looked at' said
    same store wanted
}

# ---- the header ----

@test "repair: a lost header is not looked for unless that is asked for" {
    "$here/../defects" header-magic origin store
    refuses 6 store -- repair --yes --no-backup store
    said --rebuild-header
    "$here/../defects" header-version origin store
    refuses 2 store -- repair --yes --no-backup store
    said --rebuild-header
}

@test "repair: the evidence for a chunk size is shown" {
    "$here/../defects" header-blank origin store
    expect 0 repair --dry-run --rebuild-header store
    said '40 exceptions'
    said '40 where the kernel puts them'
    said ': certain'
    expect 0 repair --json --dry-run --rebuild-header store
    object '(.candidates | length) == 1 and .candidates[0].chunk_sectors == 8 and .candidates[0].exceptions == 40
        and .candidates[0].usual == 40 and .candidates[0].points > 90 and .plan[0].repair == "rebuild-header"'
}

@test "repair: every chunk size is found again, with one exception and with several areas" {
    for chunk in 1 2 4 8 16 32 64 128 256 512 1024; do
        for count in 1 70; do
            wanted chunk=$chunk random=$count origin_chunks=100
            cp --sparse=always wanted store
            dd if=/dev/zero of=store bs=16 count=1 conv=notrunc status=none
            expect 0 repair --yes --no-backup --rebuild-header store
            same store wanted
        done
    done
}

@test "repair: after a lost header, everything else is mended as well, and the header comes last" {
    make chunk=8 size=204800 sequential=40 magic=1 entry=5:5:49000 entry=45:7:9 poke=2000:1
    wanted chunk=8 size=204800 sequential=40 entry=5:39:41 entry=39:0:0
    mends --rebuild-header
}

@test "repair: a header that says invalid stays invalid when it is rebuilt" {
    wanted chunk=8 sequential=40 valid=0
    make chunk=8 sequential=40 magic=5 valid=0
    expect 2 repair --yes --no-backup --rebuild-header store
    same store wanted
    wanted chunk=8 sequential=40
    make chunk=8 sequential=40 magic=5 valid=0
    mends --rebuild-header --set-valid
}

@test "repair: a header that says invalid stays so whatever else of it is wrong, and the plan says why" {
    wanted chunk=8 sequential=20 valid=0
    "$mkstore" valid chunk=8 sequential=20
    for keys in header_chunk=3 version=7 'magic=5 header_chunk=16' 'magic=5 header_chunk=0x1000000'; do
        # shellcheck disable=SC2086
        make chunk=8 sequential=20 valid=0 $keys
        cp store lost
        expect 2 repair --yes --no-backup --rebuild-header store
        grep -q 'write a header: marked invalid.*had given the snapshot up; --set-valid would mark it valid' out
        grep -q 'Not mended by this: header-invalid' out
        same store wanted
        mv lost store
        expect 0 repair --yes --no-backup --rebuild-header --set-valid store
        fails grep 'would mark it valid' out
        same store valid
    done
}

@test "repair: of a header that went while the kernel gave the snapshot up an invalid one is made" {
    wanted chunk=8 sequential=40 valid=0
    "$here/../defects" header-race origin store
    expect 2 repair --yes --no-backup --rebuild-header store
    grep -q 'marked invalid' out
    same store wanted
}

@test "repair: two chunk sizes that could be are not chosen from; --chunk names one" {
    wanted chunk=8 sequential=40
    # In the first data chunks, what looks like area 0 with chunks of 16 sectors.
    "$mkstore" other chunk=16 sequential=9 data=0
    dd if=other of=wanted bs=8192 skip=1 seek=1 count=1 conv=notrunc status=none
    cp wanted store
    put store 0 '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
    cp store lost
    refuses 5 store -- repair --yes --no-backup --rebuild-header store
    said --chunk
    (($(grep -c ': likely$' err) == 2)) || complain 'not both are likely'
    expect 5 repair --json --yes --no-backup --rebuild-header store
    object '[.candidates[].chunk_sectors] | sort == [8, 16]'
    expect 0 repair --yes --no-backup --rebuild-header --chunk=4K store
    same store wanted
    cp lost store
    answers '9\n1x\n\n0\n' 5 repair --no-backup --rebuild-header store
    (($(grep -c 'chunks of 4096 bytes' said) == 1)) || complain 'the evidence is not there once'
    (($(grep -o 'Which one' said | wc -l) == 4)) || complain 'it did not ask again'
    same store lost
    answers '2\ny\nn\n' 1 repair --no-backup --rebuild-header store
    (($(od -An -t u4 -j 12 -N 4 store) == 16))
}

@test "repair: an empty store needs --chunk and --force, and what is no store is none with both" {
    wanted chunk=8 size=40960
    cp wanted store
    put store 0 '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
    refuses 6 store -- repair --yes --no-backup --rebuild-header store
    said --chunk
    refuses 5 store -- repair --yes --no-backup --rebuild-header --chunk=4096 store
    said ': nothing speaks for it'
    said 'nothing shows that a store with chunks of 4K was here'
    expect 0 repair --yes --no-backup --rebuild-header --chunk=4096 --force store
    same store wanted
    fill store 1000000
    refuses 6 store -- repair --yes --no-backup --rebuild-header store
    refuses 6 store -- repair --yes --no-backup --rebuild-header --chunk=4096 store
    refuses 6 store -- repair --yes --no-backup --rebuild-header --chunk=4096 --force store
    : >store
    refuses 6 store -- repair --yes --no-backup --rebuild-header store
}

@test "repair: a chunk size that is named against all that the store shows is refused, and the right one is told" {
    make chunk=8 random=700 origin_chunks=4096 magic=0 poke=12:0
    cp store lost
    for size in 512 2K 8K 1M; do
        refuses 5 store -- repair --yes --no-backup --rebuild-header --chunk=$size store
        said "--chunk=$size is not what the store shows"
        said '--chunk=4K'
    done
    expect 5 repair --json --yes --no-backup --rebuild-header --chunk=8K store
    object '[.candidates[].chunk_sectors] == [8] and .error.code == 5'
    # What is left of the header counts little: a list that is there is more than one that is not.
    put store 8 '\1\0\0\0\1'
    refuses 5 store -- repair --yes --no-backup --rebuild-header --chunk=512 store
    wanted chunk=8 random=700 origin_chunks=4096
    cp lost store
    mends --rebuild-header --chunk=4K
}

@test "repair: a header that is good and has the wrong chunk size: no repair by it, and --chunk makes it right" {
    wanted chunk=8 random=700 origin_chunks=4096
    for size in 1 2 16 64; do
        make chunk=8 random=700 origin_chunks=4096 header_chunk=$size poke=64:1
        [[ $size != 1 ]] || put store 512 '\7' # a stray byte makes a plan of the empty list
        cp store before
        refuses 5 store -- repair --yes --no-backup store
        said 'nearly all speaks for chunks of 4K'
        said "'cowtool repair --rebuild-header --chunk=4K --backup=FILE store' mends the header first"
        expect 5 repair --json --dry-run store
        object '.candidates[0].chunk_sectors == 8 and (has("plan") | not) and .error.code == 5'
        refuses 5 store -- repair --dry-run --rebuild-header store
        for other in 2M $((size * 512)); do
            refuses 5 store -- repair --yes --no-backup --rebuild-header --chunk=$other store
        done
        [[ $size != 1 ]] || put store 512 '\0'
        mends --rebuild-header --chunk=4K
    done
}

@test "repair: where a header's chunk size hides the list in its slack, the list is not cleared as slack" {
    wanted chunk=8 sequential=100
    # The first data chunk, zeroed, would be area 0: empty, and the list is nothing but bytes after the header.
    dd if=/dev/zero of=wanted bs=4096 seek=2 count=1 conv=notrunc status=none
    cp wanted store
    put store 12 '\20'
    refuses 5 store -- repair --yes --no-backup store
    said '--rebuild-header --chunk=4K'
    mends --rebuild-header --chunk=4K
}

@test "repair: a good header is not replaced where the store does not show that it is wrong" {
    make chunk=8 sequential=40
    refuses 5 store -- repair --yes --no-backup --rebuild-header --chunk=8K store
    said 'says chunks of 4K, --chunk=8K says another size'
    # Two that could be: the header decides.
    "$mkstore" other chunk=16 sequential=9 data=0
    dd if=other of=store bs=8192 skip=1 seek=1 count=1 conv=notrunc status=none
    refuses 5 store -- repair --yes --no-backup --rebuild-header --chunk=8K store
    remember store
    expect 0 repair --yes --no-backup --rebuild-header --chunk=4K store
    unchanged
}

@test "repair: a header with another chunk size that says invalid still does when it has the right one" {
    make chunk=8 sequential=40 header_chunk=1 valid=0
    wanted chunk=8 sequential=40 valid=0
    expect 2 repair --yes --no-backup --rebuild-header --chunk=4K store
    same store wanted
}

@test "repair: the evidence names chunk sizes as --chunk takes them" {
    for chunk in 1 8 2048 2097152; do
        "$mkstore" store chunk=$chunk sequential=3 magic=0 data=0
        expect 0 repair --dry-run --rebuild-header store
        read -r size < <(sed -n 's/.*: chunks of [0-9]* bytes (--chunk=\([0-9KMG]*\)): 3 exceptions.*/\1/p' err)
        expect 0 repair --dry-run --rebuild-header --chunk="$size" --json store
        object '.candidates[0].chunk_sectors == $chunk' --argjson chunk $chunk
    done
    [[ $size == 1G ]]
}

@test "repair: declining the header declines all" {
    make chunk=8 size=204800 sequential=40 magic=1 entry=45:7:9
    remember store
    answers 'n\n' 2 repair --no-backup --rebuild-header store
    unchanged
}

@test "repair: stores that a kernel made get their headers back, byte for byte" {
    for file in "$here"/../fixtures/*.store.gz; do
        gunzip -c "$file" >wanted
        cp wanted store
        dd if=/dev/zero of=store bs=16 count=1 conv=notrunc status=none
        code=0
        [[ $file != */invalid.store.gz ]] || put wanted 4 '\1'
        expect $code repair --yes --no-backup --rebuild-header store
        same store wanted
    done
}

# ---- what is refused ----

@test "repair: what is no store, not there, or a saved file is refused" {
    fill store 65536
    refuses 6 store -- repair --yes --no-backup store
    refuses 8 -- repair --yes --no-backup nowhere
    refuses 5 -- repair --yes --no-backup .
    make chunk=8 sequential=4
    expect 0 save store saved
    refuses 6 saved -- repair --yes --no-backup saved
    refuses 6 saved -- repair --yes --no-backup --rebuild-header saved
}

@test "repair: a store that somebody holds is refused, in a dry run too" {
    three_defects
    flock --no-fork -x store sleep 60 3>&- &
    held_pid=$!
    until fails flock -n store true >/dev/null; do sleep 0.01; done
    remember store
    expect 5 repair --yes --no-backup store
    said 'locked by another process'
    expect 5 repair --dry-run store
    unchanged
}

@test "repair: a dry run needs no right to write, and says that the repair does" {
    three_defects
    chmod 400 store
    if ((EUID == 0)); then
        command -v setpriv >/dev/null || skip 'there is no setpriv(1)'
        without=(setpriv '--bounding-set=-dac_override,-dac_read_search')
    fi
    code=0
    "${without[@]}" "$cowtool" repair --dry-run store >out 2>err || code=$?
    chmod 600 store
    expect "$code" repair --dry-run store
    fails grep 'the right to write' err
    chmod 400 store
    "${without[@]}" "$cowtool" repair --dry-run store >out 2>err || true
    said 'store: note: the repair itself needs the right to write to it'
}

@test "repair: an origin that is not there, or is the store itself, is refused" {
    three_defects
    refuses 8 store -- repair --yes --no-backup --origin=nowhere store
    refuses 5 store -- repair --yes --no-backup --origin=store store
}

@test "repair: an origin of no bytes is refused, and so is one that is a store; no exception goes" {
    make chunk=8 sequential=20
    : >origin
    refuses 5 origin store -- repair --yes --no-backup --origin=origin store
    said 'origin: has no bytes'
    refuses 5 origin store -- repair --dry-run --origin=origin store
    "$mkstore" origin chunk=8 size=65536 sequential=5
    refuses 5 origin store -- repair --yes --no-backup --origin=origin store
    said 'origin: is itself a COW store'
    # A store whose header is lost has no other origin either.
    put store 0 '\0'
    refuses 5 origin store -- repair --yes --no-backup --rebuild-header --origin=origin store
    said 'origin: is itself a COW store'
}

@test "repair: what is not in the view of the origin that was named says how large that is" {
    pair 81408 chunk=8 sequential=40
    expect 0 repair --dry-run --origin=origin store
    grep -q 'drop it; nothing of the view of an origin of 81408 bytes is lost' out
    fails grep 'nothing of the view is lost' out
}

@test "repair: a list that is all wrong is beyond repair" {
    make chunk=8 sequential=1100000 modulo=1 data=0
    expect 2 repair --yes --no-backup store
    said 'beyond repair'
    (($(live store) == 1100000))
}

@test "repair: what a merge left that kept this store goes with --forget-kept alone" {
    fill origin 2097152
    "$mkstore" store chunk=8 sequential=10
    "$mkstore" a chunk=8 random=100 from=100 origin_chunks=512 size=1048576
    cp a before
    # It ends at the first exception that it adds to a: the records stay.
    (ulimit -f 300; "$cowtool" merge --force --io=sync --keep=a origin store) >out 2>err || true
    [[ $(json_of inspect --quiet --json a | jq -r .record.role) == kept ]]
    cp a with-record
    expect 0 repair --yes --no-backup a
    cmp a with-record || complain 'the record went unasked'
    rm store
    expect 0 repair --yes --no-backup --forget-kept a
    [[ $(json_of inspect --quiet --json a | jq -c .record) == null ]]
    cmp <(head -c 417792 a) <(head -c 417792 before)
}
