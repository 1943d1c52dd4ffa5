// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/device/foreign.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/base/bytes.h"
#include "store/device/probe.h"
#include "store/base/suggest.h"
#include "store/base/text.h"
#include "store/volume/groups.h"

#define NBD                                                                                        \
	{                                                                                          \
		"qemu-nbd --connect=/dev/nbd0 ", "", "attaches the disk in it as /dev/nbd0"        \
	}
#define CONVERT                                                                                    \
	{                                                                                          \
		"qemu-img convert -O raw ", " RAW", "copies the disk in it to RAW"                 \
	}
#define UNPACK(command)                                                                            \
	{                                                                                          \
		command " ", "", "unpacks it"                                                      \
	}
#define EWF                                                                                        \
	{                                                                                          \
		"ewfmount ", " DIR", "shows the disk in it as a file in DIR"                       \
	}
#define UNKNOWN                                                                                    \
	{                                                                                          \
		NULL, NULL, NULL                                                                   \
	}
#define MAGIC(text) sizeof(text) - 1, text

static const struct foreign_format formats[] = {
	{0, MAGIC("QFI\xfb\0\0\0\1"), "is a qcow image", NBD},
	{0, MAGIC("QFI\xfb"), "is a qcow2 image", NBD},
	{0, MAGIC("QED\0"), "is a QED image", NBD},
	{0, MAGIC("KDMV"), "is a VMDK image", NBD},
	{0, MAGIC("COWD"), "is a VMDK image", NBD},
	{0, MAGIC("# Disk DescriptorFile"), "is the description of a VMDK image", NBD},
	{0, MAGIC("vhdxfile"), "is a VHDX image", NBD},
	/* One of a fixed size has this at its end only, and the disk as it is before that. */
	{0, MAGIC("conectix"), "is a VHD image", NBD},
	{64, MAGIC("\x7f\x10\xda\xbe"), "is a VDI image", NBD},
	{0, MAGIC("WithoutFreeSpace"), "is a Parallels image", NBD},
	{0, MAGIC("WithouFreSpacExt"), "is a Parallels image", NBD},
	{0, MAGIC("Bochs Virtual HD Image"), "is a Bochs image", CONVERT},
	{0, MAGIC("EVF\x09\x0d\x0a\xff\0"), "is an EWF image (E01)", EWF},
	{0, MAGIC("EVF2\x0d\x0a\x81\0"), "is an EWF image (Ex01)", EWF},
	{0, MAGIC("LVF\x09\x0d\x0a\xff\0"), "is an EWF image (L01)", EWF},
	{0,
	 MAGIC("AFF10\x0d\x0a\0"),
	 "is an AFF image",
	 {"affuse ", " DIR", "shows the disk in it as a file in DIR"}},
	{0,
	 MAGIC("\x3a\xff\x26\xed"),
	 "is a sparse image of Android's",
	 {"simg2img ", " RAW", "copies the disk in it to RAW"}},
	{0,
	 MAGIC("!!WOcwoC"),
	 "is a COW file of Android's snapuserd, which is another format than the kernel's stores",
	 {"inspect_cow ", "", "(of Android) shows what is in it"}},
	{0,
	 MAGIC("partclone-image"),
	 "is an image of partclone",
	 {"partclone.restore -C -O RAW -s ", "", "copies the disk in it to RAW"}},
	{0,
	 MAGIC("\0ntfsclone-image"),
	 "is an image of ntfsclone",
	 {"ntfsclone --restore-image --overwrite RAW ", "", "copies the disk in it to RAW"}},
	{0, MAGIC("\x1f\x8b\x08"), "is compressed with gzip", UNPACK("gunzip --keep")},
	{0, MAGIC("\3757zXZ\0"), "is compressed with xz", UNPACK("unxz --keep")},
	{0, MAGIC("\x28\xb5\x2f\xfd"), "is compressed with zstd", UNPACK("unzstd --keep")},
	{0, MAGIC("BZh"), "is compressed with bzip2", UNPACK("bunzip2 --keep")},
	{0, MAGIC("\x04\x22\x4d\x18"), "is compressed with lz4", UNPACK("unlz4 --keep")},
	{0, MAGIC("\x02\x21\x4c\x18"), "is compressed with lz4", UNPACK("unlz4 --keep")},
	{0, MAGIC("LZIP"), "is compressed with lzip", UNPACK("lzip --decompress --keep")},
	{0, MAGIC("\x89LZO\0\x0d\x0a\x1a\x0a"), "is compressed with lzop", UNPACK("lzop -d")},
	{0, MAGIC("7z\xbc\xaf\x27\x1c"), "is a 7-Zip archive", UNPACK("7z x")},
	{0, MAGIC("PK\3\4"), "is a zip archive", UNPACK("unzip")},
	{0, MAGIC("Rar!\x1a\7"), "is a RAR archive", UNPACK("unrar x")},
	{257, MAGIC("ustar"), "is a tar archive", UNPACK("tar -xf")},
};

const struct foreign_format *foreign_format(const uint8_t beginning[FOREIGN_BYTES])
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (memcmp(beginning + formats[i].offset, formats[i].magic, formats[i].length) == 0)
			return &formats[i];
	return NULL;
}

/* The beginning; what is past the end is zeros. False: it cannot be read. `block` is aligned, for
 * the file may be open with O_DIRECT. */
static bool read_beginning(const struct device *device, uint8_t block[FOREIGN_BYTES])
{
	memset(block, 0, FOREIGN_BYTES);
	return device->open && device_read(device, 0, block, FOREIGN_BYTES) > 0;
}

/* For store/volume: any bytes of the device. */
static enum result read_bytes(void *context, uint64_t offset, void *buffer, size_t count,
			      struct failure *why)
{
	_Alignas(BUFFER_ALIGNMENT) uint8_t block[FOREIGN_BYTES];
	const struct device *device = context;
	size_t done = 0;

	while (done < count) {
		size_t within = (offset + done) % FOREIGN_BYTES;
		size_t part = min_u64(FOREIGN_BYTES - within, count - done);
		ssize_t got = device_read(device, offset + done - within, block, FOREIGN_BYTES);

		if (got < (ssize_t)(within + part))
			return fail(why, RESULT_IO, "%s: cannot be read", device->name);
		memcpy((uint8_t *)buffer + done, block + within, part);
		done += part;
	}
	return RESULT_OK;
}

/* ---- what libblkid knows ---- */

/* The group that a physical volume is of, as far as that tells. */
static void take_group(const struct group *group, struct foreign *foreign)
{
	snprintf(foreign->group, sizeof(foreign->group), "%s", group->name);
	snprintf(foreign->text, sizeof(foreign->text), "is a physical volume of %s", group->name);
	foreign->help = (struct foreign_help){"lvs -a ", "", "lists the volumes of that group"};
	if (group->snapshot_count == 0)
		return;
	snprintf(foreign->text, sizeof(foreign->text),
		 "is a physical volume of %s, with %u snapshot%s", group->name,
		 group->snapshot_count, text_plural(group->snapshot_count));
	foreign->group[0] = '\0';
	foreign->help = (struct foreign_help){"cowtool scan ", "", "lists them"};
}

static enum result take_member(const struct device *device, struct foreign *foreign,
			       struct failure *why)
{
	const struct pv_source source = {
		.bytes = device->bytes, .context = (void *)device, .read = read_bytes};
	struct groups groups = {.count = 0};
	bool found;
	enum result result = groups_add(&groups, &source, device->name, &found, why);

	if (result == RESULT_OK)
		result = groups_choose(&groups, why);
	snprintf(foreign->text, sizeof(foreign->text), "is a physical volume of LVM's");
	foreign->help = (struct foreign_help){"pvs -v ", "", "shows it"};
	if (result == RESULT_OK && groups.count > 0)
		take_group(&groups.groups[0].group, foreign);
	groups_free(&groups);
	return result == RESULT_IO ? RESULT_OK : result;
}

static struct foreign_help help_of(const struct probe_identity *identity)
{
	if (strcmp(identity->type, "crypto_LUKS") == 0)
		return (struct foreign_help){"cryptsetup open ", " NAME", "opens it"};
	if (strcmp(identity->type, "linux_raid_member") == 0)
		return (struct foreign_help){"mdadm --examine ", "", "shows of which array"};
	if (identity->is_file_system)
		return (struct foreign_help){"mount -o ro ", " DIR", "shows its files"};
	if (identity->is_table)
		return (struct foreign_help){"fdisk -l ", "", "lists its partitions"};
	return (struct foreign_help)UNKNOWN;
}

static enum result take_identity(const struct device *device, const struct probe_identity *identity,
				 struct foreign *foreign, struct failure *why)
{
	if (identity->type[0] == 0 || strcmp(identity->type, "DM_snapshot_cow") == 0)
		return RESULT_OK;
	if (strcmp(identity->type, "LVM2_member") == 0)
		return take_member(device, foreign, why);
	snprintf(foreign->text, sizeof(foreign->text), "holds %s%s%s%s%s%s",
		 identity->is_table ? "a partition table, " : "", identity->type,
		 identity->label[0] ? ", LABEL " : "", identity->label,
		 identity->uuid[0] ? ", UUID " : "", identity->uuid);
	foreign->help = help_of(identity);
	return RESULT_OK;
}

enum result foreign_look(const struct device *device, struct foreign *foreign, struct failure *why)
{
	_Alignas(BUFFER_ALIGNMENT) uint8_t block[FOREIGN_BYTES];
	const struct foreign_format *format = NULL;
	struct probe_identity identity;
	enum result result;

	memset(foreign, 0, sizeof(*foreign));
	if (read_beginning(device, block))
		format = foreign_format(block);
	if (format) {
		snprintf(foreign->text, sizeof(foreign->text), "%s", format->text);
		foreign->help = format->help;
	}
	if (format || !device->open)
		return RESULT_OK;
	result = probe_device(device, &identity, why);
	return result == RESULT_OK ? take_identity(device, &identity, foreign, why) : result;
}

/* ---- what is said ---- */

static const char *say_help(const struct foreign_help *help, const char *name,
			    char text[FOREIGN_HELP_BYTES])
{
	struct suggestion command;

	text[0] = '\0';
	if (!help->before)
		return text;
	suggest_begin(&command);
	suggest_words(&command, help->before, strlen(help->before));
	suggest_more(&command, "%s", name);
	suggest_words(&command, help->after, strlen(help->after));
	snprintf(text, FOREIGN_HELP_BYTES, "; %s %s", suggest_end(&command), help->does);
	return text;
}

const char *foreign_say(const struct foreign *foreign, const char *name,
			char text[FOREIGN_HELP_BYTES])
{
	return say_help(&foreign->help, foreign->group[0] ? foreign->group : name, text);
}

enum result foreign_refuse_origin(const struct foreign_format *format, const char *name,
				  bool consent, struct failure *why)
{
	char help[FOREIGN_HELP_BYTES];

	return fail_remedy(why, RESULT_REFUSED, consent ? REMEDY_OR_FORCE : REMEDY_NONE, NULL,
			   "%s: %s, not the origin itself%s", name, format->text,
			   say_help(&format->help, name, help));
}

enum result foreign_check_origin(const struct device *device, struct failure *why)
{
	_Alignas(BUFFER_ALIGNMENT) uint8_t block[FOREIGN_BYTES];
	const struct foreign_format *format = NULL;

	if (read_beginning(device, block))
		format = foreign_format(block);
	return format ? foreign_refuse_origin(format, device->name, false, why) : RESULT_OK;
}
