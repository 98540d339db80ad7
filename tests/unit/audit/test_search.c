/* SPDX-License-Identifier: Apache-2.0 */
/* Search: what it finds, in logs that go on, are damaged, or are large. */
#include "tests/support/audit_search_world.h"

#include <time.h>

static void finds_by_each_condition(void **state)
{
    (void)state;
    struct world w;
    make_world(&w);
    const struct {
        const char *name;
        struct audit_criteria criteria;
        uint64_t seqs[3];
        size_t count;
    } rows[] = {
        {"tenant", {.tenant = RG_SLICE("globex")}, {w.denied, w.write}, 2},
        {"no such tenant", {.tenant = RG_SLICE("glob")}, {0}, 0},
        {"subject", {.subject = RG_SLICE("oid-17")}, {w.login, w.failed, w.read}, 3},
        {"user", {.subject = RG_SLICE("bob")}, {w.denied, w.write}, 2},
        {"read", {.action = RG_SLICE("read")}, {w.read, w.denied}, 2},
        {"write", {.action = RG_SLICE("write")}, {w.write}, 1},
        {"denied", {.action = RG_SLICE("denied")}, {w.denied}, 1},
        {"failed", {.action = RG_SLICE("failed")}, {w.failed, w.denied}, 2},
        {"login", {.action = RG_SLICE("login")}, {w.login}, 1},
        {"table", {.table = RG_SLICE("events")}, {w.denied, w.write}, 2},
        {"schema.table", {.table = RG_SLICE("t_acme.lines")}, {w.read}, 1},
        {"part of a table", {.table = RG_SLICE("line")}, {0}, 0},
        {"text", {.text = RG_SLICE("ayloa")}, {w.denied}, 1},
        {"text in another case", {.text = RG_SLICE("PAYLOAD FROM")}, {w.denied}, 1},
        {"two letters", {.text = RG_SLICE("jo")}, {w.read}, 1},
        {"message", {.text = RG_SLICE("has expired")}, {w.failed}, 1},
        {"table and action", {.table = RG_SLICE("events"), .action = RG_SLICE("write")}, {w.write}, 1},
        {"all",
         {.tenant = RG_SLICE("globex"), .subject = RG_SLICE("bob"), .text = RG_SLICE("events")},
         {w.denied, w.write},
         2},
        {"all but one", {.tenant = RG_SLICE("acme"), .subject = RG_SLICE("bob"), .text = RG_SLICE("events")}, {0}, 0},
        {"full text syntax", {.text = RG_SLICE("events\" OR \"orders")}, {0}, 0},
        {"a star", {.text = RG_SLICE("pay*")}, {0}, 0},
        {"a percent sign", {.text = RG_SLICE("pay%load")}, {0}, 0},
        {"the newest", {.tenant = RG_SLICE("globex"), .limit = 1}, {w.write}, 1},
        {"before all", {.tenant = RG_SLICE("globex"), .until_us = 5}, {0}, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct audit_criteria criteria = rows[i].criteria;
        struct found found;
        criteria.since_us = INT64_MIN;
        criteria.until_us = criteria.until_us == 0 ? INT64_MAX : criteria.until_us;
        criteria.limit = criteria.limit == 0 ? UINT64_MAX : criteria.limit;
        assert_ok(search(&w.dir, &criteria, &found));
        assert_found(&found, rows[i].seqs, rows[i].count, rows[i].name);
        assert_int_equal(found.note_count, 0);
    }
    assert_intact(&w.dir, 0); /* verify does not look at idx/ */
    audit_dir_remove(&w.dir);
}

static void finds_a_literal_where_it_stood(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_log log;
    struct found found;
    RG_AUTO(rg_buf_done) struct rg_buf literals;
    rg_buf_init(&literals, 4096);
    assert_ok(rg_literal_put(&literals, &(struct rg_literal){.at = 28, .size = 2, .text = RG_SLICE("'O''Brien'")}));
    struct audit_event event = statement("acme", "alice", "select 1 from t where name =$1 limit 5");
    event.literals = rg_buf_slice(&literals);
    audit_dir_make(&dir);
    open_log(&dir, &log);
    uint64_t seq = put(&log, &event);
    close_log(&log);
    struct audit_criteria criteria = anything;
    criteria.text = RG_SLICE("name ='O''Brien' lim");
    assert_ok(search(&dir, &criteria, &found));
    assert_found(&found, &seq, 1, "the literal");
    assert_string_equal(found.sql, "select 1 from t where name ='O''Brien' limit 5");
    criteria.text = RG_SLICE("$1");
    assert_ok(search(&dir, &criteria, &found));
    assert_int_equal(found.count, 0);
    audit_dir_remove(&dir);
}

static void finds_what_stands_in_a_continuation_record(void **state)
{
    (void)state;
    enum { SIZE = 300000 };
    struct audit_dir dir;
    struct audit_log log;
    struct found found;
    char *text = calloc(1, SIZE + 1);
    memset(text, 'x', SIZE);
    memcpy(text + 200000, "needle\xff\n", 8);
    struct audit_event event = statement("acme", "alice", text);
    audit_dir_make(&dir);
    open_log(&dir, &log);
    uint64_t last = put(&log, &event);
    uint64_t next = put(&log, &(struct audit_event){.kind = AUDIT_LOGOUT, .wall_us = 5, .tenant = RG_SLICE("acme")});
    close_log(&log);
    assert_true(last > 5);
    struct audit_criteria criteria = anything;
    criteria.text = RG_SLICE("xneedle");
    assert_ok(search(&dir, &criteria, &found));
    assert_int_equal(found.count, 1);
    assert_true(found.seqs[0] < last);
    criteria = anything;
    criteria.tenant = RG_SLICE("acme"); /* its continuation records are no results of their own */
    assert_ok(search(&dir, &criteria, &found));
    assert_int_equal(found.count, 2);
    assert_int_equal(found.seqs[1], next);
    free(text);
    audit_dir_remove(&dir);
}

static void catches_up_with_a_log_that_goes_on(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_log log;
    struct found found;
    struct audit_criteria criteria = anything;
    criteria.tenant = RG_SLICE("acme");
    audit_dir_make(&dir);
    open_log(&dir, &log);
    for (size_t round = 1; round <= 6; round++) {
        struct audit_event event = statement("acme", "alice", "select 1");
        (void)put(&log, &event);
        if (round % 2 == 0) {
            assert_ok(audit_log_seal(&log));
        }
        assert_ok(search(&dir, &criteria, &found));
        assert_int_equal(found.count, round);
        assert_int_equal(found.note_count, 0);
    }
    close_log(&log);
    audit_dir_remove(&dir);
}

/* ---- a log that is not what it should be ---- */

static void a_damaged_log_gives_what_is_before_the_damage_and_says_so(void **state)
{
    (void)state;
    struct world w;
    struct audit_file file;
    struct found found;
    struct audit_criteria criteria = anything;
    make_world(&w);
    criteria.subject = RG_SLICE("oid-17");
    assert_ok(search(&w.dir, &criteria, &found));
    assert_int_equal(found.count, 3);
    audit_file_load(&w.dir, "seg/0000000000000000.jsonl", &file);
    audit_file_poke(&file, file.size - 1000, '\n');
    char index_path[128];
    (void)snprintf(index_path, sizeof index_path, "%s/idx", w.dir.path);
    audit_dir_run("rm -rf", index_path, index_path);
    assert_fails(RG_STORAGE, search(&w.dir, &criteria, &found));
    assert_true(found.count >= 2);
    free(file.bytes);
    audit_dir_remove(&w.dir);
}

static void a_missing_segment_is_said(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_log log;
    struct found found;
    char path[160];
    audit_dir_make(&dir);
    open_log(&dir, &log);
    uint64_t firsts[2] = {0};
    for (size_t i = 0; i < 2; i++) {
        struct audit_event event = statement("acme", "alice", "select 1");
        (void)put(&log, &event);
        assert_ok(audit_log_seal(&log));
        firsts[i] = log.chain.next_seq;
    }
    close_log(&log);
    (void)snprintf(path, sizeof path, "%s/seg/%016llu.jsonl", dir.path, (unsigned long long)firsts[0]);
    assert_int_equal(unlink(path), 0);
    struct audit_criteria criteria = anything;
    criteria.tenant = RG_SLICE("acme");
    assert_fails(RG_STORAGE, search(&dir, &criteria, &found));
    assert_int_equal(found.count, 1);
    audit_dir_remove(&dir);
}

static void refuses_what_is_no_log_and_what_is_no_text(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct found found;
    struct audit_criteria criteria = anything;
    audit_dir_make_bare(&dir);
    assert_fails(RG_STORAGE, search(&dir, &criteria, &found));
    audit_dir_make_keys(&dir);
    audit_dir_fill(&dir, 3);
    criteria.text = RG_SLICE("abc\xff");
    assert_fails(RG_CONFIG, search(&dir, &criteria, &found));
    assert_int_equal(found.count, 0);
    audit_dir_remove(&dir);
}

/* ---- size ---- */

static double now_ms(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1000 + (double)time.tv_nsec / 1e6;
}

static void write_many(const struct audit_dir *dir, unsigned count)
{
    struct audit_log log;
    struct audit_encoder *encoder = audit_encoder_new();
    RG_AUTO(rg_buf_done) struct rg_buf frames;
    static const struct rg_slice orders[] = {{"t_acme.orders", 13}};
    rg_buf_init(&frames, 1 << 20);
    open_log(dir, &log);
    for (unsigned i = 0; i < count; i++) {
        char sql[160];
        char user[32];
        uint64_t seq = 0;
        (void)snprintf(user, sizeof user, "user_%u", i % 1000);
        (void)snprintf(sql, sizeof sql,
                       "select id, total, note from sales.orders where customer_id = %u and region = 'r%u'", i, i % 97);
        struct audit_event event = statement(i % 2 == 0 ? "acme" : "globex", user, sql);
        event.statement_id = i;
        event.relations = orders;
        event.relation_count = 1;
        rg_buf_clear(&frames);
        assert_ok(audit_encoder_put(encoder, &event, &frames));
        struct rg_slice cursor = rg_buf_slice(&frames);
        struct audit_message message = {0};
        assert_ok(audit_message_get(&cursor, &message));
        assert_ok(audit_log_append(&log, &message, &seq));
        if (i % 2000 == 0) {
            assert_ok(audit_log_commit(&log));
        }
    }
    close_log(&log);
    audit_encoder_free(&encoder);
}

static void a_hundred_thousand_records_are_searched_quickly(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct found found;
    audit_dir_make_fast(&dir);
    double start = now_ms();
    write_many(&dir, 100000);
    print_message("written in %.0f ms\n", now_ms() - start);
    const struct {
        const char *name;
        struct audit_criteria criteria;
        size_t count;
    } rows[] = {{"index built", {.subject = RG_SLICE("nobody")}, 0},
                {"subject", {.subject = RG_SLICE("user_77")}, 100},
                {"text", {.text = RG_SLICE("customer_id = 77123 ")}, 1},
                {"part of a number", {.text = RG_SLICE("98765 ")}, 1},
                {"text in every record, tenant, limit",
                 {.text = RG_SLICE("sales.orders"), .tenant = RG_SLICE("acme"), .limit = 20},
                 20},
                {"table, newest", {.table = RG_SLICE("orders"), .limit = 50}, 50},
                {"nothing", {.text = RG_SLICE("drop table")}, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct audit_criteria criteria = rows[i].criteria;
        criteria.since_us = INT64_MIN;
        criteria.until_us = INT64_MAX;
        criteria.limit = criteria.limit == 0 ? UINT64_MAX : criteria.limit;
        start = now_ms();
        assert_ok(search(&dir, &criteria, &found));
        print_message("%s: %zu found in %.1f ms\n", rows[i].name, found.count, now_ms() - start);
        assert_int_equal(found.count, rows[i].count);
    }
    audit_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_by_each_condition),
        cmocka_unit_test(finds_a_literal_where_it_stood),
        cmocka_unit_test(finds_what_stands_in_a_continuation_record),
        cmocka_unit_test(catches_up_with_a_log_that_goes_on),
        cmocka_unit_test(a_damaged_log_gives_what_is_before_the_damage_and_says_so),
        cmocka_unit_test(a_missing_segment_is_said),
        cmocka_unit_test(refuses_what_is_no_log_and_what_is_no_text),
        cmocka_unit_test(a_hundred_thousand_records_are_searched_quickly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
