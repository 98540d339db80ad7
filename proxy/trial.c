/* SPDX-License-Identifier: Apache-2.0 */
/* One of [[tests]]: makes the subject, plans the statement as a session would, and compares. */
#include "proxy/trial.h"

#include "policy/explain.h"
#include "proxy/subject.h"

enum { TRIAL_ARENA_BYTES = 64 << 20, QUOTED_MAX = 200 };

struct outcome {
    struct policy_plan plan;
    const char *login; /* why there is no plan: the login itself would be refused */
    struct rg_slice sent;
    bool is_rewritten;
    bool is_masked;
};

/* What people may see and write down of a text: keys of masks are taken out. */
static struct rg_slice text_of(const struct policy_statement *statement)
{
    return statement->shown.size > 0 ? statement->shown : statement->text;
}

static rg_status read_plan(const struct policy_binding *binding, struct rg_arena *arena, struct outcome *outcome)
{
    for (size_t i = 0; i < outcome->plan.count && !outcome->plan.is_denied; i++) {
        const struct policy_statement *statement = &outcome->plan.statements[i];
        RG_TRY(rg_arena_printf(arena, &outcome->sent, "%.*s%s%.*s", RG_SLICE_ARGS(outcome->sent), i == 0 ? "" : "; ",
                               RG_SLICE_ARGS(text_of(statement))));
        outcome->is_rewritten = outcome->is_rewritten || statement->is_rewritten;
        outcome->is_masked = outcome->is_masked || policy_statement_is_masked(binding, statement);
    }
    return RG_OK;
}

static rg_status refuse_login(rg_status status, struct rg_arena *arena, struct outcome *outcome)
{
    struct rg_slice why = {0};
    if (rg_is_ok(status) || (status.error->kind != RG_DENIED && status.error->kind != RG_CONFIG)) {
        return status;
    }
    RG_TRY(rg_arena_copy(arena, rg_slice_of(status.error->text), &why));
    outcome->login = why.data;
    return RG_OK;
}

static rg_status plan(const struct config *config, const struct config_test *test,
                      const struct trial_relations *relations, struct rg_arena *arena, struct outcome *outcome)
{
    const struct subject_request request = {test->user, test->tenant, test->claim_count, test->claims};
    struct policy_session session = {.user = test->user, .pid = 1};
    struct policy_binding *binding = NULL;
    struct subject subject = {0};
    rg_status status = subject_make(config, &request, arena, &subject);
    if (rg_is_ok(status)) {
        status = subject_bind(config, &subject, &binding);
    }
    if (!rg_is_ok(status)) {
        return refuse_login(status, arena, outcome);
    }
    struct policy_relations *known =
        relations->find == NULL ? NULL : relations->find(relations->context, subject.tenant.route.upstream);
    session.relations = known;
    status = policy_plan_text(binding, &session, POLICY_SIMPLE, test->sql, arena, &outcome->plan);
    if (rg_is_ok(status)) {
        status = read_plan(binding, arena, outcome);
    }
    policy_relations_free(&known);
    policy_binding_free(&binding);
    return status;
}

/* ---- comparing ---- */

static const struct policy_statement *denied_statement(const struct policy_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->statements[i].verdict == POLICY_DENY) {
            return &plan->statements[i];
        }
    }
    return NULL;
}

static bool is_denied(const struct outcome *outcome)
{
    return outcome->login != NULL || outcome->plan.is_denied;
}

static struct rg_slice rule_of(const struct outcome *outcome)
{
    const struct policy_statement *denied = denied_statement(&outcome->plan);
    return outcome->login != NULL ? RG_SLICE("login.claims") : denied == NULL ? (struct rg_slice){"", 0} : denied->rule;
}

static rg_status say_came(const struct outcome *outcome, struct rg_arena *arena, struct rg_slice *out_came)
{
    const struct policy_statement *denied = denied_statement(&outcome->plan);
    struct rg_slice rule = rule_of(outcome);
    if (outcome->login != NULL) {
        return rg_arena_printf(arena, out_came, "denied by rule login.claims: %s", outcome->login);
    }
    if (denied != NULL) {
        return rg_arena_printf(arena, out_came, "denied by rule %.*s: %.*s", RG_SLICE_ARGS(rule),
                               RG_SLICE_ARGS(denied->message));
    }
    *out_came = outcome->is_masked      ? RG_SLICE("allowed, rewritten with a mask")
                : outcome->is_rewritten ? RG_SLICE("allowed, rewritten")
                                        : RG_SLICE("allowed as it stands");
    return RG_OK;
}

/* A login that fails is the refusal that was meant only where the test says so: otherwise a forgotten claim would
 * make every "deny" pass. */
static bool is_expected(const struct outcome *outcome, const struct config_test *test)
{
    switch (test->expect) {
    case CONFIG_EXPECT_DENY:
        return outcome->login != NULL ? test->rule.size > 0 : outcome->plan.is_denied;
    case CONFIG_EXPECT_ALLOW:
        return !is_denied(outcome);
    case CONFIG_EXPECT_REWRITE:
        return !is_denied(outcome) && outcome->is_rewritten;
    case CONFIG_EXPECT_MASK:
        return !is_denied(outcome) && outcome->is_masked;
    }
    return false;
}

static const char *expect_text(enum config_expect expect)
{
    static const char *const texts[] = {
        [CONFIG_EXPECT_DENY] = "a refusal of the statement",
        [CONFIG_EXPECT_ALLOW] = "allowed",
        [CONFIG_EXPECT_REWRITE] = "allowed and rewritten",
        [CONFIG_EXPECT_MASK] = "allowed with a mask",
    };
    return texts[expect];
}

static bool has_text(struct rg_slice text, struct rg_slice part)
{
    return part.size == 0 || (text.size > 0 && memmem(text.data, text.size, part.data, part.size) != NULL);
}

static rg_status want(struct rg_arena *arena, struct rg_slice *out_wanted, const char *what, struct rg_slice text)
{
    return rg_arena_printf(arena, out_wanted, "%s%.*s%s", what, text.size > QUOTED_MAX ? QUOTED_MAX : (int)text.size,
                           text.data, text.size > QUOTED_MAX ? "..." : "");
}

/* The first thing that is not as the test says; nothing when all is. */
static rg_status compare(const struct config_test *test, const struct outcome *outcome, struct rg_arena *arena,
                         struct rg_slice *out_wanted)
{
    if (!is_expected(outcome, test)) {
        *out_wanted = rg_slice_of(expect_text(test->expect));
        return RG_OK;
    }
    if (test->rule.size > 0 && !rg_slice_is_equal(test->rule, rule_of(outcome))) {
        return want(arena, out_wanted, "a refusal by rule ", test->rule);
    }
    if (test->has_equals && !rg_slice_is_equal(test->equals, outcome->sent)) {
        return want(arena, out_wanted, "exactly: ", test->equals);
    }
    for (size_t i = 0; i < test->contains_count; i++) {
        if (!has_text(outcome->sent, test->contains[i])) {
            return want(arena, out_wanted, "a text with: ", test->contains[i]);
        }
    }
    for (size_t i = 0; i < test->lacks_count; i++) {
        if (has_text(outcome->sent, test->lacks[i])) {
            return want(arena, out_wanted, "a text without: ", test->lacks[i]);
        }
    }
    return RG_OK;
}

rg_status trial_run(const struct config *config, const struct config_test *test,
                    const struct trial_relations *relations, struct rg_arena *arena, struct trial_result *out_result)
{
    struct outcome outcome = {.sent = {"", 0}};
    struct trial_result result = {.wanted = {"", 0}};
    RG_TRY(plan(config, test, relations, arena, &outcome));
    RG_TRY(compare(test, &outcome, arena, &result.wanted));
    RG_TRY(say_came(&outcome, arena, &result.came));
    result.is_passed = result.wanted.size == 0;
    result.sent = outcome.sent;
    *out_result = result;
    return RG_OK;
}

static rg_status run_one(const struct config *config, const struct config_test *test,
                         const struct trial_relations *relations, struct rg_diag *diag)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct trial_result result = {0};
    rg_arena_init(&arena, TRIAL_ARENA_BYTES);
    RG_TRY(trial_run(config, test, relations, &arena, &result));
    if (!result.is_passed) {
        rg_diag_error(diag, test->place, "test \"%.*s\" failed: expected %.*s; it was %.*s", rg_slice_shown(test->name),
                      test->name.data, RG_SLICE_ARGS(result.wanted), RG_SLICE_ARGS(result.came));
    }
    return RG_OK;
}

rg_status trial_run_all(const struct config *config, const struct trial_relations *relations, struct rg_diag *diag)
{
    size_t before = diag->error_count;
    for (size_t i = 0; i < config->test_count; i++) {
        RG_TRY(run_one(config, &config->tests[i], relations, diag));
    }
    if (diag->error_count != before) {
        return rg_fail(RG_CONFIG, "%zu of %zu tests failed", diag->error_count - before, config->test_count);
    }
    return RG_OK;
}
