/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/heads.h"

#include <stdio.h>

#include "tests/support/rg_test.h"

static void remembers_each_of_many_tenants(void **state)
{
    (void)state;
    enum { TENANTS = 5000 };
    RG_AUTO(audit_heads_done) struct audit_heads heads = {0};
    struct rg_digest first = rg_sha256_one(RG_SLICE("genesis"));
    char name[32];
    for (uint64_t i = 0; i < TENANTS; i++) {
        struct audit_tenant_head *head = NULL;
        (void)snprintf(name, sizeof name, "tenant-%llu", (unsigned long long)i);
        assert_ok(audit_heads_get(&heads, rg_slice_of(name), &first, &head));
        assert_true(head->next_tseq == 0);
        assert_memory_equal(&head->leaf, &first, sizeof first);
        head->next_tseq = i + 1;
    }
    assert_int_equal(heads.used, TENANTS);
    for (uint64_t i = 0; i < TENANTS; i++) {
        struct audit_tenant_head *head = NULL;
        (void)snprintf(name, sizeof name, "tenant-%llu", (unsigned long long)i);
        assert_ok(audit_heads_get(&heads, rg_slice_of(name), &first, &head));
        assert_true(head->next_tseq == i + 1);
        assert_ptr_equal(audit_heads_find(&heads, rg_slice_of(name)), head);
    }
}

static void finds_nothing_that_was_not_put(void **state)
{
    (void)state;
    RG_AUTO(audit_heads_done) struct audit_heads heads = {0};
    struct rg_digest first = {{0}};
    struct audit_tenant_head *head = NULL;
    assert_null(audit_heads_find(&heads, RG_SLICE("acme")));
    assert_ok(audit_heads_get(&heads, RG_SLICE("acme"), &first, &head));
    assert_null(audit_heads_find(&heads, RG_SLICE("acm")));
    assert_null(audit_heads_find(&heads, RG_SLICE("acmee")));
    assert_null(audit_heads_find(&heads, RG_SLICE("")));
}

static void refuses_more_tenants_than_its_limit(void **state)
{
    (void)state;
    RG_AUTO(audit_heads_done) struct audit_heads heads = {0};
    struct rg_digest first = {{0}};
    struct audit_tenant_head *head = NULL;
    assert_ok(audit_heads_get(&heads, RG_SLICE("acme"), &first, &head));
    heads.used = AUDIT_TENANTS_MAX;
    struct audit_tenant_head *before = head;
    assert_fails(RG_LIMIT, audit_heads_get(&heads, RG_SLICE("globex"), &first, &head));
    assert_ptr_equal(head, before);
    assert_ok(audit_heads_get(&heads, RG_SLICE("acme"), &first, &head)); /* known ones go on */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remembers_each_of_many_tenants),
        cmocka_unit_test(finds_nothing_that_was_not_put),
        cmocka_unit_test(refuses_more_tenants_than_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
