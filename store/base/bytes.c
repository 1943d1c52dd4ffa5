// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/base/bytes.h"

#include <string.h>

bool bytes_are_zero(const uint8_t *bytes, size_t count)
{
	return count == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0);
}
