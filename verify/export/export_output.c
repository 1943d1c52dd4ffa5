// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/export/export_output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/base/bytes.h"
#include "store/base/path.h"
#include "verify/export/export_guard.h"

#define STATE_SUFFIX ".cowtool-export"

/* ---- what it is ---- */

/* Of a symbolic link, too. A device belongs to whom it belongs. */
static enum result refuse_foreign(const struct export_output *output, struct failure *why)
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
	return refuse_foreign(output, why);
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

/* What is made is not opened again by its name. Only its owner may read it: it will hold what may be
 * somebody's files. */
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

static enum result begin_file(struct export_output *output, struct export_state *earlier,
			      enum export_state_presence presence, struct failure *why)
{
	struct export *export = output->export;
	bool goes_on = output->resume && output->exists && presence == EXPORT_STATE_PRESENT;
	enum result result = open_device(output, why);

	if (result == RESULT_OK && goes_on)
		result = export_refuse_other(output, earlier, why);
	else if (result == RESULT_OK)
		result = export_state_save(&export->state, output->state_path, why);
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

	if (presence == EXPORT_STATE_ABSENT || output->exists || !export->note)
		return;
	snprintf(text, sizeof(text),
		 "an export of it was not finished, and its image %s is gone: it begins anew",
		 output->name);
	export->note(export->context, text);
}

static enum result open_file(struct export_output *output, struct failure *why)
{
	enum export_state_presence presence;
	struct export_state earlier;
	enum result result = export_state_load(&earlier, output->state_path, &presence, why);

	if (result == RESULT_OK)
		result = export_refuse_state(output, presence, why);
	if (result == RESULT_OK && !output->resume)
		result = export_refuse_existing(output, why);
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
	return export_refuse_content(output, why);
}

/* ---- all kinds ---- */

enum result export_output_open(struct export_output *output, struct export *export,
			       struct failure *why)
{
	enum result result;

	output->export = export;
	if (output->kind == EXPORT_TO_STREAM)
		return RESULT_OK;
	result = export_refuse_own(output, why);
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
