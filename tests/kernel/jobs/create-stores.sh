# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# shellcheck source-path=SCRIPTDIR
# Guest job: stores that `cowtool create` made, used by the kernel, beside those that the kernel makes itself.
#
# /stores has lines of CHUNK ORIGIN STORE BLANK SCRATCH: STORE is from cowtool, BLANK is all zeros, SCRATCH holds junk.
# shellcheck source=../guest-lib.sh
. /lib.sh

# hash_of DEVICE
hash_of() {
    sha256sum "$1" | cut -d ' ' -f 1
}

# smallest CHUNK ORIGIN SCRATCH: the kernel loads a store of header and first area alone.
smallest() {
    linear two "$3" $(($1 * 2))
    cowtool create --quiet --force --chunk $(($1 * 512)) /dev/mapper/two
    echo "SMALLEST $1 $(snap_status "$2" /dev/mapper/two "$1")"
    dmsetup remove two
}

while read -r chunk origin store blank scratch; do
    echo "FRESH $chunk $(snap_status "$origin" "$store" "$chunk")"
    echo "KERNEL $chunk $(snap_status "$origin" "$blank" "$chunk")"
    # With another chunk size in the table: the header's counts.
    echo "OTHER $chunk $(snap_status "$origin" "$store" 16)"
    snap_create pair "$origin" "$store" "$chunk"
    sectors write "/$chunk.writes" /dev/mapper/pair-origin /dev/mapper/pair-snap
    echo "WRITTEN $chunk $(status pair-snap)"
    echo "VIEW $chunk $(hash_of /dev/mapper/pair-snap)"
    snap_remove pair
    snap_create pair "$origin" "$store" "$chunk"
    echo "LOADED $chunk $(status pair-snap)"
    echo "AGAIN $chunk $(hash_of /dev/mapper/pair-snap)"
    snap_remove pair
    smallest "$chunk" "$origin" "$scratch"
    cowtool create --quiet --force --chunk $((chunk * 512)) "$scratch"
done </stores
