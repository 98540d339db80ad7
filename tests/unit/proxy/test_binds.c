/* SPDX-License-Identifier: Apache-2.0 */
/* Values of a Bind for its records: copied, counted, and no secret among them. */
#include "proxy/binds.h"

#include "proxy/prepared.h"
#include "proxy/requests.h"
#include "tests/support/rg_test.h"

/* Portal "p", statement "s", text and binary: "ab", "password=x", NULL, "cd". */
#define BIND_BODY                                                                                                      \
    "p\0s\0\0\x04\0\0\0\0\0\0\0\x01\0\x04\0\0\0\x02"                                                                   \
    "ab\0\0\0\x0apassword=x\xff\xff\xff\xff\0\0\0\x02"                                                                 \
    "cd\0\0"

static void parse(struct pgwire_bind *bind)
{
    assert_ok(pgwire_bind_parse(RG_SLICE(BIND_BODY), bind));
    assert_int_equal(bind->value_count, 4);
}

static void hides_what_is_or_stands_for_a_secret(void **state)
{
    static const uint32_t secret[] = {4};
    (void)state;
    struct pgwire_bind bind = {0};
    struct binds *binds = NULL;
    struct sql_literals source = {0};
    parse(&bind);
    assert_ok(binds_new(&bind, &source, &binds));
    assert_true(rg_slice_is_equal(binds_list(binds), RG_SLICE("\x02\0\0\0\x02"
                                                              "ab\0\0\0\0\0\x01\0\0\0\0\x03\0\0\0\x02"
                                                              "cd")));
    binds_free(&binds);
    assert_null(binds);
    source.secret_parameter_count = 1;
    source.secret_parameters = secret;
    assert_ok(binds_new(&bind, &source, &binds));
    assert_true(rg_slice_is_equal(binds_list(binds), RG_SLICE("\x02\0\0\0\x02"
                                                              "ab\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0")));
    binds_free(&binds);
    binds_free(&binds);
    assert_int_equal(binds_list(NULL).size, 0);
    assert_null(binds_ref(NULL));
}

static void refuses_a_bind_that_holds_fewer_values_than_it_says(void **state)
{
    (void)state;
    struct pgwire_bind bind = {0};
    struct binds *untouched = NULL;
    parse(&bind);
    bind.value_count = 5;
    assert_fails(RG_PROTOCOL, binds_new(&bind, &(struct sql_literals){0}, &untouched));
    assert_null(untouched);
}

static void requests_share_and_count_them(void **state)
{
    (void)state;
    struct pgwire_bind bind = {0};
    struct binds *binds = NULL;
    struct requests requests;
    struct request *request = NULL;
    parse(&bind);
    assert_ok(binds_new(&bind, &(struct sql_literals){0}, &binds));
    requests_init(&requests);
    assert_ok(requests_add(&requests, 'E', NULL, &request));
    request_set_binds(&requests, request, binds);
    size_t size = binds_list(binds).size;
    binds_free(&binds);
    assert_int_equal(requests.bytes, size);
    assert_int_equal(binds_list(request->binds).size, size);
    requests_drop_first(&requests);
    assert_int_equal(requests.bytes, 0);
    requests_done(&requests);
}

static void a_full_set_of_portals_refuses_and_owns_them(void **state)
{
    (void)state;
    struct pgwire_bind bind = {0};
    struct binds *binds = NULL;
    struct prepared_set set = {.portal_bytes = PREPARED_BYTES_MAX};
    struct portal portal = {0};
    parse(&bind);
    assert_ok(binds_new(&bind, &(struct sql_literals){0}, &binds));
    assert_fails(RG_LIMIT, portal_keep_binds(&set, &portal, binds));
    assert_ptr_equal(portal.binds, binds);
    binds_free(&portal.binds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hides_what_is_or_stands_for_a_secret),
        cmocka_unit_test(refuses_a_bind_that_holds_fewer_values_than_it_says),
        cmocka_unit_test(a_full_set_of_portals_refuses_and_owns_them),
        cmocka_unit_test(requests_share_and_count_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
