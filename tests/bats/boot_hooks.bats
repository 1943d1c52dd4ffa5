#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2016,SC2030,SC2031,SC2154,SC2317 # expanded by the shells of the initramfs; variables of bats and helpers.bash
# The hooks of the initramfs, in dash and in busybox' ash, without a boot: their files are copied into a folder, which
# takes the place of "/" in every path of theirs, and what they call are stubs that note it. tests/boot boots.

# shellcheck source=helpers.bash
. "$BATS_TEST_DIRNAME/helpers.bash"

systems=(initramfs_tools dracut mkinitcpio)
paths='s#>/dev/kmsg#>>./run/log#; s#(^|[ "<>=])/(proc/|run/|etc/udev|lib/udev|usr/lib/udev|usr/share/cowtool/|scripts/|hooks/|sys/)#\1./\2#g'

# What scan and inspect say of a marked snapshot, of one whose merge is cut off, and merged, from the program itself.
setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    gzip -dc "$here/../fixtures/volumes-merging.gz" >disk.img
    json_of scan --json disk.img >marked.json
    marked=$(jq -r '.stores[] | select(.marked) | .store' marked.json)
    json_of inspect --json --disk=disk.img "$marked" >marked-store.json
    fails strace -f -o /dev/null --inject=fsync,fdatasync:error=EIO:when=3+ \
        "$cowtool" merge --quiet --pending --io=sync --disk=disk.img
    json_of scan --json disk.img >begun.json
    json_of inspect --json --disk=disk.img "$marked" >begun-store.json
    # The records of another version; there are two, with that of the kept store.
    cp disk.img foreign.img
    grep -abo cowmerge foreign.img | while IFS=: read -r at _; do
        put foreign.img $((at + 8)) '\2'
    done
    json_of scan --json foreign.img >foreign.json
    json_of inspect --json --disk=foreign.img "$marked" >foreign-store.json
    json_of merge --json --quiet --pending --disk=disk.img >merge.json
    json_of merge --json --quiet --pending --disk=disk.img >again.json
    json_of scan --json disk.img >merged.json
    fails json_of inspect --json --disk=disk.img "${marked%/*}/gone" >gone-store.json
    fails json_of inspect --json --disk=disk.img elsewhere/gone >absent-store.json
    export marked
    for shell in dash busybox; do
        template "$shell"
    done
}

# stub NAME [SCRIPT]: a program that notes how it was called, and does this. It is a function of the shell, which takes no
# time, and is called where busybox has a program of its own.
stub() {
    printf '%s() {\n    echo "%s $*" >>calls\n    %s\n}\n' "$1" "$1" "${2:-:}" >>functions
}

# template NAME: ./NAME, a root whose scripts that shell runs, with a kernel that has snapshots.
template() {
    local files
    mkdir -p "$1" && cd "$1" || return
    mkdir -p proc run hooks sys/class/block/{sda,dm-0} etc/udev/rules.d lib/udev/rules.d usr/lib/udev/rules.d usr/share/cowtool scripts \
        initqueue/finished initqueue/timeout
    cp "$here/../../rescue/cowtool-boot.sh" usr/share/cowtool
    cp -r "$here/../../rescue/initramfs-tools/scripts" .
    cp "$here/../../rescue/dracut/"cowtool-*.sh .
    cp "$here/../../rescue/mkinitcpio/hooks/cowtool" hooks
    mapfile -t files < <(find usr/share/cowtool scripts hooks cowtool-*.sh -type f)
    sed -E -i "$paths" "${files[@]}"
    echo 'RUN+="/sbin/lvm pvscan --cache"' >lib/udev/rules.d/69-lvm.rules
    # The n-th merge ends with the n-th code, those after the last one with that.
    stub cowtool '
    case $1 in
    merge)
        {
            read -r code
            left=
            while read -r line; do left="$left$line
"; done
        } <codes
        [ -z "$left" ] || printf %s "$left" >codes
        return "$code"
        ;;
    scan | inspect)
        [ ! -e "$1.json" ] || cat "$1.json"
        ;;
    esac'
    stub lvm '
    case "$1 $*" in
    vgs*) echo "  vg0 0" ;;
    *"change -"*) [ -e root-stays-away ] || : >root-is-there ;;
    esac'
    stub udevadm
    stub modprobe
    stub sleep 'slept=$((slept + $1))'
    stub dmsetup 'echo "snapshot-merge   v1.5.0"'
    # As someone who knows what to do; who is asked three times in vain goes.
    stub shell '
    [ ! -e mended ] || mv mended codes
    shells=$((shells + 1))
    [ "$shells" -lt 3 ] || exit 99'
    echo 'slept=0 shells=0' >>functions
    # As scripts of initramfs-tools have it; time is short.
    cat functions - >scripts/functions <<'END'
panic() { shell "$@"; }
resolve_device() { [ -e root-is-there ] && echo "$1"; }
time_elapsed() { echo $((slept * 10)); }
END
    # The other hooks of mkinitcpio.
    printf '%s\n' 'run_earlyhook() { echo "== udev" >>calls; udevd_running=1; }' 'run_hook() { echo "== udev triggers" >>calls; }' >hooks/udev
    echo 'run_hook() { echo "== encrypt" >>calls; [ ! -e decrypted ] || mv decrypted codes; }' >hooks/encrypt
    echo 'run_emergencyhook() { echo "== plymouth ends" >>calls; }' >hooks/plymouth
    cd ..
}

# fresh SHELL: a root of its own, where a merge is asked for, and will succeed.
roots=0
fresh() {
    roots=$((roots + 1))
    cp -r "$BATS_FILE_TMPDIR/$1" "$BATS_TEST_TMPDIR/$roots"
    cd "$BATS_TEST_TMPDIR/$roots" || exit
    case $1 in
    dash) shell=(dash) ;;
    busybox) shell=(busybox sh) ;;
    esac
    echo 'quiet cowtool.merge=pending' >proc/cmdline
    echo 0 >codes
    : >calls
}

teardown() {
    [[ ! -e calls ]] || { echo "in ${shell[*]}, ${system-}:" && cat calls; }
}

# boot SYSTEM: from before udev is started to where the root is mounted.
boot() {
    local status=0
    "boot_$1" >out 2>err || status=$?
    ((status == 0)) || complain "$1: $status"
}

# Each script is a program of its own.
boot_initramfs_tools() {
    local script
    for script in init-top init-premount local-top; do
        [[ $script != local-top || ${boot_script-local} == local ]] || continue
        echo "== $script" >>calls
        BOOT=${boot_script-local} ROOT=/dev/vg0/root ROOTDELAY=${rootdelay-3} "${shell[@]}" "scripts/$script/cowtool" || return
    done
    echo '== mount' >>calls
}

# The initqueue sources the scripts, again and again.
boot_dracut() {
    "${shell[@]}" <<'END'
. ./functions
emergency_shell() { shell "$@"; }
getargs() { [ ! -e "$1" ] || cat "$1"; }
hookdir=.
root=block:root-is-there
. ./cowtool-hold.sh
echo '== udev' >>calls
rounds=0
while [ "$rounds" -lt 9 ]; do
    . ./cowtool-merge.sh
    rounds=$((rounds + 1))
    [ -e initqueue/finished/cowtool.sh ] || break
    ! . ./initqueue/finished/cowtool.sh || break
    [ "$rounds" -lt 4 ] || . ./initqueue/timeout/00-cowtool.sh
done
echo '== mount' >>calls
END
}

# Init sources the hooks, and calls their functions.
boot_mkinitcpio() {
    "${shell[@]}" <<END
. ./functions
getarg() { [ "\$1" != rootdelay ] || echo "${rootdelay-3}"; }
launch_interactive_shell() { shell cowtool; }
resolve_device() { [ "\$udevd_running" = 0 ] && [ -e root-is-there ] && echo "\$1"; }
run_hookfunctions() {
    _point=\$1
    shift 2
    for _hook_of_init in "\$@"; do
        unset -f run_hook run_earlyhook run_emergencyhook
        . "./hooks/\$_hook_of_init"
        ! command -v "\$_point" >/dev/null || "\$_point"
    done
}
root=/dev/vg0/root mount_handler=${mount_handler-default_mount_handler} udevd_running=0
HOOKS='${hooks-cowtool udev} encrypt' EMERGENCYHOOKS=plymouth
run_hookfunctions run_earlyhook 'early hook' ${hooks-cowtool udev}
run_hookfunctions run_hook hook \$HOOKS
echo '== mount' >>calls
END
}

# in_both_shells FUNCTION [ARGUMENT...]: in a fresh root each.
shells=(dash busybox)
in_both_shells() {
    local - one
    set +o functrace
    for one in "${shells[@]}"; do
        fresh "$one"
        "$@"
    done
}

# everywhere FUNCTION [ARGUMENT...]: in a fresh root for each system and shell; $system is which.
everywhere() {
    for system in "${systems[@]}"; do
        in_both_shells "$@"
    done
}

# called PATTERN...: these were called, in this order.
called() {
    local line i=0 patterns=("$@")
    while IFS= read -r line; do
        [[ ! ${patterns[i]} || ! $line =~ ${patterns[i]} ]] || i=$((i + 1))
        ((i < $#)) || return 0
    done <calls
    complain "not called, or not in this order: ${patterns[i]}"
}

# count N PATTERN: it was called N times.
count() {
    local line n=0
    while IFS= read -r line; do
        [[ ! $line =~ $2 ]] || n=$((n + 1))
    done <calls
    ((n == $1)) || complain "$n times, not $1: $2"
}

# never PATTERN: nothing like that was called.
never() {
    count 0 "$1"
}

# logged N TEXT: the kernel's log has it N times.
logged() {
    local line n=0
    while IFS= read -r line; do
        [[ $line != *"$2"* ]] || n=$((n + 1))
    done <run/log
    ((n == $1)) || complain "in the log $n times, not $1: $2"
}

# rules_are NAME...: those files are in lib/udev/rules.d.
rules_are() {
    local files=(lib/udev/rules.d/*)
    [[ ${files[*]##*/} == "$*" ]] || complain "${files[*]##*/}, not $*"
}

# in_library SCRIPT: with the library's functions.
in_library() {
    "${shell[@]}" -c '. ./functions; . ./usr/share/cowtool/cowtool-boot.sh
        root_is_there() { [ -e root-is-there ]; }
        activate_groups() { echo "activate $*" >>calls; }
        '"$1"
}

@test "boot: what is asked for is read from the kernel's command line" {
    asked() {
        echo "$1" >proc/cmdline
        [[ $(in_library cowtool_asked) == "$2" ]]
    }
    asks_for() {
        asked 'ro cowtool.merge=pending quiet' pending
        asked 'cowtool.merge=vg0/a,vg1/b ro' 'vg0/a vg1/b'
        asked 'cowtool.merge=vg0/a rd.cowtool.merge=vg0/*' 'vg0/a vg0/*'
        for line in '' ro 'cowtool.merge' 'cowtool.merge= ro' 'xcowtool.merge=pending' 'cowtool.merger=pending'; do
            echo "$line" >proc/cmdline
            fails in_library 'cowtool_asked >/dev/null'
        done
    }
    in_both_shells asks_for
}

@test "boot: LVM's rules that activate are held, wherever they are, and released; no other file is" {
    rules() {
        echo 'IMPORT{program}="/sbin/lvm vgchange -aay"' >etc/udev/rules.d/70-my-lvm.rules
        echo 'RUN+="/sbin/initqueue --onetime lvm_scan"' >usr/lib/udev/rules.d/64-lvm.rules
        printf '# not for pvscan\nENV{DM_NAME}=="x"\n' >lib/udev/rules.d/11-dm-lvm.rules
        echo 'RUN+="vgchange"' >lib/udev/rules.d/60-other.rules
        find . -name '*.rules*' | sort >before
        in_library cowtool_hold
        find . -name '*.rules*' | sort | diff - <(echo './etc/udev/rules.d/70-my-lvm.rules.held
./lib/udev/rules.d/11-dm-lvm.rules
./lib/udev/rules.d/60-other.rules
./lib/udev/rules.d/69-lvm.rules.held
./usr/lib/udev/rules.d/64-lvm.rules.held')
        never .
        in_library cowtool_release
        find . -name '*.rules*' | sort | diff - before
        diff calls <(echo 'udevadm control --reload
udevadm trigger --action=add --subsystem-match=block
udevadm settle')
    }
    in_both_shells rules
}

@test "boot: where /lib is /usr/lib, a rule is held once, and released" {
    merged_usr() {
        rm -r lib/udev
        ln -s ../usr/lib/udev lib/udev
        echo 'RUN+="pvscan"' >usr/lib/udev/rules.d/69-lvm.rules
        in_library cowtool_hold
        rules_are 69-lvm.rules.held
        in_library cowtool_release
        rules_are 69-lvm.rules
    }
    in_both_shells merged_usr
}

# judged CODE WANTED LEVEL: what cowtool_judge returns, and at which level it tells it.
judged() {
    local status=0
    : >run/log
    in_library "cowtool_judge $marked $1" 2>err || status=$?
    ((status == $2)) || complain "code $1: $status, not $2"
    logged 1 "<$3>cowtool: $marked: "
}

@test "boot: what becomes of the boot after each exit code" {
    codes() {
        cp "$BATS_FILE_TMPDIR/marked-store.json" inspect.json
        judged 0 0 6
        judged 6 0 6
        for code in 2 5 64; do
            judged $code 0 4
        done
        for code in 1 3 4 7 70 126 127 137; do
            judged $code 1 3
        done
        cp "$BATS_FILE_TMPDIR/absent-store.json" inspect.json
        judged 8 2 4
        cp "$BATS_FILE_TMPDIR/gone-store.json" inspect.json
        judged 8 0 6
        for begun in begun foreign; do
            cp "$BATS_FILE_TMPDIR/$begun-store.json" inspect.json
            for code in 2 5 64; do
                judged $code 1 3
            done
        done
    }
    in_both_shells codes
}

@test "boot: of pending merges, those that cowtool began are found" {
    begun() {
        cp "$BATS_FILE_TMPDIR/$1.json" scan.json
        cp "$BATS_FILE_TMPDIR/$1-store.json" inspect.json
        [[ $(in_library 'cowtool_is_unfinished pending && echo yes') == "$2" ]]
    }
    in_both_shells begun marked ''
    in_both_shells begun foreign yes
    in_both_shells begun begun yes
    called 'cowtool scan --json' "cowtool inspect --json $marked"
}

@test "boot: lvremove is for snapshots that are marked and merged completely, and only where the kernel cannot do it" {
    lvremove() {
        stub dmsetup "echo $1"
        cp "$BATS_FILE_TMPDIR/$2.json" scan.json
        in_library cowtool_remove_merged 2>err
        [[ $2 != merged ]] || called 'modprobe -q dm-snapshot' 'dmsetup targets'
        count "$3" '^lvm'
        count "$3" "^lvm lvremove -y -A n $marked$"
    }
    in_both_shells lvremove 'linear snapshot snapshot-merge' merged 0
    in_both_shells lvremove 'linear' marked 0
    in_both_shells lvremove 'linear' begun 0
    in_both_shells lvremove 'linear' merged 1
    in_both_shells lvremove '' merged 1
}

@test "boot: nothing whatever happens without the parameter" {
    nothing() {
        echo 'ro quiet root=/dev/vg0/root' >proc/cmdline
        boot "$system"
        never '^[^=]'
        rules_are 69-lvm.rules
        [[ -z $(find run initqueue -type f) ]]
        [[ ! -s out && ! -s err ]]
    }
    everywhere nothing
}

@test "boot: the merge comes after udev is started and before LVM activates anything, and then LVM's rules are back" {
    order() {
        stub cowtool '[ "$1" != merge ] || ls lib/udev/rules.d >>calls'
        cat functions >>scripts/functions
        boot "$system"
        case $system in
        initramfs_tools) called '== init-top' 'cowtool merge' ;;
        *) called '== udev' 'cowtool merge' ;;
        esac
        called 'udevadm settle' 'lvm vgs' '^cowtool merge --pending --json --progress=log$' '69-lvm.rules.held' \
            'lvm vgchange -a.* --sysinit vg0' 'udevadm control --reload' '== mount'
        never 'subsystem-match=block'
        count 1 'cowtool merge'
        never '^shell'
        rules_are 69-lvm.rules
        logged 1 '<6>cowtool: pending: done'
        [[ -e run/cowtool.json ]]
    }
    everywhere order
}

@test "boot: a disk that appears while a merge runs is not activated before the rules are back; then udev looks at it" {
    appears() {
        stub cowtool '[ "$1" != merge ] || mkdir -p sys/class/block/sdb'
        cat functions >>scripts/functions
        boot "$system"
        called 'lvm vgs' 'cowtool merge' 'lvm vgchange -a.* --sysinit vg0' 'udevadm control --reload' \
            'udevadm trigger --action=add --subsystem-match=block' 'udevadm settle' '== mount'
    }
    everywhere appears
}

@test "boot: a group of which a disk is missing is not activated; with the rules, udev looks at all disks again" {
    partial() {
        stub lvm 'case $1 in vgs) echo "  vg0 0
  vg1 1
  vg2 0" ;; *) : >root-is-there ;; esac'
        cat functions >>scripts/functions
        boot "$system"
        called 'lvm vgs' 'cowtool merge' 'lvm vgchange' 'udevadm control --reload' \
            'udevadm trigger --action=add --subsystem-match=block' 'udevadm settle' '== mount'
        called '^lvm vgchange .*vg0'
        called '^lvm vgchange .*vg2'
        never '^lvm .*vg1'
    }
    everywhere partial
}

@test "boot: when udev is started, the rules are held already" {
    held() {
        case $system in
        initramfs_tools) "${shell[@]}" scripts/init-top/cowtool ;;
        dracut) "${shell[@]}" -c 'hookdir=.; . ./cowtool-hold.sh' ;;
        mkinitcpio) "${shell[@]}" -c 'udevd_running=0; . ./hooks/cowtool; run_earlyhook' ;;
        esac
        rules_are 69-lvm.rules.held
        never .
    }
    everywhere held
}

@test "boot: named snapshots are merged in their order" {
    named() {
        echo 'cowtool.merge=vg0/b,vg1/a' >proc/cmdline
        boot "$system"
        called '^cowtool merge --resume --json --progress=log vg0/b$' '^cowtool merge --resume --json --progress=log vg1/a$' \
            'udevadm control --reload'
        count 2 'cowtool merge'
        never 'lvm'
        never '^shell'
    }
    everywhere named
}

@test "boot: who gets a shell, what is said there, and that it goes on" {
    gets_shell() {
        echo "$1" >codes
        echo 0 >mended
        boot "$system"
        called 'cowtool merge --pending' '^shell .*cowtool' 'cowtool merge --pending' 'udevadm control --reload' '== mount'
        count 1 '^shell'
        said 'cowtool: pending: not finished, and so the root is not mounted'
        said '  cowtool merge --pending
'
        rules_are 69-lvm.rules
    }
    for code in 3 4 7 70 127 137; do
        everywhere gets_shell $code
        shells=(dash)
    done
}

@test "boot: who gets none" {
    gets_none() {
        echo "$1" >codes
        boot "$system"
        count 1 'cowtool merge'
        never '^shell'
        called 'udevadm control --reload' '== mount'
        rules_are 69-lvm.rules
    }
    for code in 0 2 5 6 64; do
        everywhere gets_none $code
        shells=(dash)
    done
}

@test "boot: what was refused while a merge is unfinished ends in a shell" {
    refused() {
        cp "$BATS_FILE_TMPDIR/begun.json" scan.json
        cp "$BATS_FILE_TMPDIR/begun-store.json" inspect.json
        echo "$1" >codes
        echo 0 >mended
        boot "$system"
        called 'cowtool merge' '^shell' 'cowtool merge' 'udevadm control --reload'
        count 1 '^shell'
    }
    for code in 2 5 64; do
        everywhere refused $code
        shells=(dash)
    done
}

@test "boot: what is not there yet is waited for, without a word each time" {
    waits() {
        printf '%s\n' 8 8 8 0 >codes
        boot "$system"
        called '^cowtool merge --pending --json --progress=log$' '^cowtool merge --pending .*--dry-run$' \
            '^cowtool merge --pending .*--dry-run$' '^cowtool merge --pending --json --progress=log$' 'udevadm control'
        never '^shell'
        count 1 'udevadm control'
        # Those of initramfs-tools are two programs.
        logged $((1 + (${#system} > 12))) 'not there yet'
    }
    everywhere waits
}

@test "boot: what does not come gets a shell, and is tried again after it" {
    missing() {
        echo 8 >codes
        echo 0 >mended
        boot "$system"
        called '^cowtool merge --pending .*--dry-run$' '^shell .*cowtool' '^cowtool merge --pending .*--dry-run$' \
            '^cowtool merge --pending --json --progress=log$' 'udevadm control' '== mount'
        count 1 '^shell'
    }
    everywhere missing
}

@test "boot: a root that does not come, after all merges, is for the initramfs to tell" {
    rootless() {
        touch root-stays-away
        printf '%s\n' "$@" >codes
        boot "$system"
        never '^shell'
        called 'udevadm control --reload' '== mount'
        rules_are 69-lvm.rules
    }
    everywhere rootless 0
    # Also where a merge was waited for, and came.
    everywhere rootless 8 8 0
}

@test "boot: the result of a merge is kept, once, and told once, where the root is waited for after it" {
    kept() {
        touch root-stays-away
        cp "$BATS_FILE_TMPDIR"/again.json .
        sed 's#"vg0/root"#"vg0/\\\\\\"root\\n"#' "$BATS_FILE_TMPDIR/merge.json" >merge.json
        cp merge.json wanted
        for file in functions scripts/functions; do
            cat >>$file <<'END'
cowtool() {
    [ "$1" = merge ] || return 0
    echo "cowtool $*" >>calls
    cat merge.json
    cp again.json merge.json
}
END
        done
        boot "$system"
        [[ $(grep -c '^cowtool merge' calls) -gt 2 ]]
        # Those of initramfs-tools are two programs.
        logged $((1 + (${#system} > 12))) '<6>cowtool: pending: done'
        [[ $(grep -c . run/cowtool.json) == $((1 + (${#system} > 12))) ]]
        head -n 1 run/cowtool.json | diff wanted -
    }
    everywhere kept
}

@test "boot: a snapshot that another boot removed is no reason to wait, also where its disk came late" {
    late() {
        echo 'cowtool.merge=vg0/gone' >proc/cmdline
        cp "$BATS_FILE_TMPDIR/absent-store.json" .
        cp "$BATS_FILE_TMPDIR/gone-store.json" .
        for file in functions scripts/functions; do
            cat >>$file <<'END'
cowtool() {
    echo "cowtool $*" >>calls
    [ "$1" != inspect ] || { [ -e seen ] && cat gone-store.json; } || { : >seen && cat absent-store.json; }
    return 8
}
END
        done
        boot "$system"
        never '^shell'
        logged 1 '<6>cowtool: vg0/gone: there is no such snapshot any more'
        called 'udevadm control --reload' '== mount'
    }
    everywhere late
}

@test "boot: dracut activates what rd.lvm.lv names, and nothing else" {
    lvs() {
        echo vg0/root vg0/usr vg1/data >rd.lvm.lv
        boot dracut
        called '^lvm lvchange --yes -K -ay --sysinit vg0/root$' '^lvm lvchange --yes -K -ay --sysinit vg0/usr$'
        never 'lvm vgchange'
        never vg1
    }
    in_both_shells lvs
}

@test "boot: dracut activates the groups that rd.lvm.vg names, beside what rd.lvm.lv does" {
    vgs() {
        stub lvm 'case $1 in vgs) echo "  vg0 0
  vg1 0
  vg2 0" ;; *) : >root-is-there ;; esac'
        echo vg1 vg3 >rd.lvm.vg
        [[ ! $1 ]] || echo "$1" >rd.lvm.lv
        boot dracut
        called '^lvm vgchange -ay --sysinit vg1$'
        count 1 'lvm vgchange'
        count "$2" 'lvm lvchange'
    }
    in_both_shells vgs '' 0
    in_both_shells vgs vg0/root 1
    called '^lvm lvchange --yes -K -ay --sysinit vg0/root$'
}

@test "boot: dracut activates nothing where it removed LVM's rules (rd.lvm=0)" {
    none() {
        rm lib/udev/rules.d/69-lvm.rules
        boot dracut
        called 'cowtool merge' '== mount'
        never 'lvm ..change'
        never '^shell'
    }
    in_both_shells none
}

@test "boot: initramfs-tools without local-top (nfs, live) waits in init-premount" {
    nfs() {
        printf '%s\n' 8 8 0 >codes
        boot_script=nfs boot initramfs_tools
        called '== init-premount' 'sleep 1' '^cowtool merge --pending --json --progress=log$' 'udevadm control' '== mount'
        never '^shell'
    }
    in_both_shells nfs
}

# script_of_others NAME [SCRIPT]: initramfs-tools has it in local-top, too.
script_of_others() {
    printf '#!/bin/sh\necho "== %s" >>calls\n%s\n' "$1" "${2-}" >"scripts/local-top/$1"
    chmod +x "scripts/local-top/$1"
}

@test "boot: initramfs-tools waits for rootdelay, where that is a number and more than 30 seconds" {
    patience() {
        echo 8 >codes
        echo 0 >mended
        rootdelay=$1 boot initramfs_tools
        count "$2" '^sleep 1$'
        called '^shell' 'udevadm control --reload' '== mount'
        rules_are 69-lvm.rules
    }
    # Each second is ten to the stub.
    for delay in '' 0 30 2.5 45.5 -1 x; do
        in_both_shells patience "$delay" 3
    done
    in_both_shells patience 45 5
}

@test "boot: initramfs-tools does not wait for a root that is not local" {
    other_root() {
        touch root-stays-away
        boot_script=zfs boot initramfs_tools
        never sleep
        called 'cowtool merge' 'udevadm control --reload' 'udevadm trigger' '== mount'
    }
    in_both_shells other_root
}

@test "boot: initramfs-tools' local-top/cowtool is after all others but cryptroot, which wants to be the last" {
    order() {
        script_of_others cryptroot
        script_of_others iscsi
        [[ $("${shell[@]}" scripts/local-top/cowtool prereqs) == iscsi ]]
        [[ $("${shell[@]}" "$PWD/scripts/local-top/cowtool" prereqs) == iscsi ]]
    }
    in_both_shells order
}

@test "boot: initramfs-tools decrypts the disks before it waits for what is on them, and only if it is needed" {
    decrypts() {
        script_of_others cryptroot '[ ! -e decrypted ] || mv decrypted codes'
        echo "$1" >codes
        echo 0 >decrypted
        boot initramfs_tools
        count "$2" '== cryptroot'
        never '^sleep'
        never '^shell'
    }
    in_both_shells decrypts 8 1
    called '== init-premount' 'cowtool merge --pending' '== local-top' '== cryptroot' 'cowtool merge --pending' \
        'udevadm control --reload' '== mount'
    in_both_shells decrypts 0 0
}

@test "boot: initramfs-tools' image has cowtool from where mkinitramfs does not look, and without it that is told" {
    image() {
        local program
        program=$(command -v "${shell[0]}")
        mkdir -p usr/local/sbin usr/sbin usr/share/initramfs-tools
        echo 'copy_exec() { echo "copy_exec $*" >>calls; }; copy_file() { echo "copy_file $*" >>calls; }' \
            >usr/share/initramfs-tools/hook-functions
        sed 's#/usr/#./usr/#g' "$here/../../rescue/initramfs-tools/hooks/cowtool" >hook
        PATH=nowhere "$program" "${shell[@]:1}" hook 2>err
        said 'W: cowtool is not found'
        never .
        for folder in usr/sbin usr/local/sbin; do
            ln -s "$cowtool" $folder/cowtool
            PATH=nowhere "$program" "${shell[@]:1}" hook 2>err
            [[ ! -s err ]]
            called "copy_exec ./$folder/cowtool" 'copy_file script ./usr/share/cowtool/cowtool-boot.sh'
        done
    }
    in_both_shells image
}

@test "boot: mkinitcpio tries at once, and again after the hooks that decrypt disks" {
    decrypted() {
        echo 8 >codes
        echo 0 >decrypted
        boot mkinitcpio
        called '== udev' 'udevadm trigger --action=add --type=subsystems' 'udevadm trigger --action=add --type=devices' \
            'udevadm settle' 'cowtool merge --pending --json' '== udev triggers' '== encrypt' 'cowtool merge --pending --json' \
            'lvm vgchange' 'udevadm control --reload' '== mount'
        never 'sleep'
        never '^shell'
    }
    in_both_shells decrypted
}

@test "boot: mkinitcpio waits for rootdelay, for 10 seconds without it, and its shell comes after the emergency hooks" {
    patience() {
        echo 8 >codes
        echo 0 >mended
        rootdelay=$1 boot mkinitcpio
        count "$2" '^sleep 1$'
        called '== encrypt' '== plymouth ends' '^shell' '== mount'
    }
    in_both_shells patience 2 2
    in_both_shells patience '' 10
    in_both_shells patience y 10
}

@test "boot: mkinitcpio does not wait for a root that another hook mounts" {
    other_root() {
        touch root-stays-away
        mount_handler=net_mount_handler boot mkinitcpio
        never sleep
        called 'cowtool merge' 'udevadm control --reload' '== mount'
    }
    in_both_shells other_root
}

@test "boot: mkinitcpio's udev that was started too early is told of the rules" {
    too_late() {
        hooks='udev cowtool' boot mkinitcpio
        called '== udev' 'udevadm control --reload' '== udev triggers' 'cowtool merge' 'udevadm control --reload'
    }
    in_both_shells too_late
}

# mkinitcpio_builds: build() of the hook, with mkinitcpio's functions; they and what it says are in ./calls.
mkinitcpio_builds() {
    : >calls
    (
        note() { echo "$*" >>calls; }
        for name in add_module add_binary add_file error; do
            eval "$name() { note $name \"\$@\"; }"
        done
        add_runscript() { note "add_runscript ${BASH_SOURCE[1]##*/}"; }
        map() { local each; for each in "${@:2}"; do "$1" "$each"; done; }
        # shellcheck disable=SC2034 # the hook's
        BUILDROOT=$PWD
        ${1:-:}
        PATH=$PWD:$PATH
        . "$here/../../rescue/mkinitcpio/install/cowtool"
        build
    )
}

@test "boot: mkinitcpio's image has what the hook calls, and a hook in a wrong place is told" {
    mkdir hooks
    ln -s "$cowtool" cowtool
    mkinitcpio_builds
    diff calls <(echo "add_module dm-snapshot?
add_binary lvm
add_binary dmsetup
add_binary $PWD/cowtool /usr/bin/cowtool
add_file /usr/share/cowtool/cowtool-boot.sh
add_runscript cowtool")
    touch hooks/udev
    mkinitcpio_builds
    called 'error cowtool must be before udev in HOOKS' 'add_runscript cowtool'
    systemd() { add_systemd_unit() { :; }; }
    fails mkinitcpio_builds systemd
    called 'error cowtool: with the systemd hook, no merge'
    never add_
    . "$here/../../rescue/mkinitcpio/install/cowtool"
    [[ $(help) == *'HOOKS=(base cowtool udev '* ]]
}
