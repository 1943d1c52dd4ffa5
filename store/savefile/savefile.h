/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Saved files: the metadata of a store, without the data, in a file that can be kept, mailed, read
 * in place of the store, and written back. savefile_format.h has the layout.
 *
 * What is in one: the size of the device; the beginning of the device byte for byte, which is the
 * header's chunk with the merge record and all else that is there, or its first
 * SAVEFILE_HEAD_BYTES_MAX; and, where the chunk size is known, every area from the first to the one
 * in which the list of exceptions ends, wholly, with what is after the end. Where it is not
 * known, because the header is lost, the beginning of the device is all there is, and data chunks
 * may be part of it.
 *
 * Everything in a saved file is hostile: it may come by mail.
 */
#ifndef STORE_SAVEFILE_SAVEFILE_H
#define STORE_SAVEFILE_SAVEFILE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/device/device.h"
#include "store/io/io.h"
#include "store/savefile/savefile_format.h"
#include "store/base/fail.h"
#include "store/cow/store.h"

/* ---- writing one ---- */

/*
 * Saves the metadata of an open store in the file `path`, in bounded memory. The store is only
 * read. Its geometry counts where store->header_fault is HEADER_GOOD; a caller that inferred the
 * geometry of a store whose header is lost sets both, and the areas are saved, too, beside the
 * bytes that are on the device in the header's place.
 *
 * The file comes into being wholly or not at all: it is written under a temporary name beside
 * `path`, flushed, renamed, and the directory is flushed. Where `path` exists already it is
 * RESULT_REFUSED unless `replace`; what is no regular file, is the store itself (device_is), or is
 * in use (device_open), is never replaced. RESULT_NO_SPACE: the file system is full. RESULT_IO: the
 * store could not be read, or the file not written; the message names which. Where the directory
 * alone cannot be flushed, which is RESULT_IO, too, the file stays: it is whole, and may have
 * replaced another one. RESULT_STOPPED: *stop (NULL: none) became other than 0, and there is no
 * file.
 */
enum result savefile_write(const struct store *store, const char *path, bool replace,
			   const volatile sig_atomic_t *stop, struct failure *why);

/* Would savefile_write refuse this path, or fail to make a file there? As savefile_write says it;
 * makes no file. */
enum result savefile_check_path(const struct store *store, const char *path, bool replace,
				struct failure *why);

/* ---- reading one ---- */

struct savefile {
	struct device file;   /* the file itself */
	struct device device; /* the store as it was, for savefile_io_open; named as the file */
	struct savefile_layout layout;
	const volatile sig_atomic_t *stop; /* of the caller of savefile_restore; NULL: none */
	bool half_written;		   /* a result of savefile_restore */
	/* the reader's own */
	uint64_t file_bytes;
	uint64_t *frame_offsets; /* in the file, of all frames */
	uint64_t loaded;	 /* the frame in `raw`; UINT64_MAX: none */
	uint8_t *raw, *packed;
	struct io_request *request; /* the engine's */
};

/* May it be read as one? A block device never may. */
bool savefile_detect(const struct device *device);

/*
 * Opens a saved file and checks all of it: every length, every checksum, that it is whole and that
 * nothing is after its end. RESULT_NOT_THERE: no such file. RESULT_NO_STORE: no saved file.
 * RESULT_DAMAGED: a saved file that is cut short or has changed. RESULT_REFUSED: of a version that
 * is not known here. Close it also after an error.
 */
enum result savefile_open(struct savefile *saved, const char *name, struct failure *why);

void savefile_close(struct savefile *saved);

/*
 * Bytes of the stream (see savefile_format.h). The file is checked again as it is read:
 * RESULT_DAMAGED where it has changed since it was opened.
 */
enum result savefile_read(struct savefile *saved, uint64_t position, uint8_t *buffer,
			  uint64_t bytes, struct failure *why);

/*
 * An engine that serves reads of saved->device from the file, and nothing of any other device. What
 * is not in the file (data chunks, areas after the list's end) cannot be read: ENODATA. The file is
 * the caller's, and stays open while the engine is.
 */
void savefile_io_open(struct io *io, struct savefile *saved);

/* ---- writing one back ---- */

/*
 * May the saved file be written to this device? RESULT_REFUSED with the reason where not: the
 * device is too small, is a saved file, holds something else, a store of another size or chunk
 * size, or the current record of a merge that the saved file does not hold. With `force` only what
 * cannot be is refused: saved metadata that does not fit the device. Writes nothing.
 */
enum result savefile_check_target(struct savefile *saved, struct device *device, struct io *io,
				  bool force, struct failure *why);

/*
 * Writes it to the device, after savefile_check_target: first a record of role RECORD_RESTORING is
 * put there, and a good header is marked invalid, so that a restore that is cut off does not leave
 * something that looks sound, and says what it is (store_is_half_restored); then come the areas and
 * the rest of the header's chunk, a flush, the header's block, a flush; then all is read back and
 * compared (RESULT_IO where it differs). Where *saved->stop becomes other than 0, it ends with
 * RESULT_STOPPED. After an error saved->half_written says whether the device was left in between;
 * restoring again finishes that.
 */
enum result savefile_restore(struct savefile *saved, struct device *device, struct io *io,
			     struct failure *why);

#endif
