#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154
# 'cowtool help', the short options, and how --help looks.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

setup_file() {
    bats_require_minimum_version 1.5.0
}

# commands_of_help: one a line.
commands_of_help() {
    "$cowtool" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

# on_terminal COLUMNS ARGUMENT...: what cowtool prints to a terminal of that width.
on_terminal() {
    local columns=$1
    shift
    script -qec "stty cols $columns; '$cowtool' $*" /dev/null </dev/null | tr -d '\r'
}

# exit_codes COMMAND: those that its help names, one a line.
exit_codes() {
    "$cowtool" "$1" --help | sed -n '/^Exit codes:$/,/^$/s/^ *\([0-9]*\)  .*/\1/p'
}

@test "help: 'help COMMAND' and 'COMMAND -h' print what 'COMMAND --help' prints" {
    for command in $(commands_of_help); do
        "$cowtool" "$command" --help >long
        [[ $(wc -l <long) -gt 10 ]]
        "$cowtool" "$command" -h | diff long -
        "$cowtool" help "$command" | diff long -
    done
    "$cowtool" --help >long
    "$cowtool" -h | diff long -
    "$cowtool" help | diff long -
}

@test "help: an unknown command, two of them, and an unknown option are usage errors" {
    expect 64 help nosuch
    said "no such command: 'nosuch'"
    expect 64 help merge verify
    expect 64 help --resume
    expect 64 help --json nosuch
    jq -e '.error.code == 64' out
}

@test "help: a full standard output is an error" {
    for arguments in help 'help merge' 'merge -h' -h -V; do
        code=0
        # shellcheck disable=SC2086 # two words
        "$cowtool" $arguments >/dev/full 2>err || code=$?
        ((code == 4)) || complain "cowtool $arguments: exit code $code, not 4"
    done
}

@test "-V is --version, -q is --quiet" {
    "$cowtool" --version >long
    "$cowtool" -V | diff long -
    "$cowtool" merge -V | diff long -
    pair 65536 chunk=8 sequential=3
    expect 0 merge -q origin store
    [[ ! -s out && ! -s err ]]
    expect 64 inspect -q --quiet store
    said '--quiet is given twice'
}

@test "--help: no line is wider than the terminal, and no word is lost" {
    command -v script >/dev/null || skip 'script is not installed'
    for command in $(commands_of_help); do
        "$cowtool" "$command" --help | sed '/^Example:/q' | tr -s '[:space:]' '\n' >words
        for columns in 40 60 80 132; do
            on_terminal $columns "$command" --help >screen
            sed '/^Example:/q' screen | tr -s '[:space:]' '\n' | diff words -
            [[ -z $(sed -n '/^Options:/,/^Example:/p' screen | awk -v columns=$columns 'length > columns') ]] ||
                complain "$command --help is wider than $columns columns"
        done
    done
}

@test "--help: where it is no terminal, each option is one line" {
    "$cowtool" merge --help | sed -n '/^Options:/,/^$/p' | grep -v -e '^Options:$' -e '^$' >rows
    run ! grep -v '^  \(-[a-zA-Z],\|   \) --[a-z]' rows
}

@test "--help: it names the exit codes that the program has, and each code is in some command's help" {
    for command in $(commands_of_help); do
        exit_codes "$command" >codes
        sort -nc codes
        cat codes >>all
    done
    diff <(sort -nu all) \
        <(sed -n '/^static int exit_code(/,/^}/s/.*return \([0-9]*\);.*/\1/p' "$BATS_TEST_DIRNAME/../../cowtool.c" | sort -nu)
}

@test "--help: the example is of this command, and has no option that it does not have" {
    for command in $(commands_of_help); do
        "$cowtool" "$command" --help >text
        example=$(sed -n '/^Example:$/{n;p}' text)
        [[ $example == "  cowtool $command"* ]]
        while read -r option; do
            grep -q -e "^ \{6\}$option\b" text || complain "$command has no $option"
        done < <(grep -o -e '--[a-z-]*' <<<"$example")
    done
}
