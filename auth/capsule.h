/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_CAPSULE_H
#define RG_AUTH_CAPSULE_H

#include "auth/identity.h"
#include "auth/session.h"
#include "auth/state.h"

/* The identity capsule: one verified caller in a short sealed text, that somebody in between carries from rowgate to
 * rowgate and can neither read, make nor change. "rgc1." and base64url; AES-256-GCM under a key of the [state], so that
 * nodes which share a state take each other's, and a restart takes its own.
 *
 * A caller with a session of ours (auth/session.h) is named by that session's public id alone and is who the session
 * says at the time of use; one with a bearer token is in the capsule himself, claims as texts. Whether it still holds
 * is judged when it is used, not by what is in it: auth_capsule_identity. Nothing of a capsule belongs into a log. */

#define AUTH_CAPSULE_PREFIX "rgc1."

enum {
    AUTH_CAPSULE_MAX_BYTES = 7 * 1024, /* of the text: gunicorn takes header fields of 8190 bytes */
    AUTH_CAPSULE_MAX_CLAIMS = 256,
    AUTH_CAPSULE_MAX_RESOURCES = 64,
};

/* What one is for. The text of one purpose is a forgery for the other: the browser sees its guest capsule and must not
 * have it taken for a password. */
enum auth_capsule_purpose {
    AUTH_CAPSULE_NONE = 0, /* nothing: refused */
    AUTH_CAPSULE_SQL,      /* upstream to SQL plane: the password */
    AUTH_CAPSULE_GUEST,    /* inside a guest token, read by the HTTP plane */
};

/* Units: microseconds of wall clock. All borrowed; of an opened one all texts live in the arena, NUL-terminated. */
struct auth_capsule {
    enum auth_capsule_purpose purpose;
    struct rg_slice session; /* the public id; empty: the members up to claim_count say who it is */
    enum auth_kind kind;
    struct rg_slice idp, issuer, subject, user, token_id;
    const struct auth_claim_constant *claims;
    size_t claim_count;
    int64_t issued_us;             /* when the credential behind it was; 0 = not known */
    int64_t credential_expires_us; /* of the credential behind it; 0 = it does not say */
    struct rg_slice tenant;        /* required */
    struct rg_slice reference;     /* of the HTTP request that it was made for */
    struct rg_slice view;          /* the view key */
    struct rg_slice guest;         /* of a guest's for the SQL plane: id of the guest token behind the request */
    int64_t made_us, expires_us;   /* of the capsule: required */
    bool is_guest;
    size_t resource_count;
    const struct rg_slice *resources; /* of a guest: dashboards */
};

/* True when text begins as a capsule does, whatever follows. Pure. */
bool auth_capsule_is_one(struct rg_slice text);

/* Fills session, or kind to claim_count, and the two times of the credential, for the caller that `identity` says; the
 * other members are untouched. session: that identity's own, NULL = it has none. specs: those that identity->claims is
 * parallel to. RG_DENIED for an unverified identity; RG_LIMIT when the arena is full. Output untouched then.
 * Owns: borrows from identity and session; arrays live in arena. Any thread. */
rg_status auth_capsule_fill(const struct auth_identity *identity, const struct auth_session *session,
                            const struct auth_claim_spec *specs, struct rg_arena *arena,
                            struct auth_capsule *capsule) RG_MUST_CHECK;

/* The sealed text. A few microseconds, no lock. Returns: ok; RG_DENIED without purpose, tenant, caller or times, or
 * when it would be over when made; RG_LIMIT for more than AUTH_CAPSULE_MAX_BYTES or when the arena is full. Output
 * untouched then. Owns: *out_text lives in arena, NUL-terminated. Any thread. */
rg_status auth_capsule_seal(const struct auth_state *state, const struct auth_capsule *capsule, struct rg_arena *arena,
                            struct rg_slice *out_text) RG_MUST_CHECK;

/* Reads one made by auth_capsule_seal under the same key for the same purpose. Says nothing about sessions.
 * Returns: ok; RG_DENIED when it was not, or is over at now_us (the text says which, for the record; whoever sent it
 * learns neither); RG_LIMIT when the arena is full. Output untouched then. state NULL: RG_DENIED.
 * Owns: *out_capsule points into arena only. Any thread. */
rg_status auth_capsule_open(const struct auth_state *state, struct rg_slice text, enum auth_capsule_purpose purpose,
                            int64_t now_us, struct rg_arena *arena, struct auth_capsule *out_capsule) RG_MUST_CHECK;

/* Who an opened capsule stands for now: the session's identity, or its own, typed under these specs. Reads memory only,
 * takes short locks. The caller still has to find the identity's tenant and compare it with capsule->tenant.
 * Returns: ok; RG_DENIED when the session is over or revoked, or when token, subject, tenant or all were revoked since,
 * or the claims no more fit the specs; RG_UPSTREAM when a shared store has not been reached for 30 s; RG_LIMIT when the
 * arena is full. Outputs untouched then.
 * Owns: *out_session gets a reference, or NULL for a capsule without session; identity's texts are its or the
 * capsule's; values live in arena. Any thread. */
rg_status auth_capsule_identity(struct auth_state *state, const struct auth_capsule *capsule,
                                const struct auth_claim_spec *specs, size_t spec_count, int64_t now_us,
                                struct rg_arena *arena, struct auth_session **out_session,
                                struct auth_identity *out_identity) RG_MUST_CHECK;

#endif
