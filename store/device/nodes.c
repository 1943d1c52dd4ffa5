// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/device/nodes.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PATH_BYTES 640

/* The first line of a file below the folder of a block device in /sys. */
static bool read_attribute(const char *folder, const char *attribute, char *line, size_t size)
{
	char path[PATH_BYTES];
	FILE *file;
	bool have;

	snprintf(path, sizeof(path), "%s/%s", folder, attribute);
	file = fopen(path, "re");
	if (!file)
		return false;
	have = fgets(line, (int)size, file) != NULL;
	fclose(file);
	line[have ? strcspn(line, "\n") : 0] = 0;
	return have;
}

/* ---- the list ---- */

static enum result add_path(struct nodes *nodes, const char *path, struct failure *why)
{
	char **paths = reallocarray(nodes->paths, nodes->count + 1, sizeof(paths[0]));

	if (!paths)
		return fail_memory(why, "the list of block devices", 0);
	nodes->paths = paths;
	paths[nodes->count] = strdup(path);
	if (!paths[nodes->count])
		return fail_memory(why, "the list of block devices", strlen(path));
	nodes->count++;
	return RESULT_OK;
}

/* The kernel writes '!' for the '/' in a name. */
static void node_path(const char *name, char path[PATH_BYTES])
{
	snprintf(path, PATH_BYTES, "/dev/%s", name);
	for (char *at = path; *at; at++)
		if (*at == '!')
			*at = '/';
}

/* A device of the device mapper has a node that people know it by. */
static void known_path(const char *folder, const char *name, char path[PATH_BYTES])
{
	struct stat kernels, known;
	char own[128], other[PATH_BYTES];

	node_path(name, path);
	if (!read_attribute(folder, "dm/name", own, sizeof(own)))
		return;
	snprintf(other, sizeof(other), "/dev/mapper/%s", own);
	if (stat(other, &known) == 0 &&
	    (stat(path, &kernels) != 0 || kernels.st_rdev == known.st_rdev))
		memcpy(path, other, sizeof(other));
}

/* ---- what is left out ---- */

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* "ram0", "zram0", "fd0": looking at a floppy drive takes seconds. */
static bool is_left_out(const char *name)
{
	static const char *const kinds[] = {"ram", "zram", "fd"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (begins(name, kinds[i]) && isdigit((unsigned char)name[strlen(kinds[i])]))
			return true;
	return false;
}

/* A partition that the device mapper made has the uuid of its disk after "part1-". */
static bool is_volume(const char *folder)
{
	char uuid[160];
	const char *at = uuid;

	if (!read_attribute(folder, "dm/uuid", uuid, sizeof(uuid)))
		return false;
	if (begins(uuid, "part"))
		at += strcspn(uuid, "-") + (strchr(uuid, '-') != NULL);
	return begins(at, "LVM-");
}

static bool holder_is_multipath(const char *holders, const char *holder, char *name, size_t size)
{
	char folder[PATH_BYTES], uuid[160];

	snprintf(folder, sizeof(folder), "%.300s/%.255s", holders, holder);
	return read_attribute(folder, "dm/uuid", uuid, sizeof(uuid)) && begins(uuid, "mpath-") &&
	       read_attribute(folder, "dm/name", name, size);
}

static bool find_multipath_holder(const char *holders, char *name, size_t size)
{
	const struct dirent *entry;
	DIR *directory = opendir(holders);
	bool found = false;

	while (directory && !found && (entry = readdir(directory)) != NULL)
		found = entry->d_name[0] != '.' &&
			holder_is_multipath(holders, entry->d_name, name, size);
	if (directory)
		closedir(directory);
	return found;
}

/* Of a partition, what holds its disk counts, too. */
static bool find_multipath(const char *folder, char *name, size_t size)
{
	char path[PATH_BYTES], number[32];

	snprintf(path, sizeof(path), "%.300s/holders", folder);
	if (find_multipath_holder(path, name, size))
		return true;
	snprintf(path, sizeof(path), "%.300s/../holders", folder);
	return read_attribute(folder, "partition", number, sizeof(number)) &&
	       find_multipath_holder(path, name, size);
}

bool nodes_find_multipath(dev_t number, char *name, size_t size)
{
	char folder[80];

	snprintf(folder, sizeof(folder), "/sys/dev/block/%u:%u", major(number), minor(number));
	return find_multipath(folder, name, size);
}

/* ---- /sys ---- */

static bool is_wanted(const char *folder, const char *name)
{
	char line[160];

	return !is_left_out(name) && read_attribute(folder, "size", line, sizeof(line)) &&
	       strcmp(line, "0") != 0 && !is_volume(folder) &&
	       !find_multipath(folder, line, sizeof(line));
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static enum result add_entry(struct nodes *nodes, const char *name, bool partition,
			     struct failure *why)
{
	char folder[PATH_BYTES], path[PATH_BYTES];

	snprintf(folder, sizeof(folder), "/sys/class/block/%.255s", name);
	snprintf(path, sizeof(path), "%.300s/partition", folder);
	if (partition ? access(path, F_OK) != 0 : !is_wanted(folder, name))
		return RESULT_OK;
	known_path(folder, name, path);
	return add_path(nodes, path, why);
}

/* *known: the folder is there. `partitions`: they are in it, among other files. */
static enum result list_folder(const char *folder, bool partitions, struct nodes *nodes,
			       bool *known, struct failure *why)
{
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, is_visible, versionsort);
	enum result result = RESULT_OK;

	*known = count >= 0;
	if (count < 0 && errno == ENOMEM)
		result = fail_memory(why, "the list of block devices", 0);
	for (int i = 0; i < count; i++) {
		if (result == RESULT_OK)
			result = add_entry(nodes, entries[i]->d_name, partitions, why);
		free(entries[i]);
	}
	free(entries);
	return result;
}

enum result nodes_list_partitions(dev_t disk, struct nodes *nodes, struct failure *why)
{
	char folder[80];
	bool known;

	*nodes = (struct nodes){.count = 0};
	snprintf(folder, sizeof(folder), "/sys/dev/block/%u:%u", major(disk), minor(disk));
	return list_folder(folder, true, nodes, &known, why);
}

/* ---- without /sys ---- */

static enum result list_proc(struct nodes *nodes, struct failure *why)
{
	FILE *file = fopen("/proc/partitions", "re");
	char line[256], name[200], path[PATH_BYTES];
	enum result result = RESULT_OK;

	if (!file)
		return fail_errno(why, RESULT_IO, errno,
				  "/proc/partitions: cannot tell which block devices there are");
	while (result == RESULT_OK && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*u %*u %*u %199s", name) != 1 || is_left_out(name) ||
		    begins(name, "dm-"))
			continue;
		node_path(name, path);
		result = add_path(nodes, path, why);
	}
	fclose(file);
	return result;
}

enum result nodes_list(struct nodes *nodes, struct failure *why)
{
	enum result result;
	bool known;

	*nodes = (struct nodes){.count = 0};
	result = list_folder("/sys/class/block", false, nodes, &known, why);
	return known || result != RESULT_OK ? result : list_proc(nodes, why);
}

void nodes_free(struct nodes *nodes)
{
	for (size_t i = 0; i < nodes->count; i++)
		free(nodes->paths[i]);
	free(nodes->paths);
	*nodes = (struct nodes){.count = 0};
}
