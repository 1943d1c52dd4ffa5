# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# shellcheck source-path=SCRIPTDIR
# Guest job: several snapshots of one origin in the kernel.
#
# /steps has lines of STEP NAME ORIGIN SNAPSHOT..., a SNAPSHOT being LABEL:CHUNK:STORE. The steps:
#   look   maps them all and prints what each shows
#   use    looks; then for each of them does the writes of /LABEL.NAME, through it and through the origin (as `base`),
#          NAME without what follows the last dash; prints what all show then, and again when they were loaded anew
#   merge  maps all but the first and looks; merges the first; prints what the others show then
# What it prints of a snapshot: `WHEN NAME LABEL HASH`, where WHEN is BEFORE, AFTER or AGAIN.
# shellcheck source=../guest-lib.sh
. /lib.sh
echo 1 >/proc/sys/kernel/printk # the console is for what is said here

# each FUNCTION SNAPSHOT...: calls FUNCTION LABEL CHUNK STORE.
each() {
    _function=$1
    shift
    for _snapshot in "$@"; do
        _rest=${_snapshot#*:}
        "$_function" "${_snapshot%%:*}" "${_rest%%:*}" "${_rest#*:}"
    done
}

map_one() {
    dmsetup create "$1" --table "0 $(sectors_of "$origin") snapshot $origin $3 P $2"
}

unmap_one() {
    dmsetup remove "$1"
}

# Read past the cache of pages, which may hold what was there before.
hash_one() {
    blockdev --flushbufs "/dev/mapper/$1"
    _hash=$(md5sum <"/dev/mapper/$1")
    echo "$when $name $1 ${_hash%% *}"
}

write_one() {
    [ ! -e "/$1.${name%-*}" ] || sectors write "/$1.${name%-*}" /dev/mapper/base "/dev/mapper/$1"
}

# hash_all WHEN SNAPSHOT...
hash_all() {
    when=$1
    shift
    each hash_one "$@"
}

map_all() {
    each map_one "$@"
    dmsetup create base --table "0 $(sectors_of "$origin") snapshot-origin $origin"
}

unmap_all() {
    dmsetup remove base
    each unmap_one "$@"
}

look() {
    map_all "$@"
    hash_all BEFORE "$@"
    unmap_all "$@"
}

use() {
    map_all "$@"
    hash_all BEFORE "$@"
    each write_one "$@"
    hash_all AFTER base "$@"
    unmap_all "$@"
    map_all "$@"
    hash_all AGAIN base "$@"
    unmap_all "$@"
}

merge() {
    _first=${1#*:}
    shift
    each map_one "$@"
    hash_all BEFORE "$@"
    merge_start base "$origin" "${_first#*:}" "${_first%%:*}"
    merge_wait base
    hash_all AFTER "$@"
    each unmap_one "$@"
}

while read -r step name origin snapshots; do
    # shellcheck disable=SC2086 # words
    $step $snapshots
    echo "DONE $step $name"
done </steps
