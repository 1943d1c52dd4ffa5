#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2119
# Whose store it is: what is compared, what cannot be, and what speaks against an origin.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

uuid=11111111-2222-3333-4444-555555555555
other_uuid=66666666-7777-8888-9999-aaaaaaaaaaaa

# overlay FILE CHUNK...: ./store, with chunks of 4 KiB, gets these chunks of FILE as its exceptions, in this order.
overlay() {
    local file=$1 number=0 old
    shift
    make chunk=8 sequential=$# from=100
    for old; do
        put_number store $((4096 + 16 * number)) "$old"
        dd if="$file" of=store bs=4096 skip="$old" seek=$((2 + number++)) count=1 conv=notrunc status=none
    done
}

# put_number FILE OFFSET NUMBER: 8 bytes, the lowest first.
put_number() {
    local i text=''
    for ((i = 0; i < 8; i++)); do
        text+=$(printf '\\%03o' $(($3 >> (8 * i) & 255)))
    done
    put "$1" "$2" "$text"
}

# partition_table FILE FIRST SECTORS: an MBR with one partition.
partition_table() {
    put_number "$1" 446 $((0x83 << 32))
    put_number "$1" 454 $(($2 | $3 << 32))
    put "$1" 440 'disk'
    put "$1" 510 '\125\252'
}

# tells TEXT IDENTITY OPTION...: a dry run and a merge of copies tell so, before the first write.
tells() {
    local note=$1 identity=$2
    shift 2
    remember origin store
    expect 0 merge --dry-run --json "$@" origin store
    is .identity "$identity"
    [[ -z $note ]] || said "$note"
    [[ -n $note ]] || fails grep 'nothing in it tells' err
    unchanged
    cp origin merged.origin
    cp store merged.store
    expect 0 merge --json "$@" merged.origin merged.store
    is .identity "$identity"
}

@test "identity: a store without the superblock says so, in the dry run, before the merge, and in JSON" {
    file_system origin $uuid
    cp origin changed
    put changed $((300 * 4096)) 'changed in the snapshot'
    overlay changed 300
    tells 'store: note: nothing in it tells whether ' not-in-store
    expect 0 merge --dry-run origin store
    grep -q '^Identity: *nothing in the store tells$' out || complain 'the plan does not say so'
    expect 0 verify --json --origin=origin store
    is .identity not-in-store
    said 'nothing in it tells'
    expect 0 export --json origin store image
    is .identity not-in-store
    said 'nothing in it tells'
}

@test "identity: a store with the superblock is compared, and nothing is noted" {
    file_system origin $uuid
    cp origin changed
    put changed $((300 * 4096)) 'changed in the snapshot'
    overlay changed 0 300
    tells '' compared
    expect 0 verify --json --origin=origin store
    is .identity compared
}

@test "identity: some other block of the first MiB is not the superblock" {
    file_system origin $uuid
    overlay origin 5 7
    tells 'nothing in it tells' not-in-store
}

@test "identity: another UUID may be another device, and --accept-origin consents to that alone" {
    file_system origin $uuid
    file_system changed $other_uuid
    overlay changed 0 300
    refuses 5 origin store -- merge origin store
    said 'origin: may be another device than the origin of store: it holds ext4'
    said --accept-origin
    refuses 5 origin store -- export origin store image
    said --accept-origin
    [[ ! -e image ]] || complain 'there is an image'
    expect 0 export --accept-origin --quiet origin store image
    cp origin right
    dd if=changed of=right bs=4096 count=1 conv=notrunc status=none
    same image right
    expect 0 verify --json --origin=origin store
    object '.verdict == "clean" and .identity == "unknown" and (.identity_problem | contains("may be another device"))'
    expect 0 merge --accept-origin origin store
    same origin right
}

@test "identity: --accept-origin consents neither to two exceptions for a chunk nor to a store as ORIGIN" {
    pair 40960 chunk=1 sequential=150 modulo=60
    refuses 2 origin store -- merge --accept-origin origin store
    cp store other
    refuses 5 other store -- merge --accept-origin other store
}

@test "identity: an exception outside all partitions of the origin is refused" {
    truncate -s 8M origin
    partition_table origin 4096 4096
    fill changed 8388608
    overlay changed 600 700
    tells 'nothing in it tells' not-in-store
    overlay changed 600 300
    refuses 5 origin store -- merge origin store
    said 'old chunk 300 of the store is outside all of its partitions'
    refuses 5 origin store -- merge --dry-run origin store
    refuses 5 origin store -- export origin store image
    cp origin right
    dd if=changed of=right bs=4096 skip=600 seek=600 count=1 conv=notrunc status=none
    dd if=changed of=right bs=4096 skip=300 seek=300 count=1 conv=notrunc status=none
    expect 0 merge --accept-origin origin store
    same origin right
}

@test "identity: an exception after the end of the origin's file system is refused, and an origin smaller than it" {
    file_system origin $uuid
    truncate -s 16M origin
    fill changed 16777216
    overlay changed 300 2000
    refuses 5 origin store -- merge origin store
    said 'old chunk 2000 of the store is after the end of what it holds'
    overlay changed 300
    truncate -s 1600K origin
    refuses 5 origin store -- merge origin store
    said 'is smaller than what it holds, ext4'
    expect 0 merge --accept-origin origin store
}

@test "identity: a kept store is asked the same, and the JSON tells" {
    file_system origin $uuid
    cp origin changed
    overlay changed 300
    mv store a
    overlay changed 0 301
    mv store b
    overlay changed 0 300
    truncate -s 4M a b
    remember origin store a b
    expect 0 merge --dry-run --json --keep=a --keep=b --undo=undo origin store
    is '[.kept[] | "\(.store) \(.identity)"] | join(", ")' 'a not-in-store, b compared, undo compared'
    said 'a: note: nothing in it tells whether origin is its origin'
    fails grep -E '(b|store): note: nothing' err
    unchanged
    file_system changed $other_uuid
    overlay changed 0 300
    mv store a
    truncate -s 4M a
    overlay origin 0 300
    refuses 5 origin store a -- merge --keep=a origin store
    said 'may be another device than the origin of a'
}

@test "identity: a resume needs no second consent" {
    file_system origin $uuid
    make chunk=1 sequential=2000
    reference
    refuses 5 origin store -- merge origin store
    start_until 1900 --accept-origin
    kill -KILL "$merge_pid"
    goes_on
    (($(live store) > 0)) || complain 'nothing is left'
    expect 0 merge --resume origin store
    merged
}

# ---- going back ----

# spoil FILE CHUNK: that chunk of 4 KiB gets other bytes.
spoil() {
    put "$1" $(($2 * 4096 + 100)) 'written by somebody else'
}

@test "imprint: going back onto an origin that was used since is refused; --force goes through" {
    pair 4194304 chunk=8 random=200 origin_chunks=1024
    cp origin before
    expect 0 merge --undo=undo origin store
    cp origin merged
    cp undo kept
    # Every other chunk: it was written to where the merge wrote, somewhere.
    for ((chunk = 0; chunk < 1024; chunk += 2)); do
        spoil origin $chunk
    done
    refuses 5 origin undo -- merge origin undo
    said 'origin: is not what it was when undo became its undo store'
    refuses 5 origin undo -- merge --dry-run origin undo
    refuses 5 origin undo -- merge --accept-origin origin undo
    refuses 5 origin undo -- export origin undo image
    expect 0 verify --json --origin=origin undo
    object '.identity == "unknown" and (.identity_problem | contains("is not what it was"))'
    expect 0 merge --force --quiet origin undo
    cp merged origin
    expect 0 merge --json origin kept
    is .identity compared
    same origin before
}

@test "imprint: export and verify compare it, say so, and need no consent" {
    pair 4194304 chunk=8 random=200 origin_chunks=1024
    cp origin before
    expect 0 merge --undo=undo origin store
    remember origin undo
    expect 0 export --json origin undo image
    is .identity compared
    [[ ! -s err ]] || complain 'something was noted'
    same image before
    expect 0 verify --json --origin=origin undo
    object '.identity == "compared" and (has("identity_problem") | not)'
    unchanged
}

@test "imprint: an origin of another size is not what it was, though every byte that was compared is there" {
    pair 4194304 chunk=8 random=200 origin_chunks=1024
    expect 0 merge --undo=undo origin store
    cp origin other
    truncate -s 4198400 other
    refuses 5 other undo -- merge other undo
    said 'other: is not what it was when undo became its undo store'
    refuses 5 other undo -- export other undo image
    [[ ! -e image ]]
    expect 0 export origin undo image
}

@test "imprint: two merges are taken back in their order alone" {
    pair 4194304 chunk=8 random=200 origin_chunks=1024
    cp origin first
    expect 0 merge --undo=undo1 origin store
    cp origin second
    make chunk=8 random=200 origin_chunks=1024 seed=2
    expect 0 merge --undo=undo2 origin store
    refuses 5 origin undo1 -- merge origin undo1
    refuses 5 origin undo1 undo2 -- merge --keep=undo1 origin undo2
    expect 0 merge origin undo2
    same origin second
    expect 0 merge origin undo1
    same origin first
}

@test "imprint: the one chunk of a superblock, of 512 bytes, is always among those that are compared" {
    pair 2097152 chunk=1 sequential=3000
    expect 0 merge --undo=undo origin store
    put origin 1124 'another UUID'
    refuses 5 origin undo -- merge origin undo
}

@test "imprint: a changed UUID in the snapshot needs no consent on the way back" {
    file_system origin $uuid
    cp origin before
    file_system changed $other_uuid
    overlay changed 0 300
    expect 0 merge --accept-origin --undo=undo origin store
    expect 0 merge origin undo
    same origin before
}

@test "imprint: verify, repair, save and restore leave it; a merge that keeps the store takes it away" {
    pair 4194304 chunk=8 random=200 origin_chunks=1024
    cp origin before
    expect 0 merge --undo=undo origin store
    cp undo right
    expect 0 verify --json --origin=origin undo
    object '.verdict == "clean" and [.findings[].code] == ["store-full"]'
    expect 0 save undo saved
    expect 0 verify saved
    put undo 3000 'junk after it'
    finds 1 problems '[{"code": "header-slack", "severity": "warning"}]' undo
    expect 0 repair --yes --backup=backup undo
    same undo right
    expect 0 restore --force saved undo
    same undo right
    make chunk=8 random=200 origin_chunks=1024 seed=2
    truncate -s 8M undo
    expect 0 merge --keep=undo origin store
    bytes_of_slack=$(dd if=undo bs=1 skip=16 count=496 status=none | tr -d '\0' | wc -c)
    ((bytes_of_slack == 0)) || complain 'the imprint is still there'
    expect 0 merge origin undo
    same origin before
}

@test "imprint: one that is damaged is a finding, and is not in the way" {
    pair 4194304 chunk=8 random=200 origin_chunks=1024
    cp origin before
    expect 0 merge --undo=undo origin store
    put undo 60 'xx'
    finds 1 problems '[{"code": "header-slack", "severity": "warning"}]' undo
    expect 0 merge origin undo
    same origin before
    (($(dd if=undo bs=1 skip=16 count=496 status=none | tr -d '\0' | wc -c) == 0)) || complain 'it is still there'
}

@test "imprint: a store that was used again since says nothing" {
    pair 4194304 chunk=8 random=200 origin_chunks=1024
    expect 0 merge --undo=undo origin store
    put undo $((4096 + 16 * 199)) '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
    fill origin 4194304 7
    expect 0 merge --dry-run origin undo
    said 'it was used again since it became an undo store'
}

# ---- an undo store's file that is there already ----

@test "undo: a hole that is ORIGIN, STORE or a kept one by another name is not taken away" {
    make chunk=8 sequential=8
    truncate -s 40960 origin
    ln origin other
    for file in origin other ./origin; do
        refuses 5 origin store -- merge --resume --undo=$file origin store
        said 'is given as ORIGIN and as a store'
        [[ origin -ef other ]] || complain 'the origin is another file now'
    done
    truncate -s 0 hole
    refuses 5 origin store hole -- merge --resume --keep=hole --undo=hole origin store
    [[ -e hole ]] || complain 'the kept one is gone'
}

@test "undo: a hole that somebody uses is not taken away" {
    command -v flock >/dev/null || skip 'there is no flock'
    make chunk=8 sequential=8
    fill origin 40960
    : >undo
    inode=$(stat -c %i undo)
    exec 7<>undo
    flock -x 7
    refuses 5 origin store undo -- merge --resume --undo=undo origin store
    (($(stat -c %i undo) == inode)) || complain 'it is another file now'
    exec 7>&-
    expect 0 merge --resume --undo=undo origin store
}
