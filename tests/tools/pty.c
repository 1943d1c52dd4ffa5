// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pty: runs a command on a terminal of a given size and judges what it draws there.
 *
 *   pty COLUMNS ROWS [resize=COLUMNS] [interrupt=COUNT] [usr1=COUNT] [unlike=TEXT] COMMAND...
 *
 * A drawn line begins with "\r\033[K" or "\r\033[J" and ends with the next control character. After
 * each, COMMAND is stopped for a moment (SIGSTOP), up to PAUSES times, so that a short command draws
 * as often as a long one; COMMAND may also stop itself. After the third drawn line the terminal gets
 * another width; after the third, the fourth, ... it is sent Ctrl-C, or COMMAND SIGUSR1, COUNT times
 * in all. For a line that has TEXT in it, nothing of this is done.
 *
 * COMMAND's output goes to the standard output. On the standard error is then one line:
 *
 *   draws=N over=N feeds=N column=N
 *
 * how many lines were drawn; how many of them were as wide as the terminal, or wider; how often the
 * cursor went down a line between the first and the last of them; in which column it is at the end.
 * The exit code is COMMAND's, 128 + n where signal n ended it; 99: it wrote a control character that
 * is none of these.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { PAUSES = 8, PAUSE_MS = 110, CHANGE_AFTER = 3, STRANGE = 99 };

static const char usage[] =
	"usage: pty COLUMNS ROWS [resize=COLUMNS] [interrupt=COUNT] [usr1=COUNT] [unlike=TEXT] COMMAND...";

static struct {
	unsigned int columns, rows, resize, interrupts, usr1;
	const char *unlike;
	int master;
	pid_t child;
} given;

static struct {
	unsigned int column, width;
	unsigned int draws, over, feeds, feeds_since;
	unsigned int pauses;
	bool drawing, strange;
	char line[256]; /* as far as it was drawn */
	char escape[3]; /* as far as it came */
	size_t escape_length;
} screen;

static void set_size(unsigned int columns)
{
	struct winsize size = {.ws_col = (unsigned short)columns,
			       .ws_row = (unsigned short)given.rows};

	given.columns = columns;
	if (ioctl(given.master, TIOCSWINSZ, &size) != 0)
		err(2, "cannot set the size");
}

/* The feeds before it were between two drawn lines. */
static void begin_line(void)
{
	screen.feeds += screen.draws > 0 ? screen.feeds_since : 0;
	screen.feeds_since = 0;
	screen.drawing = true;
	screen.width = 0;
}

static void end_line(void)
{
	if (!screen.drawing)
		return;
	screen.drawing = false;
	screen.draws++;
	screen.over += screen.width >= given.columns;
}

static void take_escape(char byte)
{
	screen.escape[screen.escape_length++] = byte;
	if (screen.escape_length == 2 && byte == '[')
		return;
	if (screen.escape_length == 3 && (byte == 'K' || byte == 'J'))
		begin_line();
	else
		screen.strange = true;
	screen.escape_length = 0;
}

static void take_printable(char byte)
{
	if (screen.width + 1 < sizeof(screen.line)) {
		screen.line[screen.width] = byte;
		screen.line[screen.width + 1] = '\0';
	}
	screen.width++;
	if (screen.column == given.columns) {
		screen.column = 0;
		screen.feeds_since++;
	}
	screen.column++;
}

static void take(char byte)
{
	if (screen.escape_length > 0) {
		take_escape(byte);
	} else if ((unsigned char)byte >= ' ') {
		take_printable(byte);
	} else {
		end_line();
		screen.column = byte == '\r' ? 0 : screen.column;
		screen.feeds_since += byte == '\n';
		if (byte == '\033')
			screen.escape[screen.escape_length++] = byte;
		else if (byte != '\r' && byte != '\n')
			screen.strange = true;
	}
}

static void change(void)
{
	if (screen.draws == CHANGE_AFTER && given.resize > 0)
		set_size(given.resize);
	if (screen.draws >= CHANGE_AFTER && given.interrupts > 0) {
		given.interrupts--;
		if (write(given.master, "\003", 1) != 1)
			err(2, "cannot type");
	}
	if (screen.draws >= CHANGE_AFTER && given.usr1 > 0) {
		given.usr1--;
		kill(given.child, SIGUSR1);
	}
}

/* Stops COMMAND where it just drew a line; what it writes meanwhile is of before the change. */
static void pause_command(void)
{
	screen.pauses++;
	kill(given.child, SIGSTOP);
	poll(NULL, 0, PAUSE_MS);
	change();
	kill(given.child, SIGCONT);
}

/* False: the terminal was closed. */
static bool read_some(void)
{
	struct pollfd master = {.fd = given.master, .events = POLLIN};
	char bytes[4096];
	unsigned int draws = screen.draws;
	ssize_t count;

	if (poll(&master, 1, PAUSE_MS) == 0)
		return true;
	count = read(given.master, bytes, sizeof(bytes));
	if (count <= 0)
		return count < 0 && errno == EINTR;
	fwrite(bytes, 1, (size_t)count, stdout);
	for (ssize_t i = 0; i < count; i++)
		take(bytes[i]);
	if (screen.draws > draws && screen.pauses < PAUSES &&
	    !(given.unlike && strstr(screen.line, given.unlike)))
		pause_command();
	return true;
}

/* Where COMMAND stopped itself, it goes on after a moment. Sets *status when it has ended. */
static bool has_ended(int *status)
{
	if (waitpid(given.child, status, WNOHANG | WUNTRACED) != given.child)
		return false;
	if (!WIFSTOPPED(*status))
		return true;
	poll(NULL, 0, PAUSE_MS);
	kill(given.child, SIGCONT);
	return false;
}

static int watch(void)
{
	bool ended = false;
	int status;

	while (read_some())
		ended = ended || has_ended(&status);
	while (!ended)
		ended = waitpid(given.child, &status, 0) == given.child;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void become_command(char **command)
{
	const char *name = ptsname(given.master);
	int terminal = name && setsid() > 0 ? open(name, O_RDWR) : -1;

	if (terminal < 0 || ioctl(terminal, TIOCSCTTY, 0) != 0)
		err(127, "cannot have a terminal");
	close(given.master);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		dup2(terminal, fd);
	if (terminal > STDERR_FILENO)
		close(terminal);
	execvp(command[0], command);
	err(127, "cannot run %s", command[0]);
}

int main(int argc, char **argv)
{
	int code;

	if (argc < 4)
		errx(2, usage);
	given.rows = (unsigned int)strtoul(argv[2], NULL, 10);
	given.master = posix_openpt(O_RDWR | O_NOCTTY);
	if (given.master < 0 || grantpt(given.master) != 0 || unlockpt(given.master) != 0)
		err(2, "cannot make a terminal");
	set_size((unsigned int)strtoul(argv[1], NULL, 10));
	for (argv += 3; *argv; argv++)
		if (strncmp(*argv, "unlike=", 7) == 0)
			given.unlike = *argv + 7;
		else if (sscanf(*argv, "resize=%u", &given.resize) != 1 &&
			 sscanf(*argv, "interrupt=%u", &given.interrupts) != 1 &&
			 sscanf(*argv, "usr1=%u", &given.usr1) != 1)
			break;
	if (!*argv)
		errx(2, usage);
	given.child = fork();
	if (given.child == 0)
		become_command(argv);
	if (given.child < 0)
		err(2, "cannot fork");
	code = watch();
	fprintf(stderr, "draws=%u over=%u feeds=%u column=%u\n", screen.draws, screen.over,
		screen.feeds, screen.column);
	return screen.strange ? STRANGE : code;
}
