/* SPDX-License-Identifier: Apache-2.0 */
/* The exporter's fence: Landlock by directories, for reading too, and the gateway's seccomp filter. Landlock only
 * allows: to leave the seeds out, everything else of the log's directory is allowed by name. */
#include "proxy/fence_exporter.h"

#include <dirent.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/rg_memory.h"
#include "proxy/fence_private.h"

struct building {
    const struct fence_exporter *fence;
    int ruleset;
    long abi;
    char audit[PATH_MAX];
    char path[PATH_MAX + 300];
    char found[PATH_MAX];
    bool is_tight; /* no rule had to be left out for what it would open */
};

/* A place that holds the log's directory, or lies in it, would open the seeds. */
static void allow(struct building *building, const char *path, uint64_t rights)
{
    if (realpath(path, building->found) == NULL) {
        return; /* not there */
    }
    if (fence_is_below(building->audit, building->found) || fence_is_below(building->found, building->audit)) {
        building->is_tight = false;
        return;
    }
    (void)fence_add_rule(building->ruleset, building->found, rights);
}

static void allow_directory_of(struct building *building, const char *file, uint64_t rights)
{
    (void)snprintf(building->path, sizeof building->path, "%s", file);
    char *slash = strrchr(building->path, '/');
    if (slash == NULL) {
        allow(building, ".", rights);
        return;
    }
    slash[slash == building->path ? 1 : 0] = '\0';
    allow(building, building->path, rights);
}

static void allow_system(struct building *building)
{
    static const char *const places[] = {"/usr",       "/lib",         "/lib64",          "/lib32",
                                         "/etc",       "/run/systemd", "/run/resolvconf", "/run/nscd",
                                         "/dev/null",  "/dev/zero",    "/dev/random",     "/dev/urandom",
                                         "/proc/self", "/proc/sys",    "/sys/fs/cgroup",  "/sys/devices/system"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        allow(building, places[i], LANDLOCK_ACCESS_FS_READ_FILE);
    }
    (void)fence_add_rule(building->ruleset, "/dev/null", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE);
}

static bool is_public_key(const char *name)
{
    return strcmp(name, "root.vkey") == 0 || strncmp(name, "list-", 5) == 0;
}

static void allow_public_keys(struct building *building)
{
    (void)snprintf(building->path, sizeof building->path, "%s/keys", building->audit);
    DIR *directory = opendir(building->path);
    const struct dirent *entry = NULL;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        if (is_public_key(entry->d_name)) {
            (void)snprintf(building->path, sizeof building->path, "%s/keys/%s", building->audit, entry->d_name);
            (void)fence_add_rule(building->ruleset, building->path, LANDLOCK_ACCESS_FS_READ_FILE);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
}

static bool allow_log(struct building *building)
{
    static const char *const places[] = {"seg", "ckpt", "tile", "origin"};
    bool is_whole = true;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        (void)snprintf(building->path, sizeof building->path, "%s/%s", building->audit, places[i]);
        is_whole = fence_add_rule(building->ruleset, building->path, LANDLOCK_ACCESS_FS_READ_FILE) && is_whole;
    }
    (void)snprintf(building->path, sizeof building->path, "%s/pruned", building->audit);
    (void)fence_add_rule(building->ruleset, building->path, LANDLOCK_ACCESS_FS_READ_FILE); /* only with S3 */
    (void)snprintf(building->path, sizeof building->path, "%s/export", building->audit);
    uint64_t rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                      LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                      (building->abi >= FENCE_ABI_TRUNCATE ? FENCE_TRUNCATE : 0);
    is_whole = fence_add_rule(building->ruleset, building->path, rights) && is_whole;
    allow_public_keys(building);
    return is_whole;
}

static bool add_rules(struct building *building)
{
    const struct fence_exporter *fence = building->fence;
    const uint64_t appending =
        LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG;
    allow_system(building);
    for (size_t i = 0; i < fence->read_count; i++) {
        allow_directory_of(building, fence->reads[i], LANDLOCK_ACCESS_FS_READ_FILE);
    }
    for (size_t i = 0; i < fence->write_count; i++) {
        allow_directory_of(building, fence->writes[i], appending);
    }
    if (fence->log_file != NULL && fence->log_file[0] != '\0') {
        allow_directory_of(building, fence->log_file, LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG);
    }
    return allow_log(building);
}

static void fence_files(struct building *building, struct fence_report *report)
{
    building->abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (building->abi < 1 || realpath(building->fence->audit_directory, building->audit) == NULL) {
        report->why = "this kernel has no Landlock";
        return;
    }
    bool has_ports = building->abi >= FENCE_ABI_PORTS && !building->fence->may_listen;
    struct fence_ruleset wanted = {.files = fence_write_rights(building->abi) | LANDLOCK_ACCESS_FS_READ_FILE |
                                            LANDLOCK_ACCESS_FS_EXECUTE,
                                   .ports = has_ports ? FENCE_BIND_PORT : 0,
                                   .scopes = building->abi >= FENCE_ABI_SIGNALS ? FENCE_SIGNAL_SCOPE : 0};
    building->ruleset = (int)syscall(SYS_landlock_create_ruleset, &wanted, sizeof wanted, 0);
    building->is_tight = true;
    bool is_set =
        building->ruleset >= 0 && add_rules(building) && syscall(SYS_landlock_restrict_self, building->ruleset, 0) == 0;
    if (building->ruleset >= 0) {
        (void)close(building->ruleset);
    }
    report->has_files = is_set && building->abi >= FENCE_ABI_TRUNCATE;
    report->has_signals = is_set && building->abi >= FENCE_ABI_SIGNALS;
    if (!is_set) {
        report->why = "Landlock refused";
    } else if (!building->is_tight) {
        report->why = "a file that is read or written is beside, above or in the audit directory and stays out of "
                      "reach: give it a directory of its own";
    } else if (!report->has_files || !report->has_signals) {
        report->why = "this kernel's Landlock is too old for all of it";
    }
}

void fence_exporter_enter(const struct fence_exporter *fence, struct fence_report *out_report)
{
    struct fence_report report = {0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        report.why = "this kernel has no PR_SET_NO_NEW_PRIVS";
        *out_report = report;
        return;
    }
    struct building *building = rg_memory_alloc(sizeof *building);
    building->fence = fence;
    fence_files(building, &report);
    rg_memory_free(building);
    report.has_calls = fence_calls();
    if (!report.has_calls && report.why == NULL) {
        report.why = "seccomp refused";
    }
    *out_report = report;
}

/* ---- what may change ---- */

static unsigned count_public_keys(const char *audit_directory, char *path, size_t path_size)
{
    unsigned count = 0;
    (void)snprintf(path, path_size, "%s/keys", audit_directory);
    DIR *directory = opendir(path);
    const struct dirent *entry = NULL;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        count += is_public_key(entry->d_name) ? 1 : 0;
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    return count;
}

unsigned fence_exporter_stamp(const struct fence_exporter *fence)
{
    char *path = rg_memory_alloc(PATH_MAX);
    unsigned stamp = count_public_keys(fence->audit_directory, path, PATH_MAX) << 16;
    for (size_t i = 0; i < fence->write_count; i++) {
        struct stat info;
        (void)snprintf(path, PATH_MAX, "%s", fence->writes[i]);
        char *slash = strrchr(path, '/');
        if (slash != NULL) {
            slash[slash == path ? 1 : 0] = '\0';
        }
        if (stat(slash == NULL ? "." : path, &info) == 0) {
            stamp += (unsigned)info.st_ino; /* a directory that was made anew is another one to the fence */
        }
    }
    rg_memory_free(path);
    return stamp;
}
