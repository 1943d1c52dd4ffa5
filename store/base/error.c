// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/base/error.h"

#include <errno.h>

bool error_is_full(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

bool error_is_not_there(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ENXIO || error == ENODEV ||
	       error == ENOMEDIUM;
}

enum result error_result(int error)
{
	if (error_is_not_there(error))
		return RESULT_NOT_THERE;
	if (error == ENOMEM)
		return RESULT_NO_MEMORY;
	return error_is_full(error) ? RESULT_NO_SPACE : RESULT_IO;
}
