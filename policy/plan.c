/* SPDX-License-Identifier: Apache-2.0 */
/* The public face of the rewriter: what is refused before any parser sees it, and positions on the way back. */
#include "policy/set_private.h"

const char *policy_class_name(enum policy_class class_of_statement)
{
    static const char *const names[] = {
        [POLICY_CLASS_UNKNOWN] = "UNKNOWN",   [POLICY_CLASS_READ] = "READ", [POLICY_CLASS_WRITE] = "WRITE",
        [POLICY_CLASS_FUNCTION] = "FUNCTION", [POLICY_CLASS_ROLE] = "ROLE", [POLICY_CLASS_DDL] = "DDL",
        [POLICY_CLASS_MISC] = "MISC",
    };
    size_t index = (size_t)class_of_statement;
    return index < sizeof names / sizeof names[0] ? names[index] : names[0];
}

static rg_status deny_text(struct rg_slice text, const char *sqlstate, const char *rule, const char *message,
                           struct rg_arena *arena, struct policy_plan *out_plan)
{
    struct policy_statement *statement = NULL;
    RG_TRY(rg_arena_new(arena, &statement));
    statement->source = text;
    statement->text = (struct rg_slice){"", 0};
    memcpy(statement->sqlstate, sqlstate, sizeof statement->sqlstate);
    statement->rule = rg_slice_of(rule);
    statement->message = rg_slice_of(message);
    *out_plan = (struct policy_plan){.count = 1, .statements = statement, .is_denied = true, .is_cacheable = false};
    return RG_OK;
}

rg_status policy_plan_text(const struct policy_binding *binding, const struct policy_session *session,
                           enum policy_protocol protocol, struct rg_slice text, struct rg_arena *arena,
                           struct policy_plan *out_plan)
{
    if (text.size > POLICY_TEXT_MAX) {
        return deny_text(rg_slice_cut(text, 0, 0), "54000", "sql.size", "the statement is too long", arena, out_plan);
    }
    if (!policy_text_is_valid(text)) {
        return deny_text(rg_slice_cut(text, 0, 0), "22021", "sql.encoding",
                         "invalid byte sequence for encoding \"UTF8\"", arena, out_plan);
    }
    if (!policy_text_is_cheap(text)) {
        return deny_text(rg_slice_cut(text, 0, 0), "54001", "sql.complexity", "the statement is too complex", arena,
                         out_plan);
    }
    return sql_plan(binding, session, protocol, text, arena, out_plan);
}

size_t policy_map_position(const struct policy_statement *statement, struct rg_slice client_text, size_t position)
{
    if (position == 0 || statement->text.size == 0) {
        return 0;
    }
    size_t at = policy_text_offset(statement->text, position);
    size_t source_at = at;
    for (size_t i = 0; i < statement->splice_count; i++) {
        const struct policy_splice *splice = &statement->splices[i];
        if (splice->out_at > at) {
            break;
        }
        if (at < splice->out_at + splice->out_size) {
            return 0;
        }
        source_at = splice->at + splice->size + (at - splice->out_at - splice->out_size);
    }
    if (source_at > statement->source.size) {
        return 0;
    }
    return policy_text_position(client_text, statement->source_at + source_at);
}
