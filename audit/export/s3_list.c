/* SPDX-License-Identifier: Apache-2.0 */
/* Listings of S3, page by page, and what the bucket promises. */
#include <stdio.h>

#include "audit/export/s3_private.h"

enum { PAGE_ARENA = 32 * 1024 * 1024, QUERY_SIZE = 16 * 1024 };

/* ---- queries: their names stand in ascending order ---- */

struct parameter {
    const char *name;
    struct rg_slice value;
    bool is_given;
};

static rg_status put_query(const struct parameter *rows, size_t count, struct rg_buf *out)
{
    bool is_first = true;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].is_given) {
            RG_TRY(rg_buf_printf(out, "%s%s=", is_first ? "" : "&", rows[i].name));
            RG_TRY(s3_encode(rows[i].value, false, out));
            is_first = false;
        }
    }
    return rg_buf_put_u8(out, '\0');
}

static rg_status join(const struct s3 *s3, struct rg_slice key, struct rg_buf *out, struct rg_slice *out_whole)
{
    RG_TRY(rg_buf_put(out, s3->options.prefix));
    RG_TRY(rg_buf_put(out, key));
    *out_whole = rg_buf_slice(out);
    return RG_OK;
}

struct listing {
    struct s3 *s3;
    const struct s3_taker *taker;
    bool has_versions;
    struct rg_slice under; /* with the prefix */
    struct rg_slice after; /* the same; of the first page */
    struct rg_buf next;    /* token or key marker */
    struct rg_buf next_version;
    bool is_ended;
};

static rg_status make_query(const struct listing *listing, struct rg_buf *out)
{
    struct rg_slice next = rg_buf_slice(&listing->next);
    struct rg_slice version = rg_buf_slice(&listing->next_version);
    struct rg_slice marker = next.size > 0 ? next : listing->after;
    const struct parameter versions[] = {{"encoding-type", RG_SLICE("url"), true},
                                         {"key-marker", marker, marker.size > 0},
                                         {"prefix", listing->under, true},
                                         {"version-id-marker", version, version.size > 0},
                                         {"versions", {0}, true}};
    const struct parameter objects[] = {{"continuation-token", next, next.size > 0},
                                        {"encoding-type", RG_SLICE("url"), true},
                                        {"list-type", RG_SLICE("2"), true},
                                        {"prefix", listing->under, true},
                                        {"start-after", listing->after, listing->after.size > 0}};
    return listing->has_versions ? put_query(versions, sizeof versions / sizeof versions[0], out)
                                 : put_query(objects, sizeof objects / sizeof objects[0], out);
}

/* ---- pages ---- */

static rg_status hand_over(struct listing *listing, const struct s3_page *page)
{
    size_t skipped = listing->s3->options.prefix.size;
    for (size_t i = 0; i < page->count && !listing->is_ended; i++) {
        struct s3_entry entry = page->entries[i];
        if (!rg_slice_has_prefix(entry.key, listing->under)) {
            return rg_fail(RG_PROTOCOL, "the server lists \"%.*s\", which was not asked for", rg_slice_shown(entry.key),
                           entry.key.data);
        }
        entry.key = rg_slice_cut(entry.key, skipped, SIZE_MAX);
        RG_TRY(listing->taker->take(listing->taker->context, &entry, &listing->is_ended));
    }
    return RG_OK;
}

static rg_status keep_next(struct listing *listing, const struct s3_page *page)
{
    bool is_same = rg_slice_is_equal(rg_buf_slice(&listing->next), page->next) &&
                   rg_slice_is_equal(rg_buf_slice(&listing->next_version), page->next_version);
    listing->is_ended = listing->is_ended || !page->is_truncated;
    if (!listing->is_ended && is_same) {
        return rg_fail(RG_PROTOCOL, "the server's listing of %s goes round in a circle", listing->s3->name);
    }
    rg_buf_clear(&listing->next);
    rg_buf_clear(&listing->next_version);
    RG_TRY(rg_buf_put(&listing->next, page->next));
    return rg_buf_put(&listing->next_version, page->next_version);
}

static rg_status read_page(struct listing *listing)
{
    RG_AUTO(rg_buf_done) struct rg_buf query;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(s3_answer_done) struct s3_answer answer = {0};
    struct s3_request request = {.method = "GET"};
    struct s3_page page = {0};
    rg_buf_init(&query, QUERY_SIZE);
    rg_arena_init(&arena, PAGE_ARENA);
    RG_TRY(make_query(listing, &query));
    request.query = rg_buf_slice(&query).data;
    RG_TRY(s3_perform(listing->s3, &request, &answer));
    if (answer.status != 200) {
        return s3_fail(listing->s3, &request, &answer);
    }
    RG_TRY(s3_xml_page(rg_buf_slice(&answer.body), &arena, &page));
    RG_TRY(hand_over(listing, &page));
    return keep_next(listing, &page);
}

static rg_status list(struct s3 *s3, bool has_versions, const char *under, const char *after,
                      const struct s3_taker *taker)
{
    RG_AUTO(rg_buf_done) struct rg_buf whole_under;
    RG_AUTO(rg_buf_done) struct rg_buf whole_after;
    struct listing listing = {.s3 = s3, .taker = taker, .has_versions = has_versions};
    rg_status status = RG_OK;
    rg_buf_init(&whole_under, 2 * S3_KEY_MAX);
    rg_buf_init(&whole_after, 2 * S3_KEY_MAX);
    RG_TRY(join(s3, rg_slice_of(under), &whole_under, &listing.under));
    RG_TRY(after == NULL ? RG_OK : join(s3, rg_slice_of(after), &whole_after, &listing.after));
    rg_buf_init(&listing.next, 2 * S3_KEY_MAX);
    rg_buf_init(&listing.next_version, 2 * S3_KEY_MAX);
    while (rg_is_ok(status) && !listing.is_ended) {
        status = read_page(&listing);
    }
    rg_buf_done(&listing.next);
    rg_buf_done(&listing.next_version);
    return status;
}

rg_status s3_list(struct s3 *s3, const char *under, const char *after, const struct s3_taker *taker)
{
    return list(s3, false, under, after, taker);
}

rg_status s3_list_versions(struct s3 *s3, const char *under, const char *after, const struct s3_taker *taker)
{
    return list(s3, true, under, after, taker);
}

/* ---- the bucket ---- */

/* absent: a code that means "no". */
static rg_status ask_bucket(struct s3 *s3, const char *query, const char *absent,
                            rg_status (*read)(struct rg_slice xml, bool *out_is_on), bool *out_is_on)
{
    RG_AUTO(s3_answer_done) struct s3_answer answer = {0};
    const struct s3_request request = {.method = "GET", .query = query};
    RG_TRY(s3_perform(s3, &request, &answer));
    if (answer.status == 404 && strcmp(answer.code, absent) == 0) {
        *out_is_on = false;
        return RG_OK;
    }
    return answer.status == 200 ? read(rg_buf_slice(&answer.body), out_is_on) : s3_fail(s3, &request, &answer);
}

rg_status s3_get_bucket(struct s3 *s3, struct s3_bucket *out_bucket)
{
    struct s3_bucket bucket = {0};
    RG_TRY(ask_bucket(s3, "versioning=", "", s3_xml_versioned, &bucket.is_versioned));
    RG_TRY(
        ask_bucket(s3, "object-lock=", "ObjectLockConfigurationNotFoundError", s3_xml_lockable, &bucket.is_lockable));
    *out_bucket = bucket;
    return RG_OK;
}
