/* SPDX-License-Identifier: Apache-2.0 */
/* The auditor's fourth ear: operators' orders (audit/keep/order.h), between the groups of records that it writes. */
#include <stdio.h>

#include "audit/auditor_private.h"

static rg_status obey(void *context, const struct audit_order *order, struct rg_slice operator_name, uint64_t ticket,
                      struct audit_order_reply *reply, bool *out_is_pending)
{
    struct auditor *auditor = context;
    if (auditor->is_waiting) {
        *out_is_pending = false;
        return rg_fail(RG_LIMIT, "the disk is full: the audit log takes no records now");
    }
    rg_status status = audit_keep_obey(&auditor->keep, order, operator_name, reply, out_is_pending);
    auditor->is_waiting = auditor->is_waiting || auditor->log.is_full;
    auditor->prune_ticket = *out_is_pending ? ticket : auditor->prune_ticket;
    return status;
}

static void on_refused(void *context, const char *what)
{
    auditor_on_misbehaviour(context, 0, what);
}

rg_status auditor_open_orders(struct auditor *auditor, struct rg_slice retention)
{
    const struct audit_orders_handler handler = {.obey = obey, .on_refused = on_refused, .context = auditor};
    RG_TRY(audit_keep_open(&auditor->keep, &auditor->log, retention));
    if (auditor->subjects != NULL) {
        auditor->keep.subjects = audit_subjects_hooks(auditor->subjects);
    }
    rg_status status = audit_orders_open(auditor->log.directory_fd, &handler, &auditor->orders);
    if (!rg_is_ok(status) && auditor->log_out != NULL) {
        rg_log_event(auditor->log_out, RG_LOG_ERROR, "audit.orders", "s:b, s:s", "works", false, "reason",
                     status.error->text);
    }
    return RG_OK;
}

static void tell_prune(struct auditor *auditor)
{
    struct audit_order_reply reply = {0};
    rg_status status = RG_OK;
    if (audit_keep_take(&auditor->keep, &status, &reply)) {
        audit_orders_answer(auditor->orders, auditor->prune_ticket, status, &reply);
    }
}

rg_status auditor_serve_orders(struct auditor *auditor, const struct pollfd *polls)
{
    audit_orders_turn(auditor->orders, polls, auditor_now_us(auditor));
    if (!auditor->is_waiting) {
        RG_TRY(audit_keep_turn(&auditor->keep));
        auditor->is_waiting = auditor->log.is_full;
        tell_prune(auditor);
    }
    return auditor->log.is_dead ? rg_fail(RG_STORAGE, "%s", auditor->log.reason) : RG_OK;
}
