# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for cowtool(8). Commands, options and their values come from the program's own --help.

# The names of logical volumes: of LVM's snapshots and their origins, on the disks that the line names, in the form in
# which $argv[1] begins. Without the right to look at disks there are none.
function __cowtool_volumes
    set -l words (commandline -opc)
    set -l disks
    for i in (seq 3 (count $words))
        switch $words[$i]
            case '--disk=*'
                set -a disks $words[$i]
            case --disk
                set -a disks --disk=$words[(math $i + 1)]
        end
    end
    set -l names ($words[1] scan --json --quiet $disks 2>/dev/null </dev/null |
        string match -ra '"(?:store|origin)":"(?:LVM=)?[A-Za-z0-9+_.-]+/[A-Za-z0-9+_.-]+"' |
        string replace -r '.*:"(.*)"' '$1' | sort -u)
    if string match -q -- 'LVM=*' $argv[1]
        string replace -r -- '^(LVM=)?' LVM= $names
    else if string match -q -- '/dev/*' $argv[1]
        string replace -r -- '^' /dev/ $names
    else
        printf '%s\n' $names
    end
end

# Block devices, image files and tags that begin with $argv[1]; where there is no such file, logical volumes. Each is
# printed after $argv[2].
function __cowtool_devices
    for tag in UUID LABEL PARTUUID PARTLABEL
        if string match -q -- "$tag=*" $argv[1]
            for entry in /dev/disk/by-(string lower $tag)/*
                echo $argv[2]$tag=(path basename $entry)
            end
            return
        end
        echo $argv[2]$tag=
    end
    set -l files (__fish_complete_path $argv[1])
    if test (count $files) -eq 0
        set files (__cowtool_volumes $argv[1])
    end
    string replace -r -- '^' $argv[2] $files
end

# The values of option $argv[1], as lines of the help in $argv[2..] have it, that begin with the rest of `token`.
# A help such as "text (default), csv or json" lists them; one word is the only one.
function __cowtool_values --argument-names option token prefix
    # One that may be left out: --json[=lines].
    set -l optional (string replace -rf -- "^ {6}$option\[=([a-z]+)\] .*" '$1' $argv[4..])
    if test -n "$optional"
        string replace -r -- '^' $prefix $optional
        return
    end
    set -l line (string match -r -- "^ {6}$option=.*" $argv[4..])
    set -l parts (string match -r -- '^ {6}--[a-z0-9-]+=(\S+) +(.*)$' $line)
    set -l text (string replace -ra ' \([^)]*\)' '' -- $parts[3])
    if string match -qr -- '^[a-z]+((, [a-z]+)* or [a-z]+)?$' $text
        string replace -r -- '^' $prefix (string match -ra '\b(?!or\b)[a-z]+' -- $text)
    else if test "$parts[2]" = FILE
        string replace -r -- '^' $prefix (__fish_complete_path $token)
    else if test "$parts[2]" != SIZE -a "$parts[2]" != SECONDS
        __cowtool_devices $token $prefix
    end
end

function __cowtool_complete
    set -l words (commandline -opc)
    set -l token (commandline -ct)
    set -l program $words[1]
    if test (count $words) -eq 1
        $program --help 2>/dev/null </dev/null | string replace -rf '^  ([a-z][a-z0-9-]*)  +(.*)' '$1\t$2'
        printf '%s\n' --help --version
        return
    end
    if test "$words[2]" = help; and not string match -q -- '-*' $token
        $program --help 2>/dev/null </dev/null | string replace -rf '^  ([a-z][a-z0-9-]*)  +(.*)' '$1\t$2'
        return
    end
    set -l help ($program $words[2] --help 2>/dev/null </dev/null)
    set -l previous $words[-1]
    if string match -q -- '--*=*' $token
        set -l pair (string split -m 1 = -- $token)
        __cowtool_values $pair[1] "$pair[2]" $pair[1]= $help
    else if string match -qr -- "^ {6}$previous=" $help
        __cowtool_values $previous "$token" '' $help
    else if string match -q -- '-*' $token
        # An option that was given is offered again only if its help says that it may be.
        for line in (string match -r -- '^  (?:-[a-zA-Z],|   ) --.*' $help)
            set -l option (string replace -r -- '^.{6}(--[a-z0-9-]+).*' '$1' $line)
            if string match -q -- '*(repeatable)' $line; or not string match -qr -- "^$option(=|\$)" $words[3..]
                string replace -r -- '^.{6}(--[a-z0-9-]+=?)\S* +(.*)' '$1\t$2' $line
            end
        end
    else if test "$words[2]" = scan
        __fish_complete_path "$token"
    else
        __cowtool_devices "$token" ''
    end
end

complete -c cowtool -f -a '(__cowtool_complete)'
