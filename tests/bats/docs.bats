#!/usr/bin/env bats
# The man page, the completions and README say what the program does.

setup_file() {
    bats_require_minimum_version 1.5.0
}

setup() {
    root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    cowtool=${COWTOOL:-$root/cowtool}
    check=$root/tests/check-docs
    cd "$BATS_TEST_TMPDIR" || return
}

# changed_page SED-SCRIPT: a copy of the man page, changed by it.
changed_page() {
    sed "$1" "$root/man/cowtool.8" >page
    ! cmp -s page "$root/man/cowtool.8"
}

# check_docs_refuses MESSAGE: with page as the man page.
check_docs_refuses() {
    local sentence
    run env COWTOOL_MAN_PAGE="$PWD/page" "$check"
    [ "$status" -eq 1 ]
    for sentence in "$@"; do
        [[ $output == *"$sentence"* ]]
    done
}

# complete_bash WORD...: the candidates for the last word, as bash cut the line.
complete_bash() {
    # shellcheck disable=SC2016 # expanded by the other bash
    run bash -c '. "$1"; program=$2; shift 2; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        _cowtool "$program"; [ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"' \
        bash "$root/completions/cowtool.bash" "$cowtool" "$@"
}

# complete_fish LINE: what is offered, one a line, without descriptions.
complete_fish() {
    # shellcheck disable=SC2016 # expanded by fish
    run env HOME="$PWD" XDG_CONFIG_HOME="$PWD" XDG_DATA_HOME="$PWD" PATH="$(dirname "$cowtool"):$PATH" \
        fish -c 'source $argv[1]; complete -C "$argv[2]" | string replace -r "\t.*" ""' \
        "$root/completions/cowtool.fish" "$1"
}

# complete_zsh LINE PATTERN: succeeds when the screen comes to match PATTERN after LINE and two tabs.
complete_zsh() {
    # shellcheck disable=SC2016 # expanded by zsh
    PATH="$(dirname "$cowtool"):$PATH" HOME=$PWD timeout 30 zsh -f -c '
        zmodload zsh/zpty
        zpty shell zsh -f -i
        zpty -w shell "unsetopt beep; LISTMAX=0; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D
            stty cols 200; echo rea\dy"
        zpty -r shell screen "*ready*" && zpty -w -n shell $2$'"'\\t\\t'"' && zpty -r shell screen $3' \
        zsh "$root/completions" "$1" "$2"
}

lines_are() {
    diff <(printf '%s\n' "$@" | sort) <(printf '%s\n' "${lines[@]}" | sort)
}

@test "check-docs: program, man page and completion agree" {
    run "$check"
    echo "$output"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "check-docs: an option that is missing in the man page is found" {
    changed_page '/^\.It Fl Fl dry-run/d'
    check_docs_refuses 'options of merge: only in --help: --dry-run'
}

@test "check-docs: an option that only the man page has is found" {
    changed_page 's/^\.It Fl Fl dry-run/&\n.It Fl Fl wet-run/'
    check_docs_refuses 'options of merge: only in the page: --wet-run'
}

@test "check-docs: an option that takes no value in the man page, but in the program, is found" {
    changed_page 's/^\.It Fl Fl io Ns.*/.It Fl Fl io/'
    check_docs_refuses 'options of merge: only in --help: --io='
}

@test "check-docs: a common option that is missing is found for every command" {
    changed_page '/^\.It Fl Fl quiet/d'
    local missing=()
    for command in inspect verify dump merge export save restore create; do
        missing+=("options of $command: only in --help: --quiet")
    done
    check_docs_refuses "${missing[@]}"
}

@test "check-docs: an option that is missing in the synopsis is found" {
    changed_page '/^\.Op Fl Fl resume/d'
    check_docs_refuses 'only in --help: --resume'
}

@test "check-docs: a command that is missing in the man page is found" {
    changed_page 's/^\.Ss dump/.Ss dumps/'
    check_docs_refuses 'commands: only in --help: dump'
}

@test "check-docs: a finding code that is missing in the man page is found" {
    changed_page '/^\.It Sy dirty-tail/d'
    check_docs_refuses 'findings: only in verify/check/problem.c: dirty-tail(warning)'
}

@test "check-docs: a finding with another severity in the man page is found" {
    changed_page 's/^\.It Sy dirty-tail Pq warning/.It Sy dirty-tail Pq error/'
    check_docs_refuses 'findings: only in the page: dirty-tail(error)'
}

@test "check-docs: an exit code without a section is found" {
    changed_page '/^\.Ss 70:/d'
    check_docs_refuses 'exit codes: only in cowtool.c: 70'
}

@test "check-docs: a man page that mandoc warns about is found" {
    command -v mandoc >/dev/null || skip 'mandoc is not installed'
    changed_page 's/^\.Sh EXAMPLES/.Bogus macro\n&/'
    check_docs_refuses 'mandoc -T lint:'
}

@test "check-docs: an option that the bash completion does not offer is found" {
    { cat "$root/completions/cowtool.bash" && echo '_cowtool_options() { echo --json; }'; } >other.bash
    run env COWTOOL_BASH_COMPLETION="$PWD/other.bash" "$check"
    [ "$status" -eq 1 ]
    [[ $output == *'options of inspect: only in --help: --help --quiet'* ]]
}

@test "man page: no line is wider than 80 columns" {
    command -v mandoc >/dev/null || skip 'mandoc is not installed'
    mandoc -T ascii -O width=78 "$root/man/cowtool.8" | col -bx >text
    [ "$(wc -l <text)" -gt 300 ]
    run awk 'length > 80' text
    [ -z "$output" ]
}

@test "bash: the first word is a command" {
    complete_bash cowtool ''
    lines_are inspect verify dump merge export save restore repair create help --help --version
    complete_bash cowtool ver
    lines_are verify
}

@test "bash: options of the command, but those that are there already" {
    complete_bash cowtool merge --
    lines_are --resume --keep= --undo= --invalidate-full --drop-kept= --dry-run --force --skip-lost --window= --io= \
        --progress= --json --quiet --help --version
    complete_bash cowtool merge --resume --window = 16M --progress none --undo u --invalidate-full --
    lines_are --keep= --drop-kept= --dry-run --force --skip-lost --io= --json --quiet --help --version
    complete_bash cowtool merge --re
    lines_are --resume
}

@test "bash: options whose help says that they are repeatable are offered again" {
    "$cowtool" merge --help | grep -e '--keep=.*(repeatable)$'
    complete_bash cowtool merge --keep = a --drop-kept b --ke
    lines_are --keep=
    complete_bash cowtool merge --keep a --drop-kept = b --dr
    lines_are --drop-kept= --dry-run
    # It is the program that says so.
    sed 's/(repeatable)$//; s/.*/echo "&"/' <("$cowtool" merge --help) >other
    chmod +x other
    cowtool=./other complete_bash cowtool merge --keep = a --ke
    [ -z "$output" ]
}

@test "bash: values of an option, with an equals sign and without" {
    complete_bash cowtool dump --format =
    lines_are text csv json
    complete_bash cowtool dump --format = c
    lines_are csv
    complete_bash cowtool dump --format c
    lines_are csv
    complete_bash cowtool merge --io ''
    lines_are auto uring threads sync
    complete_bash cowtool merge --progress = ''
    lines_are auto bar json none
    complete_bash cowtool export --fill ''
    lines_are zero pattern
    complete_bash cowtool merge --window = 1
    [ -z "$output" ]
}

@test "bash: where '=' does not end a word, the whole word is completed" {
    # shellcheck disable=SC2016 # expanded by the other bash
    run bash -c '. "$1"; COMP_WORDBREAKS=" "; COMP_WORDS=(cowtool dump --format=c); COMP_CWORD=2
        _cowtool "$2"; printf "%s\n" "${COMPREPLY[@]}"' bash "$root/completions/cowtool.bash" "$cowtool"
    lines_are --format=csv
}

@test "bash: arguments are files, devices and tags" {
    touch 'a store.img' origin.img
    complete_bash cowtool merge or
    lines_are origin.img
    complete_bash cowtool merge --force origin.img 'a '
    lines_are 'a store.img'
    complete_bash cowtool verify --origin = or
    lines_are origin.img
    complete_bash cowtool inspect /dev/nul
    lines_are /dev/null
    complete_bash cowtool inspect ''
    lines_are 'a store.img' origin.img UUID= LABEL= PARTUUID= PARTLABEL=
    complete_bash cowtool verify --origin = PART
    lines_are PARTUUID= PARTLABEL=
    for option in --keep --drop-kept; do
        complete_bash cowtool merge $option = ''
        lines_are 'a store.img' origin.img UUID= LABEL= PARTUUID= PARTLABEL=
        complete_bash cowtool merge --resume $option 'a '
        lines_are 'a store.img'
    done
    complete_bash cowtool merge --undo = ''
    lines_are 'a store.img' origin.img
    complete_bash cowtool merge --undo or
    lines_are origin.img
}

@test "bash: after help, a command" {
    complete_bash cowtool help ''
    lines_are inspect verify dump merge export save restore repair create help
    complete_bash cowtool help cr
    lines_are create
}

@test "bash: after an unknown command there are no options" {
    complete_bash cowtool marge --
    [ -z "$output" ]
}

@test "fish: commands, options, values, files and tags" {
    command -v fish >/dev/null || skip 'fish is not installed'
    touch origin.img
    complete_fish 'cowtool '
    lines_are inspect verify dump merge export save restore repair create help --help --version
    complete_fish 'cowtool merge --resume --'
    lines_are --keep= --undo= --invalidate-full --drop-kept= --dry-run --force --skip-lost --window= --io= --progress= \
        --json --quiet --help --version
    complete_fish 'cowtool merge --dry-run --undo u --keep=a --drop-kept b --'
    lines_are --resume --keep= --invalidate-full --drop-kept= --force --skip-lost --window= --io= --progress= --json \
        --quiet --help --version
    complete_fish 'cowtool dump --format='
    lines_are --format=text --format=csv --format=json
    complete_fish 'cowtool merge --io '
    lines_are auto uring threads sync
    complete_fish 'cowtool verify --origin=or'
    lines_are --origin=origin.img
    complete_fish 'cowtool merge --keep=or'
    lines_are --keep=origin.img
    complete_fish 'cowtool merge --keep=PART'
    lines_are --keep=PARTUUID= --keep=PARTLABEL=
    complete_fish 'cowtool merge --resume --drop-kept or'
    lines_are origin.img
    complete_fish 'cowtool merge --undo=or'
    lines_are --undo=origin.img
    complete_fish 'cowtool merge --undo=PART'
    [ -z "$output" ]
    complete_fish 'cowtool help cr'
    lines_are create
    complete_fish 'cowtool inspect PART'
    lines_are PARTUUID= PARTLABEL=
}

@test "zsh: commands, options, values, files and tags" {
    command -v zsh >/dev/null || skip 'zsh is not installed'
    touch origin.img
    complete_zsh 'cowtool ' '*create*dump*export*help*inspect*merge*verify*'
    complete_zsh 'cowtool merge --' \
        '*--drop-kept*--dry-run*--force*--help*--invalidate-full*--io*--json*--keep*--progress*--quiet*--resume*--undo*--window*'
    complete_zsh 'cowtool merge --keep=a --undo=b --' '*--drop-kept*--json*--keep*--progress*--window*'
    complete_zsh 'cowtool merge --keep=a --ke' '*--keep=a --keep=*'
    complete_zsh 'cowtool dump --format=' '*csv*json*text*'
    complete_zsh 'cowtool merge --io ' '*auto*sync*threads*uring*'
    complete_zsh 'cowtool verify --origin=or' '*--origin=*origin.img*'
    complete_zsh 'cowtool merge --keep=or' '*--keep=*origin.img*'
    complete_zsh 'cowtool merge --keep=PARTU' '*--keep=PARTUUID=*'
    complete_zsh 'cowtool merge --resume --drop-kept=or' '*--drop-kept=*origin.img*'
    complete_zsh 'cowtool merge --undo=or' '*--undo=*origin.img*'
    complete_zsh 'cowtool help ' '*create*dump*export*merge*'
    complete_zsh 'cowtool inspect PARTU' '*PARTUUID=*'
}

@test "README: the quick tour prints what the program prints" {
    ln -s "$root/tests" tests
    ln -s "$cowtool" cowtool
    sed -n '/^A quick tour$/,/^Exit codes$/s/^    //p' "$root/README" >tour
    sed -n 's/^\$ //p' tour >commands
    [ "$(wc -l <commands)" -ge 7 ]
    grep -q 'merge .*--keep=.* --undo=' commands
    while IFS= read -r line; do
        echo "\$ $line"
        bash -c "$line" 2>>notes
    done <commands >printed
    diff tour printed
}

@test "README: the table has every exit code of the program" {
    diff <(sed -n '/^static int exit_code(/,/^}/s/.*return \([0-9]*\);.*/\1/p' "$root/cowtool.c" | sort -nu) \
        <(sed -n '/^Exit codes$/,/^After 3/s/^ *\([0-9][0-9]*\)  .*/\1/p' "$root/README")
}

@test "README: no line is longer than 80 characters" {
    run awk 'length > 80' "$root/README"
    [ -z "$output" ]
}
