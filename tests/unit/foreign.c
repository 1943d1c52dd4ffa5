// SPDX-License-Identifier: GPL-2.0-or-later
/* Containers and compressed files are known by their beginnings. */
#include "tests/unit/unit.h"

#include <string.h>

#include "store/device/foreign.h"

/* What `bytes` at `offset` begin; "": nothing. */
static const char *text_of(size_t offset, const void *bytes, size_t count)
{
	static uint8_t beginning[FOREIGN_BYTES];
	const struct foreign_format *format;

	memset(beginning, 0, sizeof(beginning));
	memcpy(beginning + offset, bytes, count);
	format = foreign_format(beginning);
	return format ? format->text : "";
}

#define IS(text, offset, bytes) CHECK(strcmp(text_of(offset, bytes, sizeof(bytes) - 1), text) == 0)

static void formats_are_known(void)
{
	IS("is a qcow2 image", 0, "QFI\xfb\0\0\0\3");
	IS("is a qcow2 image", 0, "QFI\xfb\0\0\0\2");
	IS("is a qcow image", 0, "QFI\xfb\0\0\0\1");
	IS("is a QED image", 0, "QED\0");
	IS("is a VMDK image", 0, "KDMV\1\0\0\0");
	IS("is a VHDX image", 0, "vhdxfile");
	IS("is a VHD image", 0, "conectix");
	IS("is a VDI image", 64, "\x7f\x10\xda\xbe");
	IS("is an EWF image (E01)", 0, "EVF\x09\x0d\x0a\xff\0");
	IS("is compressed with gzip", 0, "\x1f\x8b\x08\0");
	IS("is compressed with xz", 0, "\3757zXZ\0");
	IS("is compressed with zstd", 0, "\x28\xb5\x2f\xfd");
	IS("is compressed with bzip2", 0, "BZh91AY&SY");
	IS("is compressed with lz4", 0, "\x04\x22\x4d\x18");
}

static void disks_are_none(void)
{
	IS("", 0, "");
	IS("", 0, "SnAp\1\0\0\0\1\0\0\0");
	IS("", 0, "\xeb\x58\x90mkfs.fat");
	IS("", 0, "LUKS\xba\xbe\0\2");
	IS("", 0, "XFSB");
	IS("", 510, "\x55\xaa");
	IS("", 512, "EFI PART");
	IS("", 512, "LABELONE");
}

static void an_unopened_device_holds_nothing(void)
{
	struct device device = {.name = (char[]){"disk"}, .bytes = 1 << 20};
	struct foreign foreign;
	struct failure why;
	char help[FOREIGN_HELP_BYTES];

	CHECK(foreign_look(&device, &foreign, &why) == RESULT_OK);
	CHECK(foreign.text[0] == '\0');
	CHECK(foreign_say(&foreign, "disk", help)[0] == '\0');
	CHECK(foreign_check_origin(&device, &why) == RESULT_OK);
}

int main(void)
{
	unit_run("foreign: containers and compressed files are known", formats_are_known);
	unit_run("foreign: disks and stores are none of them", disks_are_none);
	unit_run("foreign: a device that is not open holds nothing",
		 an_unopened_device_holds_nothing);
	return unit_end();
}
