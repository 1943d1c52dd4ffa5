#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154
# cowtool dump: every live exception in the order of the store.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

# usual COUNT CHUNK: the CSV of a sequential store, from the format's description.
usual() {
    awk -v count="$1" -v each=$((32 * $2)) 'BEGIN {
        print "area,index,old_chunk,new_chunk"
        for (i = 0; i < count; i++) {
            area = int(i / each)
            printf "%d,%d,%d,%d\n", area, i % each, i, 2 + i + area
        }
    }'
}

# dumps FORMAT: ./out has that of ./store, which keeps every byte.
dumps() {
    remember store
    expect 0 dump --format="$1" store
    [[ ! -s err ]]
    unchanged
}

@test "dump: CSV of a small store, to the letter" {
    make chunk=1 size=40960 entry=0:7:2 entry=1:1000000:3 entry=2:0:33 entry=3:8:20
    dumps csv
    printf '%s\n' area,index,old_chunk,new_chunk 0,0,7,2 0,1,1000000,3 0,2,0,33 0,3,8,20 >wanted
    same out wanted
}

@test "dump: JSON of a small store, to the letter" {
    make chunk=1 size=40960 entry=0:7:2 entry=1:1000000:3 entry=2:0:33
    dumps json
    has '{"store": "store", "exceptions": [
        {"area": 0, "index": 0, "old_chunk": 7, "new_chunk": 2},
        {"area": 0, "index": 1, "old_chunk": 1000000, "new_chunk": 3},
        {"area": 0, "index": 2, "old_chunk": 0, "new_chunk": 33}]}'
}

@test "dump: text of a small store has the same columns under a heading, and is what comes without a format" {
    make chunk=1 size=40960 entry=0:7:2 entry=1:1000000:3 entry=2:0:33
    dumps text
    cp out text
    expect 0 dump store
    same out text
    (($(wc -l <text) == 4))
    tail -n +2 text | awk '{ print $1 "," $2 "," $3 "," $4 }' >columns
    printf '%s\n' 0,0,7,2 0,1,1000000,3 0,2,0,33 >wanted
    same columns wanted
}

@test "dump: --json is --format=json" {
    make chunk=2 sequential=70
    dumps json
    cp out wanted
    expect 0 dump --json store
    same out wanted
    expect 0 dump --json --format=json store
    same out wanted
}

@test "dump: an empty store has a heading and no lines" {
    make chunk=8
    dumps csv
    echo area,index,old_chunk,new_chunk >wanted
    same out wanted
    dumps json
    has '{"exceptions": []}'
    dumps text
    (($(wc -l <out) == 1))
}

@test "dump: exactly full and several areas" {
    for count in 31 32 33 64 100; do
        make chunk=1 sequential=$count
        dumps csv
        usual $count 1 >wanted
        same out wanted
    done
}

@test "dump: several areas of every chunk size" {
    for chunk in 2 4 8 16 32; do
        make chunk=$chunk sequential=$((chunk * 65)) data=0
        expect 0 dump --format=csv store
        usual $((chunk * 65)) $chunk >wanted
        same out wanted
    done
}

@test "dump: a reversed store comes in the order of the store" {
    make chunk=1 sequential=40 reversed=1
    dumps csv
    usual 40 1 | tail -n +2 | cut -d , -f 1-3 >left
    usual 40 1 | tail -n +2 | cut -d , -f 4 | tac >right
    paste -d , left right >wanted
    tail -n +2 out >lines
    same lines wanted
}

@test "dump: numbers of 64 bits are exact in all formats" {
    make chunk=1 size=40960 entry=0:18446744073709551615:18446744073709551614
    for format in text csv json; do
        dumps $format
        grep -q 18446744073709551615 out
        grep -q 18446744073709551614 out
    done
}

@test "dump: what is after the end of the list is not dumped" {
    make chunk=1 size=40960 sequential=3 entry=5:9:20
    dumps csv
    usual 3 1 >wanted
    same out wanted
}

@test "dump: a hundred thousand exceptions" {
    make chunk=8 sequential=100000 data=0
    expect 0 dump --format=csv store
    usual 100000 8 >wanted
    same out wanted
    # Not noted for the schema, which is slow with so many; a dump of fewer is.
    "$cowtool" dump --format=json store >out
    object '(.exceptions | length) == 100000 and .exceptions[99999].new_chunk == 100391'
}

@test "dump: who reads one line and closes the pipe hears no complaint" {
    make chunk=8 sequential=100000 data=0
    for format in text csv json; do
        { "$cowtool" dump --format=$format store 2>err; echo $? >code; } | head -c 20 >first
        (($(wc -c <first) == 20))
        [[ ! -s err ]] || complain 'it complains'
        (($(<code) == 0))
    done
}

@test "dump: a full stdout is an error" {
    make chunk=1 sequential=10000 data=0
    remember store
    for format in text csv json; do
        code=0
        "$cowtool" dump --format=$format store >/dev/full 2>err || code=$?
        ((code == 4))
        said 'No space left on device'
    done
}

@test "dump: a full stdout is an error for one line, too" {
    make chunk=8
    code=0
    "$cowtool" dump --format=csv store >/dev/full 2>err || code=$?
    ((code == 4))
    said 'No space left on device'
}

@test "dump: a format that does not exist is a usage error" {
    make chunk=8 sequential=3
    refuses 64 store -- dump --format=xml store
    refuses 64 store -- dump --format= store
    refuses 64 store -- dump --format=CSV store
}

@test "dump: --json and another format exclude each other" {
    make chunk=8 sequential=3
    remember store
    expect 64 dump --json --format=csv store
    failure 64
    unchanged
}

@test "dump: a store that is marked invalid can still be read" {
    make chunk=1 sequential=3 valid=0
    dumps csv
    usual 3 1 >wanted
    same out wanted
}

@test "dump: a list without an end is dumped as far as it goes and exits as damaged" {
    make chunk=1 sequential=40
    truncate -s 16896 store
    remember store
    usual 32 1 >wanted
    expect 2 dump --format=csv store
    same out wanted
    said store
    expect 2 dump --format=json store
    failure 2
    object '(.exceptions | length) == 32'
    unchanged
}

@test "dump: a damaged header is refused" {
    for defect in version=2 version=0 header_chunk=3 header_chunk=4194304 poke=12:0; do
        make chunk=8 sequential=3 $defect
        refuses 2 store -- dump store
    done
}

@test "dump: its text fits 80 columns, also of an origin of 8 TiB" {
    truncate -s 8T origin
    # 8 TiB are 17179869184 chunks; after the end of the list is what a merge left.
    make chunk=1 size=1048576 entry=0:17179869183:2 entry=1:5:3 entry=4:17179869182:6
    for option in '--map --origin=origin' '--stale --origin=origin' --runs --quiet; do
        # shellcheck disable=SC2086
        expect 0 dump $option store
        [[ $(awk 'length > widest { widest = length } END { print widest }' out) -le 80 ]] || complain "$option is wider"
        (($(awk '{ print length }' out | sort -u | wc -l) == 1)) || complain "$option: the columns are not straight"
        [[ $option != *--stale* ]] || grep -q ' stale ' out
        [[ $option == --quiet ]] || grep -q ' 8796093021696 ' out
    done
}
