# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for cowtool(8). Commands, options and their values come from the program's own --help.

# The functions below share the variables of _cowtool: program, command, words, cur.

# Lines of two spaces and a name.
_cowtool_commands() {
    "$program" --help 2>/dev/null </dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z0-9-]*\)  .*/\1/p'
}

# Lines of two spaces, a letter or its place, and --name or --name=VALUE. Those that take a value end in '='.
_cowtool_options() {
    "$program" "$command" --help 2>/dev/null </dev/null | sed -n 's/^  \(-[a-zA-Z],\|   \) \(--[a-z0-9-]*=\{0,1\}\).*/\2/p'
}

# Those that may be given again and again: their help ends so.
_cowtool_repeatable() {
    "$program" "$command" --help 2>/dev/null </dev/null | sed -n 's/^ \{6\}\(--[a-z0-9-]*=\{0,1\}\).*(repeatable)$/\1/p'
}

# _cowtool_value_help OPTION: what the help calls its value, then the text; empty where it takes none.
_cowtool_value_help() {
    "$program" "$command" --help 2>/dev/null </dev/null | sed -n "s/^ \{6\}$1=\([^ ]*\)  *\(.*\)/\1 \2/p"
}

# The same of a value that may be left out, as in --json[=lines].
_cowtool_optional_help() {
    "$program" "$command" --help 2>/dev/null </dev/null | sed -n "s/^ \{6\}$1\[=\([a-z]*\)\] .*/WORD \1/p"
}

# _cowtool_add_files VALUE PREFIX
_cowtool_add_files() {
    local files=()
    mapfile -t files < <(compgen -f -- "$1")
    COMPREPLY+=("${files[@]/#/$2}")
    compopt -o filenames 2>/dev/null
}

# The names of logical volumes, one a line: of LVM's snapshots and their origins, on the disks that the line names.
# Without the right to look at disks there are none.
_cowtool_volumes() {
    local i disks=()
    for ((i = 2; i < ${#words[@]} - 1; i++)); do
        case ${words[i]} in
            --disk=*) disks+=("${words[i]}") ;;
            --disk) disks+=("--disk=${words[i + 1]}") ;;
        esac
    done
    "$program" scan --json --quiet "${disks[@]}" 2>/dev/null </dev/null |
        grep -oE '"(store|origin)":"(LVM=)?[A-Za-z0-9+_.-]+/[A-Za-z0-9+_.-]+"' | cut -d '"' -f 4 | sort -u
}

# _cowtool_add_volumes VALUE PREFIX: in the form in which VALUE begins.
_cowtool_add_volumes() {
    local name names
    mapfile -t names < <(_cowtool_volumes)
    for name in "${names[@]}"; do
        [[ $1 == LVM=* && $name != LVM=* ]] && name=LVM=$name
        [[ $1 == /dev/* ]] && name=/dev/$name
        [[ $name == "$1"* ]] && COMPREPLY+=("$2$name")
    done
}

# _cowtool_add_devices VALUE PREFIX: block devices, image files and tags; where there is no such file, logical volumes.
_cowtool_add_devices() {
    local tag kind entry tags=()
    for tag in UUID= LABEL= PARTUUID= PARTLABEL=; do
        if [[ $1 == "$tag"* ]]; then
            kind=${tag,,}
            for entry in "/dev/disk/by-${kind%=}"/*; do
                [[ -e $entry && $tag${entry##*/} == "$1"* ]] && COMPREPLY+=("$2$tag${entry##*/}")
            done
            return
        fi
        [[ $tag == "$1"* ]] && tags+=("$tag")
    done
    _cowtool_add_files "$1" "$2"
    if [[ ${#COMPREPLY[@]} -eq 0 && (${#tags[@]} -eq 0 || -z $1) ]]; then
        _cowtool_add_volumes "$1" "$2"
        compopt +o filenames 2>/dev/null
    fi
    [[ ${#tags[@]} -gt 0 ]] || return
    COMPREPLY+=("${tags[@]/#/$2}")
    # 'filenames' would put a backslash before the '=' of a tag.
    compopt +o filenames -o nospace 2>/dev/null
}

# _cowtool_add_values HELP VALUE PREFIX: a help such as "FORMAT text (default), csv or json" lists them; one word is the only one.
_cowtool_add_values() {
    local text value
    text=$(sed 's/^[^ ]* //; s/ ([^)]*)//g' <<<"$1")
    if [[ $text =~ ^[a-z]+((, [a-z]+)*\ or\ [a-z]+)?$ ]]; then
        text=${text// or / }
        for value in ${text//,/}; do
            [[ $value == "$2"* ]] && COMPREPLY+=("$3$value")
        done
    elif [[ $1 == FILE\ * ]]; then
        _cowtool_add_files "$2" "$3"
    elif [[ $1 != SIZE\ * && $1 != SECONDS\ * ]]; then
        _cowtool_add_devices "$2" "$3"
    fi
}

# Options that are not there yet, and those that may be there again.
_cowtool_add_options() {
    local option word repeatable
    mapfile -t repeatable < <(_cowtool_repeatable)
    for option in $(_cowtool_options); do
        for word in "${words[@]:2:${#words[@]}-3}"; do
            [[ ${word%%=*} == "${option%=}" && " ${repeatable[*]} " != *" $option "* ]] && continue 2
        done
        [[ $option == "$cur"* ]] && COMPREPLY+=("$option")
    done
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
}

# readline cuts words at '=': sets `words`, up to the cursor, with them put together again.
_cowtool_join_words() {
    local word last
    words=()
    for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        last=$((${#words[@]} - 1))
        if [[ $COMP_WORDBREAKS == *=* && $last -ge 1 && ($word == = || ${words[last]} == *=) ]]; then
            words[last]+=$word
        else
            words+=("$word")
        fi
    done
}

_cowtool_add_all() {
    local previous=${words[-2]} help=''
    if [[ ${#words[@]} -le 2 ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_cowtool_commands) --help --version" -- "$cur")
    elif [[ $cur == --*=* ]]; then
        help=$(_cowtool_value_help "${cur%%=*}")
        [[ -n $help ]] || help=$(_cowtool_optional_help "${cur%%=*}")
        [[ -n $help ]] && _cowtool_add_values "$help" "${cur#*=}" "${cur%%=*}="
    elif [[ $previous == --* && $previous != *=* ]] && help=$(_cowtool_value_help "$previous") && [[ -n $help ]]; then
        _cowtool_add_values "$help" "$cur" ''
    elif [[ $cur == -* ]]; then
        _cowtool_add_options
    elif [[ $command == help ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_cowtool_commands)" -- "$cur")
    elif [[ $command == scan ]]; then
        _cowtool_add_files "$cur" ''
    else
        _cowtool_add_devices "$cur" ''
    fi
}

_cowtool() {
    local program=${1:-cowtool} command words cur
    COMPREPLY=()
    _cowtool_join_words
    command=${words[1]} cur=${words[-1]}
    _cowtool_add_all
    # What is before the last '=' is not part of readline's word.
    if [[ $cur == *=* && $COMP_WORDBREAKS == *=* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"${cur%=*}="}")
    fi
}

complete -F _cowtool cowtool
