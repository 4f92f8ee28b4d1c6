/* A disk for one folder that keeps only what was flushed, and that can be told to fail.
 *
 * Loaded with LD_PRELOAD. DISK_FOLDER is the folder, DISK_KEPT where what is kept goes:
 *
 *   data-INODE    a file as it was when it was last flushed
 *   names         "INODE NAME" a line: the folder as it was when it was last flushed
 *   cuts/N/       all of that as it was just before the Nth flush, and in `acks` how long the file
 *                 DISK_ACKS was then: everything that had been promised by that moment
 *   flush-fails, fold-fails, write-fails, is-full
 *                 while there is such a file, flushes, those of databases alone, or writes end in
 *                 EIO, or writes in ENOSPC
 *   flush-kills, fold-kills
 *                 while there is such a file, flushes (those of databases) kill the process
 *
 * Kept files are made anew each time and renamed into place, so a hard link to one is a snapshot.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LONG 4096
#define MOST_CUTS 400

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static int cuts;

static const char *setting(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static void kept_path(char *path, const char *name) {
    snprintf(path, LONG, "%s/%s", setting("DISK_KEPT"), name);
}

static int is_switched_on(const char *name) {
    char path[LONG];
    kept_path(path, name);
    return access(path, F_OK) == 0;
}

/* 0: not of our folder, 1: the folder itself, 2: a file in it, 3: a database in it */
static int what_is(int fd) {
    const char *folder = setting("DISK_FOLDER");
    char link[64], path[LONG];
    ssize_t length;
    size_t begin;
    if (!folder || !setting("DISK_KEPT")) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    begin = strlen(folder);
    if (strncmp(path, folder, begin)) return 0;
    if (!path[begin]) return 1;
    if (path[begin] != '/') return 0;
    return length > 3 && !strcmp(path + length - 3, ".db") ? 3 : 2;
}

static void keep_file(int fd) {
    char name[64], buffer[65536], unfinished[LONG], path[LONG];
    struct stat about;
    ssize_t length;
    off_t at = 0;
    int out;
    if (fstat(fd, &about)) return;
    snprintf(name, sizeof name, "data-%lu", (unsigned long)about.st_ino);
    kept_path(unfinished, "unfinished");
    kept_path(path, name);
    out = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    /* Read where it is open already: closing another handle would drop the locks on it. */
    while ((length = pread(fd, buffer, sizeof buffer, at)) > 0) {
        if (write(out, buffer, length) != length) abort();
        at += length;
    }
    close(out);
    rename(unfinished, path);
}

static void keep_names(void) {
    char unfinished[LONG], path[LONG];
    struct dirent *entry;
    FILE *names;
    DIR *folder = opendir(setting("DISK_FOLDER"));
    kept_path(unfinished, "unfinished");
    kept_path(path, "names");
    names = fopen(unfinished, "w");
    while ((entry = readdir(folder)))
        if (entry->d_type == DT_REG)
            fprintf(names, "%lu %s\n", (unsigned long)entry->d_ino, entry->d_name);
    fclose(names);
    closedir(folder);
    rename(unfinished, path);
}

static void note_cut(void) {
    char folder[LONG], from[LONG * 2], to[LONG * 2];
    struct dirent *entry;
    struct stat about;
    FILE *acks;
    DIR *kept;
    if (!setting("DISK_ACKS") || cuts >= MOST_CUTS) return;
    kept_path(folder, "cuts");
    mkdir(folder, 0700);
    snprintf(folder + strlen(folder), 16, "/%06d", ++cuts);
    mkdir(folder, 0700);
    kept = opendir(setting("DISK_KEPT"));
    while ((entry = readdir(kept))) {
        if (strncmp(entry->d_name, "data-", 5) && strcmp(entry->d_name, "names")) continue;
        snprintf(from, sizeof from, "%s/%s", setting("DISK_KEPT"), entry->d_name);
        snprintf(to, sizeof to, "%s/%s", folder, entry->d_name);
        link(from, to);
    }
    closedir(kept);
    snprintf(to, sizeof to, "%s/acks", folder);
    acks = fopen(to, "w");
    fprintf(acks, "%ld", stat(setting("DISK_ACKS"), &about) ? 0L : (long)about.st_size);
    fclose(acks);
}

static int flush(int fd, const char *name) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    int what = what_is(fd);
    if (!what) return real(fd);
    if (is_switched_on("flush-kills") || (what == 3 && is_switched_on("fold-kills"))) {
        kill(getpid(), SIGKILL);
        pause();
    }
    if (is_switched_on("flush-fails") || (what == 3 && is_switched_on("fold-fails"))) {
        errno = EIO;
        return -1;
    }
    pthread_mutex_lock(&one_at_a_time);
    note_cut();
    if (what >= 2) keep_file(fd);
    else keep_names();
    pthread_mutex_unlock(&one_at_a_time);
    return 0; /* the real disk is asked for nothing: that would only take time */
}

int fsync(int fd) { return flush(fd, "fsync"); }
int fdatasync(int fd) { return flush(fd, "fdatasync"); }

static int refuses(int fd) {
    if (what_is(fd) < 2) return 0;
    if (is_switched_on("is-full")) errno = ENOSPC;
    else if (is_switched_on("write-fails")) errno = EIO;
    else return 0;
    return 1;
}

typedef ssize_t (*pwrite_call)(int, const void *, size_t, off_t);
typedef ssize_t (*write_call)(int, const void *, size_t);

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
    if (refuses(fd)) return -1;
    return ((pwrite_call)dlsym(RTLD_NEXT, "pwrite"))(fd, bytes, length, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at) {
    if (refuses(fd)) return -1;
    return ((pwrite_call)dlsym(RTLD_NEXT, "pwrite64"))(fd, bytes, length, at);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (refuses(fd)) return -1;
    return ((write_call)dlsym(RTLD_NEXT, "write"))(fd, bytes, length);
}
