/* SPDX-License-Identifier: Apache-2.0 */
/* What is inside a capsule: a list of numbers and sized texts in the order of the tables below, and what makes a list
 * of these a capsule that somebody could use. Knows no keys and no clock. */
#include "auth/capsule_private.h"
#include "auth/packed_private.h"

enum { FORM = 2, TEXTS_MAX = AUTH_CLAIM_MAX_ELEMENTS };

static const size_t text_offsets[] = {
    offsetof(struct auth_capsule, session), offsetof(struct auth_capsule, idp),
    offsetof(struct auth_capsule, issuer),  offsetof(struct auth_capsule, subject),
    offsetof(struct auth_capsule, user),    offsetof(struct auth_capsule, token_id),
    offsetof(struct auth_capsule, tenant),  offsetof(struct auth_capsule, reference),
    offsetof(struct auth_capsule, view),    offsetof(struct auth_capsule, guest),
};

static const size_t number_offsets[] = {
    offsetof(struct auth_capsule, issued_us),
    offsetof(struct auth_capsule, credential_expires_us),
    offsetof(struct auth_capsule, made_us),
    offsetof(struct auth_capsule, expires_us),
};

enum {
    TEXT_COUNT = sizeof text_offsets / sizeof text_offsets[0],
    NUMBER_COUNT = sizeof number_offsets / sizeof number_offsets[0],
};

static struct rg_slice *text_at(struct auth_capsule *capsule, size_t i)
{
    return (struct rg_slice *)(void *)((char *)capsule + text_offsets[i]);
}

static const struct rg_slice *const_text_at(const struct auth_capsule *capsule, size_t i)
{
    return (const struct rg_slice *)(const void *)((const char *)capsule + text_offsets[i]);
}

static int64_t *number_at(struct auth_capsule *capsule, size_t i)
{
    return (int64_t *)(void *)((char *)capsule + number_offsets[i]);
}

static const int64_t *const_number_at(const struct auth_capsule *capsule, size_t i)
{
    return (const int64_t *)(const void *)((const char *)capsule + number_offsets[i]);
}

/* ---- what a capsule is ---- */

/* A service account logs in where it connects: no request of the HTTP plane is one's. */
static bool is_person(enum auth_kind kind)
{
    return kind == AUTH_OIDC || kind == AUTH_SAML || kind == AUTH_OAUTH;
}

static bool has_caller(const struct auth_capsule *capsule)
{
    bool has_identity =
        capsule->kind != AUTH_UNVERIFIED || capsule->idp.size + capsule->subject.size + capsule->claim_count > 0;
    if (capsule->session.size > 0) {
        return !has_identity; /* one truth */
    }
    return is_person(capsule->kind) && capsule->idp.size > 0 && capsule->subject.size > 0;
}

static rg_status check(const struct auth_capsule *capsule)
{
    bool has_purpose = capsule->purpose == AUTH_CAPSULE_SQL || capsule->purpose == AUTH_CAPSULE_GUEST;
    bool has_times = capsule->made_us > 0 && capsule->expires_us > capsule->made_us && capsule->issued_us >= 0 &&
                     capsule->credential_expires_us >= 0;
    bool is_nobodys_guest = capsule->guest.size > 0 && !capsule->is_guest;
    if (!has_purpose || !has_times || capsule->tenant.size == 0 || !has_caller(capsule) || is_nobodys_guest) {
        return rg_fail(RG_DENIED, "a capsule needs a purpose, a caller, a tenant and a time");
    }
    if (capsule->claim_count > AUTH_CAPSULE_MAX_CLAIMS || capsule->resource_count > AUTH_CAPSULE_MAX_RESOURCES) {
        return rg_fail(RG_LIMIT, "%zu claims and %zu resources are too many for a capsule", capsule->claim_count,
                       capsule->resource_count);
    }
    return RG_OK;
}

/* ---- writing ---- */

static rg_status put_text(struct rg_buf *out, struct rg_slice text)
{
    if (text.size > 0 && memchr(text.data, '\0', text.size) != NULL) {
        return rg_fail(RG_DENIED, "a text of a capsule has a NUL in it");
    }
    return auth_packed_put_text(out, text);
}

static rg_status put_texts(struct rg_buf *out, const struct rg_slice *texts, size_t count)
{
    RG_TRY(rg_buf_put_u32(out, (uint32_t)count));
    for (size_t i = 0; i < count; i++) {
        RG_TRY(put_text(out, texts[i]));
    }
    return RG_OK;
}

static rg_status put_all(const struct auth_capsule *capsule, struct rg_buf *out)
{
    RG_TRY(rg_buf_put_u8(out, FORM));
    RG_TRY(rg_buf_put_u8(out, (uint8_t)capsule->purpose));
    RG_TRY(rg_buf_put_u8(out, (uint8_t)capsule->kind));
    RG_TRY(rg_buf_put_u8(out, capsule->is_guest ? 1 : 0));
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        RG_TRY(auth_packed_put_number(out, *const_number_at(capsule, i)));
    }
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        RG_TRY(put_text(out, *const_text_at(capsule, i)));
    }
    RG_TRY(rg_buf_put_u32(out, (uint32_t)capsule->claim_count));
    for (size_t i = 0; i < capsule->claim_count; i++) {
        RG_TRY(put_text(out, capsule->claims[i].name));
        RG_TRY(put_texts(out, capsule->claims[i].texts, capsule->claims[i].text_count));
    }
    return put_texts(out, capsule->resources, capsule->resource_count);
}

rg_status auth_capsule_encode(const struct auth_capsule *capsule, struct rg_buf *out)
{
    size_t size = rg_buf_size(out);
    RG_TRY(check(capsule));
    rg_status status = put_all(capsule, out);
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, size);
    }
    return status;
}

/* ---- reading ---- */

static rg_status refuse(void)
{
    return rg_fail(RG_DENIED, "what was sealed is no capsule");
}

static rg_status get_text(struct rg_slice *rest, struct rg_arena *arena, struct rg_slice *out_text)
{
    struct rg_slice text = {0};
    if (!auth_packed_get_text(rest, &text) || (text.size > 0 && memchr(text.data, '\0', text.size) != NULL)) {
        return refuse();
    }
    return rg_arena_copy(arena, text, out_text);
}

/* Each text has four bytes at least: what the rest cannot hold is not asked of the arena. */
static rg_status get_texts(struct rg_slice *rest, size_t max, struct rg_arena *arena, const struct rg_slice **out_texts,
                           size_t *out_count)
{
    uint32_t count = 0;
    struct rg_slice *texts = NULL;
    if (!auth_packed_get_u32(rest, &count) || count > max || count > rest->size / sizeof(uint32_t)) {
        return refuse();
    }
    RG_TRY(rg_arena_array(arena, count, sizeof *texts, (void **)&texts));
    for (uint32_t i = 0; i < count; i++) {
        RG_TRY(get_text(rest, arena, &texts[i]));
    }
    *out_texts = texts;
    *out_count = count;
    return RG_OK;
}

static rg_status get_claims(struct rg_slice *rest, struct rg_arena *arena, struct auth_capsule *capsule)
{
    uint32_t count = 0;
    struct auth_claim_constant *claims = NULL;
    if (!auth_packed_get_u32(rest, &count) || count > AUTH_CAPSULE_MAX_CLAIMS) {
        return refuse();
    }
    RG_TRY(rg_arena_array(arena, count, sizeof *claims, (void **)&claims));
    for (uint32_t i = 0; i < count; i++) {
        RG_TRY(get_text(rest, arena, &claims[i].name));
        RG_TRY(get_texts(rest, TEXTS_MAX, arena, &claims[i].texts, &claims[i].text_count));
    }
    capsule->claims = claims;
    capsule->claim_count = count;
    return RG_OK;
}

static rg_status get_head(struct rg_slice *rest, struct auth_capsule *capsule)
{
    enum { HEAD = 4 };
    uint8_t head[HEAD] = {0};
    if (rest->size < HEAD) {
        return refuse();
    }
    memcpy(head, rest->data, HEAD);
    *rest = rg_slice_cut(*rest, HEAD, SIZE_MAX);
    if (head[0] != FORM || head[1] > AUTH_CAPSULE_GUEST || head[2] > AUTH_OAUTH || head[3] > 1) {
        return refuse();
    }
    capsule->purpose = (enum auth_capsule_purpose)head[1];
    capsule->kind = (enum auth_kind)head[2];
    capsule->is_guest = head[3] == 1;
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        if (!auth_packed_get_number(rest, number_at(capsule, i))) {
            return refuse();
        }
    }
    return RG_OK;
}

rg_status auth_capsule_decode(struct rg_slice plain, struct rg_arena *arena, struct auth_capsule *out_capsule)
{
    struct rg_slice rest = plain;
    struct auth_capsule capsule = {0};
    RG_TRY(get_head(&rest, &capsule));
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        RG_TRY(get_text(&rest, arena, text_at(&capsule, i)));
    }
    RG_TRY(get_claims(&rest, arena, &capsule));
    RG_TRY(get_texts(&rest, AUTH_CAPSULE_MAX_RESOURCES, arena, &capsule.resources, &capsule.resource_count));
    if (rest.size > 0 || !rg_is_ok(check(&capsule))) {
        return refuse();
    }
    *out_capsule = capsule;
    return RG_OK;
}
