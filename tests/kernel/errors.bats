#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# Devices that fail, by dm-flakey and dm-delay in a real kernel: a merge ends with exit code 4 and says where; what it
# leaves can be resumed, on a copy and on the device that is well again, and every byte is right.

pair=c8-random-both-partial # 300 exceptions, 256 of them in area 0; the numbers below follow from that

setup_file() {
    bats_require_minimum_version 1.5.0
    setup
    mkdir -p "$failed"
    fail_merges
}

setup() {
    # shellcheck source=common.bash
    . "$BATS_TEST_DIRNAME/common.bash"
    # shellcheck source=boot.bash
    . "$BATS_TEST_DIRNAME/boot.bash"
    failed=$images/failed
    use_case $pair
}

# The sector where exception N has its data in the store, and where it belongs in the origin.
new_sector() {
    awk -F , -v n="$1" 'NR == n + 2 { print $4 * 8 }' "$images/made/$pair.csv"
}

old_sector() {
    awk -F , -v n="$1" 'NR == n + 2 { print $3 * 8 }' "$images/made/$pair.csv"
}

# The first sector of a chunk after the first MiB of the origin that no exception changes.
untouched_sector() {
    awk -F , 'NR > 1 { changed[$3] = 1 } END { for (chunk = 300; chunk in changed; chunk++); print chunk * 8 }' \
        "$images/made/$pair.csv"
}

# The faults, as jobs/fail-merges.sh reads them. Areas 0 and 1 are the chunks 1 and 258, chunk 310 is after all data.
faults() {
    cat <<END
data-read       store  reads   $(($(new_sector 100) + 3)) 1 start --io=auto --window=64K
area-read       store  reads   2064 8 start --io=auto
area-read-late  store  reads   8 8 half --io=auto --window=4K
origin-write    origin writes  $(($(old_sector 100) + 3)) 1 start --io=auto --window=64K
area-write      store  writes  10 1 start --io=sync --window=64K
record-write    store  writes  0 1 start --io=auto
origin-flush    origin flushes 0 8 start --io=auto --window=64K
store-flush     store  flushes 8 8 start --io=sync
origin-gone     origin reads+writes+flushes 0 $origin_sectors half --io=auto --window=4K
store-gone      store  reads+writes+flushes 0 $store_sectors half --io=auto --window=4K
unused-chunk    store  reads+writes 2480 8 start --io=auto
untouched-chunk origin reads+writes $(untouched_sector) 8 start --io=sync
changed-chunk   origin reads   $(old_sector 100) 8 start --io=auto
data-skipped    store  reads   $(($(new_sector 100) + 3)) 1 start --io=auto --window=64K --skip-lost
area-skipped    store  reads   8 8 start --io=auto --skip-lost
END
}

# put_slot DISK SLOT, take_slot DISK SLOT TO: the made pair into a disk's slot; a slot's pair as TO.origin, TO.store.
put_slot() {
    dd if="$images/made/$pair.origin" of="$1" bs=1M seek=$(($2 * 16)) conv=notrunc,sparse status=none
    dd if="$images/made/$pair.store" of="$1" bs=1M seek=$(($2 * 16 + 12)) conv=notrunc,sparse status=none
}

take_slot() {
    dd if="$1" of="$3.origin" bs=1M skip=$(($2 * 16)) count=12 status=none
    dd if="$1" of="$3.store" bs=1M skip=$(($2 * 16 + 12)) count=4 status=none
    truncate -s $((origin_sectors * 512)) "$3.origin"
    truncate -s $((store_sectors * 512)) "$3.store"
}

# All faults in one guest; then of each, NAME is the pair when the merge had failed, NAME.well when it was resumed.
fail_merges() {
    local names slot
    faults >"$failed/faults"
    mapfile -t names < <(sed 's/ .*//' "$failed/faults")
    echo "$origin_sectors $store_sectors" >"$failed/sizes"
    truncate -s $((${#names[@]} * 16))M "$failed/disk" "$failed/states"
    for slot in "${!names[@]}"; do
        put_slot "$failed/disk" "$slot"
    done
    boot "$failed/console" fail-merges --add "$failed/faults" --add "$failed/sizes" --add "$live" \
        "$failed/disk" "$failed/states"
    for slot in "${!names[@]}"; do
        take_slot "$failed/states" "$slot" "$failed/${names[slot]}"
        take_slot "$failed/disk" "$slot" "$failed/${names[slot]}.well"
    done
}

# ended NAME CODE LEAST MOST: with that exit code, and this many exceptions left.
ended() {
    local code left
    read -r code left < <(sed -n "s/^ENDED $1 //p" "$failed/console")
    echo "$1: exit code $code, $left exceptions left"
    [ "$code" -eq "$2" ] && [ "$left" -ge "$3" ] && [ "$left" -le "$4" ]
}

# says NAME TEXT: exactly one line, with a device and why.
says() {
    local said
    said=$(sed -n "s/^SAID $1 //p" "$failed/console")
    echo "$said"
    [[ $said =~ ^cowtool\ merge:\ /dev/mapper/$2:\ Input/output\ error(;[^$'\n']*)?$ ]]
}

# says_where NAME read|write: of the fault's device, and with a place that the fault lies in.
says_where() {
    local device from sectors
    read -r _ device _ from sectors _ < <(grep "^$1 " "$failed/faults")
    says "$1" "$device:\ cannot\ $2\ ([0-9]+)\ bytes\ at\ ([0-9]+)"
    [ $((BASH_REMATCH[2])) -lt $(((from + sectors) * 512)) ]
    [ $((BASH_REMATCH[2] + BASH_REMATCH[1])) -gt $((from * 512)) ]
}

# unwritten NAME origin|store [FROM TO]: it is as the kernel made it, but for those bytes.
unwritten() {
    same "$failed/$1.$2" "$images/made/$pair.$2" "${@:3}"
}

# is_right NAME: every byte of the pair.
is_right() {
    same "$failed/$1.origin" "$images/merged/$pair.origin" && same "$failed/$1.store" "$images/merged/$pair.store"
}

# goes_on NAME: verify finds no error in what the failed merge left, and its header is the kernel's; a copy can be
# resumed; so could the device when it was well again.
goes_on() {
    local outcome=different code=0
    "$cowtool" verify --quiet --origin="$failed/$1.origin" "$failed/$1.store" || code=$?
    [ $code -le 1 ]
    cmp -n 256 "$failed/$1.store" "$images/made/$pair.store"
    cp "$failed/$1.origin" "$failed/$1.copy.origin"
    cp "$failed/$1.store" "$failed/$1.copy.store"
    "$cowtool" merge --resume --quiet "$failed/$1.copy".{origin,store}
    grep -x "RESUMED $1 0 0" "$failed/console"
    ! is_right "$1.copy" || ! is_right "$1.well" || outcome=equal
    printf '5\t%s\t%s\t%s\t%s\t%s\n' "$chunk" $pair "device error ($1), cowtool resumes" $outcome $outcome >>"$results"
    [ $outcome = equal ]
}

@test "errors: one sector of the store's data cannot be read: exit code 4, with the place, and a resume goes on" {
    ended data-read 4 101 299
    says_where data-read read
    goes_on data-read
}

@test "errors: an area cannot be read: exit code 4, with the place, and nothing is written" {
    ended area-read 4 300 300
    says_where area-read read
    unwritten area-read origin
    unwritten area-read store
    goes_on area-read
}

@test "errors: an area cannot be read from the middle of a merge on: exit code 4, with the place, and a resume goes on" {
    ended area-read-late 4 1 250
    says_where area-read-late read
    goes_on area-read-late
}

@test "errors: one sector of the origin cannot be written: exit code 4, with the place, and a resume goes on" {
    ended origin-write 4 101 299
    says_where origin-write write
    goes_on origin-write
}

@test "errors: a sector of an area cannot be written: exit code 4, with the place, and a resume goes on" {
    ended area-write 4 1 299
    says_where area-write write
    goes_on area-write
}

@test "errors: the record cannot be written: exit code 4, with the place, and nothing is written" {
    ended record-write 4 300 300
    says_where record-write write
    unwritten record-write origin
    unwritten record-write store
    goes_on record-write
}

@test "errors: the origin cannot be flushed: exit code 4, and no exception is cleared" {
    ended origin-flush 4 300 300
    says origin-flush 'origin:\ cannot\ flush'
    unwritten origin-flush store 256 512
    goes_on origin-flush
}

@test "errors: the store cannot be flushed after the record: exit code 4, and the origin is not written" {
    ended store-flush 4 300 300
    says store-flush 'store:\ cannot\ flush'
    unwritten store-flush origin
    unwritten store-flush store 256 512
    goes_on store-flush
}

@test "errors: the whole origin goes away in the middle of a merge: exit code 4, and a resume goes on" {
    ended origin-gone 4 1 250
    says origin-gone 'origin:\ cannot\ .*'
    goes_on origin-gone
}

@test "errors: the whole store goes away in the middle of a merge: exit code 4, and a resume goes on" {
    ended store-gone 4 1 250
    says store-gone 'store:\ cannot\ .*'
    goes_on store-gone
}

@test "errors: where the store holds nothing that is live, a place that fails does not keep a merge from its end" {
    ended unused-chunk 0 0 0
    is_right unused-chunk
}

@test "errors: where nothing is changed in the origin, a place that fails does not keep a merge from its end" {
    ended untouched-chunk 0 0 0
    is_right untouched-chunk
}

@test "errors: where the origin cannot be read but is only to be written, a merge comes to its end" {
    ended changed-chunk 0 0 0
    is_right changed-chunk
}

@test "errors: with --skip-lost, a sector of the data that cannot be read is left out, and all else is merged" {
    local bytes=$((($(old_sector 100) + 3) * 512))
    ended data-skipped 0 0 0
    grep -qx "MERGED data-skipped   bytes $bytes to $((bytes + 511))" "$failed/console"
    same "$failed/data-skipped.origin" "$images/merged/$pair.origin" $bytes $((bytes + 512))
    cmp -i $bytes -n 512 "$failed/data-skipped.origin" "$images/made/$pair.origin"
}

@test "errors: with --skip-lost, an area that cannot be read is left out, and all else is merged" {
    local chunk
    ended area-skipped 0 0 0
    grep -q '^MERGED area-skipped .*256 exceptions' "$failed/console"
    cp "$images/merged/$pair.origin" "$failed/right"
    while read -r chunk; do
        dd if="$images/made/$pair.origin" of="$failed/right" bs=4096 skip="$chunk" seek="$chunk" count=1 \
            conv=notrunc status=none
    done < <(awk -F , 'NR > 1 && $1 == 0 { print $3 }' "$images/made/$pair.csv")
    same "$failed/area-skipped.origin" "$failed/right"
    same "$failed/area-skipped.store" "$images/merged/$pair.store"
}
