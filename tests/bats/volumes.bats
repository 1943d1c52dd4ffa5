#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2119,SC2030,SC2031,SC2094 # variables of bats and helpers.bash; cmp reads what the other wrote
# LVM's volumes by name, on images that a real lvm2 made (tests/fixtures/make-volumes). The judge of their bytes is
# tests/tools/extents, which knows nothing of cowtool's code: it goes by what lvm2 said of the extents.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

extents=${TOOLS:-$here/../../build/tests/tools}/extents

# unpack NAME...: the images of a group, and its map.
unpack() {
    local name
    for name in "$@"; do
        gzip -dc "$here/../fixtures/$name.gz" >"$name"
        [[ ! -e $here/../fixtures/$name.map ]] || cp "$here/../fixtures/$name.map" .
    done
}

# metadata_of IMAGE: the group's metadata text.
metadata_of() {
    dd if="$1" bs=1 skip=$((4096 + $(number "$1" 4136))) count="$(number "$1" 4144)" status=none | tr -d '\0'
}

# edited SED-SCRIPT [IMAGE]: ./volumes1, or that image, with its text edited, and right checksums.
edited() {
    local image=${2:-volumes1}
    [[ -n ${2:-} ]] || unpack volumes1
    metadata_of "$image" | sed "$1" >text
    "${TOOLS:-$here/../../build/tests/tools}/mkpv" "$image" text=text \
        id="$(dd if="$image" bs=1 skip=544 count=32 status=none)"
}

# two_disks: ./volumes2.1 and ./volumes2.2, and $disks.
two_disks() {
    unpack volumes2.1 volumes2.2
    cp "$here/../fixtures/volumes2.map" .
    disks=(--disk=volumes2.1 --disk=volumes2.2)
}

# bytes_of MAP VOLUME...: each in a file of its name.
bytes_of() {
    local map=$1 volume
    shift
    for volume in "$@"; do
        "$extents" read "$map" "$volume" >"$volume"
    done
}

# merged_as_files: ./root, ./before-upgrade and ./other, as a merge of these files leaves them.
merged_as_files() {
    "$cowtool" merge --quiet --keep=other root before-upgrade
}

# group_is MAP: its volumes have the bytes of ./root, ./before-upgrade and ./other.
group_is() {
    local volume
    for volume in root before-upgrade other; do
        cmp "$volume" <("$extents" read "$1" "$volume") || complain "$volume is not what it should be"
    done
}

# map_to IMAGE MAP: the map of a copy of the only image.
map_to() {
    awk -F '|' -v OFS='|' -v image="$1" '$1 == "pv" {$3 = image} {print}' "$2"
}

@test "scan: a group's snapshots, with their origins, how full they are, and what is pending" {
    unpack volumes1 volumes-merging
    remember volumes1
    expect 0 scan volumes1
    grep -qx 'vg0/before-upgrade   vg0/root       160.0 KiB   4.0 KiB \[###--\]  55% active' out
    grep -qx 'vg0/other            vg0/root       160.0 KiB   4.0 KiB \[##---\]  30% active' out
    (($(wc -L <out) <= 80)) || complain 'wider than 80 columns'
    unchanged
    expect 0 scan --json --disk=volumes1
    object '[.stores[] | [.store, .origin, .kind, .bytes, .chunk_bytes, .exceptions, .state, .marked]] == [
        ["vg0/before-upgrade", "vg0/root", "volume", 163840, 4096, 20, "active", false],
        ["vg0/other", "vg0/root", "volume", 163840, 4096, 10, "active", false]] and .problems == []'
    expect 0 scan --json volumes-merging
    object '[.stores[] | [.store, .state, .marked]] == [["vg0/before-upgrade", "merging", true], ["vg0/other", "active", false]]'
}

@test "scan: partitions in images of whole disks, GPT and logical ones of an MBR; a store that is a partition" {
    unpack volumes-mbr volumes-gpt
    for image in volumes-mbr volumes-gpt; do
        expect 0 scan --json $image
        object '[.stores[].store] == ["vg0/before-upgrade", "vg0/other"]'
    done
    make chunk=8 size=131072 sequential=3
    dd if=store of=volumes-mbr bs=512 seek=512 conv=notrunc status=none
    expect 0 scan --json volumes-mbr
    object '[.stores[] | [.store, .kind]][2] == ["volumes-mbr@262144+262144", "device"]'
    expect 0 inspect --json volumes-mbr@262144+131072
    has '{"exceptions": 3}'
    expect 0 inspect --json volumes-mbr@262144
    has '{"exceptions": 3}'
    refuses 5 volumes-mbr -- repair --no-backup --yes volumes-mbr@262144
    refuses 5 volumes-mbr -- inspect volumes-mbr@262144+9999999
}

@test "scan: what is no store is named for what it is, what cannot be mapped is told, and hides nothing" {
    unpack volumes-unmapped volumes-exported volumes2.1
    file_system root 10000000-2000-4000-8000-500000000000
    expect 0 scan root
    said 'root: holds ext4'
    grep -qx 'no COW store was found' out
    expect 0 scan --json volumes-unmapped
    object '[.stores[] | [.store, (.detail // "-" | split(",")[0])]] == [["vg0/of-mirrored", "its origin is raid1"],
        ["vg0/of-thin", "its origin is thin"], ["vg0/of-cached", "its origin is cache"], ["vg0/of-plain", "-"]]'
    expect 0 scan --json volumes-exported
    object '(.stores | length) == 2 and .problems[0].name == "vg0" and (.problems[0].message | contains("exported"))'
    expect 0 scan --json volumes2.1
    object '[.stores[].state] == ["incomplete", "incomplete"]'
    expect 8 scan not-there
    expect 5 scan .
}

@test "merge VG/SNAP: the origin and the other snapshot come from the metadata, and nothing else on the disk changes" {
    for image in volumes1 volumes-mbr volumes-gpt; do
        unpack $image
        bytes_of $image.map root before-upgrade other
        merged_as_files
        cp $image before
        expect 0 merge --json --disk=$image vg0/before-upgrade
        has '{"origin": "vg0/root", "store": "vg0/before-upgrade", "merged": 20, "exceptions_left": 0,
            "then": ["lvremove vg0/before-upgrade"]}'
        is '.kept[] | "\(.store) \(.given_up)"' 'vg0/other false'
        group_is $image.map
        # Outside of these volumes the image is what it was.
        cp $image after
        map_to after $image.map >after.map
        map_to before $image.map >before.map
        for volume in root before-upgrade other; do
            "$extents" read before.map $volume | "$extents" write after.map $volume
        done
        cmp before after
    done
}

@test "merge VG/SNAP: two disks, an origin on both, a striped store" {
    two_disks
    bytes_of volumes2.map root before-upgrade other
    merged_as_files
    expect 0 merge --dry-run "${disks[@]}" vg0/before-upgrade
    said 'vg0/before-upgrade: is 1 segment on volumes2.1, volumes2.2'
    said 'vg0/root: is 2 segments on volumes2.1, volumes2.2'
    expect 0 merge "${disks[@]}" vg0/before-upgrade
    group_is volumes2.map
    bytes_of volumes2.map root other
    "$cowtool" merge --quiet --keep=before-upgrade root other
    expect 0 merge --quiet "${disks[@]}" /dev/mapper/vg0-other
    group_is volumes2.map
}

@test "merge VG/SNAP: a merge that is cut off keeps the other snapshot in its resume, too" {
    needs_strace
    unpack volumes1
    bytes_of volumes1.map root before-upgrade other
    merged_as_files
    expect 0 export --quiet --disk=volumes1 vg0/other view.before
    strace -qq -o /dev/null -e inject=fdatasync:error=EIO:when=12 \
        "$cowtool" merge --quiet --io=sync --window=1 --disk=volumes1 vg0/before-upgrade 2>err && complain 'it was not cut off'
    said "'cowtool merge --resume vg0/before-upgrade --disk volumes1' goes on"
    expect 0 scan --json volumes1
    object '.stores[0].state == "merging" and (.stores[0].detail | contains("% left")) and .stores[1].state == "merging"'
    refuses 5 volumes1 -- merge --disk=volumes1 vg0/before-upgrade
    # The command is pasted.
    PATH=$(dirname "$cowtool"):$PATH cowtool merge --resume vg0/before-upgrade --disk volumes1 --quiet
    cmp root <("$extents" read volumes1.map root)
    expect 0 export --quiet --disk=volumes1 vg0/other view.after
    cmp view.before view.after
}

@test "merge --pending: what LVM was told to merge, named or found; what it was not told is left alone" {
    unpack volumes-merging volumes1
    bytes_of volumes-merging.map root before-upgrade other
    merged_as_files
    refuses 5 volumes-merging -- merge --disk=volumes-merging vg0/other
    said 'LVM was told to merge another snapshot'
    cp volumes-merging again
    expect 0 merge --pending --disk=volumes-merging
    grep -q "'lvchange -ay vg0/root' activates the origin" out
    group_is volumes-merging.map
    cp again volumes-merging
    expect 0 merge --pending --json --disk=volumes-merging vg0/before-upgrade
    has '{"then": ["lvchange -ay vg0/root"]}'
    group_is volumes-merging.map
    cp again volumes-merging
    expect 0 merge --pending --json --disk=volumes-merging --disk=volumes1
    remember volumes1
    expect 0 merge --pending --json --disk=volumes1
    object 'del(.cowtool, .command) == {pending: []}'
    expect 0 merge --pending --disk=volumes1
    grep -qx 'no merge was begun; nothing was written' out
    expect 0 merge --pending --disk=volumes1 vg0/other
    unchanged
}

@test "names: VG/LV, /dev/VG/LV, /dev/mapper/VG-LV, LVM=, and the group's UUID; a path is a path" {
    unpack volumes1
    uuid=$("$cowtool" inspect --disk=volumes1 LVM=vg0/other 2>err >out && strings -n 38 volumes1 | sed -n 's/^id = "\(.*\)"$/\1/p' | head -n 1)
    for name in vg0/other /dev/vg0/other /dev/mapper/vg0-other LVM=vg0/other "$uuid/other" "LVM=$uuid/other"; do
        expect 0 inspect --json --disk=volumes1 "$name"
        is .store "$name"
        is .exceptions 10
    done
    expect 0 inspect --json --disk=volumes1 /dev/mapper/vg0-before--upgrade
    is .exceptions 20
    mkdir vg0
    make chunk=8 size=131072 sequential=3
    mv store vg0/other
    expect 0 inspect --json --disk=volumes1 vg0/other
    is .exceptions 3
    expect 0 inspect --json --disk=volumes1 LVM=vg0/other
    is .exceptions 10
}

@test "names: the origin and the other snapshot are LVM's, also where files have their names; the files stay as they were" {
    mkdir vg0
    for name in /dev/vg0/before-upgrade LVM=vg0/before-upgrade; do
        for files in other 'other root'; do
            unpack volumes1
            bytes_of volumes1.map root before-upgrade other
            # shellcheck disable=SC2086 # names of files
            cp $files vg0
            sha256sum vg0/* >sums
            merged_as_files
            expect 0 merge --quiet --disk=volumes1 $name
            group_is volumes1.map
            sha256sum --quiet --check sums
            rm vg0/*
        done
    done
}

@test "names: what leads nowhere is not there; what is no snapshot, or no volume, is refused" {
    unpack volumes1
    refuses 8 volumes1 -- merge --disk=volumes1 vg0/not-there
    said 'the volume group vg0 has no such volume'
    refuses 8 volumes1 -- merge --disk=volumes1 vg1/other
    said 'vg1/other: there is no volume group vg1'
    refuses 8 volumes1 -- merge --disk=not-there vg0/other
    bytes_of volumes1.map root
    refuses 8 root -- export --disk=not-there root vg0/other view
    said 'not-there: cannot open:'
    refuses 5 root -- export --disk=. root vg0/other view
    said '.: is a directory'
    refuses 5 volumes1 -- merge --disk=volumes1 vg0/home
    said 'vg0/home: is no snapshot, for LVM'
    refuses 5 volumes1 -- merge --disk=volumes1 vg0/home vg0/other
    said 'vg0/other: is a snapshot of vg0/root, not of vg0/home'
    refuses 5 volumes1 -- merge --disk=volumes1 volumes1 vg0/other
    refuses 5 volumes1 -- merge --disk=volumes1 vg0/other vg0/other
    refuses 5 volumes1 -- export --disk=volumes1 vg0/other volumes1
    refuses 5 volumes1 -- create --chunk=4K --disk=volumes1 vg0/other
    refuses 64 volumes1 -- merge --disk=volumes1
    refuses 64 volumes1 -- merge volumes1
    expect 0 merge --dry-run --disk=volumes1 vg0/root vg0/other
}

@test "two groups of one name: refused with both ids, chosen by one of them" {
    unpack volumes1
    gzip -dc "$here/../fixtures/volumes-mbr.gz" | dd bs=512 skip=1536 count=6144 of=twin status=none
    disks=(--disk=volumes1 --disk=twin)
    refuses 5 volumes1 twin -- merge "${disks[@]}" vg0/other
    mapfile -t ids < <(grep -oE '[A-Za-z0-9]{6}(-[A-Za-z0-9]{4}){5}-[A-Za-z0-9]{6}' err)
    ((${#ids[@]} == 2))
    for id in "${ids[@]}"; do
        expect 0 inspect --json "${disks[@]}" "$id/other"
        is .exceptions 10
    done
    expect 0 scan --json "${disks[@]}"
    object '[.stores[].store | startswith("LVM=")] == [true, true, true, true]'
    cp volumes1 clone
    refuses 5 volumes1 clone -- merge --disk=volumes1 --disk=clone vg0/other
    # Whether a merge was begun there cannot be told.
    remember volumes1 clone
    expect 5 merge --pending --disk=volumes1 --disk=clone
    unchanged
}

@test "what cannot be mapped is refused by its name, with what would help; what needs a missing disk is not there yet" {
    unpack volumes-unmapped volumes-exported
    two_disks
    refuses 5 volumes-unmapped -- merge --disk=volumes-unmapped vg0/of-mirrored
    said 'raid1, which cannot be mapped'
    refuses 5 volumes-unmapped -- merge --disk=volumes-unmapped vg0/of-thin
    said "'thin_dump' lists them"
    refuses 5 volumes-unmapped -- merge --disk=volumes-unmapped vg0/of-cached
    said "'lvconvert --uncache vg0/cached'"
    expect 0 merge --quiet --disk=volumes-unmapped vg0/of-plain
    refuses 5 volumes-exported -- merge --disk=volumes-exported vg0/other
    said "'vgimport vg0'"
    expect 0 export --quiet --disk=volumes-exported vg0/other out.img
    refuses 8 volumes2.1 -- merge --disk=volumes2.1 vg0/other
    said 'which is not there'
}

@test "export, verify, dump, save, restore and repair take a volume's name; reading changes no byte" {
    unpack volumes1
    bytes_of volumes1.map root before-upgrade other
    "$cowtool" merge --quiet root other
    remember volumes1
    expect 0 export --quiet --disk=volumes1 vg0/other view
    cmp view root
    expect 0 verify --json --disk=volumes1 vg0/other
    has '{"verdict": "clean"}'
    expect 0 dump --map --format=csv --disk=volumes1 vg0/other
    expect 0 dump --format=csv --disk=volumes1 vg0/other
    (($(wc -l <out) == 11))
    expect 0 save --disk=volumes1 vg0/other saved
    unchanged
    expect 0 restore --disk=volumes1 saved vg0/other
    expect 0 repair --no-backup --yes --disk=volumes1 vg0/other
    unchanged
}

@test "merge VG/SNAP: a snapshot that is too small to be kept refuses it, and lvextend is named; given up by name, it is marked invalid" {
    unpack volumes1
    bytes_of volumes1.map before-upgrade other
    # other has no room: its last chunk is in use.
    "$mkstore" other chunk=8 size=163840 keep=1 data=0 random=38 origin_chunks=100 seed=4
    "$extents" write volumes1.map other <other
    refuses 7 volumes1 -- merge --disk=volumes1 vg0/before-upgrade
    said 'vg0/other: is too small to be kept'
    said "'lvextend --size +"
    expect 0 merge --dry-run --disk=volumes1 --drop-kept=vg0/other vg0/before-upgrade
    grep -q 'vg0/other: to be marked invalid' out
    expect 0 merge --quiet --disk=volumes1 --drop-kept=vg0/other vg0/before-upgrade
    expect 0 inspect --json --disk=volumes1 vg0/other
    is .state invalid
    bytes_of volumes1.map root
    # An invalid one is left out, with a note.
    unpack volumes1
    "$mkstore" other chunk=8 size=163840 keep=1 data=0 random=10 origin_chunks=100 seed=4
    put other 4 '\0'
    "$extents" write volumes1.map other <other
    expect 0 merge --disk=volumes1 vg0/before-upgrade
    said 'vg0/other: note: is marked invalid'
    cmp other <("$extents" read volumes1.map other)
}

@test "merge VG/SNAP: a store whose header has another chunk size than LVM's metadata is refused, and read with a warning" {
    unpack volumes1
    bytes_of volumes1.map other
    rm other
    "$mkstore" other chunk=16 size=163840 random=5 origin_chunks=50 seed=4
    "$extents" write volumes1.map other <other
    refuses 5 volumes1 -- merge --disk=volumes1 vg0/other
    said 'its chunks have 16 sectors'
    expect 0 inspect --disk=volumes1 vg0/other
    said 'warning: its chunks have 16 sectors'
}

@test "merge VG/SNAP: beside another program that holds the disk, nothing is written" {
    unpack volumes1
    exec 9<>volumes1
    flock 9
    refuses 5 volumes1 -- merge --disk=volumes1 vg0/other
    exec 9>&-
}

@test "undo: the merge of a volume is taken back" {
    unpack volumes1
    bytes_of volumes1.map root
    cp root before
    expect 0 merge --quiet --disk=volumes1 --undo=undo.img vg0/before-upgrade
    fails cmp -s before <("$extents" read volumes1.map root)
    expect 0 merge --quiet --disk=volumes1 vg0/root undo.img
    cmp before <("$extents" read volumes1.map root)
}

@test "undo: going back into a volume keeps all of its snapshots, as LVM knows them" {
    unpack volumes1
    bytes_of volumes1.map root
    expect 0 export --quiet --disk=volumes1 vg0/other view
    expect 0 merge --quiet --disk=volumes1 --undo=undo.img vg0/before-upgrade
    "$extents" read volumes1.map root >merged
    expect 0 merge --quiet --disk=volumes1 vg0/root undo.img
    cmp root <("$extents" read volumes1.map root)
    expect 0 export --quiet --disk=volumes1 vg0/other view2
    cmp view view2
    expect 0 export --quiet --disk=volumes1 vg0/before-upgrade view3
    cmp merged view3
}

@test "merge --drop-kept: what is no other snapshot of this origin is not dropped as a merge begins" {
    unpack volumes-unmapped
    for name in vg0/of-thin vg0/plain vg0/of-plain volumes-unmapped; do
        refuses 5 volumes-unmapped -- merge --disk=volumes-unmapped --drop-kept=$name vg0/of-plain
        said 'is no other snapshot of vg0/plain'
    done
}

# unfinished: volumes1, of which cowtool began to merge before-upgrade; other is kept.
unfinished() {
    unpack volumes1
    bytes_of volumes1.map root before-upgrade other
    cp root origin
    cp before-upgrade store
    start_until 15 --keep=other
    kill -s INT "$merge_pid"
    goes_on
    ((status == 3)) || complain "it ended with $status"
    "$extents" write volumes1.map root <origin
    "$extents" write volumes1.map before-upgrade <store
    "$extents" write volumes1.map other <other
}

@test "merge --pending: where a disk is missing, whether a merge was begun cannot be told: not there yet" {
    two_disks
    refuses 8 volumes2.1 -- merge --pending --disk=volumes2.1
    said 'vg0/other: needs the physical volume'
    expect 8 merge --pending --json --disk=volumes2.2
    failure 8
    expect 0 merge --pending "${disks[@]}"
}

@test "merge --pending: the merges of two groups, also where one of them cannot be done now" {
    unfinished
    unpack volumes-merging
    bytes_of volumes-merging.map root before-upgrade other
    merged_as_files
    disks=(--disk=volumes-merging --disk=volumes1)
    for busy in volumes-merging volumes1; do
        exec 9<>"$busy"
        flock 9
        expect 5 merge --pending --json --dry-run "${disks[@]}"
        exec 9>&-
        object '(.pending | length) == 1 and .error.code == 5'
    done
    expect 0 merge --pending --json "${disks[@]}"
    object '[.pending[].then[0]] | sort == ["lvchange -ay vg0/root", "lvremove vg0/before-upgrade"]'
    group_is volumes-merging.map
    expect 0 scan --json volumes1
    object '.stores[0].state == "empty" and .stores[1].state == "active"'
}

@test "merge VG/SNAP: an image is not LVM's: its lock of a group of that name does not matter, nor the right to take it" {
    unpack volumes1
    mkdir lvm locks
    echo "global { locking_dir = \"$PWD/locks\" }" >lvm/lvm.conf
    export LVM_SYSTEM_DIR=$PWD/lvm
    exec 9>locks/V_vg0
    flock 9
    expect 0 merge --quiet --disk=volumes1 vg0/before-upgrade
    exec 9>&-
}

@test "merge VG/SNAP: a group that is renamed while its lock is waited for is refused, and nothing is written" {
    unpack volumes1
    cp volumes1 renamed
    edited 's/^vg0 {/vg1 {/' renamed
    uuid=$(strings -n 38 volumes1 | sed -n 's/^id = "\(.*\)"$/\1/p' | head -n 1)
    mkdir lvm locks
    echo "global { locking_dir = \"$PWD/locks\" }" >lvm/lvm.conf
    export LVM_SYSTEM_DIR=$PWD/lvm
    attach volumes1
    exec 9>locks/V_vg0
    flock 9
    "$cowtool" merge --disk="$loop" "$uuid/other" >out 2>err 9>&- &
    merge_pid=$!
    until [[ -e locks/V_vg0:aux ]]; do :; done
    cat renamed >"$loop"
    sync "$loop"
    exec 9>&-
    status=0
    wait "$merge_pid" || status=$?
    ((status == 5)) || complain "exit code $status"
    said "$uuid/other: its volume group was renamed at this moment, from vg0 to vg1"
    cmp volumes1 renamed
}

@test "merge VG/SNAP: one that is out of reach keeps the merge from beginning, or is given up by name, with --force" {
    two_disks
    # On the first disk alone, the origin itself is missing.
    refuses 8 volumes2.1 -- merge --disk=volumes2.1 --drop-kept=vg0/other --force vg0/before-upgrade
    refuses 5 volumes2.1 volumes2.2 -- merge "${disks[@]}" --drop-kept=vg0/root vg0/before-upgrade
    said 'is no other snapshot of vg0/root'
    # The other one is of a kind that cannot be mapped.
    edited '/^other {/,/^type/s/"striped"/"error"/'
    bytes_of volumes1.map root before-upgrade other
    refuses 5 volumes1 -- merge --disk=volumes1 vg0/before-upgrade
    said 'vg0/other: is error, which cannot be mapped'
    refuses 5 volumes1 -- merge --disk=volumes1 --drop-kept=vg0/other vg0/before-upgrade
    said 'add --force to give it up'
    expect 0 merge --disk=volumes1 --drop-kept=vg0/other --force vg0/before-upgrade
    said 'vg0/other: is given up as it is'
    "$cowtool" merge --quiet root before-upgrade
    cmp root <("$extents" read volumes1.map root)
    cmp other <("$extents" read volumes1.map other)
}

# The other snapshot is of a kind that cannot be mapped, or its header is gone: a resume has to leave it out, too.
@test "merge VG/SNAP: one that is out of reach is given up in a resume, too, whose command names it" {
    needs_strace
    for how in error blank; do
        if [[ $how == error ]]; then
            edited '/^other {/,/^type/s/"striped"/"error"/'
        else
            unpack volumes1
        fi
        bytes_of volumes1.map root before-upgrade other
        if [[ $how == blank ]]; then
            head -c 4096 /dev/zero | dd of=other conv=notrunc status=none
            "$extents" write volumes1.map other <other
        fi
        strace -qq -o /dev/null -e inject=fdatasync:error=EIO:when=12 \
            "$cowtool" merge --quiet --io=sync --window=1 --disk=volumes1 --drop-kept=vg0/other --force vg0/before-upgrade 2>err &&
            complain 'it was not cut off'
        said "'cowtool merge --resume --force --drop-kept vg0/other vg0/before-upgrade --disk volumes1' goes on"
        refuses 5 volumes1 -- merge --resume --disk=volumes1 vg0/before-upgrade
        expect 0 merge --resume --force --drop-kept=vg0/other --disk=volumes1 vg0/before-upgrade
        "$cowtool" merge --quiet root before-upgrade
        cmp root <("$extents" read volumes1.map root)
        cmp other <("$extents" read volumes1.map other)
    done
}

@test "merge VG/SNAP: a snapshot that is invalid is not taken for the undo store that a resume forgets" {
    needs_strace
    unpack volumes1
    bytes_of volumes1.map root before-upgrade other
    put other 4 '\0'
    "$extents" write volumes1.map other <other
    strace -qq -o /dev/null -e inject=fdatasync:error=EIO:when=16 \
        "$cowtool" merge --quiet --io=sync --window=1 --disk=volumes1 --undo=undo vg0/before-upgrade 2>err && complain 'it was not cut off'
    said "'cowtool merge --resume --undo undo vg0/before-upgrade --disk volumes1' goes on"
    refuses 5 volumes1 undo -- merge --resume --disk=volumes1 vg0/before-upgrade
    said 'keeps undo'
    refuses 5 volumes1 undo -- merge --resume --force --disk=volumes1 vg0/before-upgrade
    expect 0 merge --resume --undo=undo --disk=volumes1 vg0/before-upgrade
    expect 0 merge --quiet --disk=volumes1 vg0/root undo
    cmp root <("$extents" read volumes1.map root)
}

@test "merge VG/SNAP: of two stores that are too small, the command is for the one that is told of" {
    unpack volumes1
    bytes_of volumes1.map before-upgrade other
    "$mkstore" other chunk=8 size=163840 keep=1 data=0 random=38 origin_chunks=100 seed=4
    "$extents" write volumes1.map other <other
    "$mkstore" small chunk=8 size=163840 data=0 random=38 origin_chunks=100 seed=5
    refuses 7 volumes1 small -- merge --disk=volumes1 --keep=small vg0/before-upgrade
    said 'small: is too small to be kept'
    fails grep lvextend err
}

@test "merge --pending: the worst failure is the result, and each names its own snapshot" {
    unpack volumes-merging
    two_disks
    bytes_of volumes-merging.map before-upgrade
    head -c 4096 /dev/zero | dd of=before-upgrade conv=notrunc status=none
    "$extents" write volumes-merging.map before-upgrade <before-upgrade
    refuses 5 volumes-merging -- merge --pending --disk=volumes-merging
    for second in volumes2.1 volumes2.2; do
        refuses 8 volumes-merging $second -- merge --pending --disk=volumes-merging --disk=$second
        said '/before-upgrade: no COW store there'
    done
}

@test "scan: names that are longer than their columns have a line of their own" {
    unpack volumes1
    name=$(strings -n 38 volumes1 | sed -n 's/^id = "\(.*\)"$/\1/p' | head -n 1)
    gzip -dc "$here/../fixtures/volumes-mbr.gz" | dd bs=512 skip=1536 count=6144 of=twin status=none
    expect 0 scan volumes1 twin
    grep -qx "LVM=$name/other" out
    grep -qE "^  of LVM=$name/root +160.0 KiB" out
}

@test "scan --lost: the store of a removed snapshot is found where no volume is, and can be read" {
    unpack volumes1
    bytes_of volumes1.map root other
    dd if=other of=volumes1 bs=4096 seek=317 conv=notrunc status=none
    remember volumes1
    expect 0 scan --json volumes1
    object '[.stores[].kind] == ["volume", "volume"]'
    expect 0 scan --json --lost volumes1
    object '[.stores[] | [.store, .kind, .exceptions]][2] == ["volumes1@1298432+798720", "lost", 10]'
    expect 0 scan --lost volumes1
    grep -q 'its own size is not known' out
    expect 0 export --quiet root volumes1@1298432+163840 view
    unchanged
    "$cowtool" merge --quiet root other
    cmp view root
}

@test "what LVM's metadata says against a merge refuses it; what can be read is read" {
    edited '/^root {/,/^segment_count/s/"WRITE", //'
    refuses 5 volumes1 -- merge --disk=volumes1 vg0/other
    said "vg0/root: is read-only, for LVM; 'lvchange -prw vg0/root' lets it be written to"
    expect 0 export --quiet --disk=volumes1 vg0/other view
    edited '/^root {/,/^segment_count/s/"WRITE"/"WRITE", "LOCKED"/'
    refuses 5 volumes1 -- merge --disk=volumes1 vg0/other
    said "vg0/root: is being moved; finish that with 'pvmove', or end it with 'pvmove --abort'"
    edited '/^other {/,/^segment_count/s/^flags = \[\]/flags = ["FROB"]/'
    refuses 5 volumes1 -- merge --disk=volumes1 vg0/before-upgrade
    said 'vg0/other: has the flag FROB, which is not known'
    expect 0 inspect --disk=volumes1 vg0/other
    edited '/^pv0 {/,/^dev_size/s/^flags = \[\]/flags = ["MISSING"]/'
    refuses 5 volumes1 -- merge --disk=volumes1 vg0/other
    said "'vgextend --restoremissing' takes it back"
    edited '/^snapshot0 {/,/^type/s/^extent_count = 100/extent_count = 101/;/^snapshot1 {/,/^type/s/^extent_count = 100/extent_count = 101/'
    refuses 8 volumes1 -- merge --disk=volumes1 vg0/other
    said 'there is no volume group vg0; volumes1: metadata area 1: line 123: snapshot0 is longer than its origin'
    unpack volumes1
    truncate -s 700K volumes1
    refuses 5 volumes1 -- merge --disk=volumes1 vg0/other
    said 'ends after the end of volumes1: was that device made smaller?'
}

@test "a disk with an old label, under a partition table, is no physical volume; a second group is another one" {
    two_disks
    put volumes2.2 446 '\0\0\0\0\203\0\0\0\10\0\0\0\20\0\0'
    put volumes2.2 510 '\125\252'
    refuses 5 volumes2.1 volumes2.2 -- merge "${disks[@]}" vg0/other
    said 'needs the physical volume on volumes2.2, which has a partition table'
    gzip -dc "$here/../fixtures/volumes-mbr.gz" | dd bs=512 skip=1536 count=6144 of=twin status=none
    edited 's/^vg0 {/vg1 {/' twin
    unpack volumes1
    refuses 5 volumes1 twin -- merge --disk=volumes1 --disk=twin --keep=vg1/other vg0/other
    said 'vg1/other: is of another volume group than the other volumes that were named'
    expect 0 merge --quiet --disk=volumes1 --disk=twin vg1/other
}

@test "a label that is damaged is told, by scan and where a volume is asked for" {
    unpack volumes1
    put volumes1 600 '\377'
    expect 0 scan --json volumes1
    object '.stores == [] and .problems == [{name: "LVM",
        message: "volumes1: the label of a physical volume has a wrong checksum, or is in another sector than it says"}]'
    refuses 8 volumes1 -- merge --disk=volumes1 vg0/other
    said 'there is no volume group vg0; volumes1: the label of a physical volume has a wrong checksum'
}

@test "an origin that was extended since: the merge ends where the snapshot does, and undo gives all of it back" {
    edited '/^snapshot[01] {/,/^type/s/^extent_count = 100/extent_count = 99/'
    bytes_of volumes1.map root before-upgrade other
    # The last chunks of the origin are past the snapshots' end: the store has none of them.
    "$cowtool" dump --format=csv --disk=volumes1 vg0/before-upgrade 2>/dev/null | cut -d , -f 3 | sort -n | tail -n 1 >highest
    (($(<highest) < 99))
    cp root shown
    truncate -s $((99 * 4096)) shown
    "$cowtool" merge --quiet shown before-upgrade
    expect 0 export --quiet --disk=volumes1 vg0/before-upgrade view
    cmp view shown
    cp root whole
    expect 0 merge --quiet --disk=volumes1 --undo=undo.img vg0/before-upgrade
    cmp <(head -c $((99 * 4096)) <("$extents" read volumes1.map root)) shown
    cmp <(tail -c 4096 whole) <("$extents" read volumes1.map root | tail -c 4096)
    expect 0 merge --quiet --disk=volumes1 vg0/root undo.img
    cmp whole <("$extents" read volumes1.map root)
}
