# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# shellcheck source-path=SCRIPTDIR
# Guest job: an upgrade that went into a snapshot. The pair in /cases (NAME CHUNK ORIGIN STORE) has an ext4 file system
# as its origin; through the snapshot, letter.txt is rewritten and 24 MiB of files are added, then it is unmounted.
# shellcheck source=../guest-lib.sh
. /lib.sh
read -r name chunk origin store </cases
snap_create pair "$origin" "$store" "$chunk"
mount -t ext4 /dev/mapper/pair-snap /mnt
cp /letter-after.txt /mnt/letter.txt
mkdir /mnt/chapters
for chapter in 1 2 3 4 5 6; do
    # Pages of 4096 bytes, each with its number, which compress well.
    awk -v chapter=$chapter 'BEGIN {
        while (length(text) < 4064) text = text "so it goes in chapter " chapter " "
        text = substr(text, 1, 4064)
        for (page = 1; page <= 1024; page++) printf "chapter %d, page %8d     \n%s\n", chapter, page, text
    }' >"/mnt/chapters/$chapter.txt"
done
umount /mnt
snap_remove pair
echo "LOADED $name $(snap_status "$origin" "$store" "$chunk")"
