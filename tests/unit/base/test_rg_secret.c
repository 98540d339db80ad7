/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets: what a reference fetches, what it refuses, and that no text shows the content. */
#include "base/rg_secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/rg_test.h"

static char directory[] = "/tmp/rowgate-secret-XXXXXX";

static void write_file(const char *name, const char *bytes, size_t size)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL || setenv("CREDENTIALS_DIRECTORY", directory, 1) != 0;
}

static int remove_directory(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

static void assert_loads(const char *reference, const char *wanted)
{
    struct rg_secret *secret = NULL;
    assert_ok(rg_secret_load(rg_slice_of(reference), rg_slice_of(directory), &secret));
    assert_slice(rg_secret_slice(secret), wanted);
    assert_int_equal(rg_secret_slice(secret).data[strlen(wanted)], '\0');
    rg_secret_free(&secret);
    assert_null(secret);
}

static void loads_files_variables_and_credentials(void **state)
{
    (void)state;
    char absolute[128];
    write_file("plain", "hush", 4);
    write_file("line", "hush\n", 5);
    write_file("dos", "hush\r\n", 6);
    write_file("lines", "hush\n\n", 6);
    (void)snprintf(absolute, sizeof absolute, "file:%s/plain", directory);
    assert_int_equal(setenv("SECRET_TEST", "hush", 1), 0);
    assert_loads("file:plain", "hush");
    assert_loads(absolute, "hush");
    assert_loads("file:line", "hush");
    assert_loads("file:dos", "hush");
    assert_loads("file:lines", "hush\n"); /* one newline only */
    assert_loads("env:SECRET_TEST", "hush");
    assert_loads("cred:plain", "hush");
}

static void refuses_what_names_nothing(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "hush",       "",           "file:",       "file:absent",   "file:.", "env:",
        "env:ABSENT", "cred:",      "cred:absent", "cred:../plain", "cred:.", "cred:/etc/passwd",
        "FILE:plain", "file:fifo/x"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rg_secret *secret = NULL;
        assert_fails(RG_CONFIG, rg_secret_load(rg_slice_of(rows[i]), rg_slice_of(directory), &secret));
        assert_null(secret);
    }
}

static void refuses_what_is_empty_or_holds_nul(void **state)
{
    (void)state;
    struct rg_secret *secret = NULL;
    write_file("empty", "", 0);
    write_file("newline", "\n", 1);
    write_file("nul", "a\0b", 3);
    assert_int_equal(setenv("SECRET_EMPTY", "", 1), 0);
    static const char *const rows[] = {"file:empty", "file:newline", "file:nul", "env:SECRET_EMPTY"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_fails(RG_CONFIG, rg_secret_load(rg_slice_of(rows[i]), rg_slice_of(directory), &secret));
        assert_null(secret);
    }
    assert_fails(RG_CONFIG, rg_secret_load(RG_SLICE("file:a\0b"), rg_slice_of(directory), &secret));
    assert_fails(RG_CONFIG, rg_secret_load(RG_SLICE("env:A\0B"), rg_slice_of(directory), &secret));
    assert_fails(RG_CONFIG, rg_secret_new(RG_SLICE(""), &secret));
    assert_null(secret);
}

static void refuses_more_than_64_kib(void **state)
{
    (void)state;
    struct rg_secret *secret = NULL;
    char *bytes = test_malloc(RG_SECRET_MAX_BYTES + 1);
    memset(bytes, 'x', RG_SECRET_MAX_BYTES + 1);
    write_file("most", bytes, RG_SECRET_MAX_BYTES);
    write_file("more", bytes, RG_SECRET_MAX_BYTES + 1);
    assert_ok(rg_secret_load(RG_SLICE("file:most"), rg_slice_of(directory), &secret));
    assert_int_equal(rg_secret_slice(secret).size, RG_SECRET_MAX_BYTES);
    rg_secret_free(&secret);
    assert_fails(RG_LIMIT, rg_secret_load(RG_SLICE("file:more"), rg_slice_of(directory), &secret));
    assert_fails(RG_LIMIT, rg_secret_load(RG_SLICE("file:/dev/zero"), rg_slice_of(directory), &secret));
    assert_fails(RG_LIMIT, rg_secret_new(rg_slice_make(bytes, RG_SECRET_MAX_BYTES + 1), &secret));
    assert_null(secret);
    test_free(bytes);
}

static void a_fifo_does_not_block(void **state)
{
    (void)state;
    char path[128];
    struct rg_secret *secret = NULL;
    (void)snprintf(path, sizeof path, "%s/fifo", directory);
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)alarm(10);
    assert_fails(RG_CONFIG, rg_secret_load(RG_SLICE("file:fifo"), rg_slice_of(directory), &secret));
    (void)alarm(0);
}

static void the_error_names_the_reference_and_not_the_content(void **state)
{
    (void)state;
    struct rg_secret *secret = NULL;
    write_file("nul", "HUNTER2\0b", 9);
    rg_status status = rg_secret_load(RG_SLICE("file:nul"), rg_slice_of(directory), &secret);
    assert_false(rg_is_ok(status));
    assert_non_null(strstr(status.error->text, "file:nul"));
    assert_null(strstr(status.error->text, "HUNTER2"));
}

static void null_is_the_empty_secret(void **state)
{
    (void)state;
    struct rg_secret *secret = NULL;
    rg_secret_free(&secret);
    assert_int_equal(rg_secret_slice(NULL).size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_files_variables_and_credentials),
        cmocka_unit_test(refuses_what_names_nothing),
        cmocka_unit_test(refuses_what_is_empty_or_holds_nul),
        cmocka_unit_test(refuses_more_than_64_kib),
        cmocka_unit_test(a_fifo_does_not_block),
        cmocka_unit_test(the_error_names_the_reference_and_not_the_content),
        cmocka_unit_test(null_is_the_empty_secret),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
