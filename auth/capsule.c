/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing and opening of capsules, and who an opened one stands for. Each capsule has a key of its own, derived from
 * the state's by sixteen random bytes in front of it: the state's key lives for years and one is made for each request,
 * more than AES-GCM with random nonces allows under one key (SP 800-38D 8.3). So there is no state and no lock. */
#include "auth/capsule.h"

#include "auth/capsule_private.h"
#include "auth/packed_private.h"
#include "auth/revocation.h"
#include "auth/session_private.h"
#include "base/rg_aead.h"

enum { SALT_SIZE = 16, PREFIX_SIZE = sizeof AUTH_CAPSULE_PREFIX - 1, PLAIN_MAX = AUTH_CAPSULE_MAX_BYTES };

bool auth_capsule_is_one(struct rg_slice text)
{
    return rg_slice_has_prefix(text, RG_SLICE(AUTH_CAPSULE_PREFIX));
}

/* ---- who ---- */

static rg_status fill_claims(const struct auth_identity *identity, const struct auth_claim_spec *specs,
                             struct rg_arena *arena, struct auth_capsule *filled)
{
    struct auth_claim_constant *claims = NULL;
    size_t count = 0;
    RG_TRY(rg_arena_array(arena, identity->claim_count, sizeof *claims, (void **)&claims));
    for (size_t i = 0; i < identity->claim_count; i++) {
        const struct auth_claim_value *value = &identity->claims[i];
        if (value->is_present) {
            claims[count++] = (struct auth_claim_constant){specs[i].name, value->elements, value->count};
        }
    }
    filled->claims = claims;
    filled->claim_count = count;
    return RG_OK;
}

rg_status auth_capsule_fill(const struct auth_identity *identity, const struct auth_session *session,
                            const struct auth_claim_spec *specs, struct rg_arena *arena, struct auth_capsule *capsule)
{
    const struct rg_slice none = {0};
    struct auth_capsule filled = *capsule;
    bool is_bare = session == NULL;
    if (identity->kind == AUTH_UNVERIFIED || identity->subject.size == 0) {
        return rg_fail(RG_DENIED, "nobody is logged in");
    }
    filled.session = is_bare ? none : rg_slice_of(session->public_id);
    filled.kind = is_bare ? identity->kind : AUTH_UNVERIFIED;
    filled.idp = is_bare ? identity->idp : none;
    filled.issuer = is_bare ? identity->issuer : none;
    filled.subject = is_bare ? identity->subject : none;
    filled.user = is_bare ? identity->user : none;
    filled.token_id = is_bare ? identity->token_id : none;
    filled.issued_us = identity->issued_at_us;
    filled.credential_expires_us = identity->expires_at_us;
    filled.claims = NULL;
    filled.claim_count = 0;
    if (is_bare) {
        RG_TRY(fill_claims(identity, specs, arena, &filled));
    }
    *capsule = filled;
    return RG_OK;
}

/* ---- the key ---- */

static struct rg_aead *aead_for(const struct auth_state *state, struct rg_slice salt)
{
    struct rg_digest key =
        rg_hmac_sha256(rg_slice_make(state->keys.capsule.bytes, sizeof state->keys.capsule.bytes), salt);
    struct rg_aead *aead = rg_aead_new(key.bytes);
    rg_wipe(&key, sizeof key);
    return aead;
}

/* Covered by the tag besides the text. */
static struct rg_slice covered(enum auth_capsule_purpose purpose)
{
    static const char *const texts[] = {
        [AUTH_CAPSULE_NONE] = "",
        [AUTH_CAPSULE_SQL] = "rowgate capsule 1 sql",
        [AUTH_CAPSULE_GUEST] = "rowgate capsule 1 guest",
    };
    return rg_slice_of(texts[purpose]);
}

/* ---- sealing ---- */

/* Salt, nonce, ciphertext, tag. */
static rg_status seal(const struct auth_state *state, const struct auth_capsule *capsule, struct rg_buf *out)
{
    char salt[SALT_SIZE];
    RG_AUTO(auth_packed_wipe_done) struct rg_buf plain;
    rg_buf_init(&plain, PLAIN_MAX);
    RG_TRY(auth_capsule_encode(capsule, &plain));
    rg_random(salt, sizeof salt);
    RG_TRY(rg_buf_put(out, rg_slice_make(salt, sizeof salt)));
    struct rg_aead *aead = aead_for(state, rg_slice_make(salt, sizeof salt));
    rg_status status = rg_aead_seal(aead, covered(capsule->purpose), rg_buf_slice(&plain), out);
    rg_aead_free(&aead);
    return status;
}

rg_status auth_capsule_seal(const struct auth_state *state, const struct auth_capsule *capsule, struct rg_arena *arena,
                            struct rg_slice *out_text)
{
    RG_AUTO(rg_buf_done) struct rg_buf sealed;
    RG_AUTO(rg_buf_done) struct rg_buf text;
    rg_buf_init(&sealed, PLAIN_MAX + SALT_SIZE + RG_AEAD_MORE);
    rg_buf_init(&text, (size_t)2 * PLAIN_MAX);
    RG_TRY(seal(state, capsule, &sealed));
    RG_TRY(rg_buf_put(&text, RG_SLICE(AUTH_CAPSULE_PREFIX)));
    RG_TRY(rg_base64url_put(rg_buf_slice(&sealed), &text));
    if (rg_buf_size(&text) > AUTH_CAPSULE_MAX_BYTES) {
        return rg_fail(RG_LIMIT, "a capsule of %zu bytes, limit %d: the caller's token has too many claims",
                       rg_buf_size(&text), AUTH_CAPSULE_MAX_BYTES);
    }
    return rg_arena_copy(arena, rg_buf_slice(&text), out_text);
}

/* ---- opening ---- */

static rg_status forged(void)
{
    return rg_fail(RG_DENIED, "the capsule is forged or damaged");
}

static rg_status open_sealed(const struct auth_state *state, struct rg_slice sealed, enum auth_capsule_purpose purpose,
                             struct rg_buf *plain)
{
    if (sealed.size < SALT_SIZE) {
        return forged();
    }
    struct rg_aead *aead = aead_for(state, rg_slice_cut(sealed, 0, SALT_SIZE));
    rg_status status = rg_aead_open(aead, covered(purpose), rg_slice_cut(sealed, SALT_SIZE, SIZE_MAX), plain);
    rg_aead_free(&aead);
    return rg_is_ok(status) ? RG_OK : forged();
}

rg_status auth_capsule_open(const struct auth_state *state, struct rg_slice text, enum auth_capsule_purpose purpose,
                            int64_t now_us, struct rg_arena *arena, struct auth_capsule *out_capsule)
{
    struct rg_slice sealed = {0};
    struct auth_capsule capsule = {0};
    RG_AUTO(auth_packed_wipe_done) struct rg_buf plain;
    rg_buf_init(&plain, PLAIN_MAX);
    bool is_asked = purpose == AUTH_CAPSULE_SQL || purpose == AUTH_CAPSULE_GUEST;
    if (state == NULL || !is_asked || !auth_capsule_is_one(text) || text.size > AUTH_CAPSULE_MAX_BYTES) {
        return forged();
    }
    rg_status status = rg_base64url_decode(rg_slice_cut(text, PREFIX_SIZE, SIZE_MAX), arena, &sealed);
    if (!rg_is_ok(status)) {
        return status.error->kind == RG_LIMIT ? status : forged();
    }
    RG_TRY(open_sealed(state, sealed, purpose, &plain));
    RG_TRY(auth_capsule_decode(rg_buf_slice(&plain), arena, &capsule));
    if (capsule.purpose != purpose) {
        return forged();
    }
    if (now_us >= capsule.expires_us) {
        return rg_fail(RG_DENIED, "the capsule has expired");
    }
    *out_capsule = capsule;
    return RG_OK;
}

/* ---- using ---- */

static rg_status check_revoked(struct auth_state *state, const struct auth_capsule *capsule,
                               const struct auth_identity *identity, int64_t now_us)
{
    const struct auth_revocation_subject who = {.idp = identity->idp,
                                                .subject = identity->subject,
                                                .token_id = capsule->token_id,
                                                .tenant = capsule->tenant,
                                                .session = capsule->session,
                                                .since_us = identity->issued_at_us};
    if (auth_revocation_find(state, &who, now_us).kind != AUTH_REVOKE_NONE) {
        return rg_fail(RG_DENIED, "the caller behind the capsule was revoked");
    }
    return RG_OK;
}

/* The identity of a bearer token, which no session of ours stands for. */
static rg_status bare_identity(const struct auth_capsule *capsule, const struct auth_claim_spec *specs,
                               size_t spec_count, struct rg_arena *arena, struct auth_identity *out_identity)
{
    struct auth_identity identity = {
        .kind = capsule->kind,
        .idp = capsule->idp,
        .issuer = capsule->issuer,
        .subject = capsule->subject,
        .user = capsule->user,
        .token_id = capsule->token_id,
        .issued_at_us = capsule->issued_us,
        .expires_at_us = capsule->credential_expires_us,
        .claim_count = spec_count,
    };
    RG_TRY(auth_session_type_claims(capsule->claims, capsule->claim_count, specs, spec_count, arena, &identity.claims));
    *out_identity = identity;
    return RG_OK;
}

static bool is_credential_over(const struct auth_identity *identity, int64_t now_us)
{
    return identity->expires_at_us != 0 && now_us >= identity->expires_at_us;
}

rg_status auth_capsule_identity(struct auth_state *state, const struct auth_capsule *capsule,
                                const struct auth_claim_spec *specs, size_t spec_count, int64_t now_us,
                                struct rg_arena *arena, struct auth_session **out_session,
                                struct auth_identity *out_identity)
{
    RG_AUTO(auth_session_free) struct auth_session *session = NULL;
    struct auth_identity identity = {0};
    if (capsule->session.size > 0) {
        RG_TRY(auth_sessions_find_by_id(state, capsule->session, now_us, &session));
        RG_TRY(auth_session_identity(session, specs, spec_count, arena, &identity));
    } else {
        RG_TRY(bare_identity(capsule, specs, spec_count, arena, &identity));
    }
    if (identity.kind == AUTH_UNVERIFIED || is_credential_over(&identity, now_us)) {
        return rg_fail(RG_DENIED, "the credential behind the capsule has expired");
    }
    RG_TRY(check_revoked(state, capsule, &identity, now_us));
    *out_session = session == NULL ? NULL : auth_session_hold(session);
    *out_identity = identity;
    return RG_OK;
}
