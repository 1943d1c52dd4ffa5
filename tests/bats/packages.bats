#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What packagers rely on: the tarball, equal builds, and what is installed. rescue/check-packages builds whole packages.

setup_file() {
    bats_require_minimum_version 1.5.0
    root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    version=$(sed -n 's/^VERSION := //p' "$root/Makefile")
    dist=cowtool-$version
    export root dist
    cd "$BATS_FILE_TMPDIR" || return
    "$root/rescue/dist" "$dist" "$PWD"
    tar -xf "$dist.tar.gz"
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    tarball=$BATS_FILE_TMPDIR/$dist.tar.gz
    tree=$BATS_FILE_TMPDIR/$dist
}

# other_make ARGUMENT...: what the make above this one was told does not count.
other_make() {
    env -u MAKEFLAGS -u MAKEOVERRIDES make -s "$@"
}

@test "dist: an unpacked tarball makes the same tarball, whoever unpacked it, and whatever was built in it" {
    (
        umask 077
        mkdir "a folder"
        tar --touch -C "a folder" -xf "$tarball"
    )
    cd "a folder/$dist"
    mkdir -p build/deb debian tests/kernel/cache
    touch build/deb/x debian/control cowtool cowtool-static cowtool-9.tar.gz tests/kernel/cache/x
    LC_ALL=C.UTF-8 TZ=Pacific/Kiritimati SOURCE_DATE_EPOCH=1 rescue/dist "$dist" "$BATS_TEST_TMPDIR"
    cmp "$tarball" "$BATS_TEST_TMPDIR/$dist.tar.gz"
}

@test "dist: in a folder of another's git tree, it is made of what is there" {
    command -v git >/dev/null || skip 'git is not installed'
    git init -q .
    tar -xf "$tarball"
    "$dist/rescue/dist" "$dist" "$PWD"
    cmp "$tarball" "$dist.tar.gz"
}

@test "dist: where the files cannot be listed, no tarball is made" {
    cp -r "$tree" tree
    mkdir tree/.git stubs
    ln -s "$(type -P false)" stubs/git
    run -1 env PATH="$PWD/stubs:$PATH" tree/rescue/dist "$dist" "$PWD"
    rmdir tree/.git
    ln -s "$(type -P false)" stubs/find
    run -1 env PATH="$PWD/stubs:$PATH" tree/rescue/dist "$dist" "$PWD"
    [ ! -e "$dist.tar.gz" ]
}

@test "dist: the tarball has every tracked file with its bytes, and nothing else" {
    [ -e "$root/.git" ] && command -v git >/dev/null || skip 'this is no git tree'
    tar -tf "$tarball" | sed "s|^$dist/||" >packed
    git -C "$root" -c safe.directory='*' ls-files | LC_ALL=C sort | diff - packed
    (cd "$root" && xargs -d '\n' sha256sum) <packed >sums
    (cd "$tree" && sha256sum --check --quiet --strict) <sums
}

@test "dist: its version is the program's, that of the packages, and of their logs" {
    [[ $("${COWTOOL:-$root/cowtool}" --version) == "cowtool ${dist#cowtool-}" ]]
    head -n 1 "$root/rescue/debian/changelog" | grep -qF "cowtool (${dist#cowtool-}-"
    grep -q "^Version: *${dist#cowtool-}$" "$root/rescue/cowtool.spec"
    grep -q "^\* .* - ${dist#cowtool-}-" "$root/rescue/cowtool.spec"
}

# A few objects, with what debuggers read, for whole builds take too long here.
@test "builds: objects and archives of two folders are equal" {
    local object folder objects=(build/cowtool.o build/store/base/bytes.o build/store/cli/help.o build/store/io/io_uring.o
        build/merge/plan.o)
    mkdir -p one 'two (of my) folders'
    for folder in one 'two (of my) folders'; do
        tar -C "$folder" -xf "$tarball"
        other_make -C "$folder/$dist" CFLAGS='-O1 -g' "${objects[@]}" >/dev/null
    done
    for object in "${objects[@]}"; do
        readelf -S "one/$dist/$object" | grep -q debug_info
        cmp "one/$dist/$object" "two (of my) folders/$dist/$object"
    done
}

@test "builds: no name of a folder is in the program" {
    run grep -cF "$root" "${COWTOOL:-$root/cowtool}"
    [ "$output" = 0 ]
}

@test "install-strip: it is the program, without what debuggers read" {
    make -s -C "$root" install-strip PREFIX=/usr DESTDIR="$PWD/there" >/dev/null
    there/usr/sbin/cowtool --version
    run readelf -S there/usr/sbin/cowtool
    [[ $output != *debug_info* && $output != *symtab* ]]
    make -s -C "$root" uninstall PREFIX=/usr DESTDIR="$PWD/there" >/dev/null
    run find there ! -type d
    [ -z "$output" ]
}

# So the test does not depend on which files there are.
@test "install-rescue: each file goes where its system looks for it, and uninstall removes it" {
    local file mode
    cd "$tree"
    mkdir -p rescue/initramfs-tools/{hooks,scripts/init-premount,scripts/local-top} rescue/dracut rescue/mkinitcpio/{install,hooks}
    touch rescue/cowtool-boot.sh rescue/initramfs-tools/{hooks,scripts/init-premount,scripts/local-top}/cowtool \
        rescue/dracut/{module-setup,cowtool}.sh rescue/mkinitcpio/{install,hooks}/cowtool man/cowtool-initramfs.7
    other_make install-rescue PREFIX=/usr DESTDIR="$BATS_TEST_TMPDIR/there" >/dev/null
    while read -r mode file; do
        [ "$(stat -c %a "$BATS_TEST_TMPDIR/there/usr/$file")" = "$mode" ]
    done <<'END'
644 share/cowtool/cowtool-boot.sh
755 share/initramfs-tools/hooks/cowtool
755 share/initramfs-tools/scripts/init-premount/cowtool
755 share/initramfs-tools/scripts/local-top/cowtool
755 lib/dracut/modules.d/70cowtool/module-setup.sh
755 lib/dracut/modules.d/70cowtool/cowtool.sh
644 lib/initcpio/install/cowtool
644 lib/initcpio/hooks/cowtool
644 share/man/man7/cowtool-initramfs.7
END
    [ "$(find "$BATS_TEST_TMPDIR/there" ! -type d | wc -l)" -ge 9 ]
    other_make uninstall PREFIX=/usr DESTDIR="$BATS_TEST_TMPDIR/there" >/dev/null
    run find "$BATS_TEST_TMPDIR/there" ! -type d -o -name '*cowtool'
    [ -z "$output" ]
}
