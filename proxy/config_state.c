/* SPDX-License-Identifier: Apache-2.0 */
/* [state] and [sessions]. The gateway may write in the state's directory, so nothing of the auditor's is there. */
#include "proxy/config_state.h"

#include "auth/cookie.h"
#include "auth/state.h"
#include "proxy/config_private.h"

enum { COOKIE_NAME_MAX = AUTH_COOKIE_NAME_MAX - 32 /* beside the prefix, and "-login" */ };

static rg_status find_directory(struct config_draft *draft, const struct config_raw_state *raw,
                                struct config_state *state)
{
    struct rg_slice path = auth_state_url_path(raw->url.text);
    const char *slash = path.size == 0 ? NULL : memrchr(path.data, '/', path.size);
    state->directory = raw->directory.text;
    if (slash == NULL) {
        return RG_OK;
    }
    if (raw->directory.is_given) {
        config_error(draft, raw->directory.place, "\"directory\" is for PostgreSQL: with SQLite it is the file's own");
    }
    size_t size = slash == path.data ? 1 : (size_t)(slash - path.data);
    return rg_arena_copy(draft->arena, rg_slice_cut(path, 0, size), &state->directory);
}

static void check_directory(struct config_draft *draft, const struct config_state *state)
{
    const struct config_raw_state *raw = &draft->raw.state;
    struct rg_slice audit = draft->raw.audit.directory.text;
    struct rg_place place = raw->directory.is_given ? raw->directory.place : raw->url.place;
    if (state->directory.size > 0 && audit.size > 0 &&
        (config_is_below(state->directory, audit) || config_is_below(audit, state->directory))) {
        config_error(draft, place,
                     "the state must have a directory of its own, beside that of [audit]: the gateway writes there");
    }
}

/* Without it nobody could log in: said here, not by a login page that leads nowhere. */
static void check_http(struct config_draft *draft)
{
    const struct config_raw_listener *raws = draft->raw.listeners.items;
    for (size_t i = 0; i < draft->raw.listeners.count; i++) {
        if (raws[i].plane.is_given && raws[i].plane.word == CONFIG_PLANE_HTTP) {
            config_error(draft, raws[i].plane.place, "a listener with plane = \"http\" needs [state]");
            return;
        }
    }
}

static rg_status make_state(struct config_draft *draft)
{
    const struct config_raw_state *raw = &draft->raw.state;
    struct config_state *state = &draft->config->state;
    const char *why = NULL;
    if (!raw->head.is_given) {
        check_http(draft);
        return RG_OK;
    }
    state->is_given = true;
    state->url = raw->url.text;
    state->password = raw->password.secret;
    state->key = raw->key.secret;
    if (raw->url.is_given && !auth_state_url_check(raw->url.text, &why)) {
        config_error(draft, raw->url.place, "\"url\" %s", why);
        return RG_OK;
    }
    bool is_sqlite = auth_state_url_path(raw->url.text).size > 0;
    if (is_sqlite && raw->password.is_given) {
        config_error(draft, raw->password.place, "\"password\" is for PostgreSQL");
    }
    if (raw->url.is_given && !is_sqlite && !raw->key.is_given) {
        config_error(draft, raw->head.place, "\"key\" is missing: every node of a shared state needs the same");
    }
    if (raw->key.secret != NULL && rg_secret_slice(raw->key.secret).size < AUTH_STATE_KEY_MIN) {
        config_error(draft, raw->key.place, "\"key\" must have %d bytes at least", AUTH_STATE_KEY_MIN);
    }
    RG_TRY(find_directory(draft, raw, state));
    check_directory(draft, state);
    return RG_OK;
}

static bool is_cookie_name(struct rg_slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        char byte = name.data[i];
        bool is_good = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
                       byte == '-' || byte == '_';
        if (!is_good) {
            return false;
        }
    }
    return name.size > 0 && name.size <= COOKIE_NAME_MAX;
}

static rg_status make_sessions(struct config_draft *draft)
{
    const struct config_raw_sessions *raw = &draft->raw.sessions;
    struct config_sessions *sessions = &draft->config->sessions;
    *sessions = (struct config_sessions){
        .idle_timeout_us = raw->idle_timeout.value,
        .absolute_timeout_us = raw->absolute_timeout.value,
        .is_embedded = raw->embedded.value != 0,
    };
    if (raw->cookie.text.size > 0 && !is_cookie_name(raw->cookie.text)) {
        config_error(draft, raw->cookie.place, "\"cookie\" must be 1 to %d letters, digits, - and _", COOKIE_NAME_MAX);
    }
    if (raw->idle_timeout.value > raw->absolute_timeout.value) {
        config_error(draft, raw->idle_timeout.place, "\"idle_timeout\" is longer than \"absolute_timeout\"");
    }
    return rg_arena_printf(draft->arena, &sessions->cookie, "__Host-%.*s", rg_slice_shown(raw->cookie.text),
                           raw->cookie.text.data == NULL ? "" : raw->cookie.text.data);
}

rg_status config_make_state(struct config_draft *draft)
{
    RG_TRY(make_state(draft));
    return make_sessions(draft);
}
