/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/heads.h"

#include <stdio.h>

#include "audit/tree.h"
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

/* docs/audit-format.md 8, computed the long way round. */
static struct rg_digest expected_root(const struct audit_heads *heads, const struct rg_digest *genesis, size_t count)
{
    static struct rg_digest ids[64];
    static struct rg_digest leaves[64];
    for (size_t i = 0; i < count; i++) {
        char name[32];
        char digits[24];
        char first[64];
        (void)snprintf(name, sizeof name, "tenant-%zu", i);
        (void)snprintf(first, sizeof first, "\2the first of %s", name);
        const struct rg_digest salt = rg_sha256_one(rg_slice_of(first));
        const struct rg_slice id_parts[] = {rg_slice_make(genesis->bytes, sizeof genesis->bytes),
                                            rg_slice_make(salt.bytes, sizeof salt.bytes), rg_slice_of(name)};
        const struct rg_digest id = rg_sha256(id_parts, 3);
        const struct audit_tenant_head *head = audit_heads_find(heads, rg_slice_of(name));
        (void)snprintf(digits, sizeof digits, "%016llu", (unsigned long long)head->next_tseq);
        const struct rg_slice parts[] = {RG_SLICE("\0"), rg_slice_make(id.bytes, sizeof id.bytes), rg_slice_of(digits),
                                         rg_slice_make(head->leaf.bytes, sizeof head->leaf.bytes)};
        size_t at = i;
        for (; at > 0 && memcmp(ids[at - 1].bytes, id.bytes, sizeof id.bytes) > 0; at--) {
            ids[at] = ids[at - 1];
            leaves[at] = leaves[at - 1];
        }
        ids[at] = id;
        leaves[at] = rg_sha256(parts, 4);
    }
    return audit_tree_root_of(leaves, count);
}

static void has_one_root_over_the_tenants_newest_records(void **state)
{
    (void)state;
    RG_AUTO(audit_heads_done) struct audit_heads heads = {0};
    struct rg_digest genesis = rg_sha256_one(RG_SLICE("genesis"));
    struct rg_digest root = audit_heads_root(&heads);
    assert_memory_equal(root.bytes, rg_sha256(NULL, 0).bytes, sizeof root.bytes); /* of none */
    for (size_t count = 1; count <= 40; count++) {
        char name[32];
        char first[64];
        struct audit_tenant_head *head = NULL;
        (void)snprintf(name, sizeof name, "tenant-%zu", count - 1);
        (void)snprintf(first, sizeof first, "the first of %s", name);
        assert_ok(audit_heads_get(&heads, rg_slice_of(name), &genesis, &head));
        struct rg_digest before = audit_heads_root(&heads);
        assert_memory_equal(before.bytes, root.bytes, sizeof root.bytes); /* it has no record yet */
        const struct rg_digest salt = audit_heads_salt(rg_slice_of(first));
        audit_heads_begin(&heads, head, &genesis, &salt);
        head->next_tseq = count;
        head->leaf = rg_sha256_one(rg_slice_of(name));
        root = audit_heads_root(&heads);
        struct rg_digest expected = expected_root(&heads, &genesis, count);
        assert_memory_equal(root.bytes, expected.bytes, sizeof root.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remembers_each_of_many_tenants),
        cmocka_unit_test(finds_nothing_that_was_not_put),
        cmocka_unit_test(refuses_more_tenants_than_its_limit),
        cmocka_unit_test(has_one_root_over_the_tenants_newest_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
