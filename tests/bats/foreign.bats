#!/usr/bin/env bats
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154
# What is neither a store nor an origin: containers, compressed files, and what libblkid knows. It is called by its
# name, and never written to. tests/unit/foreign.c has the magic numbers.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

# other_things: files with what is no store, one each; ./names has a line for each: its name, and what it is called.
other_things() {
    truncate -s 4M mbr luks swap qcow2 gzip vhdx vdi ewf android
    put mbr 446 '\0\0\0\0\203\0\0\0\0\10\0\0\0\20\0\0'
    put mbr 510 '\125\252'
    put luks 0 'LUKS\272\276\0\1'
    put luks 168 '3e6be9de-8139-11d1-9106-a43f08d823a6'
    put swap 1024 '\1\0\0\0\377\3\0\0'
    put swap 4086 'SWAPSPACE2'
    put qcow2 0 'QFI\373\0\0\0\3'
    put gzip 0 '\037\213\010'
    put vhdx 0 'vhdxfile'
    put vdi 64 '\177\020\332\276'
    put ewf 0 'EVF\011\015\012\377\0'
    put android 0 '!!WOcwoC'
    gzip -dc "$here/../fixtures/volumes1.gz" >volume
    file_system ext4 3e6be9de-8139-11d1-9106-a43f08d823a6
    tune2fs -L root ext4 >/dev/null
    cat >names <<'END'
mbr holds a partition table, dos
luks holds crypto_LUKS
swap holds swap
volume is a physical volume of vg0, with 2 snapshots
ext4 holds ext
ext4 , LABEL root
qcow2 is a qcow2 image
gzip is compressed with gzip
vhdx is a VHDX image
vdi is a VDI image
ewf is an EWF image (E01)
android is a COW file of Android's snapuserd
END
}

@test "foreign: what is no store is called by its name, by every command that reads it" {
    other_things
    fill origin 65536
    while read -r file name; do
        for command in inspect verify dump; do
            refuses 6 "$file" -- $command "$file"
            said "$name"
        done
        refuses 6 "$file" origin -- restore "$file" origin
        said "$file: is no saved file: it"
        said "$name"
        refuses 6 "$file" origin -- merge origin "$file"
        said "no COW store there: it"
        said "$name"
    done <names
}

@test "foreign: what looks further is said as a command" {
    other_things
    cp qcow2 'a disk'
    expect 6 inspect 'a disk'
    said "'qemu-nbd --connect=/dev/nbd0 a\\ disk' attaches the disk in it as /dev/nbd0"
    expect 6 inspect ext4
    said "'mount -o ro ext4 DIR' shows its files"
    expect 6 inspect android
    said "'inspect_cow android' (of Android) shows what is in it"
    expect 6 restore gzip store
    said "is compressed with gzip; 'gunzip --keep gzip' unpacks it"
    expect 0 scan 'a disk' ext4
    said "a disk: is a qcow2 image, and no physical volume; 'qemu-nbd --connect=/dev/nbd0 a\\ disk' attaches the disk in it"
    said "'mount -o ro ext4 DIR' shows its files"
    expect 6 inspect volume
    said "'cowtool scan volume' lists them"
}

@test "foreign: verify advises no new header where something else is" {
    other_things
    while read -r file name; do
        expect 6 verify "$file"
        fails grep -q -e --rebuild-header out err
        grep -qF "what helps: name the right device: this one" out
        expect 6 verify --json "$file"
        failure 6
        object '.error.message | contains("rebuild-header") | not'
        expect 6 repair --dry-run "$file"
        fails grep -q -e --rebuild-header err
    done <names
    truncate -s 4M blank
    expect 6 verify blank
    grep -q -e --rebuild-header out
}

@test "foreign: repair --rebuild-header makes no header over what something else is, whatever --chunk says" {
    other_things
    while read -r file name; do
        refuses 5 "$file" -- repair --yes --no-backup --rebuild-header --chunk=4K "$file"
        said "$name"
        refuses 5 "$file" -- repair --yes --no-backup --rebuild-header "$file"
        said "$name"
    done <names
    # Consent.
    expect 0 repair --yes --no-backup --rebuild-header --chunk=4K --force mbr
    expect 0 inspect --quiet mbr
}

@test "foreign: a header is made by evidence alone, or with --force" {
    truncate -s 4M blank
    refuses 5 blank -- repair --yes --no-backup --rebuild-header --chunk=4K blank
    said 'nothing shows that a store with chunks of 4K was here'
    expect 0 repair --yes --no-backup --rebuild-header --chunk=4K --force blank
    (($(od -An -t u4 -j 12 -N 4 blank) == 8))
}

@test "foreign: areas after the first show the chunk size of a store whose beginning is zeroed" {
    make chunk=8 random=600 origin_chunks=4096
    dd if=/dev/zero of=store bs=64K count=1 conv=notrunc status=none
    cp store zeroed
    expect 0 repair --yes --no-backup --rebuild-header store
    said '344 more in areas after the first'
    said "'cowtool dump --stale store' shows"
    (($(od -An -t u4 -j 12 -N 4 store) == 8))
    put store 0 '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
    same store zeroed
    refuses 5 store -- repair --yes --no-backup --rebuild-header --chunk=8K store
    said 'nearly all speaks for --chunk=4K'
}

@test "foreign: a container is no origin: refused, and left as it was" {
    other_things
    make chunk=8 sequential=40
    while read -r file name; do
        [[ $name == is*image* || $name == *compressed* || $name == *COW* ]] || continue
        refuses 5 "$file" store -- merge "$file" store
        said "$file: $name"
        refuses 5 "$file" store -- merge --dry-run "$file" store
        refuses 5 "$file" store -- export "$file" store out-file
        said "$file: $name"
        [[ ! -e out-file ]]
        refuses 5 "$file" store -- verify --origin="$file" store
        said "$file: $name"
        refuses 5 "$file" store -- dump --stale --origin="$file" store
        refuses 5 "$file" store -- repair --yes --no-backup --origin="$file" store
    done <names
}

@test "foreign: images that qemu-img made are no origins" {
    command -v qemu-img >/dev/null || skip 'there is no qemu-img'
    make chunk=8 sequential=40
    fill raw 1048576
    for format in qcow2 vmdk vhdx vpc vdi qed qcow parallels; do
        qemu-img convert -q -O $format raw disk 2>/dev/null || continue
        refuses 5 disk store -- merge disk store
        said "disk: is a"
        refuses 6 disk -- inspect disk
        rm disk
    done
}

@test "foreign: create says what is there, and what looks further" {
    other_things
    while read -r file name; do
        refuses 5 "$file" -- create --chunk=4K "$file"
        said "$name"
    done <names
}
