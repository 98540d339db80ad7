/* SPDX-License-Identifier: Apache-2.0 */
/* The page in the frame: a browser loads it before its token is there (the token never stands in an address), so nobody
 * is known yet. It shows no data. Which tenants list the dashboard says who may frame it. */
#include "base/rg_buf.h"
#include "proxy/http/guest.h"
#include "proxy/http/route.h"
#include "proxy/snapshot.h"

static const struct tenant_face *face_at(const struct tenant_registry *registry, size_t i)
{
    return i < registry->static_count ? &registry->statics[i].face
                                      : &registry->patterns[i - registry->static_count].face;
}

static size_t face_count(const struct tenant_registry *registry)
{
    return registry->static_count + registry->pattern_count;
}

/* Only where the route says that its capture is the UUID of an embedded dashboard. */
static struct rg_slice uuid_of(const struct http_request *request)
{
    const struct http_route_match *match = request->match;
    bool is_page = match != NULL && match->route->class == HTTP_ROUTE_GUEST && match->capture_count == 1 &&
                   match->captures[0].kind == HTTP_CAPTURE_UUID;
    return is_page ? match->captures[0].text : (struct rg_slice){0};
}

bool http_guest_page_is_open(const struct http_request *request)
{
    const struct tenant_registry *registry = &request->snapshot->config->registry;
    struct rg_slice uuid = uuid_of(request);
    for (size_t i = 0; uuid.size > 0 && i < face_count(registry); i++) {
        if (http_guest_may_embed(face_at(registry, i), uuid)) {
            return true;
        }
    }
    return false;
}

static bool has_text(const struct rg_slice *list, size_t count, struct rg_slice text)
{
    for (size_t i = 0; i < count; i++) {
        if (rg_slice_is_equal(list[i], text)) {
            return true;
        }
    }
    return false;
}

rg_status http_guest_page_ancestors(struct http_request *request, const struct rg_slice **out_origins,
                                    size_t *out_count)
{
    const struct tenant_registry *registry = &request->snapshot->config->registry;
    struct rg_slice uuid = uuid_of(request);
    struct rg_slice *origins = NULL;
    size_t most = 0;
    size_t count = 0;
    for (size_t i = 0; uuid.size > 0 && i < face_count(registry); i++) {
        const struct tenant_face *face = face_at(registry, i);
        most += http_guest_may_embed(face, uuid) ? face->frame_ancestor_count : 0;
    }
    RG_TRY(rg_arena_array(&request->arena, most, sizeof *origins, (void **)&origins));
    for (size_t i = 0; most > 0 && i < face_count(registry); i++) {
        const struct tenant_face *face = face_at(registry, i);
        for (size_t j = 0; http_guest_may_embed(face, uuid) && j < face->frame_ancestor_count; j++) {
            if (!has_text(origins, count, face->frame_ancestors[j])) {
                origins[count++] = face->frame_ancestors[j];
            }
        }
    }
    *out_origins = origins;
    *out_count = count;
    return RG_OK;
}
