#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# Three snapshots of one origin, made by real I/O: cowtool merges one and keeps the others, and the kernel looks at them,
# uses them and goes on; beside it, what the kernel's own merge leaves in them.
#
# Below $kept are folders of origin, 8, 32, 128 (stores, by their chunks' sectors) and undo. In made they are as the
# kernel made them. The snapshot of chunks K was merged: in whole-K by cowtool, in cut-K by cowtool until it was killed,
# in kernel-K by the kernel. used-K and finished-K are what the kernel made of whole-K and cut-K.

all_chunks='8 32 128'
origin_bytes=$((12003 * 512)) # the last chunk is a partial one, whatever its size

# As kernel_cases has them: the name is the chunk size.
kept_cases() {
    local chunk
    for chunk in $all_chunks; do
        echo "$chunk $chunk 12003 16384 random both $((300 / (chunk / 16 + 3)))"
    done
}

setup_file() {
    bats_require_minimum_version 1.5.0
    setup
    make_stores
    for chunk in $all_chunks; do
        merge_whole "$chunk"
        merge_until_killed "$chunk"
        copy made "kernel-$chunk"
        note_others "kernel-$chunk"
    done
    both 'boot_steps one used-8 used-32 used-128 kernel-8 kernel-32' \
        'boot_steps two finished-8 finished-32 finished-128 kernel-128'
}

setup() {
    # shellcheck source=common.bash
    . "$BATS_TEST_DIRNAME/common.bash"
    # shellcheck source=boot.bash
    . "$BATS_TEST_DIRNAME/boot.bash"
    refkeep=${TOOLS:-$here/../../build/tests/tools}/refkeep
    kept=$images/kept
    # shellcheck disable=SC2034 # use_case looks there
    case_table=kept_cases
}

# copy FROM TO
copy() {
    cp -r --sparse=always "$kept/$1" "$kept/$2"
}

# others CHUNK: the other two. kept_options CHUNK: the options of cowtool that keep them.
others() {
    local chunk
    for chunk in $all_chunks; do
        [ "$chunk" -eq "$1" ] || echo "$chunk"
    done
}

kept_options() {
    # shellcheck disable=SC2046 # a list of names
    printf -- '--keep=%s ' $(others "$1")
}

# ---- what the guests do ----

# add_disks FOLDER FILE...: for the guest that is booted next; device[FILE] is what it calls it.
add_disks() {
    local folder=$1 file
    shift
    for file in "$@"; do
        device[$file]=$(disk ${#disks[@]})
        disks+=("$kept/$folder/$file")
    done
}

# snapshots CHUNK NAME...: NAME:CHUNK:DEVICE for each, as jobs/kept-stores.sh has it. CHUNK is that of the undo store.
snapshots() {
    local chunk=$1 name
    shift
    for name in "$@"; do
        [ "$name" = undo ] && echo "undo:$chunk:${device[undo]}" || echo "$name:$name:${device[$name]}"
    done | tr '\n' ' '
}

# steps_of FOLDER: used-K, finished-K or kernel-K.
steps_of() {
    local folder=$1 chunk=${1#*-} rest
    rest=$(others "$chunk")
    # shellcheck disable=SC2086 # lists of names
    case $folder in
    used-*)
        add_disks "$folder" origin $rest undo
        echo "use $folder ${device[origin]} $(snapshots "$chunk" $rest undo)"
        echo "merge undone-$chunk ${device[origin]} $(snapshots "$chunk" undo $rest)"
        ;;
    finished-*)
        add_disks "$folder" origin "$chunk" $rest undo
        echo "merge $folder ${device[origin]} $(snapshots "$chunk" "$chunk" $rest undo)"
        ;;
    kernel-*)
        add_disks "$folder" origin "$chunk" $rest
        echo "merge $folder ${device[origin]} $(snapshots "$chunk" "$chunk" $rest)"
        ;;
    esac
}

# boot_steps LOG FOLDER...: a guest does the steps of these folders.
boot_steps() {
    local log=$kept/$1 folder chunk disks=() options=()
    local -A device=()
    shift
    for folder in "$@"; do
        steps_of "$folder"
    done >"$log.steps"
    for chunk in $all_chunks; do
        options+=(--add "$kept/$chunk.made" --add "$kept/$chunk.used")
    done
    boot "$log" kept-stores --add "$log.steps:steps" "${options[@]}" "${disks[@]}"
}

# model TO FROM CHUNK.LIST ORIGIN|SNAPSHOT: what FROM shows when these writes went through the one or the other.
model() {
    cp --sparse=always "$kept/$2" "$kept/$1"
    if [ "$4" = origin ]; then
        "$sectors" write "$kept/$3" "$kept/$1" -
    else
        "$sectors" write "$kept/$3" - "$kept/$1"
    fi
}

# The kernel makes the three stores; K.made and K.used are the writes then and later, K.view and K.later the views.
make_stores() {
    local chunk disks=()
    local -A device=()
    mkdir -p "$kept/made"
    "$sectors" fill "$kept/made/origin" 0 $((origin_bytes / 512)) 1
    for chunk in $all_chunks; do
        use_case "$chunk"
        random_writes >"$kept/$chunk.made"
        seed=$((seed + 1000000))
        random_writes >"$kept/$chunk.used"
        truncate -s $((store_sectors * 512)) "$kept/made/$chunk"
        model "$chunk.view" made/origin "$chunk.made" snapshot
        model "$chunk.later" "$chunk.view" "$chunk.used" snapshot
    done
    cp -r "$kept/made" "$kept/blank"
    # shellcheck disable=SC2086 # a list of names
    add_disks made origin $all_chunks
    # shellcheck disable=SC2086
    echo "use made ${device[origin]} $(snapshots 0 $all_chunks)" >"$kept/steps"
    boot "$kept/making" kept-stores --add "$kept/steps" --add "$kept/8.made" --add "$kept/32.made" \
        --add "$kept/128.made" "${disks[@]}"
}

# ---- what cowtool does ----

# note_others FOLDER: for refkeep, what the others of its merge show and must have afterwards.
note_others() {
    # shellcheck disable=SC2046 # a list of names
    (cd "$kept/$1" && "$refkeep" note origin "${1#*-}" $(others "${1#*-}") undo)
}

# judged FOLDER midway|ended [NAME]: by refkeep, the others, and NAME.
judged() {
    # shellcheck disable=SC2046 # a list of names
    (cd "$kept/$1" && "$refkeep" "$2" origin $(others "${1#*-}") "${@:3}")
}

# The undo store gets the room that further writes to the origin will need.
merge_whole() {
    copy made "whole-$1"
    note_others "whole-$1"
    # shellcheck disable=SC2046 # options
    (cd "$kept/whole-$1" && "$cowtool" merge --quiet $(kept_options "$1") --undo=undo origin "$1")
    copy "whole-$1" "used-$1"
    truncate -s 8M "$kept/used-$1/undo"
}

merge_until_killed() {
    local all
    all=$("$live" count "$kept/made/$1")
    copy made "cut-$1"
    note_others "cut-$1"
    # shellcheck disable=SC2046 # options
    (cd "$kept/cut-$1" && "$live" cut $((all * 6 / 10)) KILL "$1" \
        "$cowtool" merge --quiet --window=8K $(kept_options "$1") --undo=undo origin "$1" >left)
    [ "$(cut -d ' ' -f 1 "$kept/cut-$1/left")" -gt 0 ]
    copy "cut-$1" "finished-$1"
}

# ---- what is said and what must be ----

# told WHEN NAME LABEL: the hash that a guest printed.
told() {
    cat "$kept"/{making,one,two} | sed -n "s/^$1 $2 $3 //p" | grep .
}

# shown WHEN NAME LABEL FILE: so it is that of FILE.
shown() {
    local hash wanted
    hash=$(told "$1" "$2" "$3")
    wanted=$(md5sum <"$kept/$4")
    [ "$hash" = "${wanted%% *}" ] || {
        echo "$1 $2: the kernel shows in $3 what is not $4"
        return 1
    }
}

# old_chunks STORE
old_chunks() {
    "$cowtool" dump --format=csv "$kept/$1" | sed 1d | cut -d , -f 3 | sort -n
}

# noted_row CHUNK WHAT: a row of the table, of what was compared before and found equal.
noted_row() {
    printf '6\t%s\tthree snapshots\t%s\tequal\tequal\n' "$1" "$2" >>"$results"
}

@test "kept: the kernel's three snapshots show what was written through each, and their origin what went through it" {
    cp "$kept/blank/origin" "$kept/made.model"
    for chunk in $all_chunks; do
        shown BEFORE made "$chunk" blank/origin
        shown AFTER made "$chunk" "$chunk.view"
        shown AGAIN made "$chunk" "$chunk.view"
        "$sectors" write "$kept/$chunk.made" "$kept/made.model" -
        # Writes to it and to the origin, and the origin's last chunk.
        [ "$("$live" count "$kept/made/$chunk")" -gt 30 ]
        "$live" list "$kept/made/$chunk" | grep -q "^[0-9]*,[0-9]*,$((12003 / chunk)),"
    done
    same "$kept/made/origin" "$kept/made.model"
}

@test "kept: cowtool merges one, and the others have every byte and exception that they must have, chunks 8, 32 and 128" {
    for chunk in $all_chunks; do
        same "$kept/whole-$chunk/origin" "$kept/$chunk.view"
        [ "$("$live" count "$kept/whole-$chunk/$chunk")" -eq 0 ]
        judged "whole-$chunk" ended undo
        for other in $(others "$chunk"); do
            differ "$kept/whole-$chunk/$other" "$kept/made/$other"
            "$cowtool" verify --origin="$kept/whole-$chunk/origin" "$kept/whole-$chunk/$other"
        done
    done
}

@test "kept: the kernel maps the others over the merged origin and shows what it showed, chunks 8, 32 and 128" {
    for chunk in $all_chunks; do
        for other in $(others "$chunk"); do
            shown BEFORE "used-$chunk" "$other" "$other.view"
        done
    done
}

@test "kept: further writes to the others and to the origin are where they belong, also when all is loaded anew" {
    for chunk in $all_chunks; do
        cp "$kept/$chunk.view" "$kept/model"
        for other in $(others "$chunk"); do
            differ "$kept/$other.view" "$kept/$other.later"
            shown AFTER "used-$chunk" "$other" "$other.later"
            shown AGAIN "used-$chunk" "$other" "$other.later"
            "$sectors" write "$kept/$other.used" "$kept/model" -
        done
        differ "$kept/model" "$kept/$chunk.view"
        shown AFTER "used-$chunk" base model
        shown AGAIN "used-$chunk" base model
        noted_row "$chunk" 'cowtool merges one, the kernel uses the others'
    done
}

@test "undo: mapped by the kernel it shows the origin of before, also after further writes to the origin" {
    for chunk in $all_chunks; do
        shown BEFORE "used-$chunk" undo made/origin
        shown AFTER "used-$chunk" undo made/origin
        shown AGAIN "used-$chunk" undo made/origin
    done
}

@test "undo: merged by the kernel it brings the origin back, and the others show what they showed" {
    for chunk in $all_chunks; do
        same "$kept/used-$chunk/origin" "$kept/made/origin"
        for other in $(others "$chunk"); do
            shown AFTER "undone-$chunk" "$other" "$other.later"
        done
        noted_row "$chunk" 'cowtool merges, the kernel merges the undo'
    done
}

@test "undo: merged by cowtool it brings the origin back" {
    for chunk in $all_chunks; do
        copy "whole-$chunk" "back-$chunk"
        # shellcheck disable=SC2046 # options
        (cd "$kept/back-$chunk" && "$cowtool" merge --quiet $(kept_options "$chunk") origin undo)
        same "$kept/back-$chunk/origin" "$kept/made/origin"
        judged "back-$chunk" ended
    done
}

@test "kept: after the kernel's own merge the others have the same old chunks as after cowtool's" {
    for chunk in $all_chunks; do
        same "$kept/kernel-$chunk/origin" "$kept/whole-$chunk/origin"
        for other in $(others "$chunk"); do
            shown BEFORE "kernel-$chunk" "$other" "$other.view"
            shown AFTER "kernel-$chunk" "$other" "$other.view"
            diff <(old_chunks "kernel-$chunk/$other") <(old_chunks "whole-$chunk/$other")
            [ "$(old_chunks "whole-$chunk/$other" | wc -l)" -gt "$("$live" count "$kept/made/$other")" ]
        done
        judged "kernel-$chunk" ended
        noted_row "$chunk" 'the set of exceptions in the others, as after the kernel'
    done
}

@test "kept: merges that keep the others were killed in the middle, and every view is what it was" {
    for chunk in $all_chunks; do
        read -r live_left code <"$kept/cut-$chunk/left"
        [ "$live_left" -gt 0 ]
        [ "$live_left" -lt "$("$live" count "$kept/made/$chunk")" ]
        [ "$code" -eq 137 ]
        judged "cut-$chunk" midway undo
        for other in $(others "$chunk"); do
            shown BEFORE "finished-$chunk" "$other" "$other.view"
        done
        shown BEFORE "finished-$chunk" undo made/origin
    done
}

@test "kept: the kernel finishes cowtool's killed merges with the others loaded, which show what they showed" {
    for chunk in $all_chunks; do
        same "$kept/finished-$chunk/origin" "$kept/$chunk.view"
        for other in $(others "$chunk"); do
            shown AFTER "finished-$chunk" "$other" "$other.view"
        done
        shown AFTER "finished-$chunk" undo made/origin
        noted_row "$chunk" 'cowtool killed, kernel finishes, the others loaded'
    done
}

@test "kept: a last resume takes all records away, and every store is as if nobody had been killed" {
    for chunk in $all_chunks; do
        copy "finished-$chunk" "cleaned-$chunk"
        (
            cd "$kept/cleaned-$chunk"
            run -5 "$cowtool" merge --resume origin "$chunk"
            # shellcheck disable=SC2046 # options
            "$cowtool" merge --resume --quiet $(kept_options "$chunk") --undo=undo origin "$chunk"
        )
        judged "cleaned-$chunk" ended undo
        same "$kept/cleaned-$chunk/origin" "$kept/$chunk.view"
        for store in $(others "$chunk") undo; do
            diff <(old_chunks "cleaned-$chunk/$store") <(old_chunks "whole-$chunk/$store")
        done
        (cd "$kept/cleaned-$chunk" && "$cowtool" merge --quiet origin undo)
        same "$kept/cleaned-$chunk/origin" "$kept/made/origin"
    done
}

@test "kept: a resume finishes the killed merges as well" {
    for chunk in $all_chunks; do
        copy "cut-$chunk" "resumed-$chunk"
        # shellcheck disable=SC2046 # options
        (cd "$kept/resumed-$chunk" && "$cowtool" merge --resume --quiet $(kept_options "$chunk") --undo=undo origin "$chunk")
        judged "resumed-$chunk" ended undo
        same "$kept/resumed-$chunk/origin" "$kept/$chunk.view"
        noted_row "$chunk" 'cowtool killed, cowtool resumes, the others kept'
    done
}
