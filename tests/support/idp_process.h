/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_IDP_PROCESS_H
#define RG_TESTS_SUPPORT_IDP_PROCESS_H

/* tests/support/idp.py as a process of a unit test, and the files by which it is told to misbehave. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/rg_test.h"

struct idp_process {
    char directory[64];
    char issuer[128];
    char ca_file[128];
    pid_t pid;
};

static struct idp_process idp;

static inline void idp_path(const char *name, char *out_path, size_t size)
{
    assert_true(snprintf(out_path, size, "%s/%s", idp.directory, name) < (int)size);
}

/* text NULL removes the file. */
static inline void idp_file(const char *name, const char *text)
{
    char path[128];
    idp_path(name, path, sizeof path);
    (void)unlink(path);
    if (text != NULL) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        (void)fputs(text, file);
        assert_int_equal(fclose(file), 0);
    }
}

/* How many requests had wanted in their path. */
static inline size_t idp_requests(const char *wanted)
{
    char path[128];
    char line[4096];
    size_t count = 0;
    idp_path("requests.log", path, sizeof path);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        count += strstr(line, wanted) != NULL ? 1 : 0;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return count;
}

static inline pid_t idp_spawn(const char *const *arguments)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* a crashed test leaves no server behind */
        const char *argv[16] = {"/usr/bin/python3", "-B", "tests/support/idp.py"};
        for (size_t i = 0; arguments[i] != NULL; i++) {
            argv[i + 3] = arguments[i];
        }
        char *const *unconst = NULL;
        memcpy(&unconst, &(const char *const *){argv}, sizeof unconst);
        (void)execv(argv[0], unconst);
        _exit(127);
    }
    return pid;
}

static inline void idp_rotate(void)
{
    const char *const arguments[] = {"rotate", "--dir", idp.directory, "--drop-old", NULL};
    int status = 0;
    pid_t pid = idp_spawn(arguments);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static inline int idp_start(void **state)
{
    (void)state;
    char path[128];
    (void)snprintf(idp.directory, sizeof idp.directory, "/tmp/rg_test_idp_XXXXXX");
    assert_non_null(mkdtemp(idp.directory));
    idp_path("ready", path, sizeof path);
    idp_path("ca.pem", idp.ca_file, sizeof idp.ca_file);
    const char *const arguments[] = {"serve", "--dir", idp.directory, "--ready-file", path, NULL};
    idp.pid = idp_spawn(arguments);
    for (int i = 0; i < 1500 && access(path, R_OK) != 0; i++) {
        (void)usleep(20000);
    }
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(idp.issuer, sizeof idp.issuer, file));
    idp.issuer[strcspn(idp.issuer, "\n")] = '\0';
    (void)fclose(file);
    return 0;
}

static inline int idp_stop(void **state)
{
    (void)state;
    static const char *const names[] = {"ca.pem",       "tls.pem", "tls.key",    "keys.json", "issuer",    "ready",
                                        "requests.log", "fault",   "twist.json", "lifetime",  "no-refresh"};
    char path[128];
    (void)kill(idp.pid, SIGTERM);
    (void)waitpid(idp.pid, NULL, 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        idp_path(names[i], path, sizeof path);
        (void)unlink(path);
    }
    return rmdir(idp.directory);
}

#endif
