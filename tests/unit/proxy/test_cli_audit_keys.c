/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate audit keys as the shell sees it; with -c and the real binary: tests/e2e/test_cli.py. */
#include "cli/cli_audit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "audit/note.h"
#include "base/rg_clock.h"
#include "tests/support/rg_test.h"

enum { ARGUMENTS_MAX = 16 };

struct shell {
    char root[64]; /* a directory of its own */
    char *text;    /* what the last command printed on stdout */
};

static void shell_open(struct shell *shell)
{
    *shell = (struct shell){.root = "/tmp/rg-keys-XXXXXX"};
    assert_non_null(mkdtemp(shell->root));
}

static void shell_close(struct shell *shell)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", shell->root);
    assert_int_equal(system(command), 0);
    free(shell->text);
}

/* "keys WORDS", where @ stands for the directory; stderr is thrown away. */
static int run(struct shell *shell, const char *words)
{
    char line[1024], path[128];
    char *arguments[ARGUMENTS_MAX + 1] = {NULL};
    int count = 0;
    size_t size = (size_t)snprintf(line, sizeof line, "keys ");
    for (const char *c = words; *c != '\0'; c++) {
        size +=
            (size_t)snprintf(line + size, sizeof line - size, *c == '@' ? "%s" : "%.1s", *c == '@' ? shell->root : c);
    }
    char *rest = line;
    for (char *word; (word = strsep(&rest, " ")) != NULL && count < ARGUMENTS_MAX;) {
        if (*word != '\0') {
            arguments[count++] = word;
        }
    }
    (void)fflush(stdout);
    (void)snprintf(path, sizeof path, "%s/stdout", shell->root);
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), null = open("/dev/null", O_WRONLY);
    assert_true(dup2(fd, STDOUT_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0);
    optind = 0; /* getopt begins again */
    int status = cli_audit_keys(count, arguments);
    (void)fflush(stdout);
    assert_true(dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0);
    off_t end = lseek(fd, 0, SEEK_END);
    free(shell->text);
    shell->text = calloc(1, (size_t)end + 1);
    assert_int_equal(pread(fd, shell->text, (size_t)end, 0), end);
    (void)close(fd);
    (void)close(null);
    (void)close(out);
    (void)close(err);
    return status;
}

static void assert_says(const struct shell *shell, const char *words)
{
    if (strstr(shell->text, words) == NULL) {
        fail_msg("no \"%s\" in:\n%s", words, shell->text);
    }
}

static size_t count_lines(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += *text == '\n' ? 1 : 0;
    }
    return count;
}

static void init_prints_the_root_line_and_where_the_key_lies_on_one_screen(void **state)
{
    (void)state;
    struct shell shell;
    struct stat info;
    char path[128], line[AUDIT_VKEY_SIZE + 1] = {0};
    shell_open(&shell);
    assert_int_equal(run(&shell, "init --root-key @/root.key --epochs 24 @/log --origin a/audit/b/1"), 0);
    assert_true(count_lines(shell.text) <= 24);
    (void)snprintf(path, sizeof path, "%s/root.key", shell.root);
    assert_says(&shell, path);
    assert_says(&shell, "shred -u");
    assert_says(&shell, "24 epochs of 3600 s");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0400);
    (void)snprintf(path, sizeof path, "%s/log/keys/root.vkey", shell.root);
    int fd = open(path, O_RDONLY);
    assert_true(read(fd, line, sizeof line - 1) > 60);
    (void)close(fd);
    assert_says(&shell, line); /* the line alone, as auditors pin it */
    assert_null(strstr(shell.text, "PRIVATE KEY"));
    shell_close(&shell);
}

static void list_tells_the_epoch_and_how_long_the_keys_last(void **state)
{
    (void)state;
    struct shell shell;
    json_error_t error;
    shell_open(&shell);
    assert_int_equal(
        run(&shell, "init --root-key @/root.key --epochs 24 --epoch-seconds 60 @/log --origin a/audit/b/1"), 0);
    assert_int_equal(run(&shell, "list @/log"), 0);
    assert_says(&shell, "origin  a/audit/b/1");
    assert_says(&shell, "Epoch 0 is current; 23 are left");
    assert_null(strstr(shell.text, "not yet begun"));
    assert_int_equal(run(&shell, "rotate --root-key @/root.key --epochs 8784 --epoch-seconds 86400 @/log"), 0);
    assert_says(&shell, "New keys from epoch 1 on: 8784 epochs of 86400 s");
    assert_int_equal(run(&shell, "list @/log"), 0);
    assert_says(&shell, "not yet begun");
    assert_int_equal(run(&shell, "list --json @/log"), 0);
    json_t *object = json_loads(shell.text, 0, &error);
    assert_non_null(object);
    assert_int_equal(json_array_size(json_object_get(object, "lists")), 2);
    assert_int_equal(json_integer_value(json_object_get(object, "current_epoch")), 0);
    assert_int_equal(json_integer_value(json_object_get(object, "epochs_left")), 8784);
    char date[RG_TIME_TEXT_SIZE];
    rg_clock_format(rg_clock_wall_us(rg_clock_system()) + 8784LL * 86400 * 1000000, date);
    assert_memory_equal(json_string_value(json_object_get(object, "until")), date, 4); /* the year */
    json_decref(object);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/log/keys/seed", shell.root);
    assert_int_equal(unlink(path), 0); /* a copy that holds public files only */
    assert_int_equal(run(&shell, "list @/log"), 0);
    assert_says(&shell, "not known here");
    assert_int_equal(run(&shell, "list --json @/log"), 0);
    assert_says(&shell, "\"current_epoch\":null");
    shell_close(&shell);
}

static void refuses_wrong_usage_and_trouble_with_six(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "destroy @/log",
        "init",
        "init @/log",
        "init --origin a/b",
        "init --origin a/b @/log @/log",
        "init --origin a/b -c @/none.toml @/log",
        "init --origin a/b --epochs 0 @/log",
        "init --origin a/b --epochs 16385 @/log",
        "init --origin a/b --epochs -5 @/log",
        "init --origin a/b --epochs 5x @/log",
        "init --origin a/b --epochs 99999999999999999999 @/log",
        "init --origin a/b --epoch-seconds 0 @/log",
        "init --origin a/b --epoch-seconds 99999999 @/log",
        "init --origin a/b --json @/log",
        "init --origin a+b --root-key @/root.key @/log",
        "init --origin a/b --force @/log",
        "init --origin a/b --root-key @/none/root.key @/log",
        "init -c @/none.toml",
        "rotate --root-key @/root.key @/log",
        "rotate --json @/log",
        "list",
        "list @/log",
        "list --epochs 5 @/log",
        "list --root-key @/root.key @/log",
    };
    struct shell shell;
    char path[128];
    shell_open(&shell);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (run(&shell, wrong[i]) != 6) {
            fail_msg("not refused: %s", wrong[i]);
        }
        assert_string_equal(shell.text, "");
    }
    (void)snprintf(path, sizeof path, "%s/log", shell.root);
    assert_int_not_equal(access(path, F_OK), 0);
    (void)snprintf(path, sizeof path, "%s/root.key", shell.root);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_not_equal(access("./rowgate-audit-root.key", F_OK), 0);
    assert_int_equal(run(&shell, "--help"), 0);
    assert_says(&shell, "usage: rowgate audit keys init");
    assert_int_equal(run(&shell, "init -h"), 0);
    shell_close(&shell);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_prints_the_root_line_and_where_the_key_lies_on_one_screen),
        cmocka_unit_test(list_tells_the_epoch_and_how_long_the_keys_last),
        cmocka_unit_test(refuses_wrong_usage_and_trouble_with_six),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
