/* SPDX-License-Identifier: Apache-2.0 */
/* What was exported of a pruned log verifies without tiles, by the base alone, and by no base that is not its own. */
#include "audit/keep/base.h"

#include "audit/export/depot.h"
#include "tests/support/audit_aged.h"

enum { SEGMENTS = 4 };

static void run(const struct audit_dir *dir, const char *script)
{
    char command[512];
    (void)snprintf(command, sizeof command, "cd '%s' && { %s; }", dir->path, script);
    assert_int_equal(system(command), 0);
}

/* A log of 1,216 records or so that begins behind four segments, without its tiles and older checkpoints: as `verify
 * s3://` lays it out. Returns where it begins. */
static uint64_t make(struct audit_dir *dir, uint64_t count)
{
    struct audit_order_reply reply = {0};
    const struct audit_order order = {.kind = AUDIT_ORDER_PRUNE, .retention = RG_SLICE(AGED_KEEP)};
    char script[256];
    audit_dir_make_fast(dir);
    aged_fill(dir, SEGMENTS, count, false);
    audit_dir_fill(dir, 700);
    assert_ok(aged_order(dir, &order, &reply));
    assert_int_equal(reply.count, SEGMENTS);
    audit_dir_fill(dir, 50);
    assert_intact(dir, 0);
    (void)snprintf(script, sizeof script,
                   "rm -rf tile; for f in ckpt/*; do [ \"$f\" '>' ckpt/%016llu.note ] || rm $f; done",
                   (unsigned long long)reply.last_seq + 1);
    run(dir, script);
    return reply.last_seq + 1;
}

static struct audit_report verify(const struct audit_dir *dir, struct rg_arena *arena)
{
    const struct audit_verify_options options = {.directory = rg_slice_of(dir->path), .has_no_tiles = true};
    struct audit_report report = {0};
    assert_ok(audit_verify_with(&options, arena, &report));
    return report;
}

static void expect(const struct audit_dir *dir, enum audit_result result, uint64_t pruned)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 16 << 20);
    struct audit_report report = verify(dir, &arena);
    if (report.result != result) {
        fail_msg("result %d: %.*s", (int)report.result,
                 RG_SLICE_ARGS(report.finding_count == 0 ? RG_SLICE("") : report.findings[0].reason));
    }
    if (result == AUDIT_INTACT) {
        assert_int_equal(report.pruned_size, pruned);
    }
}

static void a_log_without_beginning_and_tiles_verifies_by_its_base(void **state)
{
    static const uint64_t counts[] = {20, 62, 63, 64, 300}; /* on both sides of a whole tile */
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct audit_dir dir;
        uint64_t begin = make(&dir, counts[i]);
        expect(&dir, AUDIT_INTACT, begin);
        audit_dir_remove(&dir);
    }
}

static void a_base_that_is_missing_or_changed_is_told(void **state)
{
    static const struct {
        const char *script;
        enum audit_result result;
    } rows[] = {
        {"rm pruned/*.base", AUDIT_INCOMPLETE},
        {"truncate -s 100 pruned/*.base", AUDIT_INCOMPLETE},
        {"sed -i 's/^tenants 3/tenants 4/' pruned/*.base", AUDIT_INCOMPLETE},
        {"sed -i 's/^prev ./prev f/' pruned/*.base && sed -i 's/^hlc 1/hlc 2/' pruned/*.base", AUDIT_INCOMPLETE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct audit_dir dir;
        (void)make(&dir, 70);
        run(&dir, rows[i].script);
        expect(&dir, rows[i].result, 0);
        audit_dir_remove(&dir);
    }
}

/* The sum at its end is no signature: a forger makes a new one. The signed root and the record tell. */
static void a_base_that_was_made_anew_is_told(void **state)
{
    static const char *const changes[] = {
        "s/^\\(tile 0 [0-9]*\\)$/\\1/;/^tile 0/{n;s/^.\\{8\\}/00000000/}", /* a hash of an open tile */
        "s/^0000000000000\\([0-9]* .* acme\\)$/0000000000009\\1/",         /* how many records a tenant
                                                                                                    had */
        "s/^prev ......../prev 00000000/",
        "s/^epoch ./epoch 9/",
    };
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct audit_dir dir;
        char script[400];
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        rg_arena_init(&arena, 16 << 20);
        (void)make(&dir, 70);
        (void)snprintf(script, sizeof script,
                       "set -- pruned/*.base; cp $1 was; sed -i -e '%s' -e '/^check/d' $1; "
                       "s=$(sha256sum < $1 | cut -c1-64); echo \"check $s\" >> $1; ! cmp -s $1 was && rm was",
                       changes[i]);
        run(&dir, script);
        struct audit_report report = verify(&dir, &arena);
        if (report.result == AUDIT_INTACT) {
            fail_msg("believed: %s", changes[i]);
        }
        audit_dir_remove(&dir);
    }
}

/* The n-th segment and what is before it is stored outside. */
static void confirm(const struct audit_dir *dir, size_t number)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_segments segments = {0};
    struct audit_log log = {0};
    rg_arena_init(&arena, 1 << 20);
    audit_dir_open(dir, &log);
    assert_ok(audit_segments_load(log.directory_fd, &arena, &segments));
    const struct audit_event event = {.kind = AUDIT_EXPORT_SEGMENT, .last_seq = segments.first_seqs[number + 1] - 1};
    assert_ok(audit_log_note(&log, &event));
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
}

/* For the uploader, who may come later; without a bucket only the newest is of use. */
static void bases_are_kept_some_days_for_a_bucket(void **state)
{
    static const char exported[] = "{\"keep_us\":864000000000,\"needs_export\":true}";
    struct audit_dir dir;
    (void)state;
    audit_dir_make_fast(&dir);
    aged_fill(&dir, SEGMENTS, 20, false);
    confirm(&dir, 1);
    assert_int_equal(aged_prune(&dir, exported), 2);
    run(&dir, "[ $(ls pruned/*.base | wc -l) = 2 ]");
    run(&dir, "touch -d '8 days ago' pruned/*.base");
    confirm(&dir, 0);
    assert_int_equal(aged_prune(&dir, exported), 1);
    run(&dir, "[ $(ls pruned/*.base | wc -l) = 1 ]");
    assert_int_equal(aged_prune(&dir, AGED_KEEP), 1);
    run(&dir, "[ $(ls pruned/*.base | wc -l) = 1 ]");
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

static void names_of_bases(void **state)
{
    char key[S3_KEY_MAX + 1];
    uint64_t size = 77;
    (void)state;
    assert_ok(depot_base_key("n", 46, key));
    assert_string_equal(key, "pruned/v1/node=n/0000000000000046.base");
    assert_false(depot_base_name_parse(RG_SLICE("0000000000000000.base"), &size));
    assert_false(depot_base_name_parse(RG_SLICE("0000000000000046.note"), &size));
    assert_false(depot_base_name_parse(RG_SLICE("new"), &size));
    assert_int_equal(size, 77);
    assert_true(depot_base_name_parse(RG_SLICE("0000000000000046.base"), &size));
    assert_int_equal(size, 46);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_without_beginning_and_tiles_verifies_by_its_base),
        cmocka_unit_test(a_base_that_is_missing_or_changed_is_told),
        cmocka_unit_test(a_base_that_was_made_anew_is_told),
        cmocka_unit_test(bases_are_kept_some_days_for_a_bucket),
        cmocka_unit_test(names_of_bases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
