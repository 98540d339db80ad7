/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_SAML_MESSAGES_H
#define RG_AUTH_SAML_MESSAGES_H

#include "auth/saml.h"

/* The messages beside the Response: what we send (AuthnRequest, LogoutRequest, LogoutResponse, by HTTP-Redirect,
 * saml-bindings 3.4) and the logout messages that we get (by HTTP-Redirect or HTTP-POST). Pure but for the randomness
 * of our IDs. Everything is signed that a private key is there for; what comes in must be signed. */

enum { AUTH_SAML_MAX_RELAY_STATE = 80 }; /* saml-bindings 3.4.3 */

/* A new message ID: "_" and 32 random hexadecimal digits. Made first, so that it can be remembered under the relay
 * state that goes with the message. */
enum { AUTH_SAML_ID_SIZE = 34 };
void auth_saml_make_id(char out_id[AUTH_SAML_ID_SIZE]);

struct auth_saml_asking {
    struct rg_slice acs_url;     /* ours: where the answer goes */
    struct rg_slice request_id;  /* goes to auth_saml_expected.request_id later */
    struct rg_slice relay_state; /* comes back with the answer */
};
/* Where to send the browser for a login.
 * Returns: RG_LIMIT when relay_state is longer than AUTH_SAML_MAX_RELAY_STATE or the arena is full; RG_CONFIG when the
 *          private key does not sign. Output untouched then. */
rg_status auth_saml_login_url(const struct auth_saml_trust *trust, const struct auth_saml_asking *asking,
                              int64_t now_us, struct rg_arena *arena, struct rg_slice *out_url) RG_MUST_CHECK;

/* Whether the provider can be told of a logout, and we can sign it. */
bool auth_saml_has_logout(const struct auth_saml_trust *trust);

struct auth_saml_ending {
    const struct auth_saml_name_id *name_id;
    struct rg_slice session_index; /* may be empty: all of that name */
    struct rg_slice request_id, relay_state;
};
/* Where to send the browser at the end of a session that the provider began. RG_CONFIG without auth_saml_has_logout. */
rg_status auth_saml_logout_url(const struct auth_saml_trust *trust, const struct auth_saml_ending *ending,
                               int64_t now_us, struct rg_arena *arena, struct rg_slice *out_url) RG_MUST_CHECK;

struct auth_saml_answering {
    struct rg_slice in_response_to; /* the request's ID */
    struct rg_slice relay_state;    /* the request's */
    bool is_success;                /* false: some session could not be ended */
};
/* Where to send the browser with the answer to a provider's LogoutRequest. RG_CONFIG without auth_saml_has_logout. */
rg_status auth_saml_logout_answer_url(const struct auth_saml_trust *trust, const struct auth_saml_answering *answering,
                                      int64_t now_us, struct rg_arena *arena, struct rg_slice *out_url) RG_MUST_CHECK;

/* A verified logout message. */
struct auth_saml_logout {
    bool is_request;
    struct rg_slice id;
    int64_t replay_until_us;          /* a request: remember id until then */
    struct auth_saml_name_id name_id; /* a request: whose sessions */
    const struct rg_slice *session_indexes;
    size_t session_index_count;     /* a request: 0 = all of that name */
    struct rg_slice in_response_to; /* an answer */
    bool is_success;                /* an answer: the provider ended everything */
    struct rg_slice relay_state;    /* as received, decoded; at most AUTH_SAML_MAX_RELAY_STATE bytes */
};

struct auth_saml_logout_expected {
    struct rg_slice slo_url; /* ours: the Destination */
    int64_t now_us;
};

/* query is the raw query of the request line, without "?". RG_DENIED, and *out_rule always written. */
rg_status auth_saml_logout_read_query(const struct auth_saml_trust *trust,
                                      const struct auth_saml_logout_expected *expected, struct rg_slice query,
                                      struct rg_arena *arena, struct auth_saml_logout *out_logout,
                                      enum auth_saml_rule *out_rule) RG_MUST_CHECK;
struct auth_saml_posted {
    struct rg_slice xml;         /* as auth_saml_decode_post gave it */
    struct rg_slice relay_state; /* decoded, or empty */
};
/* The same for a form. */
rg_status auth_saml_logout_read_post(const struct auth_saml_trust *trust,
                                     const struct auth_saml_logout_expected *expected,
                                     const struct auth_saml_posted *posted, struct rg_arena *arena,
                                     struct auth_saml_logout *out_logout, enum auth_saml_rule *out_rule) RG_MUST_CHECK;

#endif
