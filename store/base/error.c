// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/base/error.h"

#include <errno.h>

bool error_is_full(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

/* Does it say that a name leads nowhere, or to a device that is not there (yet)? */
static bool is_not_there(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ENXIO || error == ENODEV ||
	       error == ENOMEDIUM;
}

enum result error_result(int error)
{
	if (is_not_there(error))
		return RESULT_NOT_THERE;
	if (error == ENOMEM)
		return RESULT_NO_MEMORY;
	return error_is_full(error) ? RESULT_NO_SPACE : RESULT_IO;
}
