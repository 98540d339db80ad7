/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_PGWIRE_STARTUP_H
#define RG_PROXY_PGWIRE_STARTUP_H

#include "base/rg_arena.h"

/* The first packet of a connection: what the client wants, before anyone is known. */

enum pgwire_startup_kind {
    PGWIRE_STARTUP_NONE = 0,
    PGWIRE_STARTUP_SSL,     /* SSLRequest: answer 'S' or 'N', refuse bytes already behind it */
    PGWIRE_STARTUP_GSSENC,  /* GSSENCRequest: answer 'N' */
    PGWIRE_STARTUP_CANCEL,  /* CancelRequest: no answer, ever */
    PGWIRE_STARTUP_SESSION, /* StartupMessage */
};

enum {
    PGWIRE_SETTINGS_MAX = 64,       /* parameters of a packet, and pairs of its options */
    PGWIRE_USER_MAX_BYTES = 255,    /* user, database */
    PGWIRE_SETTING_NAME_MAX = 63,   /* NAMEDATALEN - 1 */
    PGWIRE_SETTING_VALUE_MAX = 4096 /* every other value */
};

struct pgwire_setting {
    struct rg_slice name; /* as sent, with '-' made '_' in options; compare without regard to ASCII case */
    struct rg_slice value;
    bool is_option; /* from the "options" parameter */
};

struct pgwire_startup {
    enum pgwire_startup_kind kind;
    /* CANCEL */
    uint32_t cancel_pid;
    uint32_t cancel_secret;
    /* SESSION */
    uint16_t minor;           /* > 0 or extension_count > 0: send NegotiateProtocolVersion(0, extensions) */
    struct rg_slice user;     /* a claim, not an identity (L2) */
    struct rg_slice database; /* the user when none was sent */
    const struct pgwire_setting *settings;
    size_t setting_count;
    const struct rg_slice *extensions; /* names of "_pq_." parameters, none of which is known */
    size_t extension_count;
};

/* Reads the body of a pgwire_startup_peek frame.
 * Accepts SSLRequest, GSSENCRequest, CancelRequest with a secret of exactly four bytes, StartupMessage 3.x.
 * Refuses: other versions, no user, a key sent twice (ASCII case ignored, options included), replication
 * other than false/off/no/0, option switches other than -c and --, text that is not printable UTF-8.
 * "options" is split by PostgreSQL's rules (pg_split_opts): a backslash keeps the next byte.
 * Returns: ok; RG_PROTOCOL; RG_LIMIT past the limits above or when arena is full. Output untouched on failure.
 * Owns:    names and values are copies in arena; one of 64 KiB holds any packet. Threads: any. */
rg_status pgwire_startup_parse(struct rg_slice body, struct rg_arena *arena,
                               struct pgwire_startup *out_startup) RG_MUST_CHECK;

/* The setting of that name (ASCII case ignored), NULL when absent. */
const struct pgwire_setting *pgwire_setting_find(const struct pgwire_startup *startup, struct rg_slice name);

#endif
