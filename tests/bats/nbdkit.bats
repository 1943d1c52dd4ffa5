#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2016 # variables of bats and helpers.bash; $uri is nbdkit's
# The plugin of nbdkit (make nbdkit-plugin): what it serves is what export writes.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

export cowtool
plugin=${PLUGIN:-$here/../../nbdkit-cowtool-plugin.so}

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
    [[ -e $plugin ]] || skip 'the plugin is not built (make nbdkit-plugin)'
    command -v nbdkit >/dev/null || skip 'nbdkit is not installed (make setup)'
    command -v nbdcopy >/dev/null || skip 'libnbd-bin is not installed (make setup)'
}

# served PARAMETER... -- COMMAND: nbdkit serves that while the shell runs the command, in which $uri says where; stdout is
# ./out, stderr ./err, and the exit code is the command's.
served() {
    local parameters=()
    while [[ $1 != -- ]]; do
        parameters+=("$1")
        shift
    done
    "$tools/within" 60 nbdkit --no-fork -U - "$plugin" "${parameters[@]}" --run "$2" >out 2>err </dev/null
}

# as_exported PARAMETER...: nbdcopy's copy of what is served with these is ./view.
as_exported() {
    rm -f copy
    served "$@" -- 'nbdcopy "$uri" copy' || complain 'it was not served'
    same view copy
}

# not_served MESSAGE PARAMETER...: nbdkit ends with the message, and serves nothing.
not_served() {
    fails served "${@:2}" -- 'touch was-served'
    said "nbdkit: error: $1"
    [[ ! -e was-served ]]
}

@test "nbdkit: a copy of what is served is what export writes" {
    for kind in 'chunk=1 random=300 origin_chunks=2046' 'chunk=8 random=100 origin_chunks=250' \
        'chunk=8 sequential=200' 'chunk=64 random=20 origin_chunks=32' 'chunk=8'; do
        # shellcheck disable=SC2086
        pair 1048000 $kind
        rm -f view
        expect 0 export --quiet origin store view
        remember origin store
        as_exported ORIGIN=origin STORE=store
        unchanged
    done
}

@test "nbdkit: stores that a kernel made are served as the kernel showed them" {
    for name in chunk1-areas chunk8-random chunk32-random chunk128-partial; do
        gzip -dc "$here/../fixtures/$name.origin.gz" >origin
        gzip -dc "$here/../fixtures/$name.store.gz" >store
        rm -f view
        expect 0 export --quiet origin store view
        as_exported origin=origin store=store
    done
}

@test "nbdkit: a volume in an image of a whole disk, on two of its partitions, by its name alone" {
    command -v sfdisk >/dev/null || skip 'sfdisk is not installed (make setup)'
    local first second
    gzip -dc "$here/../fixtures/volumes2.1.gz" >disk1
    gzip -dc "$here/../fixtures/volumes2.2.gz" >disk2
    first=$(($(stat -c %s disk1) / 512)) second=$(($(stat -c %s disk2) / 512))
    truncate -s $(((4096 + first + second) * 512)) disk
    printf 'label: gpt\nstart=2048, size=%s\nstart=%s, size=%s\n' $first $((2048 + first)) $second | sfdisk --quiet disk
    dd if=disk1 of=disk bs=512 seek=2048 conv=notrunc status=none
    dd if=disk2 of=disk bs=512 seek=$((2048 + first)) conv=notrunc status=none
    remember disk
    for name in vg0/before-upgrade vg0/other; do
        rm -f view
        expect 0 export --quiet --disk=disk "$name" view
        as_exported disk=disk "$name"
        as_exported disk=disk STORE="$name" ORIGIN=vg0/root
        rm -f view
        expect 0 export --quiet --disk=disk1 --disk=disk2 "$name" view
        as_exported disk=disk1 disk=disk2 "STORE=$name"
    done
    unchanged
}

@test "nbdkit: a file out of the file system in the view, through nbdfuse, without a copy" {
    [[ -w /dev/fuse ]] || skip 'there is no /dev/fuse'
    command -v nbdfuse >/dev/null || skip 'there is no nbdfuse (make setup)'
    command -v fusermount3 >/dev/null || skip 'fuse3 is not installed (make setup)'
    gzip -dc "$here/../fixtures/ext4-demo.origin.gz" >origin
    gzip -dc "$here/../fixtures/ext4-demo.store.gz" >store
    mkdir fuse
    served ORIGIN=origin STORE=store -- 'nbdfuse --pidfile=ready fuse "$uri" & fuse=$!
        for i in $(seq 100); do [ -s ready ] && break; sleep 0.1; done
        debugfs -R "cat /letter.txt" fuse/nbd >letter
        fusermount3 -u fuse; wait $fuse'
    same letter "$here/../fixtures/letter-after.txt"
}

@test "nbdkit: qemu-img reads it, and any piece of it is the one of the view" {
    command -v qemu-img >/dev/null || skip 'qemu-utils are not installed (make setup)'
    pair 1048576 chunk=2 random=400 origin_chunks=1024
    expect 0 export --quiet origin store view
    served ORIGIN=origin STORE=store -- 'qemu-img compare -f raw -F raw "$uri" view &&
        for i in 0 1 511 512 513 1023 99999 524287; do
            qemu-io -r -f raw -c "read -v $i 3001" "$uri" | grep : >got.$i
            qemu-io -r -f raw -c "read -v $i 3001" view | grep : >wanted.$i
            cmp got.$i wanted.$i && [ -s got.$i ] || exit
        done'
}

@test "nbdkit: it is read-only, and says which parts are holes" {
    truncate -s 1M origin
    fill some 65536
    dd if=some of=origin bs=65536 seek=8 conv=notrunc status=none
    make chunk=8 size=65536 entry=0:4:2 entry=1:5:3
    served ORIGIN=origin STORE=store -- 'nbdinfo --map "$uri" && nbdinfo --is read-only "$uri"'
    awk '{ print $1, $2, $3 }' out >got
    printf '%s\n' '0 16384 3' '16384 8192 0' '24576 499712 3' '524288 65536 0' '589824 458752 3' >wanted
    same got wanted
}

@test "nbdkit: what cannot be read is an error for who reads it, and says where; the rest is served" {
    command -v qemu-io >/dev/null || skip 'qemu-utils are not installed (make setup)'
    pair 1048576 chunk=8 size=65536 entry=0:4:2
    served ORIGIN=origin STORE=store -- 'truncate -s 512K origin
        qemu-io -r -f raw -c "read 1040384 8192" "$uri" && exit 1
        qemu-io -r -f raw -c "read 16384 4096" "$uri"'
    grep -q 'Input/output error' out
    said 'error: origin: cannot read 8192 bytes at 1040384: Input/output error'
}

# origin_fails WHEN: qemu-io reads all of ./origin's view at once, while these reads of ./origin fail.
origin_fails() {
    timeout 60 strace -f -P "$PWD/origin" -e trace=pread64 -e inject=pread64:error=EIO:when="$1" -o trace \
        nbdkit --no-fork -U - "$plugin" ORIGIN=origin STORE=store \
        --run 'qemu-io -r -f raw -c "read -v 0 262144" "$uri" | grep : >got; grep -q ^00000000: got' >out 2>err
}

@test "nbdkit: what the view does not show of the origin need not be readable" {
    needs_strace
    command -v qemu-io >/dev/null || skip 'qemu-utils are not installed (make setup)'
    pair 262144 chunk=8 sequential=10 every=5
    expect 0 export --quiet origin store view
    qemu-io -r -f raw -c 'read -v 0 262144' view | grep : >wanted
    # All in one: past the page cache.
    origin_fails 60000
    same wanted got
    grep -q '= 258048$' trace
    (($(grep -c 'pread64(' trace) == 1))
    # That fails, and through the page cache, too: then the parts are read.
    origin_fails 1..2
    same wanted got
    (($(grep -c 'pread64(' trace) > 10))
    fails origin_fails 1+
    said 'error: origin: cannot read'
}

@test "nbdkit: what is lost is refused, or zeros with fill=zero" {
    pair 65536 chunk=1 entry=0:1:34 entry=1:4:9
    truncate -s 5120 store
    not_served 'store: ' ORIGIN=origin STORE=store
    not_served 'store: the data of 1 exception is not in it: these chunks of the view are lost' \
        ORIGIN=origin STORE=store force=true
    expect 0 export --quiet --force --fill=zero origin store view
    as_exported ORIGIN=origin STORE=store force=true fill=zero
}

@test "nbdkit: what export refuses is not served, and the parameters are checked" {
    pair 1048576 chunk=8 random=100 origin_chunks=256
    not_served 'STORE= is missing' ORIGIN=origin
    not_served 'store: is no logical volume (VG/LV), so ORIGIN= is needed, too' STORE=store
    not_served 'origin: is given as ORIGIN and as STORE' ORIGIN=origin STORE=origin
    not_served 'store: is a COW store, and origin is none: ORIGIN and STORE are swapped' ORIGIN=store STORE=origin
    not_served 'store= is given twice' ORIGIN=origin store=store store=store
    not_served 'ORIGIN= is empty' ORIGIN= STORE=store
    not_served 'disk= is empty' ORIGIN=origin STORE=store disk=
    not_served 'unknown parameter: fill=one' ORIGIN=origin STORE=store fill=one
    not_served 'nosuch: cannot open: No such file or directory' ORIGIN=origin STORE=nosuch
    make chunk=8 random=100 origin_chunks=256 valid=0
    not_served 'store: is marked invalid' ORIGIN=origin STORE=store
    expect 0 export --quiet --force origin store view
    as_exported ORIGIN=origin STORE=store force=true
}

@test "nbdkit: nobody may write to what is served" {
    small_pair
    served ORIGIN=origin STORE=store -- '"$cowtool" merge origin store 2>merging; [ $? = 5 ]' || complain 'it was merged'
    grep -q 'is locked by another process' merging
}

@test "nbdkit: half a million exceptions in any order take at most 40 bytes of memory each" {
    [[ -x /usr/bin/time ]] || skip 'GNU time is not installed (make setup)'
    truncate -s 1G origin
    make chunk=1 data=0 random=500000 origin_chunks=2097152
    "$mkstore" small chunk=1 sequential=10
    for store in store small; do
        /usr/bin/time -f %M -o $store.kib nbdkit --no-fork -U - "$plugin" ORIGIN=origin STORE=$store \
            --run 'nbdinfo --size "$uri"' 2>err
    done
    (($(<store.kib) - $(<small.kib) <= 500000 * 40 / 1024 + 8192)) || complain "$(<store.kib) KiB, $(<small.kib) KiB for a small store"
}

@test "nbdkit: the plugin is installed where nbdkit finds it by its name, with its page, and uninstall removes both" {
    local root there=$PWD/there at
    root=$(cd "$here/../.." && pwd)
    at=$there$(nbdkit --dump-config | sed -n 's/^plugindir=//p')
    command make -s -C "$root" install-nbdkit-plugin PREFIX=/usr DESTDIR="$there" >/dev/null
    [[ -s $there/usr/share/man/man1/nbdkit-cowtool-plugin.1 ]]
    nbdkit --dump-plugin "$at/nbdkit-cowtool-plugin.so" | grep -qx 'name=cowtool'
    nbdkit "$at/nbdkit-cowtool-plugin.so" --help | grep -q 'STORE=<STORE>'
    command make -s -C "$root" uninstall PREFIX=/usr DESTDIR="$there" >/dev/null
    [[ -z $(find "$there" ! -type d) ]]
}
