# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # used by those who source this; here and cowtool are theirs
# The defects of tests/defects, repaired, and offered to a kernel in QEMU as they were and as they are then.

defects=$here/../defects
slot_bytes=2097152

# needs_of NAME: sets code, before, during, after and needs: see tests/defects.
needs_of() {
    local about
    IFS='|' read -r about needs < <("$defects" "$1")
    read -r code before during after <<<"$about"
    read -r needs <<<"$needs" || true
}

# repair_one FOLDER NAME: makes NAME.broken, and repairs a copy of it, NAME.repaired, beside origin. NAME.codes has the
# exit codes of verify, repair and verify, NAME.found what the first verify found, NAME.blkid what blkid says.
repair_one() {
    local at=$1/$2 code_before=0 code_during=0 code_after=0
    needs_of "$2"
    "$defects" "$2" "$1/origin" "$at.broken"
    cp "$at.broken" "$at.repaired"
    "$cowtool" verify --json --origin="$1/origin" "$at.broken" >"$at.found" 2>/dev/null || code_before=$?
    "$(dirname "${BASH_SOURCE[0]}")/../check-json" "$at.found"
    blkid -p -o value -s TYPE "$at.broken" >"$at.blkid" || echo nothing >"$at.blkid"
    # shellcheck disable=SC2086 # words
    "$cowtool" repair --yes --no-backup --quiet ${needs/ORIGIN/$1\/origin} "$at.repaired" >"$at.said" 2>&1 || code_during=$?
    "$cowtool" verify --quiet --origin="$1/origin" "$at.repaired" >/dev/null 2>&1 || code_after=$?
    echo "$code_before $code_during $code_after" >"$at.codes"
}

# view_hash FOLDER NAME: of what the repaired store shows over the origin, by the tests' own merge.
view_hash() {
    cp "$1/origin" "$1/view"
    cp "$1/$2.repaired" "$1/view.store"
    "${TOOLS:-$here/../../build/tests/tools}/refmerge" "$1/view" "$1/view.store" >/dev/null
    sha256sum <"$1/view" | cut -d ' ' -f 1
}

# see_defects FOLDER: makes and repairs all of them, and boots; the guest's console is FOLDER/console.
see_defects() {
    local name file slot=0
    mkdir -p "$1"
    : >"$1/stores"
    : >"$1/disk"
    for name in $("$defects"); do
        repair_one "$1" "$name"
        for file in "$name.broken" "$name.repaired"; do
            dd if="$1/$file" of="$1/disk" bs=$slot_bytes seek=$slot conv=notrunc status=none
            echo "$file $(($(stat -c %s "$1/$file") / 512))" >>"$1/stores"
            slot=$((slot + 1))
        done
    done
    truncate -s $((slot * slot_bytes)) "$1/disk"
    boot "$1/console" see-stores --add "$1/stores" "$1/disk" "$1/origin"
}

# kernel_says FOLDER FILE: in a few words.
kernel_says() {
    local line words
    line=$(grep -m 1 -E "^(LOADED|REFUSED) $2 " "$1/console") || {
        echo 'nothing'
        return
    }
    read -r _ _ words <<<"$line"
    case $line in
    REFUSED*) echo "refuses it: $words" ;;
    *' Invalid') echo 'loads it as invalid' ;;
    *' unreadable '*) echo 'loads it; a part is unreadable' ;;
    *) if grep -qx "CHANGED $2" "$1/console"; then
        echo 'makes a new, empty store'
    elif [ "${words%% *}" = "$(view_hash "$1" "${2%.*}")" ]; then
        echo 'loads it, the view is right'
    else
        echo 'loads it, the view differs'
    fi ;;
    esac
}
