/* SPDX-License-Identifier: Apache-2.0 */
/* What was bound to a statement's parameters, for its records. */
#include "proxy/binds.h"

#include "audit/record.h"
#include "base/rg_memory.h"

struct binds {
    size_t references;
    struct rg_buf list;
};

static enum audit_bind kind_of(const struct pgwire_value *value, bool is_binary, bool is_secret)
{
    if (value->is_null) {
        return AUDIT_BIND_NULL;
    }
    if (is_secret || sql_secret_is_in(value->bytes)) {
        return AUDIT_BIND_HIDDEN;
    }
    return is_binary ? AUDIT_BIND_BINARY : AUDIT_BIND_TEXT;
}

static rg_status put_values(const struct pgwire_bind *bind, const struct sql_literals *source, struct rg_buf *out)
{
    struct pgwire_cursor cursor = pgwire_bind_values(bind);
    for (uint32_t i = 0; i < bind->value_count; i++) {
        struct pgwire_value value = {0};
        RG_TRY(pgwire_value_get(&cursor, &value));
        enum audit_bind kind = kind_of(&value, pgwire_bind_format(bind, i) == 1, sql_secret_parameter(source, i + 1));
        RG_TRY(audit_bind_put(out, kind, value.bytes));
    }
    return RG_OK;
}

rg_status binds_new(const struct pgwire_bind *bind, const struct sql_literals *source, struct binds **out_binds)
{
    struct binds *binds = rg_memory_alloc(sizeof *binds);
    binds->references = 1;
    rg_buf_init(&binds->list, bind->values.size + (size_t)bind->value_count * AUDIT_BIND_HEAD);
    rg_status status = put_values(bind, source, &binds->list);
    if (!rg_is_ok(status)) {
        binds_free(&binds);
        return status;
    }
    *out_binds = binds;
    return RG_OK;
}

struct binds *binds_ref(struct binds *binds)
{
    if (binds != NULL) {
        binds->references++;
    }
    return binds;
}

void binds_free(struct binds **binds)
{
    struct binds *old = *binds;
    *binds = NULL;
    if (old != NULL && --old->references == 0) {
        rg_buf_done(&old->list);
        rg_memory_free(old);
    }
}

struct rg_slice binds_list(const struct binds *binds)
{
    return binds == NULL ? (struct rg_slice){0} : rg_buf_slice(&binds->list);
}
