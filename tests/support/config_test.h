/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_CONFIG_TEST_H
#define RG_TESTS_SUPPORT_CONFIG_TEST_H

/* A directory of configuration files for one test, and what loading them found. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/config.h"
#include "tests/support/rg_test.h"

struct config_files {
    char directory[64];
    struct rg_arena arena;
    struct rg_diag diag;
    struct config *config;
};

static inline void config_files_write(const struct config_files *files, const char *name, const char *text, size_t size)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", files->directory, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static inline void config_files_copy(const struct config_files *files, const char *from, const char *name)
{
    static char text[16384];
    FILE *file = fopen(from, "rb");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text, file);
    assert_int_equal(fclose(file), 0);
    config_files_write(files, name, text, size);
}

static inline void config_files_init(struct config_files *files)
{
    *files = (struct config_files){.directory = "/tmp/rowgate-config-XXXXXX"};
    assert_non_null(mkdtemp(files->directory));
    config_files_copy(files, "tests/data/config/cert.pem", "cert.pem");
    config_files_copy(files, "tests/data/config/key.pem", "key.pem");
    config_files_copy(files, "tests/data/saml/idp.xml", "idp.xml");
    config_files_copy(files, "tests/data/saml/idp.key.pem", "rsa.pem");
}

static inline void config_files_forget(struct config_files *files)
{
    config_free(&files->config);
    rg_arena_done(&files->arena);
}

static inline void config_files_done(struct config_files *files)
{
    char command[128];
    config_files_forget(files);
    (void)snprintf(command, sizeof command, "rm -rf %s", files->directory);
    assert_int_equal(system(command), 0);
}

/* Loads NAME of the directory, forgetting what was loaded before. */
static inline rg_status config_files_load(struct config_files *files, const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", files->directory, name);
    config_files_forget(files);
    rg_arena_init(&files->arena, 1 << 20);
    rg_diag_init(&files->diag, &files->arena);
    return config_load(path, &files->diag, &files->config);
}

#endif
