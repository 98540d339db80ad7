/* SPDX-License-Identifier: Apache-2.0 */
/* [audit]: where the log is, how durable, and who may still work when its disk is nearly full. */
#include <unistd.h>

#include "proxy/config_private.h"

static rg_status make_origin(struct config_draft *draft, struct rg_slice *out_origin)
{
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') {
        config_error(draft, draft->raw.audit.head.place, "the host has no name: give \"origin\" in [audit]");
        return RG_OK;
    }
    return rg_arena_printf(draft->arena, out_origin, "rowgate/audit/%s/1", host);
}

static void check_origin(struct config_draft *draft, const struct rg_schema_string *origin)
{
    if (origin->text.size > 255) {
        config_error(draft, origin->place, "\"origin\" must have at most 255 bytes");
    }
    for (size_t i = 0; i < origin->text.size; i++) {
        if (origin->text.data[i] <= ' ' || origin->text.data[i] > '~') {
            config_error(draft, origin->place, "\"origin\" must be printable ASCII without spaces");
            return;
        }
    }
}

/* "user@tenant": a user's name may hold an @, a tenant's id as well; the last one parts them. */
static bool split_entry(struct rg_slice text, struct config_break_glass *out_entry)
{
    const char *at = text.size == 0 ? NULL : memrchr(text.data, '@', text.size);
    size_t size = at == NULL ? 0 : (size_t)(at - text.data);
    if (size == 0 || size + 1 == text.size) {
        return false;
    }
    *out_entry = (struct config_break_glass){rg_slice_cut(text, 0, size), rg_slice_cut(text, size + 1, SIZE_MAX)};
    return true;
}

static void check_entry(struct config_draft *draft, const struct rg_schema_string *item,
                        const struct config_break_glass *earlier, size_t count, struct config_break_glass *out_entry)
{
    if (!split_entry(item->text, out_entry)) {
        config_error(draft, item->place, "\"break_glass\" takes \"user@tenant\", not \"%.*s\"",
                     rg_slice_shown(item->text), item->text.data);
        return;
    }
    struct rg_schema_string tenant = {.text = out_entry->tenant, .place = item->place};
    config_refer_tenant(draft, &tenant);
    for (size_t i = 0; i < count; i++) {
        if (rg_slice_is_equal(earlier[i].user, out_entry->user) &&
            rg_slice_is_equal(earlier[i].tenant, out_entry->tenant)) {
            config_error(draft, item->place, "\"%.*s\" is given twice", rg_slice_shown(item->text), item->text.data);
        }
    }
}

static rg_status make_break_glass(struct config_draft *draft, struct config_audit *audit)
{
    const struct rg_schema_list *list = &draft->raw.audit.break_glass;
    struct config_break_glass *entries = NULL;
    RG_TRY(rg_arena_array(draft->arena, list->count, sizeof *entries, (void **)&entries));
    for (size_t i = 0; i < list->count; i++) {
        check_entry(draft, &list->items[i], entries, i, &entries[i]);
    }
    audit->break_glass = entries;
    audit->break_glass_count = list->count;
    return RG_OK;
}

static rg_status make_life(struct config_draft *draft, struct config_audit_life *life)
{
    RG_TRY(config_make_audit_s3(draft, &life->s3));
    RG_TRY(config_make_audit_sinks(draft, life));
    RG_TRY(config_make_audit_witnesses(draft, life));
    RG_TRY(config_make_audit_cluster(draft, &life->cluster));
    RG_TRY(config_make_audit_retention(draft, life));
    return config_make_audit_personal(draft, &life->personal);
}

rg_status config_make_audit(struct config_draft *draft)
{
    const struct config_raw_audit *raw = &draft->raw.audit;
    struct config_audit *audit = &draft->config->audit;
    check_origin(draft, &raw->origin);
    audit->directory = raw->directory.text;
    audit->durability = (enum config_durability)raw->durability.word;
    audit->segment_bytes = (size_t)raw->segment_size.value;
    audit->origin = raw->origin.text;
    audit->reserve_bytes = (uint64_t)raw->reserve.value;
    audit->export_alert_us = raw->export_alert.value;
    audit->has_bind_values = raw->bind_values.value != 0;
    audit->low_space_bytes = (uint64_t)raw->low_space.value;
    RG_TRY(make_break_glass(draft, audit));
    if (!raw->origin.is_given && raw->head.is_given) {
        RG_TRY(make_origin(draft, &audit->origin));
    }
    return make_life(draft, &audit->life);
}
