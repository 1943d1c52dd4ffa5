/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logical volumes by name, without LVM and without the device mapper: found in the metadata of the
 * physical volumes that are there, and opened as devices (store/device/device.h).
 *
 * Order of calls: volumes_begin, any of the others, the devices closed, volumes_end. The physical
 * volumes are looked for at the first name that needs them, and are open until the end.
 */
#ifndef STORE_DEVICE_VOLUMES_H
#define STORE_DEVICE_VOLUMES_H

#include "store/device/device.h"
#include "store/device/disks.h"
#include "store/device/group_lock.h"
#include "store/device/map.h"
#include "store/device/tables.h"
#include "store/volume/groups.h"
#include "store/volume/layout.h"

/* A volume that was asked for; or a range of one file, without a group. */
struct volume {
	const struct group *group;
	unsigned int index; /* in the group's volumes */
	struct map map;
	uint64_t bytes;
	struct device **parts; /* the physical volumes that it is on, as the map counts them */
	unsigned int part_count;
	struct volume *next;
};

/* A physical volume, or an image that has one or more in it, that is open. */
struct volumes_part {
	struct device device;
	bool beside; /* device-mapper devices hold it, too */
	struct volumes_part *next;
};

struct volumes {
	/* The caller's: where to look (none: everywhere on this machine), and how what is found is
	 * opened. All of them are opened in that one way. */
	const char *const *disks;
	size_t disk_count;
	enum device_mode mode;
	/* of the others */
	bool loaded;
	struct disks found;
	struct groups groups;
	struct volume *asked;
	struct volumes_part *parts;
	struct group_lock lock;
	char locked[PV_ID_BYTES];	      /* the id of the group that is locked; "": none is */
	char locked_name[GROUP_NAME_MAX + 1]; /* its name, as it was locked */
};

/* Is it the name of a volume? What exists as a path is none, but with LVM=. */
bool volumes_is_name(const char *name);

/*
 * Looks for physical volumes, once. RESULT_NOT_THERE, RESULT_REFUSED, RESULT_IO of a disk that was
 * named; RESULT_NO_MEMORY. What is wrong with a group is no failure here.
 */
enum result volumes_load(struct volumes *volumes, struct failure *why);

/*
 * Finds a volume by its name, "VG/LV" and so on (store/volume/name.h). RESULT_NOT_THERE where there
 * is none, or a physical volume that it is on is missing; RESULT_REFUSED where its map is not
 * certain, or, with a mode that writes or will write, something is in the way of that. With a mode
 * that holds, the group is locked from now on (store/device/group_lock.h) where one of its disks is a
 * block device, and its metadata was read after that; then all volumes must be of one group.
 */
enum result volumes_find(struct volumes *volumes, const char *name, struct volume **volume,
			 struct failure *why);

/*
 * Opens what `name` leads to: a volume, a range of a file (to read it: FILE@OFFSET+SIZE, in bytes,
 * without a size to its end), or what device_open takes. As they fail; RESULT_REFUSED
 * where a volume's bytes are in use through the device mapper. With DEVICE_LOOK use is no obstacle:
 * see volumes_user.
 */
enum result volumes_open(struct volumes *volumes, struct device *device, const char *name,
			 enum device_mode mode, struct failure *why);

/*
 * Bytes offset .. offset + bytes - 1 (0: to its end) of a device or image file as a device of
 * their own, for reading. As device_open fails; RESULT_REFUSED where it ends before.
 */
enum result volumes_open_range(struct volumes *volumes, struct device *device, const char *name,
			       const char *path, uint64_t offset, uint64_t bytes,
			       struct failure *why);

/* The volume that an open device is; NULL: it is none. */
const struct volume *volumes_of(const struct volumes *volumes, const struct device *device);

/* Does the device mapper use the bytes of an open volume? As tables_find. */
enum result volumes_user(const struct volumes *volumes, const struct device *device,
			 struct tables_user *user, bool *used, struct failure *why);

/* As device_is and device_refuse_same of store/device/device.h, for names of volumes, too. */
enum result volumes_is(struct volumes *volumes, const struct device *device, const char *name,
		       bool *same, struct failure *why);
enum result volumes_refuse_same(struct volumes *volumes, const struct device *device,
				const char *name, const char *how, struct failure *why);

/* The snapshot of which a volume is the store; NULL: of none. And how long that is, in bytes. */
const struct group_snapshot *volumes_snapshot(const struct volume *volume);
uint64_t volumes_snapshot_bytes(const struct volume *volume);

/* The disk of a physical volume of a group, by its number there; NULL: it is not there. */
struct disk *volumes_disk(struct volumes *volumes, const struct groups_one *one, unsigned int pv);

/* The name by which a volume that was loaded is found: VG/LV, or, where another group has that name,
 * too, or a path is in the way, LVM=VG/LV with the group's id. An owned string, or NULL. */
char *volumes_name(const struct volumes *volumes, const struct group *group, unsigned int volume);

/* The name of another volume of the same group, written as `name` is, and with LVM= where a path is in
 * the way: an owned string, or NULL. */
char *volumes_sibling(const char *name, const char *volume);

/* "2 segments on /dev/sda2, /dev/sdb". Returns `text`. */
const char *volumes_describe(const struct volume *volume, char *text, size_t size);

/* Harmless on a zeroed one. */
void volumes_end(struct volumes *volumes);

#endif
