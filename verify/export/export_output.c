// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/export/export_output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/base/bytes.h"
#include "store/base/path.h"
#include "store/cow/ends.h"

#define STATE_SUFFIX ".cowtool-export"

/* ---- what it is ---- */

/* Of a symbolic link, too. A device belongs to whom it belongs. */
static enum result check_owner(const struct export_output *output, struct failure *why)
{
	enum result result = RESULT_OK;
	struct stat link;

	if (!S_ISREG(output->found.st_mode))
		return RESULT_OK;
	if (lstat(output->name, &link) == 0)
		result = path_refuse_foreign(output->name, &link, why);
	if (result == RESULT_OK)
		result = path_refuse_foreign(output->name, &output->found, why);
	return result;
}

static enum result choose_kind(struct export_output *output, struct failure *why)
{
	enum result result = path_refuse_dangling(output->name, why);

	if (result != RESULT_OK)
		return result;
	output->kind = EXPORT_TO_FILE;
	if (stat(output->name, &output->found) != 0) {
		if (errno == ENOENT)
			return RESULT_OK;
		return fail_errno(why, RESULT_IO, errno, "%s: cannot open", output->name);
	}
	output->exists = true;
	if (S_ISBLK(output->found.st_mode))
		output->kind = EXPORT_TO_BLOCK;
	else if (!S_ISREG(output->found.st_mode))
		return fail(
			why, RESULT_REFUSED,
			"%s: is neither a block device nor a regular file; OUT may be '-', the standard output",
			output->name);
	return check_owner(output, why);
}

static enum result make_state_path(struct export_output *output, struct failure *why)
{
	size_t size = strlen(output->name) + sizeof(STATE_SUFFIX);

	output->state_path = malloc(size);
	if (!output->state_path)
		return fail_memory(why, "a name", size);
	snprintf(output->state_path, size, "%s%s", output->name, STATE_SUFFIX);
	return RESULT_OK;
}

enum result export_output_choose(struct export_output *output, const char *name,
				 struct failure *why)
{
	enum result result;

	memset(output, 0, sizeof(*output));
	output->name = name;
	output->kind = EXPORT_TO_STREAM;
	if (strcmp(name, "-") == 0)
		return RESULT_OK;
	result = choose_kind(output, why);
	if (result == RESULT_OK)
		result = make_state_path(output, why);
	return result;
}

/* ---- what is not written to ---- */

/* OUT may not be the origin or the store, nor a loop device of them. */
static enum result check_own(const struct export_output *output, struct failure *why)
{
	const struct export *export = output->export;
	enum result result =
		device_refuse_same(export->origin, output->name, "as OUT and as ORIGIN", why);

	if (result == RESULT_OK)
		result = device_refuse_same(export->store->device, output->name,
					    "as OUT and as STORE", why);
	return result;
}

/* A file that exists is not overwritten without consent. */
static enum result check_existing(const struct export_output *output, struct failure *why)
{
	if (!output->exists || output->force)
		return RESULT_OK;
	return fail_remedy(why, RESULT_REFUSED, REMEDY_OTHER_FILE, NULL, "%s: exists already",
			   output->name);
}

/* Nor is a block device, which is open, on which libblkid knows something. */
static enum result check_content(struct export_output *output, struct failure *why)
{
	struct probe_identity identity = {.type = ""};
	enum result result;

	if (output->force)
		return RESULT_OK;
	result = ends_probe_device(output->export->io, &output->device, &identity, why);
	if (result == RESULT_OK && identity.type[0])
		result = fail_remedy(why, RESULT_REFUSED, REMEDY_OTHER_DEVICE, NULL,
				     "%s: holds something already (%s%s%s)", output->name,
				     identity.type, identity.uuid[0] ? ", UUID " : "",
				     identity.uuid);
	return result;
}

/* Does what is beside an image file fit what is asked for: to begin, or to go on? */
static enum result check_state(const struct export_output *output,
			       enum export_state_presence presence, struct failure *why)
{
	if (presence == EXPORT_STATE_FOREIGN)
		return fail(
			why, RESULT_REFUSED,
			"%s: has the name that cowtool needs beside %s, and is not cowtool's; rename it, or name another file",
			output->state_path, output->name);
	/* Without an image nothing is lost when it begins anew. */
	if (!output->exists)
		return RESULT_OK;
	if (output->resume && presence == EXPORT_STATE_DAMAGED)
		return fail_remedy(
			why, RESULT_REFUSED, REMEDY_BEGIN_ANEW, NULL,
			"%s: is damaged, or of another version of cowtool: how far the export is cannot be told",
			output->state_path);
	/* An empty one was made by an export that was killed before it could say how far it is. */
	if (output->resume && presence == EXPORT_STATE_ABSENT && output->found.st_size > 0)
		return fail_remedy(
			why, RESULT_REFUSED, REMEDY_OVERWRITE_INCOMPLETE, NULL,
			"%s: exists, and there is no unfinished export of cowtool (there is no %s): it may be complete already, for then that file is removed",
			output->name, output->state_path);
	if (!output->resume && !output->force && presence != EXPORT_STATE_ABSENT)
		return fail_remedy(why, RESULT_REFUSED, REMEDY_GO_ON_OR_ANEW, NULL,
				   "%s: there is an unfinished export", output->name);
	return RESULT_OK;
}

/* `earlier` must be of the same export, and the image file, which is open, as long as it says. */
static enum result check_other(const struct export_output *output,
			       const struct export_state *earlier, struct failure *why)
{
	const struct export_state *state = &output->export->state;

	if (!export_state_same(state, earlier))
		return fail_remedy(
			why, RESULT_REFUSED, REMEDY_BEGIN_ANEW, NULL,
			"%s: was begun with another ORIGIN or STORE, or the store was changed since",
			output->name);
	if (output->device.bytes < round_down(earlier->done_bytes, SECTOR_BYTES))
		return fail_remedy(why, RESULT_REFUSED, REMEDY_BEGIN_ANEW, NULL,
				   "%s: has %llu bytes, and %llu were exported already",
				   output->name, (unsigned long long)output->device.bytes,
				   (unsigned long long)earlier->done_bytes);
	return RESULT_OK;
}

/* ---- opening ---- */

/* What was made a moment ago, in vain. */
static void remove_new(const struct export_output *output)
{
	if (!output->exists && output->device.open)
		device_unlink(&output->device);
}

/* Is what was opened what was looked at? Who may rename in that folder may have exchanged it. */
static enum result check_found(const struct export_output *output, struct failure *why)
{
	if (device_is_node(&output->device, &output->found))
		return RESULT_OK;
	return fail(
		why, RESULT_REFUSED,
		"%s: something else has taken its place since it was looked at; name a file in a folder where nobody else may write",
		output->name);
}

/* What is made is not opened again by its name. Only its owner may read it: it will hold what
 * may be somebody's files. */
static enum result open_device(struct export_output *output, struct failure *why)
{
	enum result result;

	if (!output->exists)
		return device_create(&output->device, output->name, 0, why);
	result = device_open(&output->device, output->name,
			     output->force ? DEVICE_OWN_UNSEEN : DEVICE_OWN, why);
	if (result == RESULT_OK)
		result = check_found(output, why);
	return result;
}

static enum result save_state(void *context, const struct export_state *state, struct failure *why)
{
	const struct export_output *output = context;

	return export_state_save(state, output->state_path, why);
}

/* Where there was none before, a failure leaves none: it may be in its place, and not durable. */
static enum result begin_state(const struct export_output *output,
			       enum export_state_presence presence, struct failure *why)
{
	enum result result = export_state_save(&output->export->state, output->state_path, why);

	if (result != RESULT_OK && presence == EXPORT_STATE_ABSENT)
		unlink(output->state_path);
	return result;
}

static enum result begin_file(struct export_output *output, struct export_state *earlier,
			      enum export_state_presence presence, struct failure *why)
{
	struct export *export = output->export;
	bool goes_on = output->resume && output->exists && presence == EXPORT_STATE_PRESENT;
	enum result result = open_device(output, why);

	if (result == RESULT_OK && goes_on)
		result = check_other(output, earlier, why);
	else if (result == RESULT_OK)
		result = begin_state(output, presence, why);
	if (result != RESULT_OK) {
		remove_new(output);
		return result;
	}
	if (goes_on) {
		export->state = *earlier;
		*earlier = (struct export_state){0};
	}
	/* The last block is written whole, and cut off at the end. */
	output->device.bytes = round_up(export->state.view_bytes, BUFFER_ALIGNMENT);
	export->target = (struct export_target){
		.device = &output->device, .checkpoint = save_state, .context = output};
	return RESULT_OK;
}

/* Its image was taken away: what is done is gone with it. */
static void note_gone(const struct export_output *output, enum export_state_presence presence)
{
	const struct export *export = output->export;
	char text[512];

	if (presence == EXPORT_STATE_ABSENT || output->exists || !export->options->note)
		return;
	snprintf(text, sizeof(text),
		 "an export of it was not finished, and its image %s is gone: it begins anew",
		 output->name);
	export->options->note(export->options->context, text);
}

static enum result open_file(struct export_output *output, struct failure *why)
{
	enum export_state_presence presence;
	struct export_state earlier;
	enum result result = export_state_load(&earlier, output->state_path, &presence, why);

	if (result == RESULT_OK)
		result = check_state(output, presence, why);
	if (result == RESULT_OK && !output->resume)
		result = check_existing(output, why);
	if (result == RESULT_OK)
		note_gone(output, presence);
	if (result == RESULT_OK)
		result = begin_file(output, &earlier, presence, why);
	export_state_free(&earlier);
	return result;
}

static enum result open_block(struct export_output *output, struct failure *why)
{
	struct export *export = output->export;
	uint64_t view = export->state.view_bytes;
	enum result result = open_device(output, why);

	if (result == RESULT_OK)
		result = device_refuse_read_only(&output->device, why);
	if (result == RESULT_OK && output->device.bytes < view)
		result = fail(why, RESULT_NO_SPACE,
			      "%s: has %llu bytes, and the view %llu; name a larger device",
			      output->name, (unsigned long long)output->device.bytes,
			      (unsigned long long)view);
	if (result != RESULT_OK)
		return result;
	export->target = (struct export_target){.device = &output->device};
	return check_content(output, why);
}

/* ---- all kinds ---- */

enum result export_output_open(struct export_output *output, struct export *export,
			       struct failure *why)
{
	enum result result;

	output->export = export;
	if (output->kind == EXPORT_TO_STREAM)
		return RESULT_OK;
	result = check_own(output, why);
	if (result != RESULT_OK)
		return result;
	return output->kind == EXPORT_TO_BLOCK ? open_block(output, why) : open_file(output, why);
}

static enum result finish_file(struct export_output *output, struct failure *why)
{
	if (unlink(output->state_path) != 0 && errno != ENOENT)
		return fail_errno(why, RESULT_IO, errno, "%s: cannot remove it",
				  output->state_path);
	return path_flush_folder(output->name, why);
}

enum result export_output_finish(struct export_output *output, enum result result,
				 struct failure *why)
{
	struct failure closing;

	if (output->kind != EXPORT_TO_STREAM &&
	    device_release(&output->device, &closing) != RESULT_OK && result == RESULT_OK) {
		*why = closing;
		result = RESULT_IO;
	}
	if (result == RESULT_OK && output->kind == EXPORT_TO_FILE)
		result = finish_file(output, why);
	return result;
}

bool export_output_can_resume(const struct export_output *output)
{
	return output->kind == EXPORT_TO_FILE;
}

void export_output_free(struct export_output *output)
{
	struct failure ignored; /* what was written is closed already */

	device_close(&output->device, &ignored);
	free(output->state_path);
	memset(output, 0, sizeof(*output));
}
