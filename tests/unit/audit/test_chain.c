/* SPDX-License-Identifier: Apache-2.0 */
/* The checking half against forged heads whose log-wide chain is right: the finer rules must still hold. */
#include "audit/chain.h"

#include "tests/support/rg_test.h"

#define BOOT "0123456789abcdef0123456789abcdef"

static const struct audit_message body = {.rg = {"{\"kind\":\"login\"}", 16}, .ocsf = {"{\"class_uid\":3002}", 18}};

struct forge {
    struct audit_chain writer;
    struct audit_chain checker;
    struct rg_buf line;
    int64_t now;
};

static void forge_init(struct forge *forge)
{
    *forge = (struct forge){.now = 1000};
    audit_chain_init(&forge->writer, RG_SLICE("o"), &(struct rg_digest){0});
    audit_chain_init(&forge->checker, RG_SLICE("o"), &(struct rg_digest){0});
    rg_buf_init(&forge->line, AUDIT_LINE_MAX);
}

static void forge_done(struct forge *forge)
{
    audit_chain_done(&forge->writer);
    audit_chain_done(&forge->checker);
    rg_buf_done(&forge->line);
}

static struct audit_head next(struct forge *forge, const char *tenant)
{
    struct audit_head head = {
        .tenant = rg_slice_of(tenant), .hlc_us = ++forge->now, .boot = RG_SLICE(BOOT), .mono_us = 50};
    assert_ok(audit_chain_next(&forge->writer, &head));
    return head;
}

static rg_status check(struct forge *forge, const struct audit_head *head, enum audit_problem *out_problem)
{
    struct audit_head read = {0};
    rg_buf_clear(&forge->line);
    assert_ok(audit_line_encode(head, &body, &forge->line));
    struct rg_slice line = rg_slice_cut(rg_buf_slice(&forge->line), 0, rg_buf_size(&forge->line) - 1);
    RG_TRY(audit_chain_check(&forge->checker, line, &read, out_problem));
    audit_chain_append(&forge->writer, head, line);
    return RG_OK;
}

static void follows_what_the_writer_writes(void **state)
{
    (void)state;
    static const char *const tenants[] = {"", "acme", "globex", "acme", "", "globex", "acme"};
    RG_AUTO(forge_done) struct forge forge;
    forge_init(&forge);
    enum audit_problem problem = AUDIT_PROBLEM_NONE;
    for (size_t i = 0; i < sizeof tenants / sizeof tenants[0]; i++) {
        struct audit_head head = next(&forge, tenants[i]);
        assert_ok(check(&forge, &head, &problem));
    }
    assert_true(audit_heads_find(&forge.checker.tenants, RG_SLICE("acme"))->next_tseq == 3);
    assert_memory_equal(&forge.checker.prev, &forge.writer.prev, RG_SHA256_SIZE);
}

static void refuses_each_wrong_field_and_stays_where_it_was(void **state)
{
    (void)state;
    RG_AUTO(forge_done) struct forge forge;
    forge_init(&forge);
    enum audit_problem problem = AUDIT_PROBLEM_NONE;
    struct audit_head good = next(&forge, "acme");
    assert_ok(check(&forge, &good, &problem));
    good = next(&forge, "acme");
    struct audit_head bad = good;
    bad.seq++;
    assert_fails(RG_PROTOCOL, check(&forge, &bad, &problem));
    assert_int_equal(problem, AUDIT_PROBLEM_SEQ);
    bad = good;
    bad.prev.bytes[31] ^= 1;
    assert_fails(RG_PROTOCOL, check(&forge, &bad, &problem));
    assert_int_equal(problem, AUDIT_PROBLEM_PREV);
    bad = good;
    bad.tseq++;
    assert_fails(RG_PROTOCOL, check(&forge, &bad, &problem));
    assert_int_equal(problem, AUDIT_PROBLEM_TENANT);
    bad = good;
    bad.tprev.bytes[0] ^= 1;
    assert_fails(RG_PROTOCOL, check(&forge, &bad, &problem));
    assert_int_equal(problem, AUDIT_PROBLEM_TENANT);
    bad = good;
    bad.tenant = RG_SLICE("globex"); /* moved to another tenant's trail */
    assert_fails(RG_PROTOCOL, check(&forge, &bad, &problem));
    assert_int_equal(problem, AUDIT_PROBLEM_TENANT);
    bad = good;
    bad.hlc_us = 1001;
    assert_fails(RG_PROTOCOL, check(&forge, &bad, &problem));
    assert_int_equal(problem, AUDIT_PROBLEM_CLOCK);
    bad = good;
    bad.mono_us = 49;
    assert_fails(RG_PROTOCOL, check(&forge, &bad, &problem));
    assert_int_equal(problem, AUDIT_PROBLEM_CLOCK);
    bad.boot = RG_SLICE("ffffffffffffffffffffffffffffffff"); /* another run starts its own count */
    assert_ok(check(&forge, &bad, &problem));
}

static void binds_the_first_record_to_its_origin(void **state)
{
    (void)state;
    RG_AUTO(forge_done) struct forge forge;
    forge_init(&forge);
    enum audit_problem problem = AUDIT_PROBLEM_NONE;
    struct audit_head head = next(&forge, "");
    head.prev = audit_line_genesis(RG_SLICE("p"), &(struct rg_digest){0});
    assert_fails(RG_PROTOCOL, check(&forge, &head, &problem));
    assert_int_equal(problem, AUDIT_PROBLEM_PREV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_what_the_writer_writes),
        cmocka_unit_test(refuses_each_wrong_field_and_stays_where_it_was),
        cmocka_unit_test(binds_the_first_record_to_its_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
