#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154 # variables of bats and helpers.bash
# The static program in a root that holds nothing but it and the images: no libraries, /proc, /sys, /dev, locales or
# pages. It does what the dynamic one does on a whole system. COWTOOL_STATIC names another one than that of this tree.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

setup_file() {
    [[ -n ${COWTOOL_STATIC:-} ]] || build
    export COWTOOL_STATIC=${COWTOOL_STATIC:-$BATS_TEST_DIRNAME/../../cowtool-static}
}

# build: as for the tree's users, whatever the make above this one was told.
build() {
    local libraries probe=$BATS_FILE_TMPDIR/probe
    libraries=$(pkg-config --static --libs blkid popt zlib) || skip 'a package with the libraries is missing (make setup)'
    # shellcheck disable=SC2086 # a list
    echo 'int main(void) { return 0; }' | cc -static -x c -o "$probe" - $libraries 2>/dev/null ||
        skip 'this system has no static libraries'
    env -u MAKEFLAGS -u MAKEOVERRIDES make -s -C "$BATS_TEST_DIRNAME/../.." static
}

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
    mkdir root whole
    cp "$COWTOOL_STATIC" root/cowtool
    if unshare -r true 2>/dev/null; then
        enter=(unshare -r --root=root)
    elif ((EUID == 0)) && chroot / true 2>/dev/null; then
        enter=(chroot root)
    else
        skip 'no other root can be had here'
    fi
}

# images NAME...: fixtures, in both roots.
images() {
    local name
    for name in "$@"; do
        gzip -dc "$here/../fixtures/$name.gz" >"root/$name"
        cp "root/$name" whole
    done
}

without_time() {
    sed '/: merged /s/ into \([^ ]*\) in .*/ into \1/' "$1"
}

# alike CODE ARGUMENT...: both end with CODE, and print the same, but for the time that a slow machine took; so do their
# messages, but for what the empty root cannot tell. All files that they may have written are equal, and nothing else is there.
alike() {
    local code=$1 status=0
    shift
    "${enter[@]}" /cowtool "$@" >static.out 2>static.err </dev/null || status=$?
    ((status == code)) || complain "static: cowtool $*: exit code $status, not $code: $(<static.err)"
    status=0
    (cd whole && "$cowtool" "$@") >out 2>err </dev/null || status=$?
    ((status == code)) || complain "cowtool $*: exit code $status, not $code"
    diff <(without_time static.out) <(without_time out)
    diff <(grep -v 'warning: whether it is attached to a loop device' static.err) err
    diff -r --exclude=cowtool root whole
}

@test "static: it needs no library, and is small" {
    [[ ! -e root/lib && ! -e root/lib64 ]]
    # As the goal "static" says; a program that lost what it is made of would be smaller than that.
    (($(stat -c %s root/cowtool) < 2 * 1024 * 1024 && $(stat -c %s root/cowtool) > 512 * 1024))
    "${enter[@]}" /cowtool --version | diff - <("$cowtool" --version)
    # Else two builds in two folders were not equal.
    fails grep -F "$(cd "$here/../.." && pwd)" root/cowtool
}

@test "static: in an empty root, help, pages of help and mistakes are as elsewhere" {
    alike 0 help
    alike 0 help merge
    alike 64 nosuch
    alike 64 merge --nosuch
    alike 8 inspect nowhere
    grep -q 'nowhere: cannot open: No such file or directory' static.err
    alike 8 inspect --json nowhere
}

@test "static: in an empty root, a store is inspected, verified and merged, with a way back" {
    images chunk8-random.origin chunk8-random.store
    alike 0 inspect chunk8-random.store
    alike 0 inspect --json chunk8-random.store
    grep -q 'chunk8-random.store: warning: whether it is attached to a loop device, and used there, cannot be told' static.err
    alike 6 inspect chunk8-random.origin
    alike 0 verify --origin=chunk8-random.origin chunk8-random.store
    alike 0 merge --dry-run chunk8-random.origin chunk8-random.store
    cp root/chunk8-random.origin before
    alike 0 merge --force --undo=undo chunk8-random.origin chunk8-random.store
    fails same root/chunk8-random.origin before >/dev/null
    alike 0 merge --force chunk8-random.origin undo
    same root/chunk8-random.origin before
}

@test "static: in an empty root, every engine merges" {
    local engine engines=(auto sync threads)
    images chunk32-random.origin chunk32-random.store
    cp -r whole try
    # Sandboxes may refuse it, and the dynamic one may be without it.
    if (cd try && "$cowtool" merge --io=uring chunk32-random.origin chunk32-random.store) >/dev/null 2>&1; then
        engines+=(uring)
    fi
    for engine in "${engines[@]}"; do
        images chunk32-random.origin chunk32-random.store
        alike 0 merge --force --io="$engine" chunk32-random.origin chunk32-random.store
    done
}

@test "static: in an empty root, the volumes of an image are listed and merged" {
    images volumes1
    alike 0 scan volumes1
    alike 0 merge --dry-run --disk=volumes1 vg0/before-upgrade
    alike 0 merge --force --disk=volumes1 vg0/before-upgrade
    grep -q 'volumes1: warning: whether it is attached to a loop device' static.err
    alike 0 inspect --json --disk=volumes1 vg0/other
    grep -q 'volumes1: warning: whether it is attached to a loop device' static.err
}

@test "static: in an empty root, what cannot be told is said, and nothing is written" {
    images chunk8-random.origin chunk8-random.store volumes1
    refused() {
        local code=$1 status=0
        shift
        "${enter[@]}" /cowtool "$@" >out 2>err </dev/null || status=$?
        ((status == code)) || complain "cowtool $*: exit code $status, not $code"
        [[ ! -s out ]]
        diff -r --exclude=cowtool root whole
    }
    refused 5 merge chunk8-random.origin chunk8-random.store
    said 'chunk8-random.origin: whether it is attached to a loop device cannot be told'
    refused 5 merge --disk=volumes1 vg0/before-upgrade
    said 'volumes1: whether it is attached to a loop device cannot be told'
    refused 4 scan
    said '/proc/partitions: cannot tell which block devices there are: No such file or directory'
    refused 4 inspect LABEL=nosuch
    said 'LABEL=nosuch: cannot tell which block devices there are: is /sys mounted?'
    refused 4 merge vg0/before-upgrade
    said '/proc/partitions: cannot tell which block devices there are'
}

@test "static: in an empty root, streams that are closed do no harm" {
    local status=0
    images chunk8-random.origin chunk8-random.store
    "${enter[@]}" /cowtool inspect chunk8-random.store >static.out 2>err <&- || complain 'without stdin it fails'
    "$cowtool" inspect root/chunk8-random.store 2>/dev/null | sed 's|root/||' | diff - static.out
    "${enter[@]}" /cowtool inspect chunk8-random.store 2>err >&- || status=$?
    ((status == 4)) || complain "without stdout: exit code $status, not 4"
    said 'standard output: cannot write: Bad file descriptor'
    (cd whole && "$cowtool" merge --force chunk8-random.origin chunk8-random.store) >/dev/null 2>&1
    "${enter[@]}" /cowtool merge --json --progress=json --force chunk8-random.origin chunk8-random.store <&- >&- 2>&- || true
    diff -r --exclude=cowtool root whole
}
