/* Stands between a process and the files below one folder: counts what it does to them, writes it down, makes the
 * Nth of it fail, or kills the process just before the Nth. Loaded by LD_PRELOAD, armed by the process itself; see
 * disk_shim.py. Linux with glibc only: a descriptor's path is read from /proc. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[PATH_MAX];
static size_t folder_length;
static long seen, fail_at, fail_times, kill_at;
static int fail_errno, is_short;
static char failed[64]; /* what failed, in the letters of note(); `d`: a sync of the folder, `n`: a file without a name */
static char kinds[1 << 16]; /* of all changes, a letter for each as in `failed` */
static int log_descriptor = -1;

#define REAL(name) \
    static __typeof__(&name) real; \
    if (real == NULL) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static ssize_t real_write(int descriptor, const void *data, size_t length) {
    REAL(write);
    return real(descriptor, data, length);
}

/* What is done: `c`reate, `w`rite, `t`runcate, `s`ync, `u`nlink, `r`ename (data: the new path), `m`ark. */
static void note(char what, const char *path, int64_t offset, const void *data, int64_t length) {
    if (log_descriptor < 0) return;
    struct __attribute__((packed)) { char what; int32_t path_length; int64_t offset; int64_t length; } head = {
        what, (int32_t)strlen(path), offset, data == NULL ? 0 : length };
    if (data == NULL) head.offset = what == 't' ? length : offset;
    (void)!real_write(log_descriptor, &head, sizeof head);
    (void)!real_write(log_descriptor, path, head.path_length);
    if (data != NULL) (void)!real_write(log_descriptor, data, length);
}

/* What nothing depends on, and what comes once a second: whether there is one at all is a matter of speed. */
static int is_of_progress(const char *path) {
    return strstr(path, ".s3run.progress") != NULL;
}

static int is_below(const char *path) {
    return folder_length != 0 && !is_of_progress(path) && strncmp(path, folder, folder_length) == 0 &&
           (path[folder_length] == '/' || path[folder_length] == '\0');
}

static int is_watched(int descriptor, char *path) {
    char link[64];
    if (folder_length == 0 || descriptor == log_descriptor) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = '\0';
    return is_below(path);
}

static int is_watched_path(int at, const char *given, char *path) {
    if (folder_length == 0) return 0;
    if (given[0] == '/') {
        snprintf(path, PATH_MAX, "%s", given);
    } else if (at == AT_FDCWD) {
        char here[PATH_MAX / 2];
        if (getcwd(here, sizeof here) == NULL) return 0;
        snprintf(path, PATH_MAX, "%s/%s", here, given);
    } else {
        return 0;
    }
    return is_below(path);
}

/* Whether this one is to fail; does not return if it is to be the last. */
static int strikes(char what) {
    long number = __sync_add_and_fetch(&seen, 1);
    if (number < (long)sizeof kinds) kinds[number - 1] = what;
    if (kill_at != 0 && number == kill_at) {
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
    if (fail_at == 0 || number < fail_at || number >= fail_at + fail_times) return 0;
    if (strchr(failed, what) == NULL) failed[strlen(failed)] = what;
    errno = fail_errno;
    return 1;
}

void disk_shim_arm(const char *below, long at, long times, int error, long killed_at, const char *log_path) {
    snprintf(folder, sizeof folder, "%s", below);
    fail_at = at;
    fail_times = times;
    is_short = error < 0;
    fail_errno = is_short ? ENOSPC : error;
    kill_at = killed_at;
    seen = 0;
    memset(failed, 0, sizeof failed);
    memset(kinds, 0, sizeof kinds);
    if (log_path != NULL) log_descriptor = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    folder_length = strlen(folder);
}

const char *disk_shim_failed(void) { return failed; }

const char *disk_shim_kinds(void) { return kinds; }

void disk_shim_mark(long number) { note('m', "", number, NULL, 0); }

/* A disk that is almost full takes the first half of a write. */
static ssize_t half(size_t length) { return is_short && length > 1 ? (ssize_t)(length / 2) : -1; }

ssize_t write(int descriptor, const void *data, size_t length) {
    char path[PATH_MAX];
    if (is_watched(descriptor, path)) {
        off_t offset = lseek(descriptor, 0, SEEK_CUR);
        if (strikes('w')) {
            ssize_t part = half(length);
            return part < 0 ? -1 : real_write(descriptor, data, part);
        }
        note('w', path, offset, data, length);
    }
    return real_write(descriptor, data, length);
}

#define PWRITE(name, offset_type) \
    ssize_t name(int descriptor, const void *data, size_t length, offset_type offset) { \
        REAL(name); \
        char path[PATH_MAX]; \
        if (is_watched(descriptor, path)) { \
            if (strikes('w')) { \
                ssize_t part = half(length); \
                return part < 0 ? -1 : real(descriptor, data, part, offset); \
            } \
            note('w', path, offset, data, length); \
        } \
        return real(descriptor, data, length, offset); \
    }

PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define TRUNCATE(name, offset_type) \
    int name(int descriptor, offset_type length) { \
        REAL(name); \
        char path[PATH_MAX]; \
        if (is_watched(descriptor, path)) { \
            if (strikes('t')) return -1; \
            note('t', path, 0, NULL, length); \
        } \
        return real(descriptor, length); \
    }

TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(name) \
    int name(int descriptor) { \
        REAL(name); \
        char path[PATH_MAX]; \
        if (is_watched(descriptor, path)) { \
            if (strikes(strcmp(path, folder) == 0 ? 'd' : 's')) return -1; \
            note('s', path, 0, NULL, 0); \
        } \
        return real(descriptor); \
    }

SYNC(fsync)
SYNC(fdatasync)

int unlink(const char *given) {
    REAL(unlink);
    char path[PATH_MAX];
    if (is_watched_path(AT_FDCWD, given, path)) {
        if (strikes('u')) return -1;
        note('u', path, 0, NULL, 0);
    }
    return real(given);
}

int rename(const char *from, const char *to) {
    REAL(rename);
    char path[PATH_MAX], new_path[PATH_MAX];
    if (is_watched_path(AT_FDCWD, from, path) && is_watched_path(AT_FDCWD, to, new_path)) {
        if (strikes('r')) return -1;
        note('r', path, 0, new_path, strlen(new_path));
    }
    return real(from, to);
}

int mkdir(const char *given, mode_t mode) {
    REAL(mkdir);
    char path[PATH_MAX];
    if (is_watched_path(AT_FDCWD, given, path) && access(given, F_OK) != 0) {
        if (strikes('c')) return -1;
        note('c', path, 0, NULL, 0);
    }
    return real(given, mode);
}

/* Only what makes a file is a change of the disk. */
static int refuses(int at, const char *given, int flags) {
    char path[PATH_MAX];
    int makes = (flags & O_TMPFILE) == O_TMPFILE || ((flags & O_CREAT) != 0 && faccessat(at, given, F_OK, 0) != 0);
    if (!makes || !is_watched_path(at, given, path)) return 0;
    if (strikes((flags & O_TMPFILE) == O_TMPFILE ? 'n' : 'c')) return 1;
    note('c', path, 0, NULL, 0);
    return 0;
}

#define MODE(flags, mode) \
    mode_t mode = 0; \
    if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) { \
        va_list more; \
        va_start(more, flags); \
        mode = va_arg(more, mode_t); \
        va_end(more); \
    }

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        MODE(flags, mode) \
        return refuses(AT_FDCWD, path, flags) ? -1 : real(path, flags, mode); \
    }

OPEN(open)
OPEN(open64)

#define OPENAT(name) \
    int name(int at, const char *path, int flags, ...) { \
        REAL(name); \
        MODE(flags, mode) \
        return refuses(at, path, flags) ? -1 : real(at, path, flags, mode); \
    }

OPENAT(openat)
OPENAT(openat64)
