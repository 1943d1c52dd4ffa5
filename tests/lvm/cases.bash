# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2016,SC2034 # sed has a $ of its own; the judge uses what is set here
# Texts that tests/lvm/judge puts before lvm2 and cowtool: changes of base.text, which has root in two segments, its snapshot
# snap, wide, which is striped, and other. `same` are those that cowtool must take as lvm2 does; `refused` those that it
# must not take, whatever lvm2 says; `either` is left to cowtool, as long as lvm2 agrees with what it takes.

cases() {
    sound_cases
    number_cases
    segment_cases
    area_cases
    snapshot_cases
    state_cases
    form_cases
    header_cases
    two_texts_cases
}

# What LVM writes, in forms that are seldom.
sound_cases() {
    same 'as it is'
    same 'without what is optional' '/^flags = \[\]/d; /^dev_size/d; /^device =/d; /^creation_/d; /^format/d; /^metadata_copies/d'
    same 'with a host name that is no text' 's/^creation_host = "host"/creation_host = "\x1b[31m\xff"/'
    same 'with tags, and one that has a quote' '/^extent_size/i tags = ["a", "quote\\"d"]'
    same 'a snapshot that is shorter than its origin' '/^snapshot0/,$s/extent_count = 50/extent_count = 40/'
    same 'marked as merging' 's/cow_store/merging_store/'
    same 'a store that is read-only' '/^snap {/,/^wide {/s/"READ", "WRITE", /"READ", /'
    same 'stripes of 64 sectors' 's/stripe_size = 8/stripe_size = 16/'
    same 'more for one physical volume' 's/pe_count = 100/pe_count = 200/'
    same 'other is on wide' '/^other {/,/^snapshot0 {/s/"pv1", 40/"wide", 0/; /^wide {/,/^other {/s/, "VISIBLE"//'
    either 'lines with CR' 's/$/\r/'
    either 'a comment in it' '/^extent_size/i # extent_size = 16'
    either 'an unknown key of the group' '/^extent_size/i something = 1'
    either 'the keys of a segment in another order' '/^type = "striped"/{N;s/\(.*\)\n\(.*\)/\2\n\1/}'
    either 'the alias linear' '0,/"striped"/s//"linear"/'
    either 'no stripes but one' 's/stripe_count = 1$/stripe_count = 1\nstripe_size = 8/'
    either 'a system_id that is empty' '/^format/i system_id = ""'
    either 'a lock type of none' '/^format/i lock_type = "none"'
    either 'the alternatives of a string' "s/\"Text Format Volume Group\"/'Text Format Volume Group'/"
}

# Numbers that are read as others, or make no sense.
number_cases() {
    local value
    for value in 0 -8 3 010 +8 0x8 8.0 8x 4294967304 '"8"' 99999999999999999999; do
        refused "an extent size of $value" "s/^extent_size = 8/extent_size = $value/"
    done
    for value in 0 63 0136 -136 4294967432 999999999; do
        refused "pe_start $value" "0,/pe_start = 136/s//pe_start = $value/"
    done
    for value in -1 0 29 0100 4294967396; do
        refused "pe_count $value" "0,/pe_count = 100/s//pe_count = $value/"
    done
    for value in -1 '"7"' 18446744073709551615; do
        refused "seqno $value" "s/^seqno = 7/seqno = $value/"
    done
}

segment_cases() {
    local value
    for value in 0 -30 030 4294967326; do
        refused "a segment of $value extents" "0,/extent_count = 30/s//extent_count = $value/"
    done
    refused 'a gap' 's/start_extent = 30/start_extent = 31/'
    refused 'an overlap' 's/start_extent = 30/start_extent = 29/'
    refused 'segments that are not in order' '0,/start_extent = 0/s//start_extent = 20/; 0,/start_extent = 30/s//start_extent = 0/'
    refused 'one segment more than it says' 's/segment_count = 2/segment_count = 1/'
    refused 'one less' 's/segment_count = 2/segment_count = 3/'
    refused 'no segment' '/^root {/,/^snap {/{s/segment_count = 2/segment_count = 0/;/^segment1/,/^snap {/{/^snap {/!d;i }
}}'
    for value in 0 2 -1 4294967297; do
        refused "a stripe count of $value with one stripe" "0,/stripe_count = 1/s//stripe_count = $value/"
    done
    for value in 0 7 100 -8 4294967304; do
        refused "a stripe size of $value" "s/stripe_size = 8/stripe_size = $value/; /^snapshot0/,\$s/\"snap\"/\"wide\"/; s/^root {/toor {/; s/\"root\"/\"toor\"/; s/^wide {/root {/; s/\"wide\"/\"root\"/"
    done
    refused 'extents that are not divisible by the stripes' '/^wide {/,/^other {/s/extent_count = 20/extent_count = 19/'
    for value in striped+FROB raid1 mirror thin error zero cache unheard-of '' striped+RESHAPE; do
        refused "an origin of type '$value'" "0,/\"striped\"/s//\"$value\"/"
    done
    refused 'no type' '0,/^type = "striped"/s///'
    refused 'no stripes' '0,/^stripes = \[/s//strips = [/'
}

area_cases() {
    local value
    for value in 81 100 -1 036 4294967296; do
        refused "a store at extent $value" "s/\"pv0\", 30/\"pv0\", $value/"
    done
    refused 'a physical volume that is not there' '0,/"pv1", 0/s//"pv2", 0/'
    refused 'two volumes with the same extents' 's/"pv1", 40/"pv1", 0/'
    refused 'two segments with the same extents' '0,/"pv1", 0/s//"pv0", 10/'
    refused 'the origin on itself' '0,/"pv1", 0/s//"root", 0/'
    refused 'the origin and other in a ring' '0,/"pv1", 0/s//"other", 0/; /^other {/,/^snapshot0 {/{s/"pv1", 40/"root", 0/}'
    refused 'more of a volume than it has' '0,/"pv1", 0/s//"other", 0/'
    refused 'a store on its origin' 's/"pv0", 30/"root", 0/'
    refused 'one physical volume twice' 's/bbbb-bbbb-bbbb-bbbb-bbbb-bbbbbb/aaaa-aaaa-aaaa-aaaa-aaaa-aaaaaa/'
    refused 'one id of two volumes' 's/BBBBB4/BBBBB1/'
    refused 'a number instead of a name' '0,/"pv1", 0/s//1, 0/'
    refused 'a name instead of a number' '0,/"pv1", 0/s//"pv1", "0"/'
    refused 'no comma' '0,/"pv1", 0/s//"pv1" 0/'
    refused 'three of two' 's/^"pv0", 50,/"pv0", 50, "pv1", 60,/'
}

# another_snapshot KEYS: a second snapshot segment, before the first.
another_snapshot() {
    printf '/^snapshot0 {/i snapshot1 {\\\nid = "BBBBBB-BBBB-BBBB-BBBB-BBBB-BBBB-BBBBB6"\\\nstatus = ["READ", "WRITE", "VISIBLE"]\\\n'
    printf 'segment_count = 1\\\nsegment1 {\\\nstart_extent = 0\\\nextent_count = %s\\\ntype = "snapshot"\\\nchunk_size = 8\\\n' "$1"
    printf 'origin = "%s"\\\n%s = "%s"\\\n}\\\n}\n' "$2" "$3" "$4"
}

snapshot_cases() {
    local value
    for value in 0 3 1 -8 010 12 4096 4294967304; do
        refused "a chunk size of $value" "s/^chunk_size = 8/chunk_size = $value/"
    done
    same 'two snapshots' "$(another_snapshot 50 root cow_store other)"
    refused 'one store of two snapshots' "$(another_snapshot 50 root cow_store snap)"
    refused 'one store of two origins' "$(another_snapshot 20 wide cow_store snap)"
    refused 'a snapshot of a store' "$(another_snapshot 20 snap cow_store other)"
    refused 'a store that is an origin' "$(another_snapshot 20 wide cow_store root)"
    refused 'two that are marked as merging' "$(another_snapshot 50 root merging_store other); s/cow_store/merging_store/"
    refused 'a store, and one that is merging' '/^cow_store/a merging_store = "other"'
    refused 'an origin that is not there' 's/^origin = "root"/origin = "toor"/'
    refused 'an origin that is a physical volume' 's/^origin = "root"/origin = "pv0"/'
    refused 'a store that is not there' 's/^cow_store = "snap"/cow_store = "pans"/'
    refused 'an origin that is its store' 's/^cow_store = "snap"/cow_store = "root"/'
    refused 'no store' '/^cow_store/d'
    refused 'no origin' '/^origin = /d'
    refused 'a snapshot that is longer than its origin' '/^snapshot0/,$s/extent_count = 50/extent_count = 51/'
    refused 'a snapshot that begins at 1' '/^snapshot0/,$s/start_extent = 0/start_extent = 1/'
    refused 'a snapshot of two segments' '/^snapshot0/,$s/segment_count = 1/segment_count = 2/'
    refused 'a snapshot of a snapshot' 's/^origin = "root"/origin = "snapshot0"/'
    refused 'the store of a volume on it' '/^other {/,/^snapshot0 {/{s/"pv1", 40/"snap", 0/}'
}

state_cases() {
    local value
    for value in EXPORTED CLUSTERED PVMOVE FROB; do
        refused "a group that is $value" "0,/\"RESIZEABLE\"/s//\"RESIZEABLE\", \"$value\"/"
    done
    refused 'a group that is not to be written' '0,/"READ", "WRITE"\]/s//"READ"]/'
    refused 'a group without a status' '0,/^status = .*/s///'
    for value in PVMOVE LOCKED FROB; do
        refused "an origin that is $value" "/^root {/,/^snap {/s/\"VISIBLE\"/\"VISIBLE\", \"$value\"/"
    done
    either 'a group that is SHARED, as none is any more' '0,/"RESIZEABLE"/s//"RESIZEABLE", "SHARED"/'
    for value in NOTSYNCED REBUILD; do
        either "an origin that is $value, as no linear one is" "/^root {/,/^snap {/s/\"VISIBLE\"/\"VISIBLE\", \"$value\"/"
    done
    refused 'a flag that is not known' '0,/^flags = \[\]/s//flags = ["FROB"]/'
    refused 'a lock type of sanlock' '/^format/i lock_type = "sanlock"'
    refused 'a lock type of dlm' '/^format/i lock_type = "dlm"'
    refused "another machine's" '/^format/i system_id = "other-host"'
    refused 'persistent reservations' '/^format/i pr = "require"'
    refused 'a physical volume that was missing' '/^pv1 {/,/^}/s/^flags = \[\]/flags = ["MISSING"]/'
    refused 'an unknown flag of a physical volume' '/^pv1 {/,/^}/s/^flags = \[\]/flags = ["FROB"]/'
}

form_cases() {
    local long
    long=$(printf 'n%.0s' {1..200})
    refused 'a name of 200 letters' "s/^other {/$long {/"
    refused 'a name with a slash' 's,^other {,ot/her {,'
    refused 'a name with a space' 's/^other {/"ot her" {/'
    refused 'a name in quotes' 's/^root {/"root" {/'
    refused 'a name that begins with a dash' 's/^other {/-other {/'
    refused 'a name of two dots' 's/^other {/.. {/'
    refused 'an escape in a name' 's/^other {/ot\x1bher {/'
    refused 'two volumes of one name' 's/^other {/wide {/'
    refused 'two volumes of one name, one of them the origin' 's/^other {/root {/'
    refused 'two physical volumes of one name' 's/^pv1 {/pv0 {/'
    refused 'a size that is there twice' '/^extent_size/a extent_size = 16'
    refused 'a start that is there twice' '0,/pe_start = 136/s//pe_start = 136\npe_start = 144/'
    refused 'an extent count that is there twice' '0,/extent_count = 30/s//extent_count = 30\nextent_count = 40/'
    refused 'stripes that are there twice' '/^"pv0", 30/{n;a stripes = [ "pv0", 80 ]
}'
    refused 'an end in the middle' '/^wide {/i \\x00'
    refused 'a NUL in a string' 's/"Write from/"Write\x00from/'
    refused 'a brace less' '$!{/^logical_volumes/,${/^contents/,$!{s/^snapshot0 {/snapshot0 /}}}'
    refused 'a brace more' '/^logical_volumes/i }'
    refused 'a string without its end' 's/"Write from lvconvert."/"Write/'
    refused 'an array without its end' '0,/^\]/s///'
    refused 'a key without a value' 's/^seqno = 7/seqno =/'
    refused 'a key with a path' 's/^extent_size = 8/a\/extent_size = 8/'
    refused 'another version' 's/^version = 1/version = 2/'
    refused 'other contents' 's/^contents = .*/contents = "Something"/'
    for key in seqno id extent_size max_lv max_pv; do
        refused "a group without its $key" "0,/^$key = .*/s///"
    done
    refused 'a volume without its id' '/^root {/,/^snap {/s/^id = .*//'
    refused 'a volume without its creation time' '0,/^creation_time.*/s///'
    refused 'a volume without its creation host' '0,/^creation_host.*/s///'
    refused 'a snapshot without its creation host' '/^snapshot0/,$s/^creation_host.*//'
    refused 'an id of 31 letters' 's/BBBBB1/BBBB1/'
    refused 'an id with a letter that is none' 's/BBBBB1/BBBB?1/'
    refused 'a group of another name within' 's/^vg0 {/vg 0 {/'
    refused 'a text that begins with a comment' '1i # vg0'
    refused 'a hundred thousand braces' "1s/.*/$(printf 'a{%.0s' {1..9000})/"
    refused 'an empty text' d
}

# header WANTED NAME OPTIONS [OPTIONS-OF-THE-SECOND]: what is around the text.
header() {
    options0=$3 options1=${4:-$3}
    "$1" "$2"
    options0='' options1=''
}

header_cases() {
    header same 'the label in sector 0' label=0
    header same 'the label in sector 3' label=3
    header refused 'the label in sector 4' label=4
    header same 'a text that is wrapped' at=64512
    header same 'a text at an odd place' at=1001
    header either 'a text without a NUL' nul=0
    header refused 'a text that ends before its end' bytes=1000
    header refused 'a text that is longer than its area' bytes=65536
    header refused 'an area that is to be ignored' ignored=1
    header refused 'an area that says that it is elsewhere' start=8192
    header refused 'a label with a wrong checksum' poke=600:1
    header refused 'an area with a wrong checksum' poke=4500:1
    header refused 'a text with a wrong checksum' poke=4700:1
    header either 'one text with a wrong checksum, and one that is right' '' poke=4700:1
    header either 'one area with a wrong checksum, and one that is right' '' poke=4500:1
    header same 'one area that is ignored' '' ignored=1
}

two_texts_cases() {
    local files=(pv0 pv1)
    same 'one text is older' '' 's/^seqno = 7/seqno = 6/; s/"pv1", 40/"pv1", 60/'
    either 'one text is older, and makes no sense' '' 's/^seqno = 7/seqno = 6/; s/segment_count = 2/segment_count = 3/'
    refused 'two texts of one number' '' 's/"pv0", 30/"pv0", 70/'
    refused 'a newer text of another group with the same name' '' 's/AAAAA0/AAAAA1/; s/^seqno = 7/seqno = 8/'
    refused 'a physical volume that says that another group has it' '' 's/AAAAA0/AAAAA1/; s/^vg0/vg1/'
    refused 'a newer text that makes no sense' '' 's/^seqno = 7/seqno = 8/; s/segment_count = 2/segment_count = 3/'
    options1=poke=4700:1
    refused 'a newer text with a wrong checksum' '' 's/^seqno = 7/seqno = 8/'
    options1=''
    files=(pv0)
    refused 'a physical volume that is not there' ''
    cp pv1 copy
    files=(pv0 pv1 copy)
    refused 'a physical volume that is there twice' ''
}
