/* SPDX-License-Identifier: Apache-2.0 */
/* What records mean for the log's own life: holds in force, segments that were declared to go, what is stored outside.
 * Every record passes here once, by its kind alone; those few are parsed. */
#include <inttypes.h>

#include "audit/log_private.h"

static rg_status fold_hold(struct audit_log *log, const struct audit_head *head, struct rg_slice line)
{
    return audit_holds_fold(&log->holds, line, head);
}

static rg_status fold_prune(struct audit_log *log, const struct audit_head *head, struct rg_slice line)
{
    struct audit_pruned pruned = {0};
    RG_TRY(audit_pruned_parse(line, head, &pruned));
    if (log->signed_seq > 0 && head->seq >= log->signed_seq) { /* anybody could have written it: it takes no key */
        log->void_seq = log->void_seq == 0 ? head->seq : log->void_seq;
        return RG_OK;
    }
    log->pruned[0] = log->pruned[1];
    log->pruned[1] = pruned;
    return RG_OK;
}

/* A start found prunes that nothing had signed: they count for nothing, also when they are signed now. */
static rg_status fold_void(struct audit_log *log, const struct audit_head *head, struct rg_slice line)
{
    uint64_t void_seq = 0;
    (void)head;
    if (!audit_void_parse(line, &void_seq)) {
        return RG_OK; /* a torn tail was cut */
    }
    while (log->pruned[1].seq >= void_seq && log->pruned[1].seq != 0) {
        log->pruned[1] = log->pruned[0];
        log->pruned[0] = (struct audit_pruned){0};
    }
    return RG_OK;
}

/* Segments are stored in any order, and again after their confirmation was lost. The exporter writes these records: one
 * that is none confirms nothing. */
static rg_status fold_export(struct audit_log *log, const struct audit_head *head, struct rg_slice line)
{
    uint64_t first_seq = 0;
    uint64_t last_seq = 0;
    bool is_one = rg_is_ok(audit_exported_parse(line, head, &first_seq, &last_seq));
    if (is_one && first_seq <= log->confirmed_seq && last_seq >= log->confirmed_seq) {
        log->confirmed_seq = last_seq + 1;
    }
    return RG_OK;
}

rg_status audit_log_fold(struct audit_log *log, const struct audit_head *head, struct rg_slice line)
{
    static const struct {
        struct rg_slice kind;
        rg_status (*fold)(struct audit_log *log, const struct audit_head *head, struct rg_slice line);
    } rows[] = {{{"\"kind\":\"hold.", 13}, fold_hold},
                {{"\"kind\":\"retention.prune\"", 24}, fold_prune},
                {{"\"kind\":\"log.recovered\"", 22}, fold_void},
                {{"\"kind\":\"export.segment\"", 23}, fold_export}};
    struct rg_slice rest = rg_slice_cut(line, head->size, SIZE_MAX);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rg_slice_has_prefix(rest, rows[i].kind)) {
            rg_status status = rows[i].fold(log, head, line);
            return rg_is_ok(status)
                       ? RG_OK
                       : rg_fail(RG_STORAGE, "record %" PRIu64 " of the audit log: %s", head->seq, status.error->text);
        }
    }
    return RG_OK;
}
