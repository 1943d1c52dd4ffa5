# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck source-path=SCRIPTDIR
# Runs once before all kernel tests: makes every pair of origin and store by real I/O, and has the kernel merge a copy
# of each. After them it prints the table.

setup_suite() {
    COWTOOL_TEST_IMAGES=$BATS_SUITE_TMPDIR/images
    export COWTOOL_TEST_IMAGES
    # shellcheck source=common.bash
    . "$(dirname "${BASH_SOURCE[0]}")/common.bash"
    [ -x "$cowtool" ] || {
        echo 'cowtool is not built: run make' >&2
        return 1
    }
    "$here/build-initramfs"
    mkdir -p "$images/made"
    : >"$results"
    both 'make_and_merge odd' 'make_and_merge even'
}

# make_and_merge odd|even: every second case, with the console in the logs odd and even.
make_and_merge() {
    local log=$1 name
    # shellcheck disable=SC2046 # a list of names
    set -- $(case_names | if [ "$log" = odd ]; then sed -n 'p;n'; else sed -n 'n;p'; fi)
    for name in "$@"; do
        use_case "$name"
        make_images "$images/made" "$name"
    done
    run_job "$images/made" make-pairs "$log" -- "$@"
    for name in "$@"; do
        copy_pair made merged "$name"
    done
    run_job "$images/merged" merge-pairs "$log" -- "$@"
}

teardown_suite() {
    local here
    here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
    [ ! -s "$here/cache/results" ] || "$here/table" >&3
}
