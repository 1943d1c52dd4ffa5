#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2016 # variables of bats and helpers.bash; $uri is nbdkit's
# Evidence: no command that reads changes a byte of it, or a time of its files; and what the manual says of the chain of
# custody, word for word.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

page=$here/../../man/cowtool-export.8
plugin=${PLUGIN:-$here/../../nbdkit-cowtool-plugin.so}

# state FILE...: their bytes, which moves nothing, and all of their times.
state() {
    local file
    for file in "$@"; do
        dd if="$file" iflag=noatime bs=1M status=none | sha256sum
    done
    stat -c '%n %s %.X %.Y %.Z' -- "$@"
}

# read_all ORIGIN STORE: by every command that reads. A dry run of a merge ends with ${right:-0}.
read_all() {
    expect 0 inspect "$2"
    expect 0 verify "$2"
    expect 0 verify --origin="$1" "$2"
    expect 0 verify --data="$1" "$2"
    expect 0 dump "$2"
    expect 0 dump --stale --origin="$1" "$2"
    expect 0 dump --map --format=table --origin="$1" "$2"
    expect 0 scan "$1" "$2"
    expect 0 save --force "$2" saved
    expect "${right:-0}" merge --dry-run "$1" "$2"
    expect 0 repair --dry-run "$2"
    rm -f view
    expect 0 export "$1" "$2" view
    same view right.origin
    if [[ -e $plugin ]] && command -v nbdcopy >/dev/null; then
        rm -f copy
        nbdkit -U - "$plugin" ORIGIN="$1" STORE="$2" --run 'nbdcopy "$uri" copy' 2>err
        same copy right.origin
    fi
}

# file_system_for FILE...: ./disk, an ext4 with these, whose access times lie before the other ones: then relatime moves them,
# too.
file_system_for() {
    ((EUID == 0)) || skip 'only root mounts file systems'
    command -v mkfs.ext4 >/dev/null || skip 'there is no mkfs.ext4'
    truncate -s 32M disk
    mkfs.ext4 -q -F disk
    attach disk
    mkdir mounted
    mount -t ext4 "$loop" mounted 2>/dev/null || skip 'nothing can be mounted here'
    cp "$@" mounted
    umount mounted
}

# nothing_moves FILE... -- COMMAND...: on that file system, two times, with strictatime and with relatime.
nothing_moves() {
    local files=() times
    while [[ $1 != -- ]]; do
        files+=("mounted/$1")
        shift
    done
    shift
    for times in strictatime relatime; do
        mount -t ext4 -o $times "$loop" mounted
        touch -a -d 2001-02-03 "${files[@]}"
        state "${files[@]}" >before
        "$@"
        "$@"
        state "${files[@]}" >after
        same before after || complain 'the evidence is not what it was'
        cat "${files[@]}" >/dev/null
        state "${files[@]}" >after
        fails same before after >/dev/null
        umount mounted
    done
}

@test "evidence: two reads by every command change no byte and no time, with strictatime and with relatime" {
    judged_pair 1048576 chunk=8 random=100 origin_chunks=256
    file_system_for origin store
    nothing_moves origin store -- read_all mounted/origin mounted/store
}

read_volume() {
    expect 0 scan --disk="$1"
    expect 0 inspect --disk="$1" vg0/before-upgrade
    expect 0 dump --map --disk="$1" vg0/before-upgrade
    expect 0 merge --dry-run --disk="$1" vg0/before-upgrade
    rm -f view
    expect 0 export --disk="$1" vg0/before-upgrade view
}

@test "evidence: nor do they of a disk's image, by the name of a volume" {
    gzip -dc "$here/../fixtures/volumes-gpt.gz" >whole-disk
    file_system_for whole-disk
    nothing_moves whole-disk -- read_volume mounted/whole-disk
}

# writes_to DEVICE: how many there were.
writes_to() {
    local fields
    read -ra fields <"/sys/block/${1#/dev/}/stat"
    echo "${fields[4]}"
}

@test "evidence: from loop devices that are read-only, and nothing is written to them" {
    judged_pair 1048576 chunk=8 random=100 origin_chunks=256
    attach origin --read-only
    origin=$loop
    attach store --read-only
    store=$loop
    stat -c '%n %.Y %.Z' origin store >dates
    sha256sum origin store >sums
    first="$(writes_to "$origin") $(writes_to "$store")"
    right=4
    read_all "$origin" "$store"
    read_all "$origin" "$store"
    [[ "$(writes_to "$origin") $(writes_to "$store")" == "$first" ]]
    [[ "$(blockdev --getro "$origin") $(blockdev --getro "$store")" == '1 1' ]]
    sha256sum --check --quiet sums
    stat -c '%n %.Y %.Z' origin store | same dates -
}

# shown: the commands of the page.
shown() {
    awk '/^\.S[sh] /{on = $0 == ".Ss Chain of custody"}
        /^\.Ed/{display = 0}
        on && display
        /^\.Bd -literal/{display = 1}' "$page"
}

@test "evidence: the chain of custody of the manual, word for word" {
    judged_pair 1048576 chunk=8 random=100 origin_chunks=256
    mv origin origin.img
    mv store store.img
    ln -s "$cowtool" cowtool
    shown >commands
    [[ -s commands ]]
    PATH=$PWD:$PATH bash -e commands
    same snap.img right.origin
    [[ $(<snap.sha256) == "$(sha256sum right.origin | cut -d ' ' -f 1)  snap.img" ]]
    for wanted in "$("$cowtool" --version)" "$(sha256sum origin.img)" "$(sha256sum store.img)" "$(<snap.sha256)" \
        'store.img: clean; exceptions: 100, errors: 0, warnings: 0' 'origin.img: OK' 'store.img: OK' 'snap.img: OK'; do
        grep -qxF "$wanted" custody.txt || complain "not there: $wanted"
    done
    grep -q 'standard output: exported 1.0 MiB (1048576 bytes), .*; CRC-32 ' custody.txt
    (($(grep -c ' UTC ' custody.txt) == 2))
    # What changes meanwhile, and an export that fails, are not passed over.
    sed -i 's/^sha256sum -c/echo >>origin.img; &/' commands
    fails env PATH="$PWD:$PATH" bash -e commands
    "$mkstore" store.img chunk=8 random=100 origin_chunks=256 valid=0
    shown >commands
    sed -i '/^cowtool verify/d' commands
    fails env PATH="$PWD:$PATH" bash -e commands
    grep -q 'store.img: is marked invalid' custody.txt
}
