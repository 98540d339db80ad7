/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the files of tests/vectors/rewrite, and of tests/vectors/advisories (one for each hole that was found), through
 * policy_plan_text (format: tests/support/vector_file.h). Beside what a case says, each plan must hold together: the
 * splices rebuild the text, a denied plan has nothing to send, and planning twice gives the same.
 * ROWGATE_VECTORS_ACCEPT=1 writes the actual texts into the files; it never changes a decision from allow to refuse or
 * back: those are written by hand. */
#include <dirent.h>
#include <stdlib.h>

#include "base/rg_buf.h"
#include "base/rg_memory.h"
#include "policy/policy.h"
#include "tests/support/rg_test.h"
#include "tests/support/vector_file.h"
#include "tests/support/vector_world.h"

static const char folder[] = "tests/vectors/rewrite"; /* of the heads that are used, too */
static const char advisories[] = "tests/vectors/advisories";

enum { ARENA_BYTES = 64 << 20, FILES_MAX = 256 };

struct tally {
    size_t files;
    size_t cases;
    size_t failures;
    bool is_quiet;
    bool is_accepting;
};

static const char *const effects[] = {
    [POLICY_EFFECT_NONE] = "NONE",
    [POLICY_EFFECT_BEGIN] = "BEGIN",
    [POLICY_EFFECT_COMMIT] = "COMMIT",
    [POLICY_EFFECT_ROLLBACK] = "ROLLBACK",
    [POLICY_EFFECT_SET_SEARCH_PATH] = "SET_SEARCH_PATH",
    [POLICY_EFFECT_SET_TIMEOUT] = "SET_TIMEOUT",
    [POLICY_EFFECT_SET_APPLICATION] = "SET_APPLICATION",
    [POLICY_EFFECT_RESET_ALL] = "RESET_ALL",
    [POLICY_EFFECT_PREPARE] = "PREPARE",
    [POLICY_EFFECT_DEALLOCATE] = "DEALLOCATE",
    [POLICY_EFFECT_CANCEL_PID] = "CANCEL_PID",
};

/* ---- one case ---- */

struct run {
    const char *path;
    const struct vector_case *row;
    struct tally *tally;
    bool has_failed;
    bool is_respelled; /* for Hyper comments are blanked outside of the splices, too */
};

__attribute__((format(printf, 2, 3))) static void complain(struct run *run, const char *format, ...)
{
    run->has_failed = true;
    if (run->tally->is_quiet) {
        return;
    }
    (void)fprintf(stderr, "%s:%zu: %.*s: ", run->path, run->row->line, rg_slice_shown(run->row->name),
                  run->row->name.data);
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \xNN becomes a byte. */
static rg_status unescape(struct rg_slice text, struct rg_arena *arena, struct rg_slice *out_text)
{
    char *bytes = NULL;
    RG_TRY(rg_arena_alloc(arena, text.size + 1, (void **)&bytes));
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.size - i >= 4 && text.data[i] == '\\' && text.data[i + 1] == 'x') {
            bytes[size++] = (char)(hex_digit(text.data[i + 2]) * 16 + hex_digit(text.data[i + 3]));
            i += 3;
        } else {
            bytes[size++] = text.data[i];
        }
    }
    *out_text = rg_slice_make(bytes, size);
    return RG_OK;
}

/* All texts to be sent, parted by a line of their own. */
static rg_status joined(const struct policy_plan *plan, struct rg_buf *out)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (i > 0) {
            RG_TRY(rg_buf_put(out, RG_SLICE("\n-- and:\n")));
        }
        RG_TRY(rg_buf_put(out, plan->statements[i].text));
    }
    return RG_OK;
}

static const struct policy_statement *denied_statement(const struct policy_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->statements[i].verdict == POLICY_DENY) {
            return &plan->statements[i];
        }
    }
    return NULL;
}

static void compare_text(struct run *run, struct rg_slice wanted, struct rg_slice actual)
{
    actual = vector_trim(actual);
    if (rg_slice_is_equal(wanted, actual)) {
        return;
    }
    size_t same = 0;
    while (same < wanted.size && same < actual.size && wanted.data[same] == actual.data[same]) {
        same++;
    }
    complain(run, "other text from byte %zu on\n    expected: %.*s\n    actual:   %.*s", same, (int)wanted.size,
             wanted.data == NULL ? "" : wanted.data, (int)actual.size, actual.data == NULL ? "" : actual.data);
}

static void compare_word(struct run *run, const char *what, struct rg_slice wanted, struct rg_slice actual)
{
    if (wanted.size > 0 && !rg_slice_is_equal(wanted, actual)) {
        complain(run, "%s is %.*s, expected %.*s", what, rg_slice_shown(actual), actual.data == NULL ? "" : actual.data,
                 rg_slice_shown(wanted), wanted.data);
    }
}

static void compare_relations(struct run *run, const struct policy_statement *statement)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf = {0};
    rg_buf_init(&buf, 1 << 16);
    for (size_t i = 0; i < statement->relation_count; i++) {
        assert_ok(rg_buf_printf(&buf, "%s%.*s", i > 0 ? "," : "", rg_slice_shown(statement->relations[i]),
                                statement->relations[i].data));
    }
    compare_word(run, "relations", run->row->relations, rg_buf_slice(&buf));
}

static void compare_facts(struct run *run, const struct policy_plan *plan)
{
    if (plan->count == 0) {
        return;
    }
    const struct policy_statement *last = &plan->statements[plan->count - 1];
    compare_word(run, "class", run->row->class_name, rg_slice_of(policy_class_name(last->class_of_statement)));
    compare_word(run, "effect", run->row->effect, rg_slice_of(effects[last->effect]));
    compare_word(run, "tag", run->row->tag, last->tag);
    compare_relations(run, last);
}

/* The client's text, with each splice put in, must be what is sent. */
static void check_splices(struct run *run, const struct policy_statement *statement)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf = {0};
    rg_buf_init(&buf, (size_t)POLICY_TEXT_MAX * 2);
    size_t at = 0;
    for (size_t i = 0; i < statement->splice_count; i++) {
        const struct policy_splice *splice = &statement->splices[i];
        if (splice->at < at || splice->at > statement->source.size) {
            complain(run, "splice %zu is out of order", i);
            return;
        }
        assert_ok(rg_buf_put(&buf, rg_slice_cut(statement->source, at, splice->at - at)));
        if (rg_buf_size(&buf) != splice->out_at) {
            complain(run, "splice %zu is misplaced", i);
            return;
        }
        assert_ok(rg_buf_put(&buf, rg_slice_cut(statement->text, splice->out_at, splice->out_size)));
        at = splice->at + splice->size;
    }
    assert_ok(rg_buf_put(&buf, rg_slice_cut(statement->source, at, statement->source.size)));
    if (!rg_slice_is_equal(rg_buf_slice(&buf), statement->text)) {
        complain(run, "the splices do not rebuild the text");
    }
}

static void check_denied(struct run *run, const struct policy_statement *denied)
{
    if (denied == NULL) {
        complain(run, "denied without a denied statement");
        return;
    }
    if (strlen(denied->sqlstate) != 5 || denied->rule.size == 0 || denied->message.size == 0) {
        complain(run, "denied without SQLSTATE, rule or message");
    }
    if (denied->text.size > 0) {
        complain(run, "denied, and has a text to send");
    }
}

static void check_plan(struct run *run, const struct policy_plan *plan)
{
    const struct policy_statement *denied = denied_statement(plan);
    if (plan->is_denied) {
        check_denied(run, denied);
        return;
    }
    if (denied != NULL) {
        complain(run, "allowed with a denied statement");
    }
    for (size_t i = 0; i < plan->count; i++) {
        const struct policy_statement *statement = &plan->statements[i];
        bool is_same = rg_slice_is_equal(statement->source, statement->text);
        if (!statement->is_rewritten && statement->text.size > 0 && !is_same) {
            complain(run, "another text, not marked as rewritten");
        }
        if (statement->splice_count > 0 && !run->is_respelled) {
            check_splices(run, statement);
        }
    }
}

static void compare_denied(struct run *run, const struct policy_plan *plan)
{
    const struct policy_statement *denied = denied_statement(plan);
    if (!plan->is_denied || denied == NULL) {
        RG_AUTO(rg_buf_done) struct rg_buf buf = {0};
        rg_buf_init(&buf, (size_t)POLICY_TEXT_MAX * 4);
        assert_ok(joined(plan, &buf));
        struct rg_slice text = rg_buf_slice(&buf);
        complain(run, "allowed, expected a refusal\n    actual:   %.*s", (int)text.size, text.data);
        return;
    }
    struct rg_slice rest = run->row->text;
    struct rg_slice sqlstate = vector_take(&rest, ' ');
    if (!rg_slice_is_equal(sqlstate, RG_SLICE("?"))) {
        compare_word(run, "SQLSTATE", sqlstate, rg_slice_of(denied->sqlstate));
    }
    compare_word(run, "rule", vector_trim(rest), denied->rule);
}

static void compare_allowed(struct run *run, const struct policy_plan *plan, struct rg_slice sql)
{
    const struct policy_statement *denied = denied_statement(plan);
    if (plan->is_denied && denied != NULL) {
        complain(run, "refused with %s %.*s: %.*s\n    for:      %.*s", denied->sqlstate, rg_slice_shown(denied->rule),
                 denied->rule.data, rg_slice_shown(denied->message), denied->message.data, (int)sql.size, sql.data);
        return;
    }
    RG_AUTO(rg_buf_done) struct rg_buf buf = {0};
    rg_buf_init(&buf, (size_t)POLICY_TEXT_MAX * 4);
    assert_ok(joined(plan, &buf));
    if (run->row->result == VECTOR_EXPECT) {
        compare_text(run, run->row->text, rg_buf_slice(&buf));
    } else if (run->row->result == VECTOR_UNCHANGED) {
        compare_text(run, sql, rg_buf_slice(&buf));
    }
    compare_facts(run, plan);
}

static void compare_again(struct run *run, const struct policy_plan *a, const struct policy_plan *b)
{
    if (a->count != b->count || a->is_denied != b->is_denied) {
        complain(run, "planned twice, ruled differently");
        return;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!rg_slice_is_equal(a->statements[i].text, b->statements[i].text)) {
            complain(run, "planned twice, written differently");
        }
    }
}

/* What an accepted run would write for the case. */
static void accept_case(const struct vector_case *row, const struct policy_plan *plan, struct rg_slice sql,
                        struct rg_buf *out)
{
    RG_AUTO(rg_buf_done) struct rg_buf text = {0};
    rg_buf_init(&text, (size_t)POLICY_TEXT_MAX * 4);
    assert_ok(joined(plan, &text));
    struct rg_slice actual = vector_trim(rg_buf_slice(&text));
    assert_ok(rg_buf_put(out, row->head));
    const struct policy_statement *denied = denied_statement(plan);
    if (row->result == VECTOR_REFUSE) {
        struct rg_slice words = row->text;
        struct rg_slice sqlstate = vector_take(&words, ' ');
        if (denied != NULL && rg_slice_is_equal(sqlstate, RG_SLICE("?"))) {
            sqlstate = rg_slice_of(denied->sqlstate);
        }
        bool is_right = denied != NULL && rg_slice_is_equal(sqlstate, rg_slice_of(denied->sqlstate));
        struct rg_slice rule = is_right ? denied->rule : vector_trim(words);
        assert_ok(rg_buf_printf(out, "-- refuse: %.*s%s%.*s\n\n", rg_slice_shown(sqlstate), sqlstate.data,
                                rule.size > 0 ? " " : "", rg_slice_shown(rule), rule.size > 0 ? rule.data : ""));
    } else if (denied != NULL) {
        assert_ok(rg_buf_put(out, RG_SLICE("-- allow\n\n")));
    } else if (rg_slice_is_equal(actual, sql)) {
        assert_ok(rg_buf_put(out, RG_SLICE("-- unchanged\n\n")));
    } else {
        assert_ok(rg_buf_put(out, RG_SLICE("-- expect:\n")));
        assert_ok(rg_buf_put(out, actual));
        assert_ok(rg_buf_put(out, RG_SLICE("\n\n")));
    }
}

static void run_case(struct run *run, const struct vector_world *world, struct rg_buf *out)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena = {0};
    rg_arena_init(&arena, ARENA_BYTES);
    struct rg_slice sql = run->row->sql;
    if (run->row->is_escaped) {
        assert_ok(unescape(run->row->sql, &arena, &sql));
    }
    bool is_extended = run->row->is_extended || run->row->types.size > 0;
    enum policy_protocol protocol = is_extended ? POLICY_EXTENDED : POLICY_SIMPLE;
    struct policy_session session = world->session;
    uint32_t types[64];
    session.parameter_types = types;
    for (struct rg_slice rest = run->row->types; rest.size > 0;) {
        struct rg_slice oid = vector_take(&rest, ',');
        types[session.parameter_type_count++] = (uint32_t)strtoul(oid.data, NULL, 10);
    }
    struct policy_plan plan = {0};
    struct policy_plan again = {0};
    rg_status status = policy_plan_text(world->binding, &session, protocol, sql, &arena, &plan);
    if (!rg_is_ok(status)) {
        complain(run, "failed: %s\n    for:      %.*s", status.error->text, (int)sql.size, sql.data);
        assert_ok(rg_buf_printf(out, "%.*s-- allow\n\n", (int)run->row->head.size, run->row->head.data));
        return;
    }
    run->is_respelled = world->dialect == POLICY_HYPER;
    check_plan(run, &plan);
    assert_ok(policy_plan_text(world->binding, &session, protocol, sql, &arena, &again));
    compare_again(run, &plan, &again);
    if (run->row->result == VECTOR_MISSING) {
        complain(run, "has no result");
    } else if (run->row->result == VECTOR_REFUSE) {
        compare_denied(run, &plan);
    } else {
        compare_allowed(run, &plan, sql);
    }
    accept_case(run->row, &plan, sql, out);
}

/* ---- files ---- */

static void write_file(const char *path, struct rg_slice text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text.data, 1, text.size, file), text.size);
    assert_int_equal(fclose(file), 0);
}

static void run_text(const char *path, struct rg_slice text, struct rg_arena *arena, struct tally *tally)
{
    struct vector_file file = {0};
    struct vector_world *world = NULL;
    assert_ok(vector_file_parse(text, arena, &file));
    assert_ok(rg_arena_new(arena, &world));
    world->arena = arena;
    rg_status status = vector_world_init(world, folder, file.head);
    if (!rg_is_ok(status)) {
        fail_msg("%s: %s", path, status.error->text);
    }
    RG_AUTO(rg_buf_done) struct rg_buf out = {0};
    rg_buf_init(&out, ARENA_BYTES);
    assert_ok(rg_buf_put(&out, file.head));
    for (const struct vector_case *row = file.first; row != NULL; row = row->next) {
        struct run run = {.path = path, .row = row, .tally = tally};
        run_case(&run, world, &out);
        tally->cases++;
        tally->failures += run.has_failed ? 1 : 0;
    }
    vector_world_done(world);
    tally->files++;
    if (tally->is_accepting) {
        write_file(path, rg_buf_slice(&out));
    }
}

static int is_vector_file(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return size > 4 && strcmp(entry->d_name + size - 4, ".sql") == 0;
}

static void run_folder(const char *name, struct tally *tally)
{
    struct dirent **entries = NULL;
    int count = scandir(name, &entries, is_vector_file, alphasort);
    assert_true(count > 0);
    const char *only = getenv("ROWGATE_VECTORS_ONLY");
    for (int i = 0; i < count; i++) {
        RG_AUTO(rg_arena_done) struct rg_arena arena = {0};
        rg_arena_init(&arena, ARENA_BYTES);
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s", name, entries[i]->d_name);
        free(entries[i]);
        if (only != NULL && strstr(path, only) == NULL) {
            continue;
        }
        struct rg_slice text = {0};
        assert_ok(vector_read(path, &arena, &text));
        run_text(path, text, &arena, tally);
    }
    free(entries);
}

static void every_vector_is_ruled_and_written_as_it_says(void **state)
{
    (void)state;
    struct tally tally = {.is_accepting = getenv("ROWGATE_VECTORS_ACCEPT") != NULL};
    run_folder(folder, &tally);
    run_folder(advisories, &tally);
    print_message("%zu vectors in %zu files, %zu failed\n", tally.cases, tally.files, tally.failures);
    assert_int_equal(tally.failures, 0);
    if (getenv("ROWGATE_VECTORS_ONLY") == NULL) {
        assert_true(tally.cases >= 300);
    }
}

#define HEAD                                                                                                           \
    "-- policy on=shared.orders using=tenant_id = :tenant_id\n"                                                        \
    "-- claim tenant_id text = acme\n-- tenant acme schemas sales=t_acme\n"

/* The runner itself: what is wrong in a file is counted. */
static void a_wrong_expectation_is_noticed(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        HEAD "-- case: a\nSELECT 1\n-- refuse: 42501\n",
        HEAD "-- case: a\nSELECT 1\n-- expect:\nSELECT 2\n",
        HEAD "-- case: a\nSELECT 1\n",
        HEAD "-- case: a\nSELECT * FROM shared.orders\n-- unchanged\n",
        HEAD "-- case: a\nSELECT * FROM shared.other\n-- allow\n",
        HEAD "-- case: a\nSELECT * FROM shared.other\n-- refuse: 08P01\n",
        HEAD "-- case: a\nSELECT * FROM shared.other\n-- refuse: 42501 no.such.rule\n",
        HEAD "-- case: a\n-- class: WRITE\nSELECT 1\n-- allow\n",
        HEAD "-- case: a\n-- effect: BEGIN\nSELECT 1\n-- allow\n",
        HEAD "-- case: a\n-- relations: shared.orders\nSELECT 1\n-- allow\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        RG_AUTO(rg_arena_done) struct rg_arena arena = {0};
        rg_arena_init(&arena, ARENA_BYTES);
        struct tally tally = {.is_quiet = true};
        run_text("memory", rg_slice_of(wrong[i]), &arena, &tally);
        assert_int_equal(tally.cases, 1);
        assert_int_equal(tally.failures, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_expectation_is_noticed),
        cmocka_unit_test(every_vector_is_ruled_and_written_as_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
