# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Guests whose disks are not simply pairs: common.bash has run_job for those that are.

# boot LOG JOB [GUEST-OPTION...] DISK...: runs jobs/JOB.sh; the console goes to LOG, and to stderr if the job fails.
boot() {
    local log=$1 job=$2 options=()
    shift 2
    while [[ $1 == --* ]]; do
        options+=("$1" "$2")
        shift 2
    done
    "${here:?}/guest" "${options[@]}" "$here/jobs/$job.sh" "$@" >"$log" || {
        echo "guest job $job failed; its console:" >&2
        cat "$log" >&2
        return 1
    }
}
