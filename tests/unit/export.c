// SPDX-License-Identifier: GPL-2.0-or-later
/* The engine of an export, on disks with bad places; what it remembers of itself. */
#include <errno.h>
#include <sys/stat.h>

#include "store/base/checksum.h"
#include "tests/unit/pair.h"
#include "verify/export/export_earlier.h"

#define CHUNK_SECTORS 2u
#define CHUNK_BYTES (CHUNK_SECTORS * 512)
#define PER_AREA (CHUNK_BYTES / 16)
#define ORIGIN_BYTES (2097152u + 1536)
#define COUNT 700u
#define WINDOW_BYTES 65536u
/* Of the origin: larger than what ends a window. */
#define HOLE_FROM (1u << 20)
#define HOLE_TO ((1u << 20) + (640u << 10))

static struct io io;
static struct pair pair;
static struct exception exceptions[COUNT];
static struct device out;
static struct export_options options;
static struct export export;
static volatile sig_atomic_t stop;
static uint64_t stop_at;
static uint64_t checkpoint_done;
static unsigned int checkpoints;
static uint8_t *put_bytes;
static size_t put_count;

/* ---- the stage ---- */

static uint64_t usual(uint64_t index)
{
	return 2 + index + index / PER_AREA;
}

/* Odd chunks below the hole, so that origin and store alternate; a run; the last, partial chunk;
 * one in the hole. */
static void make_exceptions(void)
{
	for (uint64_t i = 0; i < COUNT; i++)
		exceptions[i] = (struct exception){i < 500 ? 2 * ((i * 263) % 500) + 1 : 1300 + i,
						   usual(i)};
	exceptions[COUNT - 2].old_chunk = ORIGIN_BYTES / CHUNK_BYTES;
	exceptions[COUNT - 1].old_chunk = HOLE_FROM / CHUNK_BYTES + 300;
}

static void on_progress(void *context, const struct export *now)
{
	(void)context;
	if (stop_at && now->state.done_bytes >= stop_at)
		stop = 1;
}

static enum result on_checkpoint(void *context, const struct export_state *state,
				 struct failure *failure)
{
	(void)context;
	(void)failure;
	CHECK(bad.flushes > 0);
	checkpoints++;
	checkpoint_done = state->done_bytes;
	return RESULT_OK;
}

static enum result on_put(void *context, const uint8_t *bytes, size_t count,
			  struct failure *failure)
{
	(void)context;
	(void)failure;
	memcpy(put_bytes + put_count, bytes, count);
	put_count += count;
	return RESULT_OK;
}

static void begin_export(bool fill)
{
	options = (struct export_options){.fill = fill,
					  .window_bytes = WINDOW_BYTES,
					  .checkpoint_bytes = 4 * WINDOW_BYTES,
					  .stop = &stop,
					  .progress = on_progress};
	export = (struct export){.options = &options,
				 .store = &pair.store,
				 .origin = &pair.origin,
				 .io = &io,
				 .target = {.device = &out, .checkpoint = on_checkpoint}};
	stop = 0;
	stop_at = checkpoint_done = checkpoints = 0;
	CHECK(export_prepare(&export, &why) == RESULT_OK);
}

static void set_stage(void)
{
	bad_open(&io);
	make_exceptions();
	pair_make(&pair, &io, CHUNK_SECTORS, ORIGIN_BYTES, (usual(COUNT - 1) + 1) * CHUNK_BYTES,
		  exceptions, COUNT, HOLE_FROM, HOLE_TO);
	out = memory_device("out", NULL, 0);
	begin_export(false);
}

static void clear_stage(void)
{
	export_free(&export);
	device_close(&out, &why);
	pair_free(&pair);
	io_close(&io);
}

/* What is in a file of the view's size; NULL: it has another size. */
static uint8_t *content(const struct device *device)
{
	uint8_t *bytes = malloc(ORIGIN_BYTES);
	struct stat status;

	if (fstat(device->file.fd, &status) == 0 && status.st_size == ORIGIN_BYTES &&
	    pread(device->file.fd, bytes, ORIGIN_BYTES, 0) == ORIGIN_BYTES)
		return bytes;
	free(bytes);
	return NULL;
}

static bool out_is(const uint8_t *wanted)
{
	uint8_t *bytes = content(&out);
	bool same = bytes && memcmp(bytes, wanted, ORIGIN_BYTES) == 0;

	free(bytes);
	return same;
}

static bool is_view(void)
{
	return out_is(pair.view) && export.state.done_bytes == ORIGIN_BYTES &&
	       export.state.crc32 == checksum_crc32(0, pair.view, ORIGIN_BYTES);
}

static uint64_t blocks_with_data(void)
{
	uint64_t bytes = 0;

	for (uint64_t at = 0; at < ORIGIN_BYTES; at += 4096) {
		uint64_t count = min_u64(4096, ORIGIN_BYTES - at);

		bytes += bytes_are_zero(pair.view + at, count) ? 0 : count;
	}
	return bytes;
}

/* ---- tests ---- */

static void image_is_the_view(void)
{
	set_stage();
	CHECK(export_run(&export, &why) == RESULT_OK);
	CHECK(is_view());
	CHECK(export.state.bytes_from_store == (COUNT - 1) * CHUNK_BYTES + 512);
	CHECK(export.state.bytes_from_store + export.state.bytes_from_origin == ORIGIN_BYTES);
	CHECK(export.state.gap_count == 0);
	clear_stage();
}

static void zeros_are_not_written(void)
{
	struct stat status;

	set_stage();
	CHECK(export_run(&export, &why) == RESULT_OK);
	CHECK(is_view());
	CHECK(export.state.bytes_written == blocks_with_data());
	CHECK(blocks_with_data() <= ORIGIN_BYTES - (HOLE_TO - HOLE_FROM) + 4096);
	CHECK(fstat(out.file.fd, &status) == 0);
	CHECK((uint64_t)status.st_blocks * 512 <= round_up(blocks_with_data(), 4096));
	clear_stage();
}

static void any_window_will_do(void)
{
	static const uint64_t windows[] = {4096, 12288, 1u << 20, 8u << 20};

	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		set_stage();
		options.window_bytes = windows[i];
		CHECK(export_run(&export, &why) == RESULT_OK);
		CHECK(is_view());
		clear_stage();
	}
}

static void functions_get_every_byte(void)
{
	set_stage();
	put_bytes = malloc(ORIGIN_BYTES);
	put_count = 0;
	export.target = (struct export_target){.put = on_put};
	CHECK(export_run(&export, &why) == RESULT_OK);
	CHECK(put_count == ORIGIN_BYTES && memcmp(put_bytes, pair.view, ORIGIN_BYTES) == 0);
	CHECK(export.state.crc32 == checksum_crc32(0, pair.view, ORIGIN_BYTES));
	CHECK(export.state.bytes_written == ORIGIN_BYTES);
	free(put_bytes);
	clear_stage();
}

static void read_errors_end_it(void)
{
	set_stage();
	add_bad(IO_READ, &pair.device, usual(3) * CHUNK_BYTES, 512, EIO);
	CHECK(export_run(&export, &why) == RESULT_IO);
	CHECK(strstr(why.text, "store: cannot read") == why.text &&
	      why.remedy == REMEDY_FILL_UNREADABLE);
	CHECK(export.state.gap_count == 0);
	clear_stage();
}

static void what_is_not_shown_may_be_unreadable(void)
{
	set_stage();
	/* Under an exception, which alternates with chunks of the origin. */
	add_bad(IO_READ, &pair.origin, 101 * CHUNK_BYTES, CHUNK_BYTES, EIO);
	CHECK(export_run(&export, &why) == RESULT_OK);
	CHECK(is_view());
	CHECK(export.state.gap_count == 0);
	clear_stage();
}

static void fill_view(uint64_t offset, uint64_t bytes)
{
	memset(pair.view + offset, 0, bytes);
}

static bool gap_is(size_t i, uint64_t offset, uint64_t bytes, enum view_source source)
{
	const struct export_gap *gap = &export.state.gaps[i];

	return gap->offset == offset && gap->bytes == bytes && gap->source == source;
}

/* Single sectors, a stretch over several windows, and an end of both. */
static void gaps_are_filled(void)
{
	set_stage();
	options.fill = true;
	add_bad(IO_READ, &pair.device, usual(1) * CHUNK_BYTES + 512, 512, EIO);
	add_bad(IO_READ, &pair.origin, 4 * CHUNK_BYTES, 512, EIO);
	add_bad(IO_READ, &pair.origin, HOLE_TO + 4096, 2 * WINDOW_BYTES, EREMOTEIO);
	add_bad(IO_READ, &pair.device, usual(COUNT - 2) * CHUNK_BYTES, 512, ENODATA);
	fill_view(4 * CHUNK_BYTES, 512);
	fill_view(exceptions[1].old_chunk * CHUNK_BYTES + 512, 512);
	fill_view(HOLE_TO + 4096, 2 * WINDOW_BYTES);
	fill_view(ORIGIN_BYTES / CHUNK_BYTES * CHUNK_BYTES, 512);
	CHECK(export_run(&export, &why) == RESULT_OK);
	CHECK(is_view());
	CHECK(export.state.gap_count == 4);
	CHECK(gap_is(0, 4 * CHUNK_BYTES, 512, VIEW_ORIGIN));
	CHECK(gap_is(1, exceptions[1].old_chunk * CHUNK_BYTES + 512, 512, VIEW_STORE));
	CHECK(gap_is(2, HOLE_TO + 4096, 2 * WINDOW_BYTES, VIEW_ORIGIN));
	CHECK(gap_is(3, ORIGIN_BYTES / CHUNK_BYTES * CHUNK_BYTES, 512, VIEW_STORE));
	clear_stage();
}

static void blocks_of_direct_devices_are_filled_whole(void)
{
	set_stage();
	options.fill = true;
	pair.device.direct = true;
	pair.device.block_bytes = CHUNK_BYTES;
	add_bad(IO_READ, &pair.device, usual(1) * CHUNK_BYTES + 512, 512, EIO);
	fill_view(exceptions[1].old_chunk * CHUNK_BYTES, CHUNK_BYTES);
	CHECK(export_run(&export, &why) == RESULT_OK);
	CHECK(is_view());
	CHECK(gap_is(0, exceptions[1].old_chunk * CHUNK_BYTES, CHUNK_BYTES, VIEW_STORE));
	clear_stage();
}

/* Stops when half of it is done. */
static void stop_halfway(void)
{
	stop_at = ORIGIN_BYTES / 2;
	CHECK(export_run(&export, &why) == RESULT_STOPPED);
	CHECK(export.state.done_bytes >= ORIGIN_BYTES / 2 &&
	      export.state.done_bytes < ORIGIN_BYTES && !out_is(pair.view));
}

/* A new export with the state of the one before, as its file keeps it. */
static void reopen(bool fill)
{
	size_t count = export_state_bytes(&export.state);
	uint8_t *bytes = malloc(count);
	struct export_state state;

	export_state_encode(&export.state, bytes);
	CHECK(export_state_decode(bytes, count, &state));
	CHECK(state.done_bytes == export.state.done_bytes && state.crc32 == export.state.crc32);
	free(bytes);
	export_free(&export);
	begin_export(fill);
	CHECK(export_state_same(&export.state, &state));
	export_state_free(&export.state);
	export.state = state;
	stop_at = 0;
}

static void stopped_exports_go_on(void)
{
	set_stage();
	stop_halfway();
	CHECK(strstr(why.text, "stopped on request"));
	CHECK(checkpoint_done == export.state.done_bytes);
	reopen(false);
	CHECK(export_run(&export, &why) == RESULT_OK);
	CHECK(is_view());
	CHECK(export.state.bytes_written == blocks_with_data());
	CHECK(export.state.bytes_from_store == (COUNT - 1) * CHUNK_BYTES + 512);
	clear_stage();
}

/* What a crash may leave: as far as the last checkpoint is right, after it there is anything. */
static void crashed_exports_go_on(void)
{
	uint8_t *junk = malloc(ORIGIN_BYTES);

	fill_random(junk, ORIGIN_BYTES);
	set_stage();
	stop_halfway();
	put_bytes_at(&out, junk, ORIGIN_BYTES - export.state.done_bytes + 4000,
		     export.state.done_bytes);
	reopen(false);
	CHECK(export_run(&export, &why) == RESULT_OK);
	CHECK(is_view());
	clear_stage();
	free(junk);
}

static void checkpoints_are_made_on_the_way(void)
{
	set_stage();
	options.checkpoint_bytes = WINDOW_BYTES;
	CHECK(export_run(&export, &why) == RESULT_OK);
	CHECK(is_view());
	CHECK(checkpoints >= 3 && checkpoint_done > 0 && checkpoint_done <= ORIGIN_BYTES);
	clear_stage();
}

static void gaps_of_the_first_part_are_kept(void)
{
	set_stage();
	options.fill = true;
	add_bad(IO_READ, &pair.origin, 0, 512, EIO);
	add_bad(IO_READ, &pair.origin, ORIGIN_BYTES - 1024 - 512, 512, EIO);
	fill_view(0, 512);
	fill_view(ORIGIN_BYTES - 1024 - 512, 512);
	stop_halfway();
	CHECK(export.state.gap_count == 1);
	reopen(true);
	CHECK(export_run(&export, &why) == RESULT_OK);
	CHECK(is_view());
	CHECK(export.state.gap_count == 2);
	CHECK(gap_is(0, 0, 512, VIEW_ORIGIN));
	clear_stage();
}

static void changed_images_are_not_gone_on_with(void)
{
	struct stat before, after;

	set_stage();
	stop_halfway();
	put_bytes_at(&out, "?", 1, export.state.done_bytes - 4097);
	CHECK(fstat(out.file.fd, &before) == 0);
	reopen(false);
	CHECK(export_run(&export, &why) == RESULT_REFUSED);
	CHECK(fstat(out.file.fd, &after) == 0 && before.st_size == after.st_size);
	CHECK(checkpoints == 0);
	clear_stage();
}

/* ---- going on after a change ---- */

static char noted[1024];

static void on_note(void *context, const char *text)
{
	(void)context;
	snprintf(noted, sizeof(noted), "%s", text);
}

/* An export that ended after the hole, of which its last window and every 16th part's first 64
 * KiB are samples; IN_NO_SAMPLE is the origin's. */
#define IN_NO_SAMPLE (96u << 10)

static void set_stage_and_stop(bool fill)
{
	set_stage();
	options.fill = fill;
	out.bytes = round_up(ORIGIN_BYTES, 4096);
	stop_halfway();
	CHECK(export.state.done_bytes / EXPORT_SAMPLES > IN_NO_SAMPLE + 1024);
	CHECK(export.state.done_bytes >= HOLE_TO);
}

/* Files that are written to within one tick of the clock have the same ctime: so it is said here
 * whether one was. */
static void reopen_after_change(bool fill, bool changed)
{
	reopen(fill);
	options.note = on_note;
	noted[0] = 0;
	export.state.origin = export_state_source(&pair.origin);
	export.state.store = export_state_source(&pair.device);
	CHECK(export.state.origin.changed_ns > 0 && export.state.store.changed_ns > 0);
	if (changed)
		export.state.origin.changed_ns--;
}

static void refuses_to_go_on(void)
{
	struct stat before, after;

	CHECK(fstat(out.file.fd, &before) == 0);
	checkpoints = 0;
	CHECK(export_run(&export, &why) == RESULT_REFUSED);
	CHECK(strstr(why.text, "are not what the view has there") &&
	      why.remedy == REMEDY_BEGIN_ANEW_OR_MIX);
	CHECK(fstat(out.file.fd, &after) == 0 && before.st_size == after.st_size &&
	      checkpoints == 0);
}

static void changes_anywhere_are_found(void)
{
	static const uint64_t places[] = {0, IN_NO_SAMPLE, HOLE_FROM + 300000};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		set_stage_and_stop(false);
		put_bytes_at(&pair.origin, "\0?", 2, places[i]);
		reopen_after_change(false, true);
		refuses_to_go_on();
		clear_stage();
	}
	set_stage_and_stop(false);
	put_bytes_at(&pair.device, "\0?", 2, usual(3) * CHUNK_BYTES);
	reopen_after_change(false, false);
	export.state.store.inode++;
	refuses_to_go_on();
	clear_stage();
}

static void data_that_became_a_hole_is_found(void)
{
	set_stage_and_stop(false);
	put_bytes_at(&out, "?", 1, HOLE_FROM + 100000);
	reopen_after_change(false, true);
	refuses_to_go_on();
	clear_stage();
}

static void samples_are_compared_in_any_case(void)
{
	uint64_t sample;

	for (uint64_t i = 0; i < EXPORT_SAMPLES; i += 5) {
		set_stage_and_stop(false);
		sample = round_down(export.state.done_bytes / EXPORT_SAMPLES * i, 4096);
		put_bytes_at(&out, "?\1?", 3, sample + EXPORT_SAMPLE_BYTES - 3);
		reopen_after_change(false, false);
		refuses_to_go_on();
		clear_stage();
	}
	/* What was not changed since is not read as a whole. */
	set_stage_and_stop(false);
	put_bytes_at(&out, "\0?", 2, IN_NO_SAMPLE);
	reopen_after_change(false, false);
	CHECK(export_run(&export, &why) == RESULT_OK && noted[0] == 0);
	CHECK(!out_is(pair.view));
	put_bytes_at(&out, pair.view + IN_NO_SAMPLE, 2, IN_NO_SAMPLE);
	CHECK(is_view());
	clear_stage();
}

/* So does a merge: under an exception, the origin does not show. After what is done, anything
 * goes. */
static void changes_that_do_not_show_are_let_through(void)
{
	uint64_t behind = ORIGIN_BYTES - 1024 - 512;

	set_stage_and_stop(false);
	CHECK(behind > export.state.done_bytes);
	put_bytes_at(&pair.origin, pair.view + 101 * CHUNK_BYTES, CHUNK_BYTES, 101 * CHUNK_BYTES);
	put_bytes_at(&pair.origin, "\0?", 2, behind);
	memcpy(pair.view + behind, "\0?", 2);
	reopen_after_change(false, true);
	CHECK(export_run(&export, &why) == RESULT_OK);
	CHECK(strstr(noted, "was changed since the export began"));
	CHECK(is_view());
	CHECK(export.state.origin.changed_ns == device_changed_ns(&pair.origin));
	clear_stage();
}

static void with_consent_a_mixture_is_made(void)
{
	uint64_t before;

	set_stage_and_stop(false);
	put_bytes_at(&pair.origin, "\0?", 2, IN_NO_SAMPLE);
	reopen_after_change(false, true);
	options.force = true;
	before = export.state.origin.changed_ns;
	CHECK(export_run(&export, &why) == RESULT_OK);
	CHECK(strstr(noted, "warning: out: bytes") == noted);
	CHECK(is_view());
	/* It does not count as compared. */
	CHECK(export.state.origin.changed_ns == before);
	clear_stage();
}

static void what_cannot_be_compared_is_left_out(void)
{
	for (int changed = 0; changed <= 1; changed++) {
		set_stage_and_stop(true);
		add_bad(IO_READ, &pair.origin, IN_NO_SAMPLE, 512, EIO);
		if (changed)
			put_bytes_at(&pair.origin, "\0?", 2, IN_NO_SAMPLE + 4 * CHUNK_BYTES);
		reopen_after_change(true, true);
		if (changed) {
			refuses_to_go_on();
		} else {
			CHECK(export_run(&export, &why) == RESULT_OK);
			CHECK(is_view() && export.state.gap_count == 0);
		}
		clear_stage();
	}
}

static void gaps_are_not_compared(void)
{
	set_stage();
	add_bad(IO_READ, &pair.origin, IN_NO_SAMPLE, 512, EIO);
	add_bad(IO_READ, &pair.origin, 2 * CHUNK_BYTES, 512, EIO);
	fill_view(IN_NO_SAMPLE, 512);
	fill_view(2 * CHUNK_BYTES, 512);
	options.fill = true;
	out.bytes = round_up(ORIGIN_BYTES, 4096);
	stop_halfway();
	CHECK(export.state.gap_count == 2);
	bad.place_count = 0;
	reopen_after_change(true, true);
	CHECK(export_run(&export, &why) == RESULT_OK);
	CHECK(is_view() && export.state.gap_count == 2);
	clear_stage();
}

static void comparing_stops_on_request(void)
{
	uint64_t done;

	set_stage_and_stop(false);
	reopen_after_change(false, true);
	checkpoints = 0;
	stop = 1;
	done = export.state.done_bytes;
	CHECK(export_run(&export, &why) == RESULT_STOPPED);
	CHECK(checkpoints == 0 && export.state.done_bytes == done);
	clear_stage();
}

static void full_disks_are_told(void)
{
	set_stage();
	add_bad(IO_WRITE, &out, ORIGIN_BYTES / 4 * 3, ORIGIN_BYTES, ENOSPC);
	CHECK(export_run(&export, &why) == RESULT_NO_SPACE);
	CHECK(strstr(why.text, "out: cannot write") == why.text);
	CHECK(checkpoints > 0 && checkpoint_done == export.state.done_bytes);
	CHECK(checkpoint_done > 0 && checkpoint_done <= HOLE_TO);
	bad.place_count = 0;
	reopen(false);
	CHECK(export_run(&export, &why) == RESULT_OK);
	CHECK(is_view());
	clear_stage();
}

static void failed_flushes_are_not_believed(void)
{
	set_stage();
	add_bad(IO_FLUSH, &out, 0, 0, EIO);
	CHECK(export_run(&export, &why) == RESULT_IO);
	CHECK(strcmp(why.text, "out: cannot flush: Input/output error") == 0);
	CHECK(checkpoints == 0 && bad.flushes == 0);
	clear_stage();
}

/* ---- the state ---- */

static void states_are_checked(void)
{
	struct export_gap gaps[] = {{0, 512, VIEW_STORE}, {4096, 512, VIEW_ORIGIN}};
	struct export_state state = {.view_bytes = 1u << 20,
				     .store_bytes = 1u << 19,
				     .exceptions = 9,
				     .chunk_sectors = 8,
				     .done_bytes = 8192,
				     .bytes_from_store = 4096,
				     .bytes_from_origin = 4096,
				     .bytes_written = 8192,
				     .gaps = gaps,
				     .gap_count = 2};
	uint8_t bytes[256];
	size_t count = export_state_bytes(&state);
	struct export_state got;

	CHECK(count == EXPORT_STATE_HEAD_BYTES + 2 * EXPORT_STATE_GAP_BYTES + 4);
	export_state_encode(&state, bytes);
	CHECK(export_state_decode(bytes, count, &got));
	CHECK(export_state_same(&got, &state) && got.done_bytes == 8192 && got.gap_count == 2);
	for (size_t i = 0; i < 2; i++)
		CHECK(got.gaps[i].offset == gaps[i].offset && got.gaps[i].bytes == gaps[i].bytes &&
		      got.gaps[i].source == gaps[i].source);
	export_state_free(&got);
	for (size_t i = 0; i < count; i++) {
		bytes[i] ^= 1;
		CHECK(!export_state_decode(bytes, count, &got));
		bytes[i] ^= 1;
		CHECK(!export_state_decode(bytes, i, &got));
	}
}

/* With a sound checksum. */
static bool takes(const struct export_state *state)
{
	uint8_t bytes[256];
	struct export_state got;
	bool good;

	export_state_encode(state, bytes);
	good = export_state_decode(bytes, export_state_bytes(state), &got);
	if (good)
		export_state_free(&got);
	return good;
}

static void hostile_states_are_refused(void)
{
	struct export_gap gaps[] = {{4096, 512, VIEW_STORE}, {1024, 512, VIEW_ORIGIN}};
	struct export_state state = {.view_bytes = 8192, .gaps = gaps};

	CHECK(takes(&state));
	state.done_bytes = 16384;
	state.bytes_from_store = 16384;
	CHECK(!takes(&state));
	state.done_bytes = state.bytes_from_origin = 8192;
	state.bytes_from_store = 0;
	CHECK(takes(&state));
	state.bytes_from_store = UINT64_MAX;
	CHECK(!takes(&state));
	state.bytes_from_store = 1;
	CHECK(!takes(&state));
	state.bytes_from_store = 0;
	/* No export ends a window there. */
	state.done_bytes = state.bytes_from_origin = 1000;
	CHECK(!takes(&state));
	state.done_bytes = state.bytes_from_origin = 4096;
	CHECK(takes(&state));
	state.view_bytes = state.done_bytes = state.bytes_from_origin = 6656;
	CHECK(takes(&state));
	state.view_bytes = state.done_bytes = state.bytes_from_origin = 8192;
	state.bytes_written = 8193;
	CHECK(!takes(&state));
	state.bytes_written = 0;
	state.gap_count = 1;
	CHECK(takes(&state));
	state.gap_count = 2;
	CHECK(!takes(&state));
	state.gap_count = 1;
	gaps[0].source = VIEW_LOST + 1;
	CHECK(!takes(&state));
	gaps[0] = (struct export_gap){4096, 0, VIEW_STORE};
	CHECK(!takes(&state));
}

static void gaps_behind_what_is_done_are_cut(void)
{
	struct export_gap gaps[] = {
		{0, 512, VIEW_STORE}, {4096, 8192, VIEW_ORIGIN}, {16384, 512, VIEW_ORIGIN}};
	struct export_state state = {.view_bytes = 1u << 20,
				     .done_bytes = 8192,
				     .bytes_from_store = 8192,
				     .gaps = gaps,
				     .gap_count = 3};

	CHECK(takes(&state));
	export_state_cut_gaps(&state);
	CHECK(state.gap_count == 2 && gaps[1].bytes == 4096);
}

int main(void)
{
	unit_run("export: the image is the view", image_is_the_view);
	unit_run("export: zeros are not written to an image file", zeros_are_not_written);
	unit_run("export: windows of any size", any_window_will_do);
	unit_run("export: a function gets every byte in order", functions_get_every_byte);
	unit_run("export: a read error ends it", read_errors_end_it);
	unit_run("export: a bad place of the origin under an exception does no harm",
		 what_is_not_shown_may_be_unreadable);
	unit_run("export: exactly the sectors that cannot be read are filled, and listed",
		 gaps_are_filled);
	unit_run("export: of a device with larger blocks whole blocks are filled",
		 blocks_of_direct_devices_are_filled_whole);
	unit_run("export: after a stop a resume finishes it", stopped_exports_go_on);
	unit_run("export: what is after the last checkpoint is not believed",
		 crashed_exports_go_on);
	unit_run("export: checkpoints are made on the way", checkpoints_are_made_on_the_way);
	unit_run("export: a resume keeps the list of what could not be read",
		 gaps_of_the_first_part_are_kept);
	unit_run("export: a resume onto an image that was changed is refused",
		 changed_images_are_not_gone_on_with);
	unit_run("export: all that is done is compared where origin or store was changed",
		 changes_anywhere_are_found);
	unit_run("export: where the view has a hole, the image must have zeros",
		 data_that_became_a_hole_is_found);
	unit_run("export: where nothing was changed, samples are compared",
		 samples_are_compared_in_any_case);
	unit_run("export: changes that do not show in what is done are let through",
		 changes_that_do_not_show_are_let_through);
	unit_run("export: with consent a resume makes a mixture, and says so",
		 with_consent_a_mixture_is_made);
	unit_run("export: of what cannot be compared, only the block is left out",
		 what_cannot_be_compared_is_left_out);
	unit_run("export: what was filled is not compared", gaps_are_not_compared);
	unit_run("export: comparing stops on request, and nothing was written",
		 comparing_stops_on_request);
	unit_run("export: a full disk is told, and a resume finishes it", full_disks_are_told);
	unit_run("export: after a failed flush nothing is said to be done",
		 failed_flushes_are_not_believed);
	unit_run("export state: every flipped bit and every cut is found", states_are_checked);
	unit_run("export state: numbers that make no sense are refused",
		 hostile_states_are_refused);
	unit_run("export state: gaps after what is done are not kept",
		 gaps_behind_what_is_done_are_cut);
	return unit_end();
}
