/* Preloaded: the first call on the path $HANG_PATH that is of the kind $HANG_IN never returns, as
 * in a driver or a file system that hangs. $HANG_IN is "path" for calls that name the path, "file"
 * for those on its descriptor. The file $HANG_MARK is made before. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static void hang_if(int is_the_path)
{
	if (!is_the_path)
		return;
	syscall(SYS_openat, AT_FDCWD, getenv("HANG_MARK"), O_CREAT | O_WRONLY, 0600);
	for (;;)
		syscall(SYS_pause);
}

static const char *wanted(const char *in)
{
	const char *kind = getenv("HANG_IN");
	return kind && !strcmp(kind, in) ? getenv("HANG_PATH") : NULL;
}

static long name_of(int fd, char *name)
{
	char link[64];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	long length = syscall(SYS_readlinkat, AT_FDCWD, link, name, PATH_MAX - 1);
	name[length < 0 ? 0 : length] = 0;
	return length;
}

static void path(int folder, const char *name)
{
	const char *hanging = wanted("path");
	char whole[2 * PATH_MAX];
	if (!hanging || !name)
		return;
	if (name[0] != '/' && folder >= 0) {
		long length = name_of(folder, whole);
		if (length < 0)
			return;
		snprintf(whole + length, PATH_MAX, "%s%s", length > 1 ? "/" : "", name);
		name = whole;
	}
	hang_if(!strcmp(name, hanging));
}

static void file(int fd)
{
	const char *hanging = wanted("file");
	char whole[PATH_MAX];
	if (hanging && name_of(fd, whole) > 0)
		hang_if(!strcmp(whole, hanging));
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define OPEN(name) \
	int name(const char *p, int flags, ...) \
	{ \
		va_list more; \
		va_start(more, flags); \
		mode_t mode = va_arg(more, mode_t); \
		va_end(more); \
		path(-1, p); \
		return NEXT(name)(p, flags, mode); \
	}
#define OPENAT(name) \
	int name(int folder, const char *p, int flags, ...) \
	{ \
		va_list more; \
		va_start(more, flags); \
		mode_t mode = va_arg(more, mode_t); \
		va_end(more); \
		path(folder, p); \
		return NEXT(name)(folder, p, flags, mode); \
	}
struct stat;
struct stat64;
struct statx;
#define STAT(name, kind) \
	int name(const char *p, struct kind *into) \
	{ \
		path(-1, p); \
		return NEXT(name)(p, into); \
	}
#define STATAT(name, kind) \
	int name(int folder, const char *p, struct kind *into, int flags) \
	{ \
		path(folder, p); \
		return NEXT(name)(folder, p, into, flags); \
	}
int stat(const char *, struct stat *);
int stat64(const char *, struct stat64 *);
int lstat(const char *, struct stat *);
int lstat64(const char *, struct stat64 *);
int fstatat(int, const char *, struct stat *, int);
int fstatat64(int, const char *, struct stat64 *, int);
int statx(int, const char *, int, unsigned, struct statx *);
int ioctl(int, unsigned long, ...);
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
STAT(stat, stat)
STAT(stat64, stat64)
STAT(lstat, stat)
STAT(lstat64, stat64)
STATAT(fstatat, stat)
STATAT(fstatat64, stat64)

int statx(int folder, const char *p, int flags, unsigned mask, struct statx *into)
{
	path(folder, p);
	return NEXT(statx)(folder, p, flags, mask, into);
}

ssize_t readlink(const char *p, char *into, size_t size)
{
	path(-1, p);
	return NEXT(readlink)(p, into, size);
}

ssize_t readlinkat(int folder, const char *p, char *into, size_t size)
{
	path(folder, p);
	return NEXT(readlinkat)(folder, p, into, size);
}

int access(const char *p, int mode)
{
	path(-1, p);
	return NEXT(access)(p, mode);
}

int faccessat(int folder, const char *p, int mode, int flags)
{
	path(folder, p);
	return NEXT(faccessat)(folder, p, mode, flags);
}

DIR *opendir(const char *p)
{
	path(-1, p);
	return NEXT(opendir)(p);
}

int connect(int fd, const struct sockaddr *to, socklen_t size)
{
	if (to->sa_family == AF_UNIX)
		path(-1, ((const struct sockaddr_un *)to)->sun_path);
	return NEXT(connect)(fd, to, size);
}

ssize_t read(int fd, void *into, size_t size)
{
	file(fd);
	return NEXT(read)(fd, into, size);
}

ssize_t pread64(int fd, void *into, size_t size, off64_t at)
{
	file(fd);
	return NEXT(pread64)(fd, into, size, at);
}

struct dirent64 *readdir64(DIR *folder)
{
	file(dirfd(folder));
	return NEXT(readdir64)(folder);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list more;
	va_start(more, request);
	void *with = va_arg(more, void *);
	va_end(more);
	file(fd);
	return NEXT(ioctl)(fd, request, with);
}
