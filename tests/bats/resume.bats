#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2016,SC2017,SC2030,SC2031
# Merges that are cut off, and what goes on with them. The judge is the reference merge of the pristine pair.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

setup_file() {
    cd "$BATS_FILE_TMPDIR" || exit
    pristine_pair
    cut_off INT
    put_by origin store
}

setup() {
    pristine=$BATS_FILE_TMPDIR/pristine
    cd "$BATS_TEST_TMPDIR" || exit
    ln -s "$BATS_FILE_TMPDIR"/right.* .
}

# resumed OPTION...: a resume goes to the end, and the end is right.
resumed() {
    expect 0 merge --resume "$@" origin store
    merged
}

# kernel_can_finish: the reference merge of copies, which knows nothing of records, leaves the right origin.
kernel_can_finish() {
    cp origin copy.origin
    cp store copy.store
    "$refmerge" copy.origin copy.store >/dev/null
    same copy.origin right.origin
}

# place_of INDEX: the byte where this exception is in a store of chunks of one sector.
place_of() {
    echo $(((1 + $1 / 32 * 33) * 512 + $1 % 32 * 16))
}

# merge_by_hand COUNT: what the kernel does: the last exceptions' data to the origin, then zeros in their place.
# Only for stores of chunks of one sector. $left is what is left then.
merge_by_hand() {
    local index place last
    last=$(live store)
    left=$((last - $1))
    for ((index = last - 1; index >= left; index--)); do
        place=$(place_of $index)
        dd if=store of=origin bs=512 skip="$(number store $((place + 8)))" seek="$(number store "$place")" count=1 \
            conv=notrunc status=none
        put store "$place" '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
    done
}

# ---- signals ----

@test "resume: SIGINT stops a merge with 3 and names the command that resumes it, which then finishes it" {
    cut_off INT
    ((status == 3)) || complain "exit code $status, not 3"
    said "cowtool merge --resume origin store"
    kernel_can_finish
    resumed
}

@test "resume: SIGTERM stops a merge with 3, and a resume finishes it" {
    cut_off TERM
    ((status == 3)) || complain "exit code $status, not 3"
    said "cowtool merge --resume origin store"
    kernel_can_finish
    resumed
}

@test "resume: a merge that was stopped with --json says on stdout what is left" {
    cut_off INT --json
    failure 3
    object '.exceptions_before == 2000 and .exceptions_left == $left and .merged == 2000 - $left' --argjson left "$left"
    expect 0 merge --resume --json origin store
    has "{\"exceptions_before\": $left, \"merged\": $left, \"exceptions_left\": 0}"
    merged
}

@test "resume: SIGKILL leaves what the kernel could finish, and a resume finishes it" {
    cut_off KILL
    ((status == 137))
    kernel_can_finish
    resumed
}

@test "resume: SIGKILL leaves what a resume finishes, in a store without order" {
    rm right.*
    pristine_pair reversed=1
    cut_off KILL
    kernel_can_finish
    resumed
}

@test "resume: SIGKILL at random moments, several times in a row, with every engine" {
    cut_off KILL
    for engine in sync threads auto sync; do
        start --resume --window=512 --io=$engine
        sleep "$(printf '0.%03d' $((RANDOM % 40)))"
        kill -KILL "$merge_pid" 2>/dev/null || true
        ended
        kernel_can_finish
    done
    resumed
}

@test "resume: a merge that was stopped several times in a row" {
    unfinished
    for _ in 1 2 3; do
        start --resume --window=512 --io=sync
        sleep "$(printf '0.%03d' $((RANDOM % 40)))"
        kill -TERM "$merge_pid" 2>/dev/null || true
        ended
        # 143: the signal came before the program had begun, which under a sanitizer takes its time.
        ((status == 3 || status == 0 || status == 143)) || complain "exit code $status"
        kernel_can_finish
    done
    resumed
}

@test "resume: a resume may use other windows and engines" {
    unfinished
    resumed --window=1M --io=threads
}

# ---- what an unfinished merge refuses ----

@test "resume: a plain merge of an unfinished one is refused with the command that resumes it" {
    unfinished
    refuses 5 origin store -- merge origin store
    said 'cowtool merge --resume origin store'
    refuses 5 origin store -- merge --dry-run origin store
    resumed
}

@test "resume: a plain merge is refused, too, when only the record is left" {
    unfinished
    "$refmerge" origin store >/dev/null
    refuses 5 origin store -- merge origin store
    resumed
}

@test "resume: another origin of the same size is refused" {
    unfinished
    fill other 1572864 77
    refuses 5 origin store other -- merge --resume other store
    refuses 5 origin store other -- merge --resume --dry-run other store
    resumed
}

@test "resume: the origin as it was before the merge is refused" {
    unfinished
    cp "$pristine/origin" other
    refuses 5 origin store other -- merge --resume other store
    resumed
}

# tests/bats/larger_origin.bats has what is accepted.
@test "resume: a smaller origin is refused, and a larger one without the data that was merged first" {
    unfinished
    witness=$(number "$pristine/store" "$(place_of 1999)")
    for more in 4096 512; do
        cp origin larger
        truncate -s +$more larger
        put larger $((witness * 512 + 100)) '?'
        refuses 5 origin store larger -- merge --resume larger store
    done
    cp origin smaller
    truncate -s -512 smaller
    refuses 5 origin store smaller -- merge --resume smaller store
    resumed
}

@test "resume: an origin to which somebody wrote where the merge had been first is refused" {
    unfinished
    place=$(place_of 1999)
    witness=$(number "$pristine/store" "$place")
    cp origin other
    put other $((witness * 512 + 100)) '?'
    refuses 5 origin store other -- merge --resume other store
    resumed
}

@test "resume: a store that is marked invalid in the middle of a merge is refused" {
    unfinished
    put store 4 '\0'
    refuses 2 origin store -- merge --resume origin store
    put store 4 '\1'
    resumed
}

@test "resume: a store that was damaged in the middle of a merge is refused" {
    unfinished
    cp store sound
    put store 520 '\1\0\0\0\0\0\0\0'
    refuses 2 origin store -- merge --resume origin store
    cp sound store
    resumed
}

# ---- nothing to do, nobody began ----

@test "resume: with nothing left to merge it succeeds, again and again, and writes nothing" {
    from_pristine
    expect 0 merge origin store
    merged
    remember origin store
    for _ in 1 2 3; do
        expect 0 merge --resume origin store
        unchanged
    done
    expect 0 merge --resume --json origin store
    has '{"exceptions_before": 0, "merged": 0, "exceptions_left": 0}'
    unchanged
}

@test "resume: a store that was always empty has nothing to resume" {
    pair 65536 chunk=8
    remember origin store
    expect 0 merge --resume origin store
    unchanged
}

@test "resume: of a store that was never merged it is a merge" {
    from_pristine
    resumed
}

@test "resume: a dry run changes nothing and counts what is left" {
    unfinished
    remember origin store
    expect 0 merge --resume --dry-run --json origin store
    has "{\"exceptions_before\": $left, \"merged\": 0, \"exceptions_left\": $left}"
    unchanged
    resumed
}

# ---- the kernel and the record ----

@test "resume: a merge that the kernel began needs no record" {
    from_pristine
    merge_by_hand 5
    (($(live store) == 1995))
    cp origin plain.origin
    cp store plain.store
    resumed
    expect 0 merge plain.origin plain.store
    same plain.origin right.origin
    same plain.store right.store
}

@test "resume: a merge with which the kernel went on is finished" {
    unfinished
    before=$left
    merge_by_hand 5
    (($(live store) == before - 5))
    resumed
}

@test "resume: a merge that the kernel finished leaves only the record to remove" {
    unfinished
    "$refmerge" origin store >/dev/null
    (($(live store) == 0))
    expect 0 inspect --json store
    has '{"state": "merging", "exceptions": 0}'
    resumed
    expect 0 inspect --json store
    has '{"state": "empty", "record": null}'
}

@test "resume: entries that a torn clear left behind the end do not come alive and are gone afterwards" {
    rm right.*
    judged_pair 1638400 chunk=8 random=250 origin_chunks=400
    # All was merged, and of the clearing only the area's fourth sector reached the disk: exceptions 96 to 127.
    cp right.origin origin
    dd if=/dev/zero of=store bs=512 seek=11 count=1 conv=notrunc status=none
    expect 1 verify --json store
    has '{"verdict": "problems", "exceptions": 96}'
    resumed
}

@test "resume: an area that was to be cleared and did not reach the disk is cleared" {
    unfinished
    sector=$(($(place_of 1952) / 512))
    cmp -i $((sector * 512)):0 -n 512 store /dev/zero
    dd if="$pristine/store" of=store bs=512 skip=$sector seek=$sector count=1 conv=notrunc status=none
    (($(live store) == left))
    resumed
}

@test "resume: an unfinished merge is the state merging, with a record of the origin and the start" {
    unfinished
    expect 0 inspect --json store
    has "{\"state\": \"merging\", \"exceptions\": $left,
        \"record\": {\"role\": \"merging\", \"origin_bytes\": 1572864, \"exceptions\": 2000, \"kept_stores\": 0}}"
    expect 0 inspect store
    grep -qw merging out
    resumed
    expect 0 inspect --json store
    has '{"state": "empty", "record": null}'
}

@test "resume: the record is in bytes 256 to 511 and leaves the rest of the header alone" {
    unfinished
    same store "$pristine/store" 256
    fails cmp -s -i 256 -n 256 store "$pristine/store"
    cmp -i 512 -n 512 store "$pristine/store"
}

# stale: a store of 50 exceptions that has the record of another merge.
stale() {
    unfinished
    head -c 512 store >sector
    rm right.*
    judged_pair 1572864 chunk=1 random=50 origin_chunks=3072 seed=9
    dd if=sector of=store conv=notrunc status=none
}

@test "resume: the record of a store that was used again is ignored with a note, by a plain merge" {
    stale
    expect 0 merge origin store
    said stale
    merged
}

@test "resume: the record of a store that was used again is ignored with a note, by a resume" {
    stale
    expect 0 merge --resume origin store
    said stale
    merged
}

@test "resume: --quiet leaves the note of a stale record out" {
    stale
    expect 0 merge --quiet origin store
    [[ ! -s out ]]
    [[ ! -s err ]]
    merged
}

@test "resume: the record of a store that has more exceptions than then is stale" {
    unfinished
    head -c 512 store >sector
    rm right.*
    judged_pair 1572864 chunk=1 random=2001 origin_chunks=3072
    dd if=sector of=store conv=notrunc status=none
    expect 0 merge origin store
    said stale
    merged
}

@test "resume: a stale record is no unfinished merge for inspect and verify" {
    stale
    expect 0 inspect --json store
    has '{"state": "active", "exceptions": 50}'
    expect 1 verify --json store
    object '[.findings[].code] == ["header-slack", "store-full"]'
}

@test "resume: a record with a wrong checksum is no record" {
    unfinished
    put store 300 '\377'
    expect 0 inspect --json store
    has '{"state": "active", "record": null}'
    expect 0 merge origin store
    merged
}

# ---- errors ----

@test "resume: a write error ends a merge with 4, and a resume finishes it" {
    from_pristine
    # Nothing after 512 KiB can be written, in neither of the two. (Without --force, libblkid is shown a sparse file as
    # large as the origin, which would meet the limit first.)
    code=0
    (
        ulimit -f 512
        exec "$cowtool" merge --force --json --window=16K origin store
    ) >out 2>err || code=$?
    ((code == 4)) || complain "exit code $code, not 4"
    failure 4
    said 'cannot write'
    said 'File too large'
    kernel_can_finish
    resumed
}
