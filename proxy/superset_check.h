/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_SUPERSET_CHECK_H
#define RG_PROXY_SUPERSET_CHECK_H

#include "auth/mint.h"
#include "base/rg_clock.h"
#include "base/rg_diag.h"

/* Asks a live Superset, as a stranger and with rowgate's identity key as somebody, what it should not answer
 * (`rowgate check --superset`, docs/check-superset.md). Everything is a GET; nobody's identity is taken: a token that
 * is forged with a known secret names a user who cannot be. With a key, Superset makes a user of its own for the one
 * whom the key names. What Superset says is hostile: bounded, and shown as printable text only. */

enum { SUPERSET_CHECK_GATES_MAX = 8, SUPERSET_CHECK_MCP_PORT = 5008 };

/* All borrowed for the call. */
struct superset_check_options {
    struct rg_slice url;          /* of Superset itself, not of rowgate before it */
    struct rg_slice ca_file;      /* empty = the system's authorities */
    const struct auth_mint *mint; /* identity_key of [upstreams.NAME]; NULL = only what a stranger sees */
    struct rg_slice tenant;       /* whose somebody it is */
    struct rg_slice role;         /* one that ROWGATE_ROLES makes an administrator of; empty = none */
    const struct rg_slice *gates; /* HOST[:PORT] of rowgate's SQL listeners, as Superset's databases name them */
    size_t gate_count;            /* at most SUPERSET_CHECK_GATES_MAX; 0 = databases are not compared */
    struct rg_slice dashboard;    /* the embedded uuid of one that should not be framed by all; empty = none */
    uint16_t mcp_port;            /* of the same host; 0 = not asked */
    bool is_outside;              /* this machine should not reach it at all */
    int64_t timeout_us;           /* of one request */
    const struct rg_clock *clock;
};

struct superset_check_facts {
    char version[32]; /* "6.1.0"; empty = it does not tell */
    size_t asked;     /* requests */
    bool is_known;    /* the key's somebody was believed */
    bool is_silent;   /* is_outside, and there was no answer */
};

/* Findings go to diag, each with rule and hint. Waits; for commands, never on an event loop.
 * Returns: ok, whatever was found; RG_UPSTREAM when there is no answer, or it is not Superset that answers, or it is
 *          rowgate before it; RG_LIMIT for an answer of more than 8 MiB; RG_CONFIG when the URL is none. What was found
 *          before is in diag then. */
rg_status superset_check(const struct superset_check_options *options, struct rg_diag *diag,
                         struct superset_check_facts *out_facts) RG_MUST_CHECK;

#endif
