/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate audit search, show and tail as the shell sees them, and the times that people type. */
#include <jansson.h>

#include "cli/cli_audit.h"
#include "cli/when.h"
#include "tests/support/audit_dir.h"

enum { ARGUMENTS_MAX = 12 };

struct ran {
    int status;
    char *out;
    char *err;
};

static int redirect(const struct audit_dir *dir, const char *name, int fd, int *out_saved)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%.60s/%s", dir->root, name);
    *out_saved = dup(fd);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(dup2(file, fd) >= 0);
    return file;
}

static char *restore(int file, int fd, int saved)
{
    assert_true(dup2(saved, fd) >= 0);
    off_t size = lseek(file, 0, SEEK_END);
    char *text = calloc(1, (size_t)size + 1);
    assert_int_equal(pread(file, text, (size_t)size, 0), size);
    (void)close(file);
    (void)close(saved);
    return text;
}

/* `rowgate audit` with words that a space separates; %D stands for the log's directory. */
static struct ran run(const struct audit_dir *dir, const char *words)
{
    char copy[512];
    char *argv[ARGUMENTS_MAX + 1] = {0};
    int argc = 0;
    int saved_out = -1, saved_err = -1;
    struct ran ran = {0};
    (void)snprintf(copy, sizeof copy, "audit %.400s", words);
    char *rest = copy;
    for (char *word = strsep(&rest, " "); word != NULL && argc < ARGUMENTS_MAX; word = strsep(&rest, " ")) {
        static char path[64];
        memcpy(path, dir->path, sizeof path);
        argv[argc++] = strcmp(word, "%D") == 0 ? path : word;
    }
    (void)fflush(stdout);
    int out = redirect(dir, "stdout", STDOUT_FILENO, &saved_out);
    int err = redirect(dir, "stderr", STDERR_FILENO, &saved_err);
    ran.status = cli_audit(argc, argv);
    (void)fflush(stdout);
    ran.out = restore(out, STDOUT_FILENO, saved_out);
    ran.err = restore(err, STDERR_FILENO, saved_err);
    return ran;
}

static void done(struct ran *ran)
{
    free(ran->out);
    free(ran->err);
}

/* A log of one hostile statement. */
static uint64_t make_log(struct audit_dir *dir)
{
    struct auditor_options options = {0};
    struct audit_log log = {0};
    uint64_t seq = 0;
    audit_dir_make(dir);
    options = audit_dir_options(dir);
    assert_ok(audit_log_open(&options, &log));
    struct audit_event event = audit_sample(1, "acme");
    event.sql = RG_SLICE("select '\x1b[2J\x1b]0;owned\x07'\nrule      allowed by me \xe2\x80\xae\xc2\x9b \xff\r\\");
    event.user = RG_SLICE("al\x1bice");
    event.subject = RG_SLICE("oid");
    event.rule = RG_SLICE("own schema");
    assert_ok(audit_dir_append(&log, &event, &seq));
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    return seq;
}

static void assert_harmless(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (((unsigned char)*at < 0x20 && *at != '\n') || *at == 0x7f) {
            fail_msg("byte %u at %zu: %s", (unsigned char)*at, (size_t)(at - text), text);
        }
    }
    assert_null(strstr(text, "\xe2\x80\xae"));
    assert_null(strstr(text, "\xc2\x9b"));
}

static void exit_status_is_like_that_of_grep(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        int status;
        const char *err; /* part of what is said */
    } rows[] = {{"search --tenant acme %D", 0, ""},
                {"search --tenant nobody %D", 1, ""},
                {"search --since 2h --until 1h %D", 1, ""},
                {"search --since 2000-01-01 --action read %D", 0, ""},
                {"search --action log.stopped %D", 0, ""},
                {"search", 6, "usage"},
                {"search %D %D", 6, "one argument too many"},
                {"search --colour %D", 6, "--colour: no such option"},
                {"search --tenant", 6, "--tenant: a value must follow"},
                {"search --tenant a --tenant b %D", 6, "given twice"},
                {"search --since yesterday %D", 6, "--since yesterday: neither"},
                {"search --until 2026-02-30 %D", 6, "--until 2026-02-30"},
                {"search --action reed %D", 6, "--action reed: no such action"},
                {"search --action dashboard.view %D", 1, ""},
                {"search --action export %D", 1, ""},
                {"search --action dashboard. %D", 6, "--action dashboard.: no such action"},
                {"search --action .view %D", 6, "--action .view"},
                {"search --object dashboard --status 4xx %D", 1, ""},
                {"search --reference r-1 --status 200 %D", 1, ""},
                {"search --guest r-1 --action unmarked %D", 1, ""},
                {"search --guest", 6, "--guest: a value must follow"},
                {"search --status 4x %D", 6, "--status 4x: a status"},
                {"search --status 4000 %D", 6, "--status 4000"},
                {"search --status x04 %D", 6, "--status x04"},
                {"search --limit 0 %D", 6, "--limit 0"},
                {"search --limit -1 %D", 6, "--limit -1"},
                {"search --limit 5x %D", 6, "--limit 5x"},
                {"search --text \xff\xfe %D", 6, "not UTF-8"},
                {"search --text a /nonexistent", 6, "/nonexistent"},
                {"show 1 %D", 0, ""},
                {"show 0000000000000001 %D", 0, ""},
                {"show --raw 0 %D", 0, ""},
                {"show 99999 %D", 1, "no such record"},
                {"show one %D", 6, "the number of a record"},
                {"show -1 %D", 6, "-1: no such option"},
                {"show 99999999999999999999 %D", 6, "the number of a record"},
                {"show --raw --json 1 %D", 6, "usage"},
                {"show %D", 6, "usage"},
                {"show 1 /nonexistent", 6, "/nonexistent"},
                {"tail %D", 0, ""},
                {"tail -n 0 %D", 0, ""},
                {"tail -n 1000001 %D", 6, "-n takes"},
                {"tail -n x %D", 6, "-n takes"},
                {"tail", 6, "usage"},
                {"tail /nonexistent", 6, "/nonexistent"}};
    struct audit_dir dir;
    (void)make_log(&dir);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ran ran = run(&dir, rows[i].words);
        if (ran.status != rows[i].status || strstr(ran.err, rows[i].err) == NULL) {
            fail_msg("%s: %d: %s", rows[i].words, ran.status, ran.err);
        }
        if (ran.status != 0) {
            assert_string_equal(ran.out, "");
        }
        done(&ran);
    }
    audit_dir_remove(&dir);
}

static void hostile_text_cannot_steer_the_terminal(void **state)
{
    (void)state;
    static const char *const commands[] = {"search --tenant acme %D", "tail %D", "show 1 %D"};
    struct audit_dir dir;
    assert_int_equal(make_log(&dir), 1);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct ran ran = run(&dir, commands[i]);
        assert_int_equal(ran.status, 0);
        assert_harmless(ran.out);
        assert_non_null(strstr(ran.out, "al\\x1bice"));
        assert_non_null(strstr(ran.out, "\\x1b[2J\\x1b]0;owned\\x07"));
        assert_null(strstr(ran.out, "\nrule      allowed by me")); /* a row of ours cannot be written by a client */
        done(&ran);
    }
    struct ran ran = run(&dir, "show 1 %D");
    assert_non_null(strstr(ran.out, "\n    rule      allowed by me \\u{202e}\\u{9b} \\xff\\x0d\\"));
    assert_non_null(strstr(ran.out, "\nrule      own schema\n"));
    done(&ran);
    audit_dir_remove(&dir);
}

static void json_holds_the_text_to_the_byte(void **state)
{
    (void)state;
    struct audit_dir dir;
    (void)make_log(&dir);
    struct ran ran = run(&dir, "show --json 1 %D");
    json_t *object = json_loads(ran.out, 0, NULL);
    assert_non_null(object);
    assert_int_equal(json_integer_value(json_object_get(object, "seq")), 1);
    assert_string_equal(json_string_value(json_object_get(object, "tenant")), "acme");
    assert_true(json_is_true(json_object_get(object, "whole")));
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice sql = {0};
    rg_arena_init(&arena, 4096);
    assert_ok(rg_base64_decode(rg_slice_of(json_string_value(json_object_get(object, "sql_b64"))), &arena, &sql));
    assert_slice(sql, "select '\x1b[2J\x1b]0;owned\x07'\nrule      allowed by me \xe2\x80\xae\xc2\x9b \xff\r\\");
    json_decref(object);
    done(&ran);
    audit_dir_remove(&dir);
}

static void raw_is_the_line_that_was_hashed(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_file file;
    (void)make_log(&dir);
    audit_file_load(&dir, "seg/0000000000000000.jsonl", &file);
    struct ran ran = run(&dir, "show --raw 0 %D");
    assert_true(strlen(ran.out) > 100);
    assert_int_equal(strncmp(ran.out, file.bytes, strlen(ran.out)), 0);
    assert_int_equal(ran.out[strlen(ran.out) - 1], '\n');
    done(&ran);
    free(file.bytes);
    audit_dir_remove(&dir);
}

static void a_part_shows_the_record_that_it_belongs_to(void **state)
{
    (void)state;
    enum { SIZE = 200000 };
    struct audit_dir dir;
    struct audit_log log = {0};
    uint64_t last = 0;
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    assert_ok(audit_log_open(&options, &log));
    struct audit_event event = audit_sample(1, "acme");
    char *sql = calloc(1, SIZE);
    memset(sql, 'q', SIZE);
    event.sql = rg_slice_make(sql, SIZE);
    assert_ok(audit_dir_append(&log, &event, &last));
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    assert_true(last > 3);
    struct ran ran = run(&dir, "show 3 %D");
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.out, "record    1 to "));
    assert_true(strlen(ran.out) > SIZE); /* nothing is trimmed */
    done(&ran);
    free(sql);
    audit_dir_remove(&dir);
}

static void times_are_taken_as_people_type_them(void **state)
{
    (void)state;
    static const int64_t second = 1000000;
    const int64_t now = 1763827929 * second;
    const struct {
        const char *text;
        int64_t wanted;
    } rows[] = {{"1970-01-01T00:00:00Z", 0},
                {"1970-01-02", 86400 * second},
                {"2000-02-29T12:00:00Z", 951825600 * second},
                {"2026-11-22T15:53:43Z", 1795362823 * second},
                {"2026-11-22t15:53:43.5z", 1795362823 * second + 500000},
                {"2026-11-22T16:53:43.123456789+01:00", 1795362823 * second + 123456},
                {"2026-11-22 10:23:43-05:30", 1795362823 * second},
                {"1969-12-31T23:59:59Z", -second},
                {"0s", now},
                {"90s", now - 90 * second},
                {"15m", now - 900 * second},
                {"2h", now - 7200 * second},
                {"3d", now - (int64_t)3 * 86400 * second},
                {"1w", now - (int64_t)7 * 86400 * second}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t us = -7;
        assert_true(when_parse(rows[i].text, now, &us));
        if (us != rows[i].wanted) {
            fail_msg("%s: %lld", rows[i].text, (long long)us);
        }
    }
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "h",
                                        "2",
                                        "-2h",
                                        "2hh",
                                        "2 h",
                                        "1y",
                                        "1234567890s",
                                        "2026",
                                        "2026-1-1",
                                        "2026-13-01",
                                        "2026-00-01",
                                        "2026-02-29",
                                        "2100-02-29",
                                        "2026-04-31",
                                        "0000-01-01",
                                        "2026-11-22T",
                                        "2026-11-22T15:53:43",
                                        "2026-11-22T24:00:00Z",
                                        "2026-11-22T15:60:00Z",
                                        "2026-11-22T15:53:61Z",
                                        "2026-11-22T15:53:43.Z",
                                        "2026-11-22T15:53:43+1",
                                        "2026-11-22T15:53:43+24:00",
                                        "2026-11-22T15:53:43ZZ",
                                        "2026-11-22T15:53Z",
                                        "now"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t us = -7;
        if (when_parse(texts[i], 0, &us) || us != -7) {
            fail_msg("\"%s\" is taken for %lld", texts[i], (long long)us);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_status_is_like_that_of_grep),
        cmocka_unit_test(hostile_text_cannot_steer_the_terminal),
        cmocka_unit_test(json_holds_the_text_to_the_byte),
        cmocka_unit_test(raw_is_the_line_that_was_hashed),
        cmocka_unit_test(a_part_shows_the_record_that_it_belongs_to),
        cmocka_unit_test(times_are_taken_as_people_type_them),
        cmocka_unit_test(what_is_no_time_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
