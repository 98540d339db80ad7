/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate audit as the shell sees it. */
#include "cli/cli_audit.h"

#include "audit/audit.h"

#include "tests/support/audit_dir.h"

/* Runs the command with stdout in a file; returns its exit status, the text in *out_text (freed by the caller). */
static int run(const struct audit_dir *dir, char **out_text, int argc, char **argv)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%.60s/stdout", dir->root);
    (void)fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(dup2(fd, STDOUT_FILENO) >= 0);
    int result = cli_audit(argc, argv);
    (void)fflush(stdout);
    assert_true(dup2(saved, STDOUT_FILENO) >= 0);
    off_t size = lseek(fd, 0, SEEK_END);
    *out_text = calloc(1, (size_t)size + 1);
    assert_int_equal(pread(fd, *out_text, (size_t)size, 0), size);
    (void)close(fd);
    (void)close(saved);
    return result;
}

#define RUN(dir, out_text, ...)                                                                                        \
    run((dir), (out_text), (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), (char *[]){__VA_ARGS__, NULL})

static size_t count_lines(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += *text == '\n' ? 1 : 0;
    }
    return count;
}

static char audit[] = "audit";
static char word_verify[] = "verify";
static char word_cat[] = "cat";
static char option_json[] = "--json";
static char option_tenant[] = "--tenant";
static char option_from[] = "--from";
static char acme[] = "acme";

static void cat_prints_the_raw_lines_it_was_asked_for(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_file file;
    char from[] = "5";
    char *text = NULL;
    audit_dir_make(&dir);
    audit_dir_fill(&dir, 8);
    audit_file_load(&dir, "seg/0000000000000000.jsonl", &file);
    assert_int_equal(RUN(&dir, &text, audit, word_cat, dir.path), 0);
    assert_string_equal(text, file.bytes);
    free(text);
    assert_int_equal(RUN(&dir, &text, audit, word_cat, option_from, from, dir.path), 0);
    assert_int_equal(count_lines(text), 6);
    free(text);
    assert_int_equal(RUN(&dir, &text, audit, word_cat, option_tenant, acme, dir.path), 0);
    assert_int_equal(count_lines(text), 2);
    assert_null(strstr(text, "globex"));
    free(text);
    audit_file_poke(&file, 0, 'x');
    assert_int_equal(RUN(&dir, &text, audit, word_cat, dir.path), 6);
    free(text);
    free(file.bytes);
    audit_dir_remove(&dir);
}

static void refuses_wrong_usage_with_six(void **state)
{
    (void)state;
    struct audit_dir dir;
    char nothing[] = "/nonexistent";
    char bad[] = "-5";
    char unknown[] = "destroy";
    char *text = NULL;
    audit_dir_make(&dir);
    assert_int_equal(RUN(&dir, &text, audit), 6);
    free(text);
    assert_int_equal(RUN(&dir, &text, audit, word_verify, option_json, nothing), 6);
    free(text);
    assert_int_equal(RUN(&dir, &text, audit, word_cat, option_from, bad, nothing), 6);
    free(text);
    char keys[] = "keys", list[] = "neither"; /* commands of their own, with tests of their own */
    assert_int_equal(RUN(&dir, &text, audit, keys, list), 6);
    free(text);
    assert_int_equal(RUN(&dir, &text, audit, unknown, nothing), 6);
    assert_string_equal(text, "");
    free(text);
    audit_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cat_prints_the_raw_lines_it_was_asked_for),
        cmocka_unit_test(refuses_wrong_usage_with_six),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
