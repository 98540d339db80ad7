/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence packs of small logs: what is enclosed, what hostile texts become, what gets none, and that nothing is left
 * behind. The counts of a real log are compared by tests/e2e/test_evidence.py. */
#include <dirent.h>

#include "audit/trail/evidence.h"
#include "tests/support/audit_aged.h"
#include "tests/support/audit_search_world.h"

enum { ARENA = 256 << 20, TEXT_MAX = 1 << 20 };

static struct audit_evidence_options question(const struct world *world, const char *criterion, const char *folder)
{
    return (struct audit_evidence_options){.directory = rg_slice_of(world->dir.path),
                                           .criterion = rg_slice_of(criterion),
                                           .from_us = 0,
                                           .until_us = INT64_MAX,
                                           .made_us = 1700000000000000,
                                           .folder = folder,
                                           .is_unrecorded = true,
                                           .threads = 2};
}

static void name_of(const struct world *world, const char *name, char out_path[256])
{
    (void)snprintf(out_path, 256, "%s/%s", world->dir.root, name);
}

/* A file of the pack, NUL-terminated. */
static char *load(const char *folder, const char *name)
{
    char path[512];
    char *bytes = calloc(1, TEXT_MAX);
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_true(read(fd, bytes, TEXT_MAX - 1) >= 0);
    (void)close(fd);
    return bytes;
}

static void expect(const char *folder, const char *name, const char *wanted, bool is_there)
{
    char *text = load(folder, name);
    if ((strstr(text, wanted) != NULL) != is_there) {
        fail_msg("%s %s \"%s\"", name, is_there ? "lacks" : "has", wanted);
    }
    free(text);
}

static size_t count_lines(const char *folder, const char *name)
{
    size_t count = 0;
    char *text = load(folder, name);
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++) {
        count++;
    }
    free(text);
    return count;
}

/* Names in the directory above that begin with the folder's. */
static size_t count_left(const struct world *world, const char *name)
{
    size_t count = 0;
    DIR *directory = opendir(world->dir.root);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        count += strncmp(entry->d_name, name, strlen(name)) == 0;
    }
    (void)closedir(directory);
    return count;
}

static void refused(const struct world *world, const struct audit_evidence_options *options, enum rg_kind kind)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_evidence_made made = {.record_count = 77};
    size_t before = count_left(world, "pack");
    rg_arena_init(&arena, ARENA);
    assert_fails(kind, audit_evidence_make(options, &arena, &made));
    assert_int_equal(made.record_count, 77);
    assert_int_equal(count_left(world, "pack"), before);
}

static struct audit_evidence_made make(const struct audit_evidence_options *options)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_evidence_made made = {0};
    rg_arena_init(&arena, ARENA);
    assert_ok(audit_evidence_make(options, &arena, &made));
    made.not_recorded = (struct rg_slice){0};
    return made;
}

/* ---- what is enclosed ---- */

static void encloses_what_the_criterion_asks_for(void **state)
{
    static const struct {
        const char *criterion;
        size_t lines;
    } rows[] = {{"CC6.1", 2}, {"CC6.2", 2}, {"CC6.3", 1}, {"CC6.6", 2}, {"CC6.7", 0}, {"CC7.3", 2},
                {"CC8.1", 1}, {"A1.1", 0},  {"A1.2", 0},  {"C1.1", 0},  {"C1.2", 0}};
    struct world world;
    (void)state;
    make_world(&world);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char folder[256];
        name_of(&world, rows[i].criterion, folder);
        struct audit_evidence_options options = question(&world, rows[i].criterion, folder);
        struct audit_evidence_made made = make(&options);
        if (made.population_count != rows[i].lines || count_lines(folder, "population.jsonl") != rows[i].lines) {
            fail_msg("%s: %llu enclosed", rows[i].criterion, (unsigned long long)made.population_count);
        }
        assert_int_equal(made.result, AUDIT_INTACT);
        assert_int_equal(made.first_seq, 0);
        assert_int_equal(made.last_seq, made.record_count - 1);
    }
    audit_dir_remove(&world.dir);
}

static void requests_are_counted_by_what_became_of_them(void **state)
{
    static const struct {
        const char *class_name, *action, *object;
        enum audit_phase phase;
        uint16_t status;
        enum audit_verdict verdict;
    } rows[] = {
        {"READ", "dashboard.view", "dashboard/12", AUDIT_COMBINED, 200, AUDIT_ALLOWED},
        {"READ", "dashboard.view", "dashboard/12", AUDIT_DECISION, 200, AUDIT_ALLOWED},
        {"READ", "dashboard.view", "dashboard/12", AUDIT_OUTCOME, 200, AUDIT_ALLOWED},
        {"READ", "dashboard.view", "dashboard/12", AUDIT_COMBINED, 404, AUDIT_ALLOWED},
        {"UPDATE", "dashboard.update", "dashboard/12", AUDIT_DECISION, 0, AUDIT_ALLOWED},
        {"UPDATE", "dashboard.update", "dashboard/12", AUDIT_OUTCOME, 200, AUDIT_ALLOWED},
        {"EXPORT", "chart.export", "chart/7", AUDIT_DECISION, 200, AUDIT_ALLOWED},
        {"EXPORT", "chart.export", "chart/7", AUDIT_OUTCOME, 200, AUDIT_ALLOWED},
        {"", "", "", AUDIT_COMBINED, 403, AUDIT_DENIED},
    };
    struct world world;
    struct audit_log log;
    char folder[256];
    (void)state;
    audit_dir_make(&world.dir);
    open_log(&world.dir, &log);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)put(&log, &(struct audit_event){.kind = AUDIT_HTTP,
                                              .wall_us = 5,
                                              .tenant = RG_SLICE("acme"),
                                              .user = RG_SLICE("alice"),
                                              .statement_id = i / 2,
                                              .class_name = rg_slice_of(rows[i].class_name),
                                              .action = rg_slice_of(rows[i].action),
                                              .object = rg_slice_of(rows[i].object),
                                              .phase = rows[i].phase,
                                              .status = rows[i].status,
                                              .verdict = rows[i].verdict,
                                              .bytes = 1000});
    }
    close_log(&log);
    name_of(&world, "roles", folder);
    struct audit_evidence_options options = question(&world, "CC6.3", folder);
    assert_int_equal(make(&options).population_count, 1); /* the one that was denied */
    expect(folder, "summary.md", "| `dashboard.view` | 2 | 1 |", true);
    expect(folder, "summary.md", "| `dashboard.update` | 1 | 0 |", true);
    expect(folder, "summary.md", "| `dashboard/12` | 2 | 1 | 1 |", true);
    expect(folder, "summary.md", "| `acme / alice` | 3 | 1 | 2 |", true);
    name_of(&world, "moved", folder);
    options = question(&world, "CC6.7", folder);
    (void)make(&options);
    expect(folder, "summary.md", "| `acme / alice` | 1 | 1,000 |", true);
    audit_dir_remove(&world.dir);
}

static void all_has_a_folder_for_each(void **state)
{
    struct world world;
    char folder[256];
    char below[300];
    (void)state;
    make_world(&world);
    name_of(&world, "pack", folder);
    struct audit_evidence_options options = question(&world, "all", folder);
    (void)make(&options);
    for (size_t i = 0; audit_evidence_criterion_name(i) != NULL; i++) {
        (void)snprintf(below, sizeof below, "%.200s/%s", folder, audit_evidence_criterion_name(i));
        expect(below, "summary.md", audit_evidence_criterion_title(i), true);
        expect(below, "summary.html", "What this does not show", true);
        expect(folder, "SHA256SUMS", audit_evidence_criterion_name(i), true);
    }
    expect(folder, "verify.txt", "intact", true);
    audit_dir_remove(&world.dir);
}

static void a_tenant_sees_its_own_and_what_concerns_all(void **state)
{
    struct world world;
    char folder[256];
    (void)state;
    make_world(&world);
    name_of(&world, "pack", folder);
    struct audit_evidence_options options = question(&world, "CC7.4", folder);
    options.tenant = RG_SLICE("globex");
    (void)make(&options);
    expect(folder, "population.jsonl", "\"tenant\":\"globex\"", true);
    expect(folder, "population.jsonl", "acme", false);
    expect(folder, "summary.md", "acme", false);
    expect(folder, "population.jsonl", "mallory", false);
    expect(folder, "summary.md", "1 log-ins and statements carry no tenant", true);
    audit_dir_remove(&world.dir);
}

static void long_records_come_with_their_continuations(void **state)
{
    struct world world;
    struct audit_log log;
    char folder[256];
    char *text = malloc(300001);
    (void)state;
    make_world(&world);
    memset(text, 'q', 300000);
    text[300000] = '\0';
    open_log(&world.dir, &log);
    struct audit_event event = statement("acme", "alice", text);
    event.verdict = AUDIT_DENIED;
    (void)put(&log, &event);
    event.verdict = AUDIT_ALLOWED;
    (void)put(&log, &event);
    close_log(&log);
    name_of(&world, "pack", folder);
    struct audit_evidence_options options = question(&world, "CC6.3", folder);
    struct audit_evidence_made made = make(&options);
    assert_int_equal(made.population_count, 2);
    assert_int_equal(count_lines(folder, "population.jsonl"), 2 + (300000 + 53247) / 53248);
    free(text);
    audit_dir_remove(&world.dir);
}

/* Several segments, each with more than stays in memory: one file of several gzip members, in the records' order. */
static void a_large_population_is_packed_whole_and_in_order(void **state)
{
    enum { TIMES = 24, SIZE = 200000 };
    struct world world;
    struct audit_log log;
    char folder[256];
    char command[1600];
    char *text = malloc(SIZE + 1);
    (void)state;
    make_world(&world);
    open_log(&world.dir, &log);
    for (unsigned i = 0; i < TIMES; i++) {
        memset(text, 'a' + (int)i, SIZE);
        text[SIZE] = '\0';
        struct audit_event event = statement("acme", "alice", text);
        event.verdict = AUDIT_DENIED;
        (void)put(&log, &event);
        if (i % 7 == 6) {
            assert_ok(audit_log_seal(&log));
        }
    }
    close_log(&log);
    name_of(&world, "pack", folder);
    struct audit_evidence_options options = question(&world, "CC6.6", folder);
    struct audit_evidence_made made = make(&options);
    assert_int_equal(made.population_count, TIMES + 2);
    (void)snprintf(command, sizeof command,
                   "gzip -dc '%.200s/population.jsonl.gz' "
                   "> '%.200s.plain' && cat '%s'/seg/*.jsonl | tr -d '\\000' | grep -F -x -v -f '%.200s.plain' | "
                   "grep -c '\"verdict\":\"denied\"\\|\"kind\":\"part\"\\|login.failed' | grep -qx 0 && "
                   "cut -c 26-41 '%.200s.plain' | sort -c",
                   folder, folder, world.dir.path, folder, folder);
    assert_int_equal(system(command), 0);
    free(text);
    audit_dir_remove(&world.dir);
}

static void a_pruned_beginning_is_told(void **state)
{
    struct world world = {0};
    char folder[256];
    (void)state;
    audit_dir_make(&world.dir);
    aged_fill(&world.dir, 3, 40, false);
    assert_true(aged_prune(&world.dir, AGED_KEEP) > 0);
    name_of(&world, "pack", folder);
    struct audit_evidence_options options = question(&world, "C1.1", folder);
    struct audit_evidence_made made = make(&options);
    assert_int_equal(made.result, AUDIT_INTACT);
    assert_true(made.first_seq > 40);
    assert_int_equal(made.record_count, made.last_seq - made.first_seq + 1);
    expect(folder, "summary.md", "they were removed under the retention policy", true);
    expect(folder, "summary.md", "begins before the oldest record", true);
    expect(folder, "population.jsonl", "\"kind\":\"retention.prune\"", true);
    audit_dir_remove(&world.dir);
}

static void sealed_values_are_pseudonyms_in_the_summary_alone(void **state)
{
    struct world world;
    struct audit_log log;
    char folder[256];
    (void)state;
    make_world(&world);
    open_log(&world.dir, &log);
    struct audit_event event = statement("acme", "rgenc1:AbCdEfGhIjKlMnOpQrStUv:c2VjcmV0", "");
    event.kind = AUDIT_LOGIN;
    (void)put(&log, &event);
    close_log(&log);
    name_of(&world, "pack", folder);
    struct audit_evidence_options options = question(&world, "CC6.1", folder);
    (void)make(&options);
    expect(folder, "summary.md", "`acme / sealed:AbCdEfGhIjKlMnOpQrStUv`", true);
    expect(folder, "summary.html", "c2VjcmV0", false);
    expect(folder, "population.jsonl", "rgenc1:AbCdEfGhIjKlMnOpQrStUv:c2VjcmV0", true);
    audit_dir_remove(&world.dir);
}

/* ---- hostile texts ---- */

static void hostile_texts_are_shown_and_do_nothing(void **state)
{
    static const struct rg_slice names[] = {{"<script>alert(1)</script>", 25},
                                            {"](javascript:alert(2))", 22},
                                            {"a|b`c\n# heading\n| x |", 21},
                                            {"\xe2\x80\xae"
                                             "evil",
                                             7},
                                            {"nul\0byte", 8},
                                            {"\xff\xfe\x80", 3},
                                            {"\"onload=alert(3) x='", 19},
                                            {"=cmd|'/C calc'!A0", 17},
                                            {"&lt;b&gt; &#x202e;", 18},
                                            {"</svg></table><img src=x>", 25}};
    struct world world;
    struct audit_log log;
    char folder[256];
    char *huge = malloc(1 << 20);
    (void)state;
    make_world(&world);
    memset(huge, '<', 1 << 20);
    open_log(&world.dir, &log);
    for (size_t i = 0; i <= sizeof names / sizeof names[0]; i++) {
        struct rg_slice name = i < sizeof names / sizeof names[0] ? names[i] : rg_slice_make(huge, 1 << 20);
        struct audit_event event = statement("acme", "x", "select 1");
        event.user = name;
        event.rule = name;
        event.class_name = name;
        event.client_address = name;
        event.verdict = AUDIT_DENIED;
        (void)put(&log, &event);
        event = statement("", "x", "");
        event.kind = AUDIT_LOGIN_FAILED;
        event.user = name;
        event.message = name;
        event.idp = name;
        (void)put(&log, &event);
        event.kind = AUDIT_POLICY_REFUSED;
        event.policy = name;
        (void)put(&log, &event);
        event.kind = AUDIT_PROCESS_MISBEHAVED;
        (void)put(&log, &event);
    }
    close_log(&log);
    name_of(&world, "pack", folder);
    struct audit_evidence_options options = question(&world, "all", folder);
    (void)make(&options);
    for (size_t i = 0; audit_evidence_criterion_name(i) != NULL; i++) {
        static const char *const never[] = {"<script",      "<img", "</svg></table><", "](",          "<<<",
                                            "\xe2\x80\xae", "\xff", "onload=\"",       "\n# heading", "href="};
        char below[300];
        (void)snprintf(below, sizeof below, "%.200s/%s", folder, audit_evidence_criterion_name(i));
        for (size_t k = 0; k < sizeof never / sizeof never[0]; k++) {
            expect(below, "summary.md", never[k], false);
            if (strcmp(never[k], "](") != 0) {
                expect(below, "summary.html", never[k], false);
            }
        }
    }
    (void)snprintf(folder + strlen(folder), 16, "/CC6.6");
    expect(folder, "summary.html", "&lt;script&gt;alert(1)&lt;/script&gt;", true);
    expect(folder, "summary.html", "\\u{202E}evil", true);
    expect(folder, "summary.html", "nul\\u{0}byte", true);
    expect(folder, "summary.html", "&amp;lt;b&amp;gt;", true);
    expect(folder, "summary.md", "\\u{3C}script\\u{3E}", true);
    free(huge);
    audit_dir_remove(&world.dir);
}

static void invented_names_do_not_fill_the_memory_or_the_page(void **state)
{
    struct world world;
    struct audit_log log;
    char folder[256];
    (void)state;
    make_world(&world);
    open_log(&world.dir, &log);
    for (unsigned i = 0; i < 1500; i++) {
        char name[32];
        uint64_t seq = 0;
        (void)snprintf(name, sizeof name, "bot-%u", i);
        struct audit_event event = statement("", name, "");
        event.kind = AUDIT_LOGIN_FAILED;
        assert_ok(audit_dir_append(&log, &event, &seq));
    }
    assert_ok(audit_log_commit(&log));
    close_log(&log);
    name_of(&world, "pack", folder);
    struct audit_evidence_options options = question(&world, "CC6.1", folder);
    struct audit_evidence_made made = make(&options);
    assert_int_equal(made.population_count, 1502);
    expect(folder, "summary.md", "(all others together)", true);
    expect(folder, "summary.md", "More than 1000 different values", true);
    expect(folder, "summary.md", "1,501 failed", true);
    audit_dir_remove(&world.dir);
}

/* ---- what gets none ---- */

static void wrong_questions_get_none(void **state)
{
    struct world world;
    char folder[256];
    char there[256];
    (void)state;
    make_world(&world);
    name_of(&world, "pack", folder);
    name_of(&world, "log", there);
    struct audit_evidence_options options = question(&world, "CC6.9", folder);
    refused(&world, &options, RG_CONFIG);
    options = question(&world, "", folder);
    refused(&world, &options, RG_CONFIG);
    options = question(&world, "CC6.1", folder);
    options.from_us = options.until_us;
    refused(&world, &options, RG_CONFIG);
    options = question(&world, "CC6.1", there);
    refused(&world, &options, RG_CONFIG);
    options = question(&world, "CC6.1", "/nonexistent/folder/pack");
    refused(&world, &options, RG_STORAGE);
    options = question(&world, "CC6.1", folder);
    options.directory = RG_SLICE("/nonexistent/log");
    refused(&world, &options, RG_STORAGE);
    audit_dir_remove(&world.dir);
}

/* Each byte of the middle of the log, changed: no pack. With the wish to have one all the same: it says so first. */
static void a_changed_log_gives_none(void **state)
{
    struct world world;
    struct audit_file file;
    char folder[256];
    (void)state;
    make_world(&world);
    name_of(&world, "pack", folder);
    audit_file_load(&world.dir, "seg/0000000000000000.jsonl", &file);
    for (size_t at = 5; at < file.size; at += file.size / 40) {
        struct audit_evidence_options options = question(&world, "all", folder);
        audit_file_poke(&file, at, (char)(file.bytes[at] ^ 1));
        refused(&world, &options, RG_DENIED);
        options.is_despite_findings = true;
        struct audit_evidence_made made = make(&options);
        assert_int_not_equal(made.result, AUDIT_INTACT);
        char *text = load(folder, "CC6.1/summary.md");
        assert_int_equal(strncmp(text, "**THIS LOG DOES NOT VERIFY", 26), 0);
        free(text);
        expect(folder, "CC6.1/summary.html", "THIS LOG DOES NOT VERIFY", true);
        audit_dir_run("rm -rf", folder, "");
        audit_file_restore(&file);
    }
    free(file.bytes);
    audit_dir_remove(&world.dir);
}

static void a_missing_segment_gives_none(void **state)
{
    struct world world;
    char folder[256];
    (void)state;
    make_world(&world);
    name_of(&world, "pack", folder);
    audit_dir_run("sh -c 'rm $0/seg/0000000000000000.jsonl'", world.dir.path, "");
    struct audit_evidence_options options = question(&world, "all", folder);
    refused(&world, &options, RG_DENIED);
    audit_dir_remove(&world.dir);
}

/* ---- the record of its making ---- */

static void its_making_is_a_record_that_holds_its_digest(void **state)
{
    struct world world;
    char folder[256];
    char again[256];
    char object[128];
    (void)state;
    make_world(&world);
    name_of(&world, "pack", folder);
    name_of(&world, "pack2", again);
    struct audit_evidence_options options = question(&world, "CC6.7", folder);
    options.is_unrecorded = false;
    struct audit_evidence_made made = make(&options);
    assert_true(made.recorded_seq > made.last_seq);
    options = question(&world, "CC6.7", again);
    struct audit_evidence_made second = make(&options);
    assert_int_equal(second.population_count, 1);
    (void)snprintf(object, sizeof object, "\"object\":\"evidence CC6.7 sha256:%s\"", made.digest);
    expect(again, "population.jsonl", object, true);
    expect(folder, "manifest.json", made.digest, true);
    audit_dir_remove(&world.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encloses_what_the_criterion_asks_for),
        cmocka_unit_test(requests_are_counted_by_what_became_of_them),
        cmocka_unit_test(all_has_a_folder_for_each),
        cmocka_unit_test(a_tenant_sees_its_own_and_what_concerns_all),
        cmocka_unit_test(long_records_come_with_their_continuations),
        cmocka_unit_test(a_large_population_is_packed_whole_and_in_order),
        cmocka_unit_test(a_pruned_beginning_is_told),
        cmocka_unit_test(sealed_values_are_pseudonyms_in_the_summary_alone),
        cmocka_unit_test(hostile_texts_are_shown_and_do_nothing),
        cmocka_unit_test(invented_names_do_not_fill_the_memory_or_the_page),
        cmocka_unit_test(wrong_questions_get_none),
        cmocka_unit_test(a_changed_log_gives_none),
        cmocka_unit_test(a_missing_segment_gives_none),
        cmocka_unit_test(its_making_is_a_record_that_holds_its_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
