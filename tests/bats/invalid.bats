#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2119
# cowtool verify: why a store that is marked invalid was given up, as far as its numbers tell.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

# given_up TEXT OPTION...: a store that mkstore makes with these options, marked invalid, is said to be so for that reason;
# nothing else is wrong with it, and it keeps every byte.
given_up() {
    local text=$1
    shift
    make valid=0 "$@"
    remember store
    finds 2 damaged '[{"code": "header-invalid", "severity": "error"}]' store
    is '.findings[0].message' "the store is marked invalid; $text"
    expect 2 verify store
    fails grep -i 'mostly' out
    unchanged
}

@test "invalid: a store with room left was not full" {
    given_up 'it was not full: its 2560 chunks have room for 2249 more exceptions, so reading or writing the store or the origin failed, or cowtool gave it up' \
        chunk=8 data=0 size=$((2560 * 4096)) sequential=300
    given_up 'it was not full: its 2560 chunks have room for 2549 more exceptions, so reading or writing the store or the origin failed, or cowtool gave it up' \
        chunk=8 data=0 size=$((2560 * 4096))
}

@test "invalid: a store without a free chunk was full" {
    given_up 'it was full: its 202 chunks have no room for one more exception' \
        chunk=8 data=0 size=$((202 * 4096)) sequential=200
}

@test "invalid: a store that ends with a group was full one exception early" {
    given_up 'it was full: its 258 chunks have no room for one more exception' \
        chunk=8 data=0 size=$((258 * 4096)) sequential=255
    given_up 'it was almost full: its 258 chunks have room for 1 more exception, and as many copies may have been under way' \
        chunk=8 data=0 size=$((258 * 4096)) sequential=254
}

@test "invalid: what copies under way may have filled was almost full" {
    given_up 'it was almost full: its 1002 chunks have room for 98 more exceptions, and as many copies may have been under way' \
        chunk=8 data=0 size=$((1002 * 4096)) sequential=899
    given_up 'it was not full: its 1002 chunks have room for 101 more exceptions, so reading or writing the store or the origin failed, or cowtool gave it up' \
        chunk=8 data=0 size=$((1002 * 4096)) sequential=896
}

@test "invalid: of a store that is cut short it is not said whether it was full" {
    make valid=0 chunk=8 data=0 size=$((1000 * 4096)) sequential=300 || true
    truncate -s $((200 * 4096)) store
    expect 2 verify store
    grep -qF 'header-invalid: the store is marked invalid; whether it was full cannot be told, as not all of its exceptions are inside the device, or can be read' out
}
