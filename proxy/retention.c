/* SPDX-License-Identifier: Apache-2.0 */
/* From the configuration's structs to what the auditor is told. Called by the supervisor and by the commands. */
#include "proxy/retention.h"

#include "audit/class.h"
#include "audit/keep/retention.h"

static rg_status make_classes(unsigned classes, struct rg_arena *arena, struct audit_retention_rule *rule)
{
    static const struct {
        unsigned bit;
        const char *name;
    } rows[] = {{AUDIT_CLASS_LOGIN, "login"},
                {AUDIT_CLASS_STATEMENT, "statement"},
                {AUDIT_CLASS_POLICY, "policy"},
                {AUDIT_CLASS_LOG, "log"},
                {AUDIT_CLASS_WEB, "web"}};
    void *memory = NULL;
    RG_TRY(rg_arena_array(arena, sizeof rows / sizeof rows[0], sizeof(struct rg_slice), &memory));
    struct rg_slice *names = memory;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && classes != AUDIT_CLASS_ALL; i++) {
        if ((classes & rows[i].bit) != 0) {
            names[rule->class_count] = rg_slice_of(rows[i].name);
            rule->class_count++;
        }
    }
    rule->classes = names;
    return RG_OK;
}

static rg_status make_rules(const struct config_audit_retention *from, struct rg_arena *arena,
                            struct audit_retention *retention)
{
    void *memory = NULL;
    RG_TRY(rg_arena_array(arena, from->rule_count + 1, sizeof(struct audit_retention_rule), &memory));
    struct audit_retention_rule *rules = memory;
    for (size_t i = 0; i < from->rule_count; i++) {
        rules[i] = (struct audit_retention_rule){.tenants = from->rules[i].tenants,
                                                 .tenant_count = from->rules[i].tenant_count,
                                                 .keep_us = from->rules[i].keep_us};
        RG_TRY(make_classes(from->rules[i].classes, arena, &rules[i]));
    }
    retention->rules = rules;
    retention->rule_count = from->rule_count;
    return RG_OK;
}

rg_status retention_text(const struct config_audit_life *life, struct rg_arena *arena, struct rg_slice *out_text)
{
    const struct config_audit_retention *from = &life->retention;
    struct audit_retention retention = {.keep_us = from->keep_us, .needs_export = life->s3.is_given};
    RG_AUTO(rg_buf_done) struct rg_buf text;
    rg_buf_init(&text, 2 * AUDIT_RETENTION_MAX);
    if (!from->is_given) {
        *out_text = (struct rg_slice){0};
        return RG_OK;
    }
    retention.local_us = from->local_us == INT64_MAX ? 0 : from->local_us;
    if (life->s3.is_given) {
        RG_TRY(rg_arena_printf(arena, &retention.object, "s3://%.*s/%.*s", (int)life->s3.bucket.size,
                               life->s3.bucket.data, (int)life->s3.prefix.size,
                               life->s3.prefix.size == 0 ? "" : life->s3.prefix.data));
    }
    RG_TRY(make_rules(from, arena, &retention));
    RG_TRY(audit_retention_encode(&retention, &text));
    return rg_arena_copy(arena, rg_buf_slice(&text), out_text);
}
