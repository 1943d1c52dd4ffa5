// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/io/io_engines.h"

#include <errno.h>

enum result io_engine_open(struct io *io, enum io_engine_choice choice, struct failure *why)
{
	int error;

	if (choice == IO_ENGINE_URING) {
		error = io_uring_engine_open(io);
		return error == 0
			       ? RESULT_OK
			       : fail_errno(why, RESULT_USAGE, error, "cannot use io_uring here");
	}
	if (choice == IO_ENGINE_THREADS) {
		error = io_threads_open(io);
		if (error == 0)
			return RESULT_OK;
		return fail_errno(why, error == ENOMEM ? RESULT_NO_MEMORY : RESULT_USAGE, error,
				  "cannot start threads");
	}
	if (choice == IO_ENGINE_AUTO && (io_uring_engine_open(io) == 0 || io_threads_open(io) == 0))
		return RESULT_OK;
	io_sync_open(io);
	return RESULT_OK;
}
