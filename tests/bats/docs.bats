#!/usr/bin/env bats
# The man pages, the completions and README say what the program does.

setup_file() {
    bats_require_minimum_version 1.5.0
}

setup() {
    root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    cowtool=${COWTOOL:-$root/cowtool}
    check=$root/tests/check-docs
    cd "$BATS_TEST_TMPDIR" || return
}

# changed_page PAGE SED-SCRIPT: a copy of the pages in ./man, one of them changed by it.
changed_page() {
    cp -r "$root/man" man
    sed -i "$2" "man/$1"
    ! cmp -s "man/$1" "$root/man/$1"
}

# check_docs_refuses CHECK MESSAGE...: with the pages in ./man.
check_docs_refuses() {
    local sentence check_name=$1
    shift
    run env COWTOOL_MAN="$PWD/man" "$check" "$check_name"
    echo "$output"
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

# complete_zsh LINE PATTERN...: succeeds when the screen comes to match PATTERN after LINE and two tabs; so for each pair,
# in one shell.
complete_zsh() {
    # shellcheck disable=SC2016 # expanded by zsh
    PATH="$(dirname "$cowtool"):$PATH" HOME=$PWD timeout 60 zsh -f -c '
        zmodload zsh/zpty
        zpty shell zsh -f -i
        zpty -w shell "unsetopt beep; LISTMAX=0; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; stty cols 200"
        shift
        while (($#)); do
            zpty -w shell "echo rea\dy"
            zpty -r shell screen "*ready*" && zpty -w -n shell $1$'"'\\t\\t'"' && zpty -r shell screen $2 || exit
            zpty -w -n shell $'"'\\C-u'"'
            shift 2
        done' zsh "$root/completions" "$@"
}

lines_are() {
    diff <(printf '%s\n' "$@" | sort) <(printf '%s\n' "${lines[@]}" | sort)
}

@test "check-docs: program, man pages and completion agree" {
    run "$check"
    echo "$output"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "check-docs: an option that is missing in its page is found" {
    changed_page cowtool-merge.8 '/^\.It Fl Fl dry-run/d'
    check_docs_refuses options 'options of merge: only in --help: --dry-run'
}

@test "check-docs: an option of one command that is described with another one is found" {
    changed_page cowtool-verify.8 's/^\.It Fl Fl set-valid/.Sh COWTOOL VERIFY\n&/'
    check_docs_refuses options 'options of verify: only in the page: --chunk=' 'options of repair: only in --help: --chunk='
}

@test "check-docs: an option that only the page has is found" {
    changed_page cowtool-merge.8 's/^\.It Fl Fl dry-run/&\n.It Fl Fl wet-run/'
    check_docs_refuses options 'options of merge: only in the page: --wet-run'
}

@test "check-docs: an option that takes no value in the page, but in the program, is found" {
    changed_page cowtool-merge.8 's/^\.It Fl Fl io Ns.*/.It Fl Fl io/'
    check_docs_refuses options 'options of merge: only in --help: --io='
}

@test "check-docs: a common option that is missing is found for every command" {
    changed_page cowtool.8 '/^\.It Fl q , Fl Fl quiet/d'
    local missing=()
    for command in scan inspect verify dump merge export save restore repair create help; do
        missing+=("options of $command: only in --help: --quiet -q")
    done
    check_docs_refuses options "${missing[@]}"
}

@test "check-docs: a letter that is missing is found" {
    changed_page cowtool.8 's/^\.It Fl q , Fl Fl quiet/.It Fl Fl quiet/'
    check_docs_refuses options 'options of merge: only in --help: -q'
}

@test "check-docs: an option that is missing in the synopsis is found" {
    changed_page cowtool-merge.8 '/^\.Op Fl Fl resume/d'
    check_docs_refuses options 'only in --help: --resume'
}

@test "check-docs: a command that is missing in the list, or has no page, is found" {
    changed_page cowtool.8 's/^\.It Cm dump/.It Cm dumps/'
    sed -i '/^\.Nm cowtool-restore/d' man/cowtool-save.8
    check_docs_refuses options 'commands: only in --help: dump' 'no page has the name cowtool-restore'
}

@test "check-docs: a finding code that is missing in the page is found" {
    changed_page cowtool-verify.8 '/^\.It Sy dirty-tail Pq/d'
    check_docs_refuses findings 'problem.c: dirty-tail(warning)'
}

@test "check-docs: a finding with another severity in the page is found" {
    changed_page cowtool-verify.8 's/^\.It Sy dirty-tail Pq warning/.It Sy dirty-tail Pq error/'
    check_docs_refuses findings 'findings: only in the page: dirty-tail(error)'
}

@test "check-docs: an exit code that is missing in the table, or for scripts, is found" {
    changed_page cowtool.8 '/^\.It 70 Ta/d'
    sed -i 's/^\.It Sy 7 .*/.It Sy other/' man/cowtool-json.5
    check_docs_refuses exit_codes 'exit codes: only in cowtool.c: 70' 'exit codes: only in cowtool.c: 7'
}

@test "check-docs: an exit code that only the help of a command has, or only the page, is found" {
    changed_page cowtool-json.5 's/^\.It Sy 3 Pq merge, export/.It Sy 3 Pq verify, export/'
    check_docs_refuses exit_codes 'exit codes of merge: only in --help: 3' \
        'exit codes of verify: only in the page for scripts: 3'
}

@test "check-docs: a JSON key that is missing, is there twice, or in no object is found" {
    changed_page cowtool-json.5 '/^\.It Va crc32/d; s/^\.It Va windows/&\n.It Va speed/; s/^bytes_copied, commits,/commits,/'
    check_docs_refuses keys 'only in the program: crc32' 'more than once: speed' 'only in the list: bytes_copied'
}

@test "check-docs: a page that mandoc warns about, or that names a page that is not there, is found" {
    changed_page cowtool.8 's/^\.Xr cowtool 5 ,/.Xr cowtool-nosuch 5 ,/'
    check_docs_refuses pages 'cowtool.8: there is no page cowtool-nosuch.5'
    command -v mandoc >/dev/null || return 0
    sed -i 's/^\.Sh SAFETY/.Bogus macro\n&/' man/cowtool.8
    check_docs_refuses pages 'mandoc -T lint:'
}

@test "check-docs: an option that the bash completion does not offer is found" {
    { cat "$root/completions/cowtool.bash" && echo '_cowtool_options() { echo --json; }'; } >other.bash
    run env COWTOOL_BASH_COMPLETION="$PWD/other.bash" "$check" options
    [ "$status" -eq 1 ]
    [[ $output == *'options of inspect: only in --help: --disk= --help --origin= --picture --quiet'* ]]
}

@test "man pages: no line is wider than 80 columns, and cowtool(8) has about 350 of them" {
    command -v mandoc >/dev/null || skip 'mandoc is not installed'
    for page in "$root"/man/*; do
        mandoc -T ascii -O width=78 "$page" | col -bx >"${page##*/}"
        [ "$(wc -l <"${page##*/}")" -gt 60 ]
        run awk 'length > 80' "${page##*/}"
        [ -z "$output" ]
    done
    [ "$(wc -l <cowtool.8)" -lt 380 ]
}

@test "man pages: no option of 'For tests' is described anywhere else" {
    for page in "$root"/man/*; do
        run awk '/^\.S[hs] /{on = /^\.Ss For tests/} !on && /^\.It Fl Fl (io|window) /' "$page"
        [ -z "$output" ]
    done
}

@test "make install: every command has a page, and make uninstall leaves nothing" {
    make -s -C "$root" install install-rescue PREFIX=/usr DESTDIR="$PWD/there" >/dev/null
    for command in $("$cowtool" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | grep -v help); do
        grep -q "^\.Nm cowtool-$command" "there/usr/share/man/man8/cowtool-$command.8"
    done
    for page in "$root"/man/*.[578]; do
        cmp "$page" "there/usr/share/man/man${page##*.}/${page##*/}"
    done
    make -s -C "$root" uninstall PREFIX=/usr DESTDIR="$PWD/there" >/dev/null
    run find there ! -type d
    [ -z "$output" ]
}

@test "bash: the first word is a command" {
    complete_bash cowtool ''
    lines_are scan inspect verify dump merge export save restore repair create help --help --version
    complete_bash cowtool ver
    lines_are verify
}

@test "bash: options of the command, but those that are there already" {
    complete_bash cowtool merge --
    lines_are --resume --pending --keep= --undo= --invalidate-full --drop-kept= --dry-run --accept-origin --force \
        --skip-lost --window= --io= --progress= --timeout= --disk= --json --quiet --help --version
    complete_bash cowtool merge --resume --window = 16M --progress none --undo u --invalidate-full --
    lines_are --pending --keep= --drop-kept= --dry-run --accept-origin --force --skip-lost --io= --timeout= --disk= --json \
        --quiet --help --version
    complete_bash cowtool merge --re
    lines_are --resume
    complete_bash cowtool verify --js
    lines_are --json
    complete_bash cowtool verify --json=
    lines_are lines
    complete_bash cowtool repair --fo
    lines_are --forget-kept --force
    complete_bash cowtool export --ac
    lines_are --accept-origin
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
    lines_are text csv json table
    complete_bash cowtool dump --format = c
    lines_are csv
    complete_bash cowtool dump --format c
    lines_are csv
    complete_bash cowtool merge --io ''
    lines_are auto uring threads sync
    complete_bash cowtool merge --progress = ''
    lines_are auto bar json log none
    complete_bash cowtool export --fill ''
    lines_are zero
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

# disk_with_volumes: ./disk.img, with snapshots that LVM made.
disk_with_volumes() {
    gzip -dc "$root/tests/fixtures/volumes1.gz" >disk.img
}

@test "bash: where no file has the name, it is completed to a logical volume, on the disks that are named" {
    disk_with_volumes
    complete_bash cowtool merge --disk = disk.img v
    lines_are vg0/before-upgrade vg0/other vg0/root
    complete_bash cowtool merge --disk disk.img vg0/o
    lines_are vg0/other
    complete_bash cowtool verify --disk disk.img --origin = vg0/r
    lines_are vg0/root
    complete_bash cowtool merge --disk disk.img --keep vg0/b
    lines_are vg0/before-upgrade
    complete_bash cowtool merge --disk disk.img /dev/vg0/b
    lines_are /dev/vg0/before-upgrade
    complete_bash cowtool merge --disk disk.img LVM = vg0/b
    lines_are vg0/before-upgrade
    complete_bash cowtool merge --disk disk.img ''
    lines_are disk.img UUID= LABEL= PARTUUID= PARTLABEL=
    complete_bash cowtool merge --disk nosuch v
    [ -z "$output" ]
    complete_bash cowtool scan d
    lines_are disk.img
    complete_bash cowtool scan UU
    [ -z "$output" ]
    touch vg0
    complete_bash cowtool merge --disk disk.img v
    lines_are vg0
}

@test "bash: after help, a command" {
    complete_bash cowtool help ''
    lines_are scan inspect verify dump merge export save restore repair create help
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
    lines_are scan inspect verify dump merge export save restore repair create help --help --version
    complete_fish 'cowtool merge --resume --'
    lines_are --pending --keep= --undo= --invalidate-full --drop-kept= --dry-run --accept-origin --force --skip-lost \
        --window= --io= --progress= --timeout= --disk= --json --quiet --help --version
    complete_fish 'cowtool merge --dry-run --undo u --keep=a --drop-kept b --'
    lines_are --resume --pending --keep= --invalidate-full --drop-kept= --accept-origin --force --skip-lost --window= \
        --io= --progress= --timeout= --disk= --json --quiet --help --version
    complete_fish 'cowtool repair --fo'
    lines_are --forget-kept --force
    complete_fish 'cowtool dump --format='
    lines_are --format=text --format=csv --format=json --format=table
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
    disk_with_volumes
    complete_fish 'cowtool merge --disk=disk.img vg0/'
    lines_are vg0/before-upgrade vg0/other vg0/root
    complete_fish 'cowtool merge --disk disk.img --keep=LVM=vg0/o'
    lines_are --keep=LVM=vg0/other
    complete_fish 'cowtool verify --json=l'
    lines_are --json=lines
    complete_fish 'cowtool merge --disk nosuch vg0/'
    [ -z "$output" ]
    complete_fish 'cowtool scan d'
    lines_are disk.img
}

@test "zsh: commands, options, values, files and tags" {
    command -v zsh >/dev/null || skip 'zsh is not installed'
    touch origin.img
    local options='*--accept-origin*--drop-kept*--dry-run*--force*--help*--invalidate-full*--io*--json*--keep'
    disk_with_volumes
    complete_zsh 'cowtool ' '*create*dump*export*help*inspect*merge*verify*' \
        'cowtool merge --' "$options*--pending*--progress*--quiet*--resume*--undo*--window*" \
        'cowtool merge --keep=a --undo=b --' '*--drop-kept*--json*--keep*--progress*--window*' \
        'cowtool merge --keep=a --ke' '*--keep=a --keep=*' \
        'cowtool dump --format=' '*csv*json*table*text*' \
        'cowtool merge --io ' '*auto*sync*threads*uring*' \
        'cowtool verify --json=' '*--json=lines*' \
        'cowtool verify --origin=or' '*--origin=*origin.img*' \
        'cowtool merge --keep=or' '*--keep=*origin.img*' \
        'cowtool merge --keep=PARTU' '*--keep=PARTUUID=*' \
        'cowtool merge --resume --drop-kept=or' '*--drop-kept=*origin.img*' \
        'cowtool merge --undo=or' '*--undo=*origin.img*' \
        'cowtool help ' '*create*dump*export*merge*' \
        'cowtool inspect PARTU' '*PARTUUID=*' \
        'cowtool merge --disk=disk.img vg0/o' '*vg0/other*' \
        'cowtool merge --disk disk.img --keep=LVM=vg0/b' '*--keep=LVM=vg0/before-upgrade*' \
        'cowtool merge --disk=disk.img vg' '*vg0/before-upgrade*vg0/other*vg0/root*' \
        'cowtool scan dis' '*disk.img*'
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
    # How long it took is another time each time.
    diff <(sed 's/ in [0-9.]* s\b/ in TIME/' tour) <(sed 's/ in [0-9.]* s\b/ in TIME/' printed)
}

@test "README: the table has every exit code of the program" {
    diff <(sed -n '/^static int exit_code(/,/^}/s/.*return \([0-9]*\);.*/\1/p' "$root/cowtool.c" | sort -nu) \
        <(sed -n '/^Exit codes$/,/^After 3/s/^ *\([0-9][0-9]*\)  .*/\1/p' "$root/README")
}

# ci_as UID: what .ci/run calls, with stubs.
ci_as() {
    local name
    mkdir stubs
    for name in make sudo losetup; do
        printf '#!/bin/sh\necho "%s $*" >>calls\n' $name >stubs/$name
    done
    printf '#!/bin/sh\necho %s\n' "$1" >stubs/id
    chmod +x stubs/*
    mkdir .ci
    cp "$root/.ci/run" .ci
    PATH=$PWD/stubs:$PATH .ci/run >out
}

@test "README: the test command is run by .ci/run, not as root, and what that leaves out it tells" {
    command=$(sed -n 's/^The test command is: //p' "$root/README")
    ci_as 1000
    [ "$(head -n 2 calls)" = "sudo make setup
$command" ]
    run -1 grep check-lvm calls
    grep -q 'left out.*make check-lvm, make check-boot-short' out
}

@test "README: as root, .ci/run leaves nothing out" {
    ci_as 0
    grep -q '^make check-lvm$' calls
    run -1 grep 'sudo\|left out' calls out
}

@test "README: no line is longer than 80 characters" {
    run awk 'length > 80' "$root/README"
    [ -z "$output" ]
}
