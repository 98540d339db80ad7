/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_STATE_H
#define RG_AUTH_STATE_H

#include "base/rg_clock.h"
#include "base/rg_secret.h"

/* What must outlive a restart of a login's making: sessions (auth/session.h), logins under way (auth/login_state.h),
 * what was used up (auth/replay.h) and what was revoked (auth/revocation.h), in one store: a SQLite file, or PostgreSQL
 * where several nodes share it. Sessions and revocations are in memory too, so that looking one up never touches a
 * file; a thread of its own does what comes round (flush of the last use, removal of the expired, other nodes' news).
 *
 * Calls marked "blocks" write to the store: on a thread that may wait (an offload lane), never on an event loop. What
 * could not be written is an error, and was not done, unless the call says otherwise. */
struct auth_state;

enum auth_state_event_kind {
    AUTH_STATE_EVENT_NONE = 0,
    AUTH_STATE_TROUBLE, /* the store cannot be written or reached; told once until it works again */
    AUTH_STATE_WORKS,   /* it does again */
    AUTH_STATE_REMOVED, /* expired sessions were removed: count */
};

/* For the operational log. Valid during the call only. No secrets in it. */
struct auth_state_event {
    enum auth_state_event_kind kind;
    struct rg_slice text;
    size_t count;
};

/* on_event is called on the state thread, without locks held; must not block long. on_revocation is called by whoever
 * adds a revocation or hears of one from another node, once it is in force, and by whoever ended sessions or hears that
 * they ended; must neither block nor call back. Both may be NULL. */
struct auth_state_log {
    void (*on_event)(void *context, const struct auth_state_event *event);
    void (*on_revocation)(void *context);
    void *context;
};

struct auth_state_options {
    struct rg_slice url;      /* "sqlite:/path/of/a.db" or "postgres://user@host/db?..." */
    struct rg_slice password; /* PostgreSQL's; empty = none */
    struct rg_slice key; /* at least 32 bytes, seals what the store holds; empty with SQLite: the file PATH.key, made
                            with mode 0600 when it is not there */
    int64_t idle_timeout_us;
    int64_t absolute_timeout_us;
    size_t max_sessions;             /* 0 = AUTH_STATE_MAX_SESSIONS */
    size_t max_sessions_per_subject; /* 0 = AUTH_STATE_MAX_PER_SUBJECT; one more: the oldest goes */
    const struct rg_clock *clock;    /* must live as long as the state */
    struct auth_state_log log;
    bool has_no_thread; /* the caller calls auth_state_turn: for tests */
};

enum {
    AUTH_STATE_MAX_SESSIONS = 100 * 1000,
    AUTH_STATE_MAX_PER_SUBJECT = 32,
    AUTH_STATE_KEY_MIN = 32,
};

/* Opens the store, loads it and starts the thread. The directory of a SQLite file must be there.
 * Returns: ok; RG_CONFIG for a url, key or timeouts that cannot be; RG_STORAGE when the store cannot be opened, is
 *          damaged, was made by a newer rowgate, or holds what this key does not open; RG_INTERNAL when no thread can
 *          start. The text says what to do. Output untouched then. Blocks.
 * Owns:    everything in options is copied but clock and log.context. */
rg_status auth_state_open(const struct auth_state_options *options, struct auth_state **out_state) RG_MUST_CHECK;
/* Flushes, stops the thread and closes. Sessions that somebody still holds stay readable. Nulls, accepts NULL. Blocks.
 */
void auth_state_close(struct auth_state **state);

/* A reload's timeouts; sessions that are older than the new ones end. The cap of what a session already got stays. Any
 * thread. */
void auth_state_set_timeouts(struct auth_state *state, int64_t idle_timeout_us, int64_t absolute_timeout_us);
/* True when the store was last written or reached without trouble. Any thread. */
bool auth_state_is_working(const struct auth_state *state);
/* Does at once what the thread would do by itself. Blocks. */
rg_status auth_state_turn(struct auth_state *state) RG_MUST_CHECK;

/* True for urls that auth_state_open understands; *out_text says else why not (static). Pure. */
bool auth_state_url_check(struct rg_slice url, const char **out_text);
/* The path of a SQLite url; empty for the others. Borrowed. Pure. */
struct rg_slice auth_state_url_path(struct rg_slice url);

#endif
