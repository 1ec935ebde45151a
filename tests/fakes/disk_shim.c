/* Stands between a process and the files below one folder: counts what it does to them, writes it down, makes the
 * Nth of it fail, or kills the process just before the Nth. Loaded by LD_PRELOAD, armed by the process itself; see
 * disk_shim.py. Linux with glibc only: a descriptor's path is read from /proc. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

static char folder[PATH_MAX];
static size_t folder_length;
static long seen, counted, fail_at, fail_times, kill_at;
static char fail_kinds[64]; /* which changes fail_at counts, in the letters of note(); all if it is empty */
static int fail_errno, is_short;
static char failed[64]; /* what failed, in the letters of note(); `d`: a sync of the folder, `n`: a file without a name */
static char kinds[1 << 16]; /* of all changes, a letter for each as in `failed` */
static int log_descriptor = -1;
/* Held from a change of a name to its note, so that the log has those in their order. */
static pthread_mutex_t naming = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) \
    static __typeof__(&name) real; \
    if (real == NULL) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static ssize_t real_write(int descriptor, const void *data, size_t length) {
    REAL(write);
    return real(descriptor, data, length);
}

/* What is done: `c`reate, `k`: make a directory, `w`rite, `t`runcate, `a`llocate room, tim`e`, `s`ync, `f`: sync of the
 * whole file system, `u`nlink, `b`: remove a directory, `r`ename, e`x`change, `l`ink (data: the new path), `m`ark.
 * In one call: threads write at once. */
static void note(char what, const char *path, int64_t offset, const void *data, int64_t length) {
    if (log_descriptor < 0) return;
    struct __attribute__((packed)) { char what; int32_t path_length; int64_t offset; int64_t length; } head = {
        what, (int32_t)strlen(path), offset, data == NULL ? 0 : length };
    if (data == NULL) head.offset = what == 't' || what == 'a' || what == 'e' ? length : offset;
    struct iovec whole[] = {
        {&head, sizeof head}, {(void *)path, head.path_length}, {(void *)data, data == NULL ? 0 : length}};
    (void)!writev(log_descriptor, whole, 3);
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
        if (!is_watched(at, path)) return 0;
        size_t length = strlen(path);
        snprintf(path + length, PATH_MAX - length, "/%s", given);
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
    if (fail_kinds[0] != '\0') {
        if (strchr(fail_kinds, what) == NULL) return 0;
        number = __sync_add_and_fetch(&counted, 1);
    }
    if (fail_at == 0 || number < fail_at || number >= fail_at + fail_times) return 0;
    if (strchr(failed, what) == NULL) failed[strlen(failed)] = what;
    errno = fail_errno;
    return 1;
}

void disk_shim_arm(const char *below, long at, long times, int error, long killed_at, const char *of_kinds,
                   const char *log_path) {
    snprintf(folder, sizeof folder, "%s", below);
    fail_at = at;
    fail_times = times;
    is_short = error < 0;
    fail_errno = is_short ? ENOSPC : error;
    kill_at = killed_at;
    snprintf(fail_kinds, sizeof fail_kinds, "%s", of_kinds);
    seen = counted = 0;
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

int syncfs(int descriptor) {
    REAL(syncfs);
    char path[PATH_MAX];
    if (is_watched(descriptor, path)) {
        if (strikes('f')) return -1;
        note('f', path, 0, NULL, 0);
    }
    return real(descriptor);
}

int fallocate(int descriptor, int mode, off_t offset, off_t length) {
    REAL(fallocate);
    char path[PATH_MAX];
    if (is_watched(descriptor, path)) {
        if (strikes('a')) return -1;
        int result = real(descriptor, mode, offset, length);
        if (result == 0) note('a', path, 0, NULL, offset + length);
        return result;
    }
    return real(descriptor, mode, offset, length);
}

int futimens(int descriptor, const struct timespec times[2]) {
    REAL(futimens);
    char path[PATH_MAX];
    if (times != NULL && is_watched(descriptor, path)) {
        if (strikes('e')) return -1;
        note('e', path, 0, NULL, times[1].tv_sec * 1000000000L + times[1].tv_nsec);
    }
    return real(descriptor, times);
}

static void note_names(char what, const char *path, const char *new_path) {
    note(what, path, 0, new_path, new_path == NULL ? 0 : (int64_t)strlen(new_path));
}

/* Does what changes a name, in one with its note; only if it is not to fail, and only what was done is noted. */
#define NAMING(what, path, data, call) \
    if (strikes(what)) return -1; \
    pthread_mutex_lock(&naming); \
    int result = call; \
    int why = errno; \
    if (result == 0) note_names(what, path, data); \
    pthread_mutex_unlock(&naming); \
    errno = why; \
    return result;

int unlink(const char *given) {
    REAL(unlink);
    char path[PATH_MAX];
    if (!is_watched_path(AT_FDCWD, given, path)) return real(given);
    NAMING('u', path, NULL, real(given))
}

int unlinkat(int at, const char *given, int flags) {
    REAL(unlinkat);
    char path[PATH_MAX];
    if (!is_watched_path(at, given, path)) return real(at, given, flags);
    NAMING((flags & AT_REMOVEDIR) != 0 ? 'b' : 'u', path, NULL, real(at, given, flags))
}

int rename(const char *from, const char *to) {
    REAL(rename);
    char path[PATH_MAX], new_path[PATH_MAX];
    if (!is_watched_path(AT_FDCWD, from, path) || !is_watched_path(AT_FDCWD, to, new_path)) return real(from, to);
    NAMING('r', path, new_path, real(from, to))
}

int renameat(int at, const char *from, int into, const char *to) {
    REAL(renameat);
    char path[PATH_MAX], new_path[PATH_MAX];
    if (!is_watched_path(at, from, path) || !is_watched_path(into, to, new_path)) return real(at, from, into, to);
    NAMING('r', path, new_path, real(at, from, into, to))
}

int renameat2(int at, const char *from, int into, const char *to, unsigned int flags) {
    REAL(renameat2);
    char path[PATH_MAX], new_path[PATH_MAX];
    if (!is_watched_path(at, from, path) || !is_watched_path(into, to, new_path))
        return real(at, from, into, to, flags);
    NAMING((flags & RENAME_EXCHANGE) != 0 ? 'x' : 'r', path, new_path, real(at, from, into, to, flags))
}

int linkat(int at, const char *from, int into, const char *to, int flags) {
    REAL(linkat);
    char path[PATH_MAX], new_path[PATH_MAX];
    if (!is_watched_path(at, from, path) || !is_watched_path(into, to, new_path))
        return real(at, from, into, to, flags);
    NAMING('l', path, new_path, real(at, from, into, to, flags))
}

int mkdir(const char *given, mode_t mode) {
    REAL(mkdir);
    char path[PATH_MAX];
    if (!is_watched_path(AT_FDCWD, given, path) || access(given, F_OK) == 0) return real(given, mode);
    NAMING('k', path, NULL, real(given, mode))
}

int mkdirat(int at, const char *given, mode_t mode) {
    REAL(mkdirat);
    char path[PATH_MAX];
    if (!is_watched_path(at, given, path) || faccessat(at, given, F_OK, 0) == 0) return real(at, given, mode);
    NAMING('k', path, NULL, real(at, given, mode))
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
