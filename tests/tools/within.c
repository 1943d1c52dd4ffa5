// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * within SECONDS COMMAND...: becomes COMMAND, which SIGALRM ends after that time: what timeout(1)
 * does, in one process instead of two, as the tests start cowtool ten thousand times.
 */
#include <err.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 3)
		errx(2, "usage: within SECONDS COMMAND...");
	alarm((unsigned int)strtoul(argv[1], NULL, 10));
	execvp(argv[2], argv + 2);
	err(127, "cannot run %s", argv[2]);
}
