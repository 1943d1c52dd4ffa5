// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/device/mapper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CONTROL "/dev/mapper/control"

#define FIRST_BYTES (64u << 10)
#define LARGEST_BYTES (64u << 20)

/* ---- records ---- */

/* The text at `at` that ends in the data; NULL: it does not. */
static const char *take_text(const uint8_t *data, size_t count, size_t at)
{
	if (at >= count || !memchr(data + at, 0, count - at))
		return NULL;
	return (const char *)data + at;
}

bool mapper_take_device(const uint8_t *data, size_t count, size_t *at, struct mapper_device *device)
{
	struct dm_name_list record;
	const size_t fixed = offsetof(struct dm_name_list, name);
	const char *name;

	if (*at > count || count - *at < fixed)
		return false;
	memcpy(&record, data + *at, fixed);
	name = take_text(data, count, *at + fixed);
	if (!name || strlen(name) >= sizeof(device->name) ||
	    (record.next != 0 && record.next < fixed))
		return false;
	device->number = record.dev;
	strcpy(device->name, name);
	/* What is past the end fails when it is taken. */
	*at = record.next == 0 ? SIZE_MAX : *at + record.next;
	return true;
}

bool mapper_take_line(const uint8_t *data, size_t count, size_t *at, struct mapper_line *line)
{
	struct dm_target_spec record;

	if (*at > count || count - *at < sizeof(record))
		return false;
	memcpy(&record, data + *at, sizeof(record));
	line->parameters = take_text(data, count, *at + sizeof(record));
	if (!line->parameters)
		return false;
	line->start = record.sector_start;
	line->length = record.length;
	memcpy(line->target, record.target_type, MAPPER_TARGET_BYTES);
	line->target[MAPPER_TARGET_BYTES] = 0;
	*at = record.next > *at ? record.next : SIZE_MAX;
	return true;
}

/* ---- questions ---- */

static void begin(struct mapper_answer *answer, uint64_t device, uint32_t flags)
{
	*answer->header = (struct dm_ioctl){.version = {4, 0, 0},
					    .data_size = (uint32_t)answer->size,
					    .data_start = sizeof(*answer->header),
					    .flags = flags,
					    .dev = device};
}

/* A table may have the key of an encrypted device. */
static void forget(struct mapper_answer *answer)
{
	if (answer->header)
		explicit_bzero(answer->header, answer->size);
	free(answer->header);
	*answer = (struct mapper_answer){.size = 0};
}

static bool grow(struct mapper_answer *answer)
{
	size_t size = answer->size == 0 ? FIRST_BYTES : 4 * answer->size;

	if (size > LARGEST_BYTES)
		return false;
	forget(answer);
	answer->header = malloc(size);
	answer->size = answer->header ? size : 0;
	return answer->header != NULL;
}

/* Returns an errno value. */
static int ask(int fd, struct mapper_answer *answer, unsigned long command, uint64_t device,
	       uint32_t flags)
{
	if (answer->size == 0 && !grow(answer))
		return ENOMEM;
	do {
		begin(answer, device, flags);
		if (ioctl(fd, command, answer->header) != 0)
			return errno;
	} while ((answer->header->flags & DM_BUFFER_FULL_FLAG) && grow(answer));
	answer->at = 0;
	return answer->size > 0 && !(answer->header->flags & DM_BUFFER_FULL_FLAG) ? 0 : ENOMEM;
}

static const uint8_t *data_of(const struct mapper_answer *answer, size_t *count)
{
	size_t start = answer->header->data_start, end = answer->header->data_size;

	end = end < answer->size ? end : answer->size;
	*count = start < end ? end - start : 0;
	return (const uint8_t *)answer->header + (*count > 0 ? start : 0);
}

static enum result refuse_answer(struct failure *why)
{
	return fail(why, RESULT_REFUSED, CONTROL ": what the device mapper says makes no sense");
}

static enum result refuse_error(int error, struct failure *why)
{
	return fail_errno(why, error == ENOMEM ? RESULT_NO_MEMORY : RESULT_REFUSED, error,
			  CONTROL ": the tables of the device mapper cannot be looked at");
}

/* ---- what is asked ---- */

/* Without a node, the kernel says whether there is one, in /sys or in /proc. */
static bool kernel_has_mapper(void)
{
	bool has = access("/sys/class/misc/device-mapper", F_OK) == 0;
	FILE *file = fopen("/proc/misc", "re");
	char line[128];

	while (file && !has && fgets(line, sizeof(line), file))
		has = strstr(line, "device-mapper") != NULL;
	if (file)
		fclose(file);
	return has;
}

static bool is_missing(int error)
{
	return (error == ENOENT || error == ENODEV || error == ENXIO) && !kernel_has_mapper();
}

enum result mapper_open(struct mapper *mapper, struct failure *why)
{
	int error;

	*mapper = (struct mapper){.fd = open(CONTROL, O_RDWR | O_CLOEXEC)};
	error = mapper->fd < 0 ? errno : 0;
	if (mapper->fd < 0 && is_missing(error))
		return RESULT_OK;
	if (error == 0)
		error = ask(mapper->fd, &mapper->list, DM_LIST_DEVICES, 0, 0);
	if (error == 0)
		return RESULT_OK;
	mapper_close(mapper);
	return refuse_error(error, why);
}

enum result mapper_next(struct mapper *mapper, struct mapper_device *device, bool *more,
			struct failure *why)
{
	size_t count;
	const uint8_t *data;

	*more = mapper->fd >= 0 && mapper->list.at != SIZE_MAX;
	if (!*more)
		return RESULT_OK;
	data = data_of(&mapper->list, &count);
	*more = count > 0;
	if (*more && !mapper_take_device(data, count, &mapper->list.at, device))
		return refuse_answer(why);
	/* This is how the kernel says that there is none. */
	*more = *more && device->number != 0;
	return RESULT_OK;
}

/* Without DM_NOFLUSH_FLAG, a target may wait for its device. */
enum result mapper_read_table(struct mapper *mapper, const struct mapper_device *device,
			      bool is_loaded, struct failure *why)
{
	uint32_t flags = DM_STATUS_TABLE_FLAG | DM_NOFLUSH_FLAG |
			 (is_loaded ? DM_QUERY_INACTIVE_TABLE_FLAG : 0);
	int error = ask(mapper->fd, &mapper->table, DM_TABLE_STATUS, device->number, flags);

	mapper->table.left = error == 0 ? mapper->table.header->target_count : 0;
	if (error == 0 || error == ENXIO)
		return RESULT_OK;
	return refuse_error(error, why);
}

enum result mapper_next_line(struct mapper *mapper, struct mapper_line *line, bool *more,
			     struct failure *why)
{
	size_t count;
	const uint8_t *data;

	*more = mapper->table.left > 0;
	if (!*more)
		return RESULT_OK;
	data = data_of(&mapper->table, &count);
	mapper->table.left--;
	return mapper_take_line(data, count, &mapper->table.at, line) ? RESULT_OK
								      : refuse_answer(why);
}

void mapper_read_uuid(struct mapper *mapper, const struct mapper_device *device,
		      char uuid[MAPPER_UUID_BYTES], bool *is_live)
{
	const struct dm_ioctl *header;
	bool is_there = ask(mapper->fd, &mapper->table, DM_DEV_STATUS, device->number, 0) == 0;

	mapper->table.left = 0;
	header = mapper->table.header;
	*is_live = is_there && (header->flags & DM_ACTIVE_PRESENT_FLAG) != 0;
	snprintf(uuid, MAPPER_UUID_BYTES, "%.*s", is_there ? (int)sizeof(header->uuid) : 0,
		 is_there ? header->uuid : "");
}

void mapper_close(struct mapper *mapper)
{
	forget(&mapper->list);
	forget(&mapper->table);
	if (mapper->fd > 0)
		close(mapper->fd);
	*mapper = (struct mapper){.fd = -1};
}
