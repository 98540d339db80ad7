/* SPDX-License-Identifier: Apache-2.0 */
/* The console's commands that change something, on the main thread, after their record; and SHOW SESSIONS, which is
 * `rowgate session list`. */
#include "audit/control.h"
#include "proxy/console_private.h"
#include "proxy/gateway_private.h"
#include "proxy/session_orders.h"

static bool put_session(void *context, const struct session_row *row)
{
    struct console_rows *rows = context;
    const struct rg_slice *const texts[] = {&row->id,      &row->plane, &row->tenant, &row->user,
                                            &row->subject, &row->idp,   &row->client};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        console_put_name(rows, *texts[i]);
    }
    console_put_time(rows, row->created_us);
    console_put_time(rows, row->seen_us);
    console_put_time(rows, row->expires_us);
    return !rows->is_full;
}

rg_status console_show_sessions(struct console_call *call)
{
    const struct session_order order = {.kind = SESSION_ORDER_LIST};
    return session_orders_list(call->gateway, &order, (struct session_teller){put_session, call->rows});
}

static rg_status tell_supervisor(struct gateway *gateway, enum audit_control_type type)
{
    const struct audit_control message = {.type = type, .fd = -1};
    return audit_control_send(gateway->options->control_fd, &message);
}

rg_status console_reload(struct console_call *call)
{
    gateway_reload(call->gateway);
    if (call->gateway->reload_failure[0] != '\0') {
        return rg_fail(RG_CONFIG, "the old configuration stays: %s", call->gateway->reload_failure);
    }
    return tell_supervisor(call->gateway, AUDIT_CONTROL_RELOADED); /* the exporter reads it too */
}

static rg_status count(struct console_call *call, size_t number)
{
    call->has_count = true;
    call->count = number;
    return RG_OK;
}

rg_status console_revoke_session(struct console_call *call)
{
    const struct session_order order = {.kind = SESSION_ORDER_REVOKE_ID, .id = call->argument};
    size_t number = 0;
    if (call->gateway->state == NULL) {
        return rg_fail(RG_CONFIG, "nothing is revoked without [state]; KILL_CLIENT ends a session");
    }
    RG_TRY(session_orders_revoke(call->gateway, &order, call->by, &number));
    return count(call, number);
}

rg_status console_kill_client(struct console_call *call)
{
    const struct rg_slice nobody = {0};
    size_t number = 0;
    RG_TRY(console_strike(call->gateway, CONSOLE_KILL, nobody, call->argument, &number));
    if (number == 0) {
        return rg_fail(RG_CONFIG, "there is no session %.*s in the SQL plane", rg_slice_shown(call->argument),
                       call->argument.data);
    }
    return count(call, number);
}

static rg_status strike_tenant(struct console_call *call, enum console_strike strike)
{
    const struct rg_slice none = {0};
    size_t number = 0;
    if (call->argument.size == 0) {
        return rg_fail(RG_CONFIG, "which tenant?");
    }
    RG_TRY(console_strike(call->gateway, strike, call->argument, none, &number));
    return count(call, number);
}

rg_status console_kill_tenant(struct console_call *call)
{
    return strike_tenant(call, CONSOLE_KILL);
}

rg_status console_cancel_tenant(struct console_call *call)
{
    return strike_tenant(call, CONSOLE_CANCEL);
}

/* The supervisor tells the gateway to end, as by its own signals, and stops the rest once it has. */
rg_status console_shutdown_wait(struct console_call *call)
{
    return tell_supervisor(call->gateway, AUDIT_CONTROL_STOP);
}

rg_status console_shutdown(struct console_call *call)
{
    RG_TRY(tell_supervisor(call->gateway, AUDIT_CONTROL_STOP));
    return tell_supervisor(call->gateway, AUDIT_CONTROL_STOP);
}
