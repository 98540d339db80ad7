/* SPDX-License-Identifier: Apache-2.0 */
/* [[tests]]: who asks what, and what must come of it. Checked here as far as the file alone can tell; run by
 * proxy/trial.c. */
#include "proxy/config_private.h"

static rg_status copy_texts(struct config_draft *draft, const struct rg_schema_list *list, size_t *out_count,
                            const struct rg_slice **out_texts)
{
    struct rg_slice *texts = NULL;
    RG_TRY(rg_arena_array(draft->arena, list->count, sizeof *texts, (void **)&texts));
    for (size_t i = 0; i < list->count; i++) {
        texts[i] = list->items[i].text;
    }
    *out_count = list->count;
    *out_texts = texts;
    return RG_OK;
}

/* A test that cannot fail for the reason it names proves nothing. */
static void check_expectation(struct config_draft *draft, const struct config_raw_test *raw)
{
    bool is_denied = raw->expect.word == CONFIG_EXPECT_DENY;
    const struct rg_place *sent = raw->equals.is_given     ? &raw->equals.place
                                  : raw->contains.is_given ? &raw->contains.place
                                  : raw->lacks.is_given    ? &raw->lacks.place
                                                           : NULL;
    if (!raw->expect.is_given) {
        return;
    }
    if (is_denied && sent != NULL) {
        config_error(draft, *sent, "with expect = \"deny\" nothing is sent: \"rule\" is what can be compared");
    }
    if (!is_denied && raw->rule.is_given) {
        config_error(draft, raw->rule.place, "\"rule\" needs expect = \"deny\"");
    }
}

static rg_status make_test(struct config_draft *draft, const struct config_raw_test *raw, size_t at,
                           struct config_test *out_test)
{
    struct config_test test = {
        .name = raw->name.text,
        .place = raw->head.place,
        .tenant = raw->as.tenant.text,
        .user = raw->as.user.text,
        .sql = raw->sql.text,
        .expect = (enum config_expect)raw->expect.word,
        .has_equals = raw->equals.is_given,
        .equals = raw->equals.text,
        .rule = raw->rule.text,
    };
    if (test.name.size == 0) {
        RG_TRY(rg_arena_printf(draft->arena, &test.name, "tests[%zu]", at + 1));
    }
    if (raw->as.tenant.is_given) {
        config_refer_tenant(draft, &raw->as.tenant);
    }
    check_expectation(draft, raw);
    RG_TRY(config_make_constants(draft, raw->as.claims, &test.claim_count, &test.claims));
    RG_TRY(copy_texts(draft, &raw->contains, &test.contains_count, &test.contains));
    RG_TRY(copy_texts(draft, &raw->lacks, &test.lacks_count, &test.lacks));
    *out_test = test;
    return RG_OK;
}

rg_status config_make_tests(struct config_draft *draft)
{
    const struct config_raw_test *raws = draft->raw.tests.items;
    struct config_test *tests = NULL;
    RG_TRY(config_check_unique(draft, &draft->raw.tests, sizeof *raws, "test"));
    RG_TRY(rg_arena_array(draft->arena, draft->raw.tests.count, sizeof *tests, (void **)&tests));
    for (size_t i = 0; i < draft->raw.tests.count; i++) {
        RG_TRY(make_test(draft, &raws[i], i, &tests[i]));
    }
    draft->config->tests = tests;
    draft->config->test_count = draft->raw.tests.count;
    return RG_OK;
}
