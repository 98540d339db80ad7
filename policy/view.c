/* SPDX-License-Identifier: Apache-2.0 */
/* The view key: one hash over all that decides which rows and values an identity sees. What is left out (the name a
 * client asks for the database by, limits, who the person is) changes no answer, and would only empty caches. */
#include "policy/view.h"

#include "policy/set_private.h"

enum { VIEW_DIGITS = POLICY_VIEW_SIZE - 1 };

/* ---- the bytes: each part with its size in front, each list with its count, so that no two are alike ---- */

/* Small parts together: the hash is asked a dozen times less, for each request and login. */
struct gathering {
    struct rg_sha256_stream *stream;
    size_t size;
    char bytes[1024];
};

static void flush(struct gathering *gathering)
{
    rg_sha256_put(gathering->stream, rg_slice_make(gathering->bytes, gathering->size));
    gathering->size = 0;
}

static void put_bytes(struct gathering *gathering, struct rg_slice bytes)
{
    if (bytes.size > sizeof gathering->bytes - gathering->size) {
        flush(gathering);
    }
    if (bytes.size > sizeof gathering->bytes) {
        rg_sha256_put(gathering->stream, bytes);
    } else if (bytes.size > 0) {
        memcpy(gathering->bytes + gathering->size, bytes.data, bytes.size);
        gathering->size += bytes.size;
    }
}

static void put_number(struct gathering *stream, uint64_t number)
{
    char bytes[sizeof number];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)(number >> (8 * (sizeof bytes - 1 - i)) & 0xff); /* alike on each machine */
    }
    put_bytes(stream, rg_slice_make(bytes, sizeof bytes));
}

static void put_part(struct gathering *stream, struct rg_slice part)
{
    put_number(stream, part.size);
    put_bytes(stream, part);
}

static void put_claims(struct gathering *stream, const struct auth_identity *identity)
{
    put_number(stream, identity->claim_count);
    for (size_t i = 0; i < identity->claim_count; i++) {
        const struct auth_claim_value *claim = &identity->claims[i];
        size_t count = claim->is_present ? claim->count : 0;
        put_number(stream, claim->is_present ? 1 : 0);
        put_number(stream, (uint64_t)claim->type.scalar * 2 + (claim->type.is_array ? 1 : 0));
        put_number(stream, count);
        for (size_t j = 0; j < count; j++) {
            put_part(stream, claim->elements[j]);
        }
    }
}

static void put_route(struct gathering *stream, const struct policy_subject *subject)
{
    const struct tenant_route *route = &subject->tenant->route;
    put_part(stream, route->upstream);
    put_part(stream, route->database);
    put_number(stream, route->schema_count);
    for (size_t i = 0; i < route->schema_count; i++) {
        put_part(stream, route->schemas[i].logical);
        put_part(stream, route->schemas[i].physical);
    }
    put_part(stream, subject->upstream.host);
    put_part(stream, subject->upstream.port);
    put_part(stream, subject->upstream.database);
    put_part(stream, subject->upstream.user);
    put_number(stream, (uint64_t)subject->lock);
    put_number(stream, (uint64_t)subject->dialect);
}

struct rg_digest policy_view_road(const struct rg_digest *so_far, const struct policy_subject *road)
{
    struct gathering gathering;
    gathering.stream = rg_sha256_new();
    gathering.size = 0;
    put_part(&gathering, rg_slice_make(so_far->bytes, sizeof so_far->bytes));
    put_route(&gathering, road);
    flush(&gathering);
    struct rg_digest digest = rg_sha256_end(gathering.stream);
    rg_sha256_free(&gathering.stream);
    return digest;
}

rg_status policy_view_of(const struct policy_set *set, const struct policy_subject *subject,
                         struct policy_view *out_view)
{
    if (subject->identity->kind == AUTH_UNVERIFIED || subject->tenant->id.size == 0) {
        return rg_fail(RG_DENIED, "no verified identity");
    }
    struct gathering gathering;
    gathering.stream = rg_sha256_new();
    gathering.size = 0;
    put_part(&gathering, RG_SLICE("rowgate view 1"));
    put_part(&gathering, rg_slice_make(set->digest.bytes, sizeof set->digest.bytes));
    put_part(&gathering, subject->tenant->id);
    if (subject->has_roads) {
        put_part(&gathering, rg_slice_make(subject->roads.bytes, sizeof subject->roads.bytes));
    } else {
        put_route(&gathering, subject);
    }
    put_claims(&gathering, subject->identity);
    flush(&gathering);
    struct rg_digest digest = rg_sha256_end(gathering.stream);
    rg_sha256_free(&gathering.stream);
    char text[RG_DIGEST_B64_SIZE];
    rg_digest_b64url(&digest, text);
    memcpy(out_view->text, text, VIEW_DIGITS); /* 132 bits of it */
    out_view->text[VIEW_DIGITS] = '\0';
    return RG_OK;
}

/* ---- markers ---- */

static bool is_plain(struct rg_slice id)
{
    for (size_t i = 0; i < id.size; i++) {
        char byte = id.data[i];
        bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        if (!is_letter && !(byte >= '0' && byte <= '9') && byte != '_' && byte != '-') {
            return false;
        }
    }
    return id.size > 0 && id.size < POLICY_VIEW_TENANT_SIZE - 1;
}

void policy_view_tenant(struct rg_slice tenant, char out_text[POLICY_VIEW_TENANT_SIZE])
{
    if (is_plain(tenant)) {
        memcpy(out_text, tenant.data, tenant.size);
        out_text[tenant.size] = '\0';
        return;
    }
    struct rg_digest digest = rg_sha256_one(tenant);
    rg_digest_hex(&digest, out_text);
}

void policy_view_marker(struct rg_slice tenant, const struct policy_view *view, char out_text[POLICY_VIEW_MARKER_SIZE])
{
    char name[POLICY_VIEW_TENANT_SIZE];
    policy_view_tenant(tenant, name);
    size_t size = strlen(name);
    memcpy(out_text, "rg.", 3);
    memcpy(out_text + 3, name, size);
    out_text[3 + size] = '.';
    memcpy(out_text + 4 + size, view->text, POLICY_VIEW_SIZE);
}
