#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154
# What an export that did not end leaves, and what people do with it.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
    judged_pair 12582912 chunk=8 random=300 origin_chunks=3072
}

# unfinished: ./image and its state, of an export that was not let write larger files.
unfinished() {
    (
        ulimit -f 8192
        expect 7 export origin store image
    )
    [[ -s image && -s image.cowtool-export ]]
}

# begins_anew OPTION...
begins_anew() {
    expect 0 export "$@" origin store image
    said 'its image image is gone: it begins anew'
    same image right.origin
    [[ ! -e image.cowtool-export ]]
}

@test "leftovers: an export whose image was removed begins anew, with and without --resume" {
    for option in --progress=none --resume; do
        rm -f image
        unfinished
        rm image
        begins_anew "$option"
    done
}

@test "leftovers: so it does where what says how far it is was damaged" {
    unfinished
    rm image
    put image.cowtool-export 72 '\7'
    begins_anew --resume
}

@test "leftovers: an image that was moved away is left alone" {
    unfinished
    mv image elsewhere
    remember elsewhere
    begins_anew
    unchanged
}

@test "leftovers: what is not cowtool's beside an image that is not there stays" {
    echo 'my own notes, which have nothing to do with it' >image.cowtool-export
    refuses 5 image.cowtool-export -- export origin store image
    [[ ! -e image ]]
}

@test "leftovers: killed before it can say how far it is, an export is resumed" {
    needs_strace
    strace -f -o trace --inject=rename:signal=KILL "$cowtool" export --resume origin store image >out 2>err </dev/null ||
        true
    [[ -e image && ! -s image && ! -e image.cowtool-export ]]
    refuses 5 image -- export origin store image
    expect 0 export --resume origin store image
    same image right.origin
}
