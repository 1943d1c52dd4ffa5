// SPDX-License-Identifier: GPL-2.0-or-later
/* The lock of lvm2's commands on a volume group, as they take it. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/device/group_lock.h"

static char folder[] = "/tmp/cowtool-group-lock-XXXXXX";

static const char *path_of(const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static bool is_there(const char *name)
{
	return access(path_of(name), F_OK) == 0;
}

/* lvm.conf of its own, whose text has one %s for the folder of the locks. */
static void configure(const char *text)
{
	FILE *file = fopen(path_of("lvm.conf"), "w");
	char locks[100];

	snprintf(locks, sizeof(locks), "%s/locks", folder);
	fprintf(file, "# locking_dir = \"/nowhere\"\nglobal {\n\t%s%s%s\n}\n", text, locks,
		"\"\t# locking_dir = \"/nowhere\"");
	fclose(file);
}

/* As another process has it. */
static int hold(int operation)
{
	int fd = open(path_of("locks/V_vg"), O_CREAT | O_RDWR, S_IRWXU);

	CHECK(fd >= 0 && flock(fd, operation | LOCK_NB) == 0);
	return fd;
}

static void nothing_is_made_without_the_folder(void)
{
	struct group_lock lock;
	struct failure why;

	configure("locking_dir = \"");
	CHECK(group_lock_take(&lock, "vg", true, &why) == RESULT_OK && !lock.is_held);
	CHECK(!is_there("locks"));
	group_lock_release(&lock);
}

static void the_lock_is_in_the_folder_that_lvm_conf_names(void)
{
	static const char *const ways[] = {"locking_dir = \"", "locking_dir=\"",
					   "locking_dir\t= \""};
	struct group_lock lock;
	struct failure why;

	mkdir(path_of("locks"), S_IRWXU);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		configure(ways[i]);
		CHECK(group_lock_take(&lock, "vg", true, &why) == RESULT_OK && lock.is_held);
		CHECK(is_there("locks/V_vg") && !is_there("locks/V_vg:aux"));
		group_lock_release(&lock);
		CHECK(!is_there("locks/V_vg"));
	}
}

static void a_writer_is_alone(void)
{
	struct group_lock lock, second;
	struct failure why;

	CHECK(group_lock_take(&lock, "vg", true, &why) == RESULT_OK);
	CHECK(group_lock_take(&second, "vg", false, &why) == RESULT_REFUSED && !second.is_held);
	CHECK(strstr(why.text, "is locked by another process") != NULL);
	CHECK(group_lock_take(&second, "vg2", true, &why) == RESULT_OK && second.is_held);
	group_lock_release(&second);
	group_lock_release(&lock);
	CHECK(group_lock_take(&second, "vg", true, &why) == RESULT_OK && second.is_held);
	group_lock_release(&second);
}

static void readers_are_not_alone(void)
{
	struct group_lock lock, second;
	struct failure why;
	int fd = hold(LOCK_SH);

	CHECK(group_lock_take(&lock, "vg", false, &why) == RESULT_OK && lock.is_held);
	CHECK(group_lock_take(&second, "vg", true, &why) == RESULT_REFUSED);
	CHECK(!is_there("locks/V_vg:aux"));
	group_lock_release(&lock);
	CHECK(is_there("locks/V_vg"));
	close(fd);
}

static void a_lock_on_a_file_that_was_removed_is_none(void)
{
	struct group_lock lock;
	struct failure why;
	int fd = hold(LOCK_EX);

	unlink(path_of("locks/V_vg"));
	CHECK(group_lock_take(&lock, "vg", true, &why) == RESULT_OK && lock.is_held);
	close(fd);
	CHECK(is_there("locks/V_vg"));
	group_lock_release(&lock);
}

static void no_name_leads_out_of_the_folder(void)
{
	struct group_lock lock;
	struct failure why;

	CHECK(group_lock_take(&lock, "/../../vg", true, &why) == RESULT_REFUSED && !lock.is_held);
	CHECK(!is_there("vg"));
	CHECK(symlink("../elsewhere", path_of("locks/V_vg")) == 0);
	CHECK(group_lock_take(&lock, "vg", true, &why) == RESULT_IO && !lock.is_held);
	CHECK(!is_there("elsewhere"));
	unlink(path_of("locks/V_vg"));
}

/* ---- lvm2's own commands, where there are any ---- */

static const char settings[] = "devices { filter=[\"r|.*|\"] use_devicesfile=0 hints=\"none\" "
			       "obtain_device_list_from_udev=0 } global { use_lvmpolld=0 } "
			       "backup { backup=0 archive=0 }";

/* vgs looks for the group "vg", which is not there: it ends with 5. */
static pid_t start_vgs(void)
{
	pid_t child = fork();

	if (child != 0)
		return child;
	if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
		_exit(1);
	setenv("PATH", "/usr/sbin:/sbin:/usr/bin:/bin", 1);
	execlp("lvm", "lvm", "vgs", "--driverloaded", "n", "--config", settings, "vg", NULL);
	_exit(127);
}

/* What it ended with within this time; -1: it is still running. */
static int end_of(pid_t child, int milliseconds)
{
	for (int status; milliseconds > 0; milliseconds -= 20) {
		if (waitpid(child, &status, WNOHANG) == child)
			return WEXITSTATUS(status);
		usleep(20000);
	}
	return -1;
}

static void a_command_of_lvm2_waits(void)
{
	struct group_lock lock;
	struct failure why;
	int end = end_of(start_vgs(), 20000);
	pid_t child;

	if (end == 127) {
		printf("# there is no lvm2 here\n");
		return;
	}
	CHECK(end == 5);
	CHECK(group_lock_take(&lock, "vg", true, &why) == RESULT_OK && lock.is_held);
	child = start_vgs();
	CHECK(end_of(child, 1000) == -1);
	group_lock_release(&lock);
	CHECK(end_of(child, 20000) == 5);
}

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	setenv("LVM_SYSTEM_DIR", folder, 1);
	unit_run("group lock: nothing is made where LVM's folder is not there",
		 nothing_is_made_without_the_folder);
	unit_run("group lock: it is in the folder that lvm.conf names, and removed in the end",
		 the_lock_is_in_the_folder_that_lvm_conf_names);
	unit_run("group lock: a writer is alone in its group", a_writer_is_alone);
	unit_run("group lock: readers are not alone, and keep a writer away",
		 readers_are_not_alone);
	unit_run("group lock: a lock on a file that was removed is none",
		 a_lock_on_a_file_that_was_removed_is_none);
	unit_run("group lock: no name and no symbolic link leads out of the folder",
		 no_name_leads_out_of_the_folder);
	unit_run("group lock: a command of lvm2 waits while it is held", a_command_of_lvm2_waits);
	rmdir(path_of("locks"));
	unlink(path_of("lvm.conf"));
	rmdir(folder);
	return unit_end();
}
