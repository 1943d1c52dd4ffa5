#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/check-layers finds what goes against the floors and rooms, in sources and in headers.

setup() {
    root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    cd "$BATS_TEST_TMPDIR" || return
    mkdir tree
    cp -r "$root"/cowtool.c "$root"/store "$root"/verify "$root"/merge tree/
}

# layers: as 'make layers' does it, on the copy.
layers() {
    local files
    files=$(cd tree && find . -name 'cmd_*.c' -o -path './store/cli/*.c' -o -name nbdkit_plugin.c | sed 's|^\./||')
    # shellcheck disable=SC2086 # a list
    "$root/tests/check-layers" tree $files >out
}

# offends FILE LINE: with that line the check fails, and names the file.
offends() {
    layers
    sed -i "1a $2" "tree/$1"
    if layers; then
        echo "$2 in $1 was not found"
        return 1
    fi
    grep "^layers: $1 " out
}

@test "layers: an include from floor to floor is found, in a header, too" {
    offends store/cow/store.h '#include "merge/merge.h"'
}

@test "layers: an include from room to room is found, in a header, too" {
    offends store/base/text.h '#include "store/device/device.h"'
}

@test "layers: rooms beside each other do not know each other" {
    offends verify/repair/rebuild.c '#include "verify/export/export.h"'
}

@test "layers: a file in no room is found" {
    layers
    cp tree/store/base/text.h tree/store/
    if layers; then return 1; fi
    grep '^layers: store/text.h is in no room' out
}

@test "layers: a library that prints, and one that knows the command line, are found" {
    layers
    echo 'void store_shout(void) { puts("here"); }' >>tree/store/cow/store.c
    if layers; then return 1; fi
    cp "$root/store/cow/store.c" tree/store/cow/
    sed -i '1a #include "store/cli/json.h"' tree/merge/merge.c
    if layers; then return 1; fi
    grep 'must not know the command line' out
}

@test "layers: a library that names an option, or a command, is found" {
    layers
    for words in 'use --force' "see 'cowtool verify'"; do
        cp "$root/merge/merge.c" tree/merge/
        echo "const char *merge_help = \"$words\";" >>tree/merge/merge.c
        if layers; then return 1; fi
        grep '^layers: merge/merge.c names an option or a command' out
    done
}
