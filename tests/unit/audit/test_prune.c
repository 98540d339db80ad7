/* SPDX-License-Identifier: Apache-2.0 */
/* Retention: what goes, what stays, and that a log without its beginning opens, goes on and verifies, wherever a prune
 * was killed or failed. */
#include "audit/keep/prune.h"

#include <errno.h>

#include "audit/keep/hold.h"
#include "audit/keep/keep.h"
#include "tests/support/audit_aged.h"
#include "tests/support/auditor_rig.h"
#include "tests/support/failing_store.h"

static void prunes_what_is_over_and_goes_on(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make(&dir);
    aged_fill(&dir, 4, 300, false);
    assert_int_equal(aged_segments(&dir), 5);
    assert_int_equal(aged_prune(&dir, AGED_KEEP), 4);
    assert_int_equal(aged_segments(&dir), 1);
    assert_intact(&dir, 0);
    audit_dir_fill(&dir, 40); /* the tenants' chains go on over the cut */
    assert_intact(&dir, 0);
    assert_int_equal(aged_prune(&dir, AGED_KEEP), 0);
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

static void prunes_at_a_running_auditor(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    struct audit_client *client = NULL;
    struct audit_order_reply reply = {0};
    audit_dir_make(&dir);
    aged_fill(&dir, 3, 300, false);
    struct auditor_options options = audit_dir_options(&dir);
    options.retention = RG_SLICE(AGED_KEEP);
    assert_ok(rig_start(&rig, &options));
    assert_ok(audit_client_open(rig.door, 0, &client));
    const struct audit_order dry = {.kind = AUDIT_ORDER_PRUNE, .is_dry_run = true};
    assert_ok(aged_order(&dir, &dry, &reply));
    assert_int_equal(reply.count, 3);
    assert_int_equal(reply.seq, 0);
    assert_int_equal(aged_segments(&dir), 4);
    const struct audit_order order = {.kind = AUDIT_ORDER_PRUNE};
    assert_ok(aged_order(&dir, &order, &reply));
    assert_int_equal(reply.count, 3);
    assert_int_equal(aged_segments(&dir), 1);
    assert_true(rig_write_one(client, 1));
    assert_intact(&dir, 0);
    audit_client_close(&client);
    assert_true(rig_stop(&rig));
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

static void prunes_nothing_without_a_retention(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_order_reply reply = {.count = 77};
    audit_dir_make(&dir);
    aged_fill(&dir, 2, 10, false);
    const struct audit_order order = {.kind = AUDIT_ORDER_PRUNE};
    assert_fails(RG_CONFIG, aged_order(&dir, &order, &reply));
    assert_int_equal(reply.count, 77);
    assert_int_equal(aged_segments(&dir), 3);
    audit_dir_remove(&dir);
}

/* ---- rules ---- */

static void keeps_what_a_rule_keeps(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *retention;
        uint64_t count; /* of three segments: acme's, globex', nobody's */
    } rows[] = {
        {"all over", AGED_KEEP, 3},
        {"all kept", "{\"keep_us\":9000000000000000}", 0},
        {"a tenant kept longer",
         "{\"keep_us\":864000000000,\"rules\":[{\"tenants\":[\"globex\"],\"keep_us\":9000000000000000}]}", 1},
        {"another tenant",
         "{\"keep_us\":864000000000,\"rules\":[{\"tenants\":[\"glob\"],\"keep_us\":9000000000000000}]}", 3},
        {"the longest of two rules",
         "{\"keep_us\":864000000000,\"rules\":[{\"tenants\":[\"globex\"],\"keep_us\":9000000000000000},"
         "{\"classes\":[\"statement\"],\"keep_us\":1}]}",
         1},
        {"the log's own records kept",
         "{\"keep_us\":864000000000,\"rules\":[{\"classes\":[\"log\"],\"keep_us\":9000000000000000}]}", 0},
        {"one kind", "{\"keep_us\":9000000000000000,\"rules\":[{\"classes\":[\"statement\",\"log\"],\"keep_us\":1}]}",
         3},
        {"not stored outside", "{\"keep_us\":864000000000,\"needs_export\":true}", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct audit_dir dir;
        audit_dir_make_fast(&dir);
        aged_fill(&dir, 3, 20, true);
        uint64_t count = aged_prune(&dir, rows[i].retention);
        if (count != rows[i].count) {
            fail_msg("%s: %d segments", rows[i].name, (int)count);
        }
        assert_intact(&dir, 0);
        audit_dir_remove(&dir);
    }
}

static void refuses_retentions_of_another_form(void **state)
{
    (void)state;
    static const char *const bad[] = {"{}",
                                      "[]",
                                      "x",
                                      "{\"keep_us\":0}",
                                      "{\"keep_us\":\"1\"}",
                                      "{\"keep_us\":1,\"keep_us\":2}",
                                      "{\"keep_us\":1,\"more\":2}",
                                      "{\"keep_us\":1,\"needs_export\":1}",
                                      "{\"keep_us\":1,\"rules\":{}}",
                                      "{\"keep_us\":1,\"rules\":[{}]}",
                                      "{\"keep_us\":1,\"rules\":[{\"keep_us\":1,\"tenants\":[]}]}",
                                      "{\"keep_us\":1,\"rules\":[{\"keep_us\":1,\"tenants\":[\"\"]}]}",
                                      "{\"keep_us\":1,\"rules\":[{\"keep_us\":1,\"x\":[\"a\"]}]}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        struct audit_retention retention = {.keep_us = 77};
        rg_arena_init(&arena, 1 << 20);
        assert_fails(RG_CONFIG, audit_retention_parse(rg_slice_of(bad[i]), &arena, &retention));
        assert_int_equal(retention.keep_us, 77);
    }
}

/* What export.segment confirms goes; and what is confirmed again, or not from the beginning, does no harm. */
static void prunes_what_is_confirmed_outside(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make(&dir);
    aged_fill(&dir, 3, 20, false);
    struct auditor_options options = audit_dir_options(&dir);
    struct audit_log log = {0};
    assert_ok(audit_log_open(&options, &log));
    const uint64_t ranges[][2] = {{40, 60}, {0, 10}, {11, 30}, {5, 12}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        const struct audit_event event = {
            .kind = AUDIT_EXPORT_SEGMENT, .first_seq = ranges[i][0], .last_seq = ranges[i][1]};
        assert_ok(audit_log_note(&log, &event));
    }
    assert_int_equal(log.confirmed_seq, 31);
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    assert_int_equal(aged_prune(&dir, "{\"keep_us\":9000000000000000,\"local_us\":1,\"needs_export\":true}"), 1);
    assert_int_equal(aged_segments(&dir), 3);
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

/* ---- holds ---- */

static void keeps_what_a_hold_concerns(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct audit_order hold;
        uint64_t count; /* of three segments, a day apart: acme's, globex', nobody's */
    } rows[] = {
        {"of a tenant", {.tenant = {"globex", 6}}, 1},
        {"of the first one", {.tenant = {"acme", 4}}, 0},
        {"of a tenant without records", {.tenant = {"nobody", 6}}, 3},
        {"of a time before", {.until_us = AGED_START - 1}, 3},
        {"of a time until then", {.until_us = AGED_START + 1000000}, 0},
        {"of a time since the second day", {.from_us = AGED_START + AGED_DAY}, 1},
        {"of a tenant at another time", {.tenant = {"globex", 6}, .until_us = AGED_START + 1000000}, 3},
        {"of a person at all times", {.subject = {"carol", 5}}, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct audit_dir dir;
        struct audit_order hold = rows[i].hold;
        struct audit_order_reply reply = {0};
        audit_dir_make_fast(&dir);
        aged_fill(&dir, 3, 20, true);
        hold.kind = AUDIT_ORDER_HOLD_PLACE;
        hold.reason = RG_SLICE("case 7");
        assert_ok(aged_order(&dir, &hold, &reply));
        uint64_t count = aged_prune(&dir, AGED_KEEP);
        if (count != rows[i].count) {
            fail_msg("%s: %d segments", rows[i].name, (int)count);
        }
        assert_intact(&dir, 0);
        audit_dir_remove(&dir);
    }
}

/* Its record goes with a segment; it does not. */
static void carries_a_hold_on(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_order_reply reply = {0};
    struct audit_holds holds = {0};
    audit_dir_make(&dir);
    aged_fill(&dir, 1, 20, false);
    struct audit_order hold = {.kind = AUDIT_ORDER_HOLD_PLACE,
                               .tenant = RG_SLICE("globex"),
                               .subject = RG_SLICE("bob"),
                               .until_us = AGED_START - 1,
                               .reason = RG_SLICE("a case of long ago")};
    assert_ok(aged_order(&dir, &hold, &reply));
    struct auditor_options options = audit_dir_options(&dir);
    struct audit_log log = {0};
    assert_ok(audit_log_open(&options, &log));
    assert_ok(audit_log_seal(&log));
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    assert_int_equal(aged_segments(&dir), 3);
    assert_int_equal(aged_prune(&dir, "{\"keep_us\":1}"), 2);
    assert_ok(audit_holds_load(rg_slice_of(dir.path), &holds));
    assert_int_equal(holds.count, 1);
    assert_true(rg_slice_is_equal(holds.items[0].tenant, RG_SLICE("globex")));
    assert_true(rg_slice_is_equal(holds.items[0].subject, RG_SLICE("bob")));
    assert_true(rg_slice_is_equal(holds.items[0].reason, RG_SLICE("a case of long ago")));
    assert_int_equal(holds.items[0].until_us, AGED_START - 1);
    audit_holds_done(&holds);
    assert_intact(&dir, 0);
    audit_dir_fill(&dir, 3); /* and over a start */
    assert_ok(audit_holds_load(rg_slice_of(dir.path), &holds));
    assert_int_equal(holds.count, 1);
    audit_holds_done(&holds);
    audit_dir_remove(&dir);
}

/* ---- faults and kills ---- */

/* A prune of all that may go, through this store. */
static rg_status prune_through(const struct audit_dir *dir, const struct audit_store *store)
{
    struct auditor_options options = audit_dir_options(dir);
    struct audit_log log = {0};
    struct audit_keep keep = {0};
    struct audit_order_reply reply = {0};
    const struct audit_order order = {.kind = AUDIT_ORDER_PRUNE};
    bool is_pending = false;
    options.store = store;
    RG_TRY(audit_log_open(&options, &log));
    rg_status status = audit_keep_open(&keep, &log, RG_SLICE(AGED_KEEP));
    for (int i = 0; i < 3000 && rg_is_ok(status) && audit_prune_is_going(&keep.prune); i++) {
        status = audit_keep_turn(&keep); /* what was left before */
        (void)usleep(200);
    }
    status = rg_is_ok(status) ? audit_keep_obey(&keep, &order, RG_SLICE("test"), &reply, &is_pending) : status;
    for (int i = 0; i < 3000 && rg_is_ok(status) && audit_prune_is_going(&keep.prune); i++) {
        status = audit_keep_turn(&keep);
        (void)usleep(200);
    }
    status = rg_is_ok(status) ? audit_log_stop(&log) : status;
    audit_keep_done(&keep);
    audit_log_done(&log);
    return status;
}

static void save(const struct audit_dir *dir)
{
    char copy[96];
    (void)snprintf(copy, sizeof copy, "%s/saved", dir->root);
    audit_dir_run("cp -r", dir->path, copy);
}

static void restore(const struct audit_dir *dir)
{
    char copy[96];
    (void)snprintf(copy, sizeof copy, "%s/saved", dir->root);
    audit_dir_run("rm -rf", dir->path, dir->path);
    audit_dir_run("cp -r", copy, dir->path);
}

static void check_after(const struct audit_dir *dir, int call)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 16 << 20);
    struct audit_report report = audit_dir_verify(dir, &arena);
    bool is_torn = report.result == AUDIT_TRUNCATED && report.record_count > 60; /* a line half written */
    if (report.result != AUDIT_INTACT && !is_torn) {
        fail_msg("call %d: %.*s record %d: %.*s", call, RG_SLICE_ARGS(report.findings[0].file),
                 (int)report.findings[0].seq, RG_SLICE_ARGS(report.findings[0].reason));
    }
    assert_ok(prune_through(dir, NULL)); /* opens, finishes, prunes the rest */
    report = audit_dir_verify(dir, &arena);
    assert_int_equal(report.result, AUDIT_INTACT);
    assert_true(report.pruned_size > 60); /* both old segments; what a fault ended is young */
    assert_true(aged_segments(dir) <= 3);
}

static void survives_a_store_that_fails_at_any_call(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make_fast(&dir);
    aged_fill(&dir, 2, 30, false);
    save(&dir);
    struct failing none = {.files = audit_store_files(), .error = EIO};
    struct audit_store store = failing_store(&none);
    assert_ok(prune_through(&dir, &store));
    int calls = atomic_load(&none.calls);
    for (int call = 1; call <= calls; call += 1 + calls / 40) {
        for (int mode = FAILING_FROM; mode <= FAILING_ONCE; mode++) {
            struct failing failing = {
                .files = audit_store_files(), .error = EIO, .fail_at = call, .mode = (enum failing_mode)mode};
            restore(&dir);
            store = failing_store(&failing);
            rg_status status = prune_through(&dir, &store);
            (void)status; /* it may well have succeeded: nobody waits for some calls */
            check_after(&dir, call);
        }
    }
    audit_dir_remove(&dir);
}

static void survives_a_kill_before_any_call(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make_fast(&dir);
    aged_fill(&dir, 2, 30, false);
    save(&dir);
    for (int call = 1, ended = FAILING_STATUS; ended == FAILING_STATUS && call < 600; call += 1 + call / 12) {
        struct failing failing = {.files = audit_store_files(), .error = EIO, .fail_at = call, .mode = FAILING_EXIT};
        struct audit_store store = failing_store(&failing);
        restore(&dir);
        pid_t child = fork();
        if (child == 0) {
            _exit(rg_is_ok(prune_through(&dir, &store)) ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &ended, 0), child);
        assert_true(WIFEXITED(ended));
        ended = WEXITSTATUS(ended);
        check_after(&dir, call);
    }
    audit_dir_remove(&dir);
}

/* ---- what nobody signed ---- */

/* The log as it is signed now, with a prune behind that, whole and right, as anybody can compute one who can write the
 * files: it takes no key to declare. */
static void forge_prune(const struct audit_dir *dir)
{
    struct auditor_options options = audit_dir_options(dir);
    struct audit_log log = {0};
    struct audit_keep keep = {0};
    struct audit_order_reply reply = {0};
    char command[256];
    const struct audit_order order = {.kind = AUDIT_ORDER_PRUNE};
    bool is_pending = false;
    save(dir);
    assert_ok(audit_log_open(&options, &log));
    assert_ok(audit_keep_open(&keep, &log, RG_SLICE("{\"keep_us\":1}")));
    assert_ok(audit_keep_obey(&keep, &order, RG_SLICE("rowgate"), &reply, &is_pending));
    for (int i = 0; i < 3000 && log.pruned[1].seq == 0; i++) {
        assert_ok(audit_keep_turn(&keep));
        (void)usleep(200);
    }
    assert_int_not_equal(log.pruned[1].seq, 0);
    audit_keep_done(&keep);
    audit_log_done(&log);
    (void)snprintf(command, sizeof command, "cd '%s' && rm -rf saved/seg && cp -r '%s/seg' '%s/pruned' saved/",
                   dir->root, dir->path, dir->path);
    assert_int_equal(system(command), 0);
    restore(dir);
}

static void start_with(const struct audit_dir *dir, const char *retention)
{
    struct auditor_options options = audit_dir_options(dir);
    struct audit_log log = {0};
    struct audit_keep keep = {0};
    assert_ok(audit_log_open(&options, &log));
    assert_ok(audit_keep_open(&keep, &log, rg_slice_of(retention)));
    for (int i = 0; i < 3000 && audit_prune_is_going(&keep.prune); i++) {
        assert_ok(audit_keep_turn(&keep));
        (void)usleep(200);
    }
    assert_ok(audit_log_stop(&log));
    audit_keep_done(&keep);
    audit_log_done(&log);
}

static void assert_incomplete_without_the_first_segment(const struct audit_dir *dir)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    char command[160];
    rg_arena_init(&arena, 16 << 20);
    (void)snprintf(command, sizeof command, "rm '%s/seg/0000000000000000.jsonl'", dir->path);
    assert_int_equal(system(command), 0);
    assert_int_equal(audit_dir_verify(dir, &arena).result, AUDIT_INCOMPLETE);
}

/* A start signs the tail that it finds: not so that a prune in it counts. */
static void carries_out_no_prune_that_nothing_signed(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make_fast(&dir);
    aged_fill(&dir, 2, 30, false);
    forge_prune(&dir);
    size_t segments = aged_segments(&dir);
    for (int i = 0; i < 3; i++) { /* the later ones find it signed */
        start_with(&dir, "{\"keep_us\":9000000000000000}");
        assert_int_equal(aged_segments(&dir), segments);
        assert_intact(&dir, 0);
    }
    assert_incomplete_without_the_first_segment(&dir);
    audit_dir_remove(&dir);
}

/* A kill between record and signature is honest: the next prune declares the segment again. */
static void declares_again_what_nothing_signed(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make_fast(&dir);
    aged_fill(&dir, 2, 30, false);
    forge_prune(&dir);
    assert_ok(prune_through(&dir, NULL));
    assert_intact(&dir, 0);
    assert_true(aged_segments(&dir) <= 2);
    start_with(&dir, AGED_KEEP);
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

/* Declares the first segment and places a hold before it goes. */
static void place_hold_over_declared(const struct audit_dir *dir)
{
    struct auditor_options options = audit_dir_options(dir);
    struct audit_log log = {0};
    struct audit_keep keep = {0};
    struct audit_order_reply reply = {0};
    const struct audit_order order = {.kind = AUDIT_ORDER_PRUNE};
    const struct audit_order hold = {
        .kind = AUDIT_ORDER_HOLD_PLACE, .tenant = RG_SLICE("acme"), .reason = RG_SLICE("case 8")};
    bool is_pending = false;
    assert_ok(audit_log_open(&options, &log));
    assert_ok(audit_keep_open(&keep, &log, RG_SLICE(AGED_KEEP)));
    assert_ok(audit_keep_obey(&keep, &order, RG_SLICE("test"), &reply, &is_pending));
    for (int i = 0; i < 3000 && log.pruned[1].seq == 0; i++) {
        assert_ok(audit_keep_turn(&keep));
        (void)usleep(200);
    }
    assert_int_not_equal(log.pruned[1].seq, 0);
    assert_ok(audit_keep_obey(&keep, &hold, RG_SLICE("test"), &reply, &is_pending));
    for (int i = 0; i < 3000 && audit_prune_is_going(&keep.prune); i++) {
        assert_ok(audit_keep_turn(&keep));
        (void)usleep(200);
    }
    assert_int_equal(log.holds.count, 1);
    assert_ok(audit_log_stop(&log));
    audit_keep_done(&keep);
    audit_log_done(&log);
}

/* It is declared and signed: nothing else would show that it went under the hold. */
static void a_hold_makes_void_what_was_declared_and_is_there(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_holds holds = {0};
    struct audit_order_reply reply = {0};
    audit_dir_make_fast(&dir);
    aged_fill(&dir, 2, 30, false);
    size_t segments = aged_segments(&dir);
    place_hold_over_declared(&dir);
    start_with(&dir, AGED_KEEP);
    assert_int_equal(aged_segments(&dir), segments);
    assert_intact(&dir, 0);
    save(&dir);
    assert_incomplete_without_the_first_segment(&dir);
    restore(&dir);
    assert_ok(audit_holds_load(rg_slice_of(dir.path), &holds));
    assert_int_equal(holds.count, 1);
    const struct audit_order release = {
        .kind = AUDIT_ORDER_HOLD_RELEASE, .object = holds.items[0].id, .reason = RG_SLICE("settled")};
    assert_ok(aged_order(&dir, &release, &reply));
    audit_holds_done(&holds);
    assert_int_equal(aged_prune(&dir, AGED_KEEP), 2);
    assert_intact(&dir, 0);
    start_with(&dir, AGED_KEEP);
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prunes_what_is_over_and_goes_on),
        cmocka_unit_test(prunes_at_a_running_auditor),
        cmocka_unit_test(prunes_nothing_without_a_retention),
        cmocka_unit_test(keeps_what_a_rule_keeps),
        cmocka_unit_test(refuses_retentions_of_another_form),
        cmocka_unit_test(prunes_what_is_confirmed_outside),
        cmocka_unit_test(keeps_what_a_hold_concerns),
        cmocka_unit_test(carries_a_hold_on),
        cmocka_unit_test(survives_a_store_that_fails_at_any_call),
        cmocka_unit_test(survives_a_kill_before_any_call),
        cmocka_unit_test(carries_out_no_prune_that_nothing_signed),
        cmocka_unit_test(declares_again_what_nothing_signed),
        cmocka_unit_test(a_hold_makes_void_what_was_declared_and_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
