/* SPDX-License-Identifier: Apache-2.0 */
/* One session: its texts in one piece of memory that is wiped at the end, and its form in the store. That form is a
 * list of sized texts in the order of the table below, sealed under the hash it belongs to; a newer rowgate may add to
 * its end. */
#include "auth/packed_private.h"
#include "auth/state_private.h"
#include "base/rg_memory.h"

enum { CLAIMS_MAX = 256, CLAIM_TEXTS_MAX = AUTH_CLAIM_MAX_ELEMENTS, FORM = 1, HEAD_NUMBERS = 5 };

/* The texts of a login: the order is the store's. */
static const size_t text_offsets[] = {
    offsetof(struct auth_session_new, idp),           offsetof(struct auth_session_new, issuer),
    offsetof(struct auth_session_new, subject),       offsetof(struct auth_session_new, user),
    offsetof(struct auth_session_new, sid),           offsetof(struct auth_session_new, id_token),
    offsetof(struct auth_session_new, refresh_token), offsetof(struct auth_session_new, access_token),
    offsetof(struct auth_session_new, name_id),       offsetof(struct auth_session_new, name_id_format),
    offsetof(struct auth_session_new, session_index),
};
enum { TEXT_COUNT = sizeof text_offsets / sizeof text_offsets[0] };

struct session_box {
    struct auth_session session; /* first: what others hold points here */
    struct auth_claim_constant *claims;
    struct rg_slice *claim_texts;
    char *bytes;
    size_t size;
};

static struct rg_slice *text_at(struct auth_session_new *login, size_t i)
{
    return (struct rg_slice *)(void *)((char *)login + text_offsets[i]);
}

static const struct rg_slice *const_text_at(const struct auth_session_new *login, size_t i)
{
    return (const struct rg_slice *)(const void *)((const char *)login + text_offsets[i]);
}

/* ---- from a login ---- */

/* With a NUL behind each text. False when one has a NUL within, or the sum is too large. */
static bool add_text(struct rg_slice text, size_t *size)
{
    bool is_clean = text.size == 0 || memchr(text.data, '\0', text.size) == NULL;
    return is_clean && rg_size_add(*size, text.size, size) && rg_size_add(*size, 1, size) &&
           *size <= AUTH_SESSION_MAX_BYTES;
}

static bool add_claims(const struct auth_session_new *login, size_t *size, size_t *out_text_count)
{
    bool fits = login->claim_count <= CLAIMS_MAX;
    size_t count = 0;
    for (size_t i = 0; fits && i < login->claim_count; i++) {
        const struct auth_claim_constant *claim = &login->claims[i];
        fits = add_text(claim->name, size) && claim->text_count <= CLAIM_TEXTS_MAX;
        for (size_t j = 0; fits && j < claim->text_count; j++) {
            fits = add_text(claim->texts[j], size);
        }
        count += fits ? claim->text_count : 0;
    }
    *out_text_count = count;
    return fits;
}

static struct rg_slice pack(struct session_box *box, struct rg_slice text)
{
    char *at = box->bytes + box->size;
    if (text.size > 0) {
        memcpy(at, text.data, text.size);
    }
    box->size += text.size + 1;
    return (struct rg_slice){at, text.size};
}

static void pack_claims(struct session_box *box, const struct auth_session_new *login)
{
    struct rg_slice *texts = box->claim_texts;
    for (size_t i = 0; i < login->claim_count; i++) {
        const struct auth_claim_constant *claim = &login->claims[i];
        box->claims[i] = (struct auth_claim_constant){pack(box, claim->name), texts, claim->text_count};
        for (size_t j = 0; j < claim->text_count; j++) {
            *texts++ = pack(box, claim->texts[j]);
        }
    }
}

rg_status auth_session_new(const struct auth_session_new *login, struct auth_session **out_session)
{
    size_t size = 1;
    size_t text_count = 0;
    bool fits = true;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        fits = fits && add_text(*const_text_at(login, i), &size);
    }
    if (!fits || !add_claims(login, &size, &text_count)) {
        return rg_fail(RG_LIMIT, "a session has more than %d bytes, too many claims, or a NUL in a text",
                       AUTH_SESSION_MAX_BYTES);
    }
    struct session_box *box = rg_memory_alloc(sizeof *box);
    box->bytes = rg_memory_alloc(size);
    box->claims = rg_memory_array(login->claim_count + 1, sizeof *box->claims);
    box->claim_texts = rg_memory_array(text_count + 1, sizeof *box->claim_texts);
    box->session.login = *login;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        *text_at(&box->session.login, i) = pack(box, *const_text_at(login, i));
    }
    pack_claims(box, login);
    box->session.login.claims = box->claims;
    atomic_init(&box->session.references, 1);
    *out_session = &box->session;
    return RG_OK;
}

struct auth_session *auth_session_hold(struct auth_session *session)
{
    (void)atomic_fetch_add_explicit(&session->references, 1, memory_order_relaxed);
    return session;
}

void auth_session_free(struct auth_session **session)
{
    struct session_box *box = (struct session_box *)(void *)*session;
    *session = NULL;
    if (box == NULL || atomic_fetch_sub_explicit(&box->session.references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    rg_wipe(box->bytes, box->size);
    rg_memory_free(box->bytes);
    rg_memory_free(box->claims);
    rg_memory_free(box->claim_texts);
    rg_memory_free(box);
}

void auth_session_name(const struct auth_state_keys *keys, const struct rg_digest *hash, struct auth_session *session)
{
    char hex[2 * RG_SHA256_SIZE + 1];
    struct rg_slice key = rg_slice_make(keys->csrf.bytes, sizeof keys->csrf.bytes);
    struct rg_digest csrf = rg_hmac_sha256(key, rg_slice_make(hash->bytes, sizeof hash->bytes));
    rg_digest_hex(hash, hex);
    memcpy(session->public_id, "s-", 2);
    memcpy(session->public_id + 2, hex, AUTH_SESSION_ID_SIZE - 3);
    session->public_id[AUTH_SESSION_ID_SIZE - 1] = '\0';
    rg_digest_b64url(&csrf, session->csrf);
    session->hash = *hash;
}

bool auth_session_id_parse(struct rg_slice public_id, struct rg_digest *out_hash)
{
    static const char digits[] = "0123456789abcdef";
    struct rg_digest hash = {0};
    bool is_id = public_id.size == AUTH_SESSION_ID_SIZE - 1 && rg_slice_has_prefix(public_id, RG_SLICE("s-"));
    for (size_t i = 2; is_id && i < public_id.size; i++) {
        const char *digit = memchr(digits, public_id.data[i], sizeof digits - 1);
        is_id = digit != NULL;
        hash.bytes[(i - 2) / 2] = (uint8_t)(hash.bytes[(i - 2) / 2] << 4 | (is_id ? digit - digits : 0));
    }
    if (is_id) {
        *out_hash = hash;
    }
    return is_id;
}

/* ---- the store's form ---- */

static rg_status encode(const struct auth_session *session, struct rg_buf *out)
{
    const struct auth_session_new *login = &session->login;
    const int64_t numbers[HEAD_NUMBERS] = {(int64_t)login->kind, session->created_us, session->expires_us,
                                           login->expires_us, login->token_expires_us};
    RG_TRY(rg_buf_put_u8(out, FORM));
    for (size_t i = 0; i < HEAD_NUMBERS; i++) {
        RG_TRY(auth_packed_put_number(out, numbers[i]));
    }
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        RG_TRY(auth_packed_put_text(out, *const_text_at(login, i)));
    }
    RG_TRY(rg_buf_put_u32(out, (uint32_t)login->claim_count));
    for (size_t i = 0; i < login->claim_count; i++) {
        RG_TRY(auth_packed_put_text(out, login->claims[i].name));
        RG_TRY(rg_buf_put_u32(out, (uint32_t)login->claims[i].text_count));
        for (size_t j = 0; j < login->claims[i].text_count; j++) {
            RG_TRY(auth_packed_put_text(out, login->claims[i].texts[j]));
        }
    }
    return RG_OK;
}

static struct rg_slice bound_to(const struct rg_digest *hash)
{
    return rg_slice_make(hash->bytes, sizeof hash->bytes);
}

rg_status auth_session_seal(const struct auth_session *session, struct rg_aead *aead, struct rg_buf *out)
{
    RG_AUTO(auth_packed_wipe_done) struct rg_buf plain;
    rg_buf_init(&plain, AUTH_STATE_BODY_MAX);
    RG_TRY(encode(session, &plain));
    return rg_aead_seal(aead, bound_to(&session->hash), rg_buf_slice(&plain), out);
}

/* The arrays of the claims, while a session is put together. */
struct claim_space {
    struct auth_claim_constant claims[CLAIMS_MAX];
    struct rg_slice texts[CLAIM_TEXTS_MAX];
    size_t text_count;
};

static bool get_claim(struct rg_slice *rest, struct claim_space *space, struct auth_claim_constant *claim)
{
    uint32_t count = 0;
    bool is_read = auth_packed_get_text(rest, &claim->name) && auth_packed_get_u32(rest, &count) &&
                   count <= CLAIM_TEXTS_MAX - space->text_count;
    claim->texts = space->texts + space->text_count;
    claim->text_count = count;
    for (uint32_t i = 0; is_read && i < count; i++) {
        is_read = auth_packed_get_text(rest, &space->texts[space->text_count++]);
    }
    return is_read;
}

static bool get_login(struct rg_slice *rest, struct claim_space *space, struct auth_session_new *login)
{
    uint32_t claim_count = 0;
    bool is_read = true;
    for (size_t i = 0; is_read && i < TEXT_COUNT; i++) {
        is_read = auth_packed_get_text(rest, text_at(login, i));
    }
    is_read = is_read && auth_packed_get_u32(rest, &claim_count) && claim_count <= CLAIMS_MAX;
    for (uint32_t i = 0; is_read && i < claim_count; i++) {
        is_read = get_claim(rest, space, &space->claims[i]);
    }
    login->claims = space->claims;
    login->claim_count = claim_count;
    return is_read;
}

static rg_status decode(struct rg_slice plain, struct claim_space *space, struct auth_session **out_session)
{
    struct rg_slice rest = rg_slice_cut(plain, 1, SIZE_MAX);
    struct auth_session_new login = {0};
    int64_t numbers[HEAD_NUMBERS] = {0};
    bool is_read = plain.size > 0 && plain.data[0] == FORM;
    for (size_t i = 0; is_read && i < HEAD_NUMBERS; i++) {
        is_read = auth_packed_get_number(&rest, &numbers[i]);
    }
    if (!is_read || !get_login(&rest, space, &login) || numbers[0] <= AUTH_UNVERIFIED || numbers[0] > AUTH_OAUTH) {
        return rg_fail(RG_STORAGE, "a session of the state does not have the form that this rowgate knows");
    }
    login.kind = (enum auth_kind)numbers[0];
    login.expires_us = numbers[3];
    login.token_expires_us = numbers[4];
    RG_TRY(auth_session_new(&login, out_session));
    (*out_session)->created_us = numbers[1];
    (*out_session)->expires_us = numbers[2];
    return RG_OK;
}

rg_status auth_session_open(const struct auth_state_keys *keys, const struct rg_digest *hash, struct rg_slice sealed,
                            struct auth_session **out_session)
{
    RG_AUTO(auth_packed_wipe_done) struct rg_buf plain;
    struct auth_session *session = NULL;
    rg_buf_init(&plain, AUTH_STATE_BODY_MAX);
    if (!rg_is_ok(rg_aead_open(keys->seal, bound_to(hash), sealed, &plain))) {
        return rg_fail(RG_STORAGE, "a session of the state was not sealed by this key");
    }
    struct claim_space *space = rg_memory_alloc(sizeof *space); /* much for a frame */
    rg_status status = decode(rg_buf_slice(&plain), space, &session);
    rg_memory_free(space);
    RG_TRY(status);
    auth_session_name(keys, hash, session);
    *out_session = session;
    return RG_OK;
}
