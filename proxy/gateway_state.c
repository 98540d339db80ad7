/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's state: the store of sessions and revocations, the socket of `rowgate session`, and how the workers hear
 * that something was revoked. */
#include "base/rg_crypto.h"
#include "proxy/gateway_private.h"
#include "proxy/session_orders.h"
#include "proxy/worker.h"

static void on_state_event(void *context, const struct auth_state_event *event)
{
    static const struct {
        enum rg_log_level level;
        const char *name;
    } rows[] = {
        [AUTH_STATE_EVENT_NONE] = {RG_LOG_DEBUG, "state.event"},
        [AUTH_STATE_TROUBLE] = {RG_LOG_ERROR, "state.trouble"},
        [AUTH_STATE_WORKS] = {RG_LOG_INFO, "state.works"},
        [AUTH_STATE_REMOVED] = {RG_LOG_INFO, "state.expired"},
    };
    struct gateway *gateway = context;
    rg_log_event(gateway->log, rows[event->kind].level, rows[event->kind].name, "s:s%, s:I", "reason",
                 event->text.data == NULL ? "" : event->text.data, event->text.size, "sessions",
                 (long long)event->count);
}

static void on_revocation_in_loop(void *argument)
{
    worker_end_revoked(argument);
}

/* A session that begins after this looks for itself. */
static void on_revocation(void *context)
{
    struct gateway *gateway = context;
    for (unsigned i = 0; atomic_load(&gateway->has_loops) && i < gateway->worker_count; i++) {
        net_loop_post(gateway->workers[i].loop, on_revocation_in_loop, &gateway->workers[i]);
    }
}

rg_status gateway_open_state(struct gateway *gateway)
{
    const struct config *config = gateway->snapshot->config;
    const struct config_state *state = &config->state;
    const struct auth_state_options options = {
        .url = state->url,
        .password = rg_secret_slice(state->password),
        .key = rg_secret_slice(state->key),
        .idle_timeout_us = config->sessions.idle_timeout_us,
        .absolute_timeout_us = config->sessions.absolute_timeout_us,
        .clock = gateway->clock,
        .log = {on_state_event, on_revocation, gateway},
    };
    if (!state->is_given) {
        return RG_OK;
    }
    RG_TRY(auth_state_open(&options, &gateway->state));
    if (state->directory.size > 0) {
        RG_TRY(session_orders_open(gateway, state->directory, &gateway->orders));
    }
    rg_log_event(gateway->log, RG_LOG_INFO, "state.open", "s:b", "shared",
                 (int)(auth_state_url_path(state->url).size == 0));
    return RG_OK;
}

void gateway_close_state(struct gateway *gateway)
{
    session_orders_close(&gateway->orders);
    auth_state_close(&gateway->state);
}

void gateway_apply_sessions(struct gateway *gateway, const struct config *config)
{
    if (gateway->state != NULL) {
        auth_state_set_timeouts(gateway->state, config->sessions.idle_timeout_us, config->sessions.absolute_timeout_us);
    }
}

static bool is_same_secret(const struct rg_secret *a, const struct rg_secret *b)
{
    return rg_secret_is_equal(rg_secret_slice(a), rg_secret_slice(b));
}

rg_status gateway_check_state(const struct config *running, const struct config *wanted)
{
    const struct config_state *a = &running->state;
    const struct config_state *b = &wanted->state;
    bool is_same = a->is_given == b->is_given && rg_slice_is_equal(a->url, b->url) &&
                   rg_slice_is_equal(a->directory, b->directory) && is_same_secret(a->key, b->key) &&
                   is_same_secret(a->password, b->password);
    return is_same ? RG_OK : rg_fail(RG_CONFIG, "a changed [state] needs a restart");
}
