// SPDX-License-Identifier: GPL-2.0-or-later
#include "verify/export/export_guard.h"

#include "store/base/bytes.h"
#include "store/cow/ends.h"

enum result export_refuse_own(const struct export_output *output, struct failure *why)
{
	const struct export *export = output->export;
	enum result result =
		device_refuse_same(export->origin, output->name, "as OUT and as ORIGIN", why);

	if (result == RESULT_OK)
		result = device_refuse_same(export->store->device, output->name,
					    "as OUT and as STORE", why);
	return result;
}

enum result export_refuse_existing(const struct export_output *output, struct failure *why)
{
	if (!output->exists || output->force)
		return RESULT_OK;
	return fail(why, RESULT_REFUSED,
		    "%s: exists already; name another file, or overwrite it with --force",
		    output->name);
}

enum result export_refuse_content(struct export_output *output, struct failure *why)
{
	struct probe_identity identity = {.type = ""};
	enum result result;

	if (output->force)
		return RESULT_OK;
	result = ends_probe_device(output->export->io, &output->device, &identity, why);
	if (result == RESULT_OK && identity.type[0])
		result = fail(
			why, RESULT_REFUSED,
			"%s: holds something already (%s%s%s); name another device, or overwrite it with --force",
			output->name, identity.type, identity.uuid[0] ? ", UUID " : "",
			identity.uuid);
	return result;
}

enum result export_refuse_state(const struct export_output *output,
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
		return fail(
			why, RESULT_REFUSED,
			"%s: is damaged, or of another version of cowtool: how far the export is cannot be told; without --resume, --force begins anew",
			output->state_path);
	/* An empty one was made by an export that was killed before it could say how far it is. */
	if (output->resume && presence == EXPORT_STATE_ABSENT && output->found.st_size > 0)
		return fail(
			why, RESULT_REFUSED,
			"%s: exists, and no unfinished export of cowtool stands there (there is no %s): it may be complete already, for then that file is removed; if you know that it is not, --force without --resume overwrites it",
			output->name, output->state_path);
	if (!output->resume && !output->force && presence != EXPORT_STATE_ABSENT)
		return fail(
			why, RESULT_REFUSED,
			"%s: an unfinished export stands there; --resume goes on with it, --force begins anew",
			output->name);
	return RESULT_OK;
}

enum result export_refuse_other(const struct export_output *output,
				const struct export_state *earlier, struct failure *why)
{
	const struct export_state *state = &output->export->state;

	if (!export_state_same(state, earlier))
		return fail(
			why, RESULT_REFUSED,
			"%s: was begun with another ORIGIN or STORE, or the store was changed since; without --resume, --force begins anew",
			output->name);
	if (output->device.bytes < round_down(earlier->done_bytes, SECTOR_BYTES))
		return fail(
			why, RESULT_REFUSED,
			"%s: has %llu bytes, and %llu were exported already; without --resume, --force begins anew",
			output->name, (unsigned long long)output->device.bytes,
			(unsigned long long)earlier->done_bytes);
	return RESULT_OK;
}
