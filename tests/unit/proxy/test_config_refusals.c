/* SPDX-License-Identifier: Apache-2.0 */
/* Bad configurations: each row replaces one chunk of a sound one. Every '@' in the row's text marks the exact
 * line and column of one finding, every "!" one at 1:1; the marks are removed before the file is written. Nothing else
 * may be found, and nothing may be loaded. */
#include "tests/support/config_chunks.h"
#include "tests/support/config_test.h"

struct refusal {
    const char *name;
    enum chunk chunk;
    const char *text;
    const char *wanted[6]; /* part of the text of each finding, in the order of the marks */
};

#include "tests/unit/proxy/config_refusals.inc"

enum { MARKS_MAX = 8, TEXT_MAX = 65536 };

struct marks {
    size_t count;
    struct rg_place places[MARKS_MAX];
};

/* Appends text without its marks and notes where they stood. */
static void append_marked(char *out, size_t *size, unsigned *line, unsigned *column, const char *text,
                          struct marks *marks)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '@' || *at == '!') {
            assert_true(marks->count < MARKS_MAX);
            marks->places[marks->count++] =
                *at == '@' ? (struct rg_place){NULL, *line, *column} : (struct rg_place){NULL, 1, 1};
            continue;
        }
        assert_true(*size < TEXT_MAX);
        out[(*size)++] = *at;
        bool is_inside = (*at & 0xc0) == 0x80; /* of a character: columns count characters */
        *column = *at == '\n' ? 1 : *column + (is_inside ? 0 : 1);
        *line += *at == '\n' ? 1 : 0;
    }
}

static bool has_finding(const struct rg_diag *diag, struct rg_place place, const char *wanted)
{
    for (const struct rg_finding *finding = diag->first; finding != NULL; finding = finding->next) {
        if (finding->place.line == place.line && finding->place.column == place.column &&
            strstr(finding->text.data, wanted) != NULL) {
            return true;
        }
    }
    return false;
}

static size_t count_findings(const struct rg_diag *diag)
{
    return diag->error_count + diag->warning_count;
}

static bool is_as_wanted(const struct refusal *row, const struct rg_diag *diag, const struct marks *marks)
{
    bool is_good = count_findings(diag) == marks->count;
    for (size_t i = 0; i < marks->count; i++) {
        if (row->wanted[i] == NULL || !has_finding(diag, marks->places[i], row->wanted[i])) {
            print_error("%s: nothing at %u:%u with \"%s\"\n", row->name, marks->places[i].line, marks->places[i].column,
                        row->wanted[i] == NULL ? "(no text given)" : row->wanted[i]);
            is_good = false;
        }
    }
    for (const struct rg_finding *finding = diag->first; !is_good && finding != NULL; finding = finding->next) {
        print_error("%s: found %u:%u: %s\n", row->name, finding->place.line, finding->place.column, finding->text.data);
    }
    return is_good;
}

static bool is_refused_as_wanted(struct config_files *files, const struct refusal *row)
{
    static char text[TEXT_MAX + 1];
    struct marks marks = {0};
    size_t size = 0;
    unsigned line = 1;
    unsigned column = 1;
    for (size_t i = 0; i < CHUNK_COUNT; i++) {
        append_marked(text, &size, &line, &column, i == (size_t)row->chunk ? row->text : sound_chunks[i], &marks);
    }
    config_files_write(files, "main.toml", text, size);
    rg_status status = config_files_load(files, "main.toml");
    bool is_refused = !rg_is_ok(status) && status.error->kind == RG_CONFIG && files->config == NULL;
    if (files->diag.error_count > 0 ? !is_refused : is_refused) {
        print_error("%s: %s\n", row->name, is_refused ? "refused without an error" : "not refused");
        return false;
    }
    return is_as_wanted(row, &files->diag, &marks);
}

static void each_mistake_is_found_at_its_place(void **state)
{
    (void)state;
    struct config_files files;
    size_t failures = 0;
    config_files_init(&files);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        failures += is_refused_as_wanted(&files, &refusals[i]) ? 0 : 1;
    }
    config_files_done(&files);
    assert_int_equal(failures, 0);
    assert_true(sizeof refusals / sizeof refusals[0] >= 60);
}

static int set_environment(void **state)
{
    (void)state;
    assert_int_equal(setenv("CONFIG_TEST_SHORT", "fifteen bytes..", 1), 0);
    return setenv("CONFIG_TEST_VERIFIER", VERIFIER, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mistake_is_found_at_its_place),
    };
    return cmocka_run_group_tests(tests, set_environment, NULL);
}
