/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate audit verify as the shell sees it: options, exit status, what is said on which stream. */
#include "cli/cli_audit.h"

#include <jansson.h>

#include "tests/support/audit_spoil.h"

struct said {
    int status;
    char *out; /* owned */
    char *err; /* same */
};

static char *read_all(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *text = calloc(1, (size_t)size + 1);
    assert_int_equal(pread(fd, text, (size_t)size, 0), size);
    (void)close(fd);
    return text;
}

static int redirect(const struct history *history, const char *name, int number, int *out_saved)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%.60s/%s", history->root, name);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    *out_saved = dup(number);
    assert_true(dup2(fd, number) >= 0);
    return fd;
}

static struct said run(const struct history *history, int argc, char **argv)
{
    int saved_out = -1;
    int saved_err = -1;
    (void)fflush(stdout);
    int out = redirect(history, "stdout", STDOUT_FILENO, &saved_out);
    int err = redirect(history, "stderr", STDERR_FILENO, &saved_err);
    struct said said = {.status = cli_audit_verify(argc, argv)};
    (void)fflush(stdout);
    assert_true(dup2(saved_out, STDOUT_FILENO) >= 0);
    assert_true(dup2(saved_err, STDERR_FILENO) >= 0);
    (void)close(saved_out);
    (void)close(saved_err);
    said.out = read_all(out);
    said.err = read_all(err);
    return said;
}

static void forget(struct said *said)
{
    free(said->out);
    free(said->err);
}

#define RUN(history, ...)                                                                                              \
    run((history), (int)(sizeof((const char *[]){"verify", __VA_ARGS__}) / sizeof(char *)),                            \
        (char *[]){word_verify, __VA_ARGS__, NULL})

static char word_verify[] = "verify";
static char option_json[] = "--json";
static char option_root[] = "--root";
static char option_since[] = "--since";
static char option_threads[] = "--threads";
static char option_strict[] = "--strict";

/* Stand in a table for what is known only later. */
static char history_path_placeholder[] = "(the log)";
static char history_key_placeholder[] = "(a file that is no checkpoint)";

static struct history make(void)
{
    struct history history = history_blank();
    history_write_all(&history, 800);
    history_end(&history);
    return history;
}

static void says_what_is_proven_up_to_where_and_what_is_only_chained(void **state)
{
    (void)state;
    struct history history = make();
    struct said said = RUN(&history, history.path);
    assert_int_equal(said.status, 0);
    assert_string_equal(said.err, ""); /* no terminal, no bar */
    assert_non_null(strstr(said.out, ": intact ("));
    assert_non_null(strstr(said.out, "Proven: records 0 to "));
    assert_non_null(strstr(said.out, "signed by the key of epoch 2"));
    assert_non_null(strstr(said.out, "Only chained: records "));
    assert_non_null(strstr(said.out, "WARNING: which came with the log itself"));
    assert_non_null(strstr(said.out, "Not proven by the log alone"));
    forget(&said);
    history_remove(&history);
}

static void takes_the_root_as_text_or_file_and_says_so(void **state)
{
    (void)state;
    struct history history = make();
    char path[224];
    spoil_path(&history, "keys/root.vkey", path);
    struct said said = RUN(&history, option_root, path, history.path);
    assert_int_equal(said.status, 0);
    assert_non_null(strstr(said.out, "as you gave it"));
    assert_null(strstr(said.out, "WARNING"));
    forget(&said);
    struct spoil_file key = spoil_load(&history, "keys/root.vkey");
    key.bytes[key.size - 1] = '\0';
    said = RUN(&history, option_root, key.bytes, history.path);
    assert_int_equal(said.status, 0);
    forget(&said);
    struct audit_vkey other;
    RG_AUTO(rg_buf_done) struct rg_buf text;
    rg_buf_init(&text, AUDIT_VKEY_SIZE);
    history_vkey(HISTORY_ORIGIN, 9, 9, &other);
    assert_ok(audit_vkey_encode(&other, &text));
    assert_ok(rg_buf_put_u8(&text, '\0'));
    char foreign[AUDIT_VKEY_SIZE];
    memcpy(foreign, rg_buf_slice(&text).data, rg_buf_size(&text));
    said = RUN(&history, option_root, foreign, history.path);
    assert_int_equal(said.status, 1);
    forget(&said);
    spoil_free(&key);
    history_remove(&history);
}

static void continues_from_a_checkpoint_that_was_kept(void **state)
{
    (void)state;
    struct history history = make();
    char path[224];
    spoil_path(&history, "head.note", path);
    struct said said = RUN(&history, option_since, path, history.path);
    assert_int_equal(said.status, 0);
    assert_non_null(strstr(said.out, "were not read: tiles stand for them"));
    forget(&said);
    history_remove(&history);
}

static void prints_json_that_says_the_same(void **state)
{
    (void)state;
    struct history history = make();
    struct spoil_record record = spoil_record(&history, 77);
    record.file.bytes[record.start + 300] = (char)(record.file.bytes[record.start + 300] ^ 1);
    spoil_save(&record.file, record.file.bytes, record.file.size);
    struct said said = RUN(&history, option_json, history.path);
    assert_int_equal(said.status, 1);
    json_error_t error;
    json_t *report = json_loads(said.out, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(report);
    const json_t *finding = json_object_get(report, "finding");
    assert_string_equal(json_string_value(json_object_get(report, "result")), "altered");
    assert_int_equal(json_integer_value(json_object_get(report, "exit_code")), 1);
    assert_int_equal(json_integer_value(json_object_get(finding, "seq")), 77);
    assert_int_equal(json_integer_value(json_object_get(finding, "line")), 78);
    assert_string_equal(json_string_value(json_object_get(finding, "file")), "seg/0000000000000000.jsonl");
    json_decref(report);
    forget(&said);
    spoil_free(&record.file);
    history_remove(&history);
}

static void finds_the_same_with_any_number_of_threads(void **state)
{
    (void)state;
    struct history history = make();
    char one[] = "1";
    char many[] = "16";
    struct said a = RUN(&history, option_threads, one, option_strict, history.path);
    struct said b = RUN(&history, option_threads, many, history.path);
    assert_int_equal(a.status, 0);
    assert_string_equal(a.out, b.out);
    forget(&a);
    forget(&b);
    history_remove(&history);
}

static void refuses_wrong_usage_with_six_and_prints_nothing(void **state)
{
    (void)state;
    struct history history = make();
    static char nothing[] = "/nonexistent";
    static char zero[] = "0";
    static char many[] = "1000";
    static char unknown[] = "--force";
    static char empty[128];
    (void)snprintf(empty, sizeof empty, "%.60s/empty", history.root);
    (void)close(open(empty, O_WRONLY | O_CREAT, 0600));
    static char *rows[][4] = {{nothing},
                              {history_path_placeholder, nothing},
                              {unknown, history_path_placeholder},
                              {option_root},
                              {option_root, nothing, history_path_placeholder},
                              {option_since, nothing, history_path_placeholder},
                              {option_since, empty, history_path_placeholder},
                              {option_since, history_key_placeholder, history_path_placeholder},
                              {option_threads, zero, history_path_placeholder},
                              {option_threads, many, history_path_placeholder},
                              {option_threads, nothing, history_path_placeholder}};
    char key[224];
    spoil_path(&history, "keys/root.vkey", key);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *argv[6] = {word_verify};
        int argc = 1;
        for (size_t j = 0; j < 4 && rows[i][j] != NULL; j++, argc++) {
            argv[argc] = rows[i][j] == history_path_placeholder  ? history.path
                         : rows[i][j] == history_key_placeholder ? key
                                                                 : rows[i][j];
        }
        struct said said = run(&history, argc, argv);
        if (said.status != 6 || said.out[0] != '\0' || said.err[0] == '\0') {
            fail_msg("row %zu: status %d, said \"%s\"", i, said.status, said.out);
        }
        forget(&said);
    }
    history_remove(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_proven_up_to_where_and_what_is_only_chained),
        cmocka_unit_test(takes_the_root_as_text_or_file_and_says_so),
        cmocka_unit_test(continues_from_a_checkpoint_that_was_kept),
        cmocka_unit_test(prints_json_that_says_the_same),
        cmocka_unit_test(finds_the_same_with_any_number_of_threads),
        cmocka_unit_test(refuses_wrong_usage_with_six_and_prints_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
