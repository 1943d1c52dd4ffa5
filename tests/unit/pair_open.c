// SPDX-License-Identifier: GPL-2.0-or-later
/* What is said of a device that cannot be opened. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/cli/pair.h"
#include "store/cli/remedies.h"

static const struct cli cli = {.command = "export"};
static const struct pair_options options = {.mode = DEVICE_READ, .if_used = REMEDY_EXPORT_IN_USE};

static void what_helps_is_said_of_one_in_use_alone(void)
{
	char name[] = "/tmp/cowtool-unit-XXXXXX";
	int fd = mkstemp(name);
	struct device device;
	struct failure why;

	CHECK(fd >= 0 && ftruncate(fd, 4096) == 0 && flock(fd, LOCK_EX) == 0);
	CHECK(pair_open_device(&device, &cli, &options, name, &why) == RESULT_REFUSED);
	remedies_say(&cli, &why);
	CHECK(strstr(why.text, "let it end first, or export it as it is with --force") != NULL);
	close(fd);
	CHECK(pair_open_device(&device, &cli, &options, name, &why) == RESULT_OK);
	CHECK(device_close(&device, &why) == RESULT_OK);
	unlink(name);
	CHECK(pair_open_device(&device, &cli, &options, "/", &why) == RESULT_REFUSED);
	CHECK(why.remedy == REMEDY_NONE && !strstr(why.text, "--force"));
}

int main(void)
{
	unit_run("pair: that consent helps is said of a device that is in use, and of no other",
		 what_helps_is_said_of_one_in_use_alone);
	return unit_end();
}
