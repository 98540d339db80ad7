/* SPDX-License-Identifier: Apache-2.0 */
/* What a tenant shows to people, what may be embedded, and where: display_name, logo, dashboards, frame_ancestors. */
#include "proxy/config_private.h"
#include "proxy/http/headers_out.h"

enum { LOGO_BYTES = 64 * 1024, NAME_BYTES = 200, ANCESTORS_MAX = 64, DASHBOARDS_MAX = 1000 };

/* By what the file begins with, never by its name. NULL = neither. */
static const char *logo_type(struct rg_slice bytes)
{
    if (rg_slice_has_prefix(bytes, RG_SLICE("\x89PNG\r\n\x1a\n"))) {
        return "image/png";
    }
    bool is_svg = rg_slice_has_prefix(bytes, RG_SLICE("<svg")) || rg_slice_has_prefix(bytes, RG_SLICE("<?xml"));
    return is_svg && memmem(bytes.data, bytes.size, "<svg", 4) != NULL ? "image/svg+xml" : NULL;
}

static rg_status read_logo(struct config_draft *draft, const struct rg_schema_string *raw, struct tenant_face *face)
{
    struct rg_slice bytes = {NULL, 0};
    if (!raw->is_given) {
        return RG_OK;
    }
    rg_status status = config_read_bytes(raw->text.data, draft->arena, &bytes);
    const char *type = rg_is_ok(status) && bytes.size > 0 ? logo_type(bytes) : NULL;
    if (!rg_is_ok(status)) {
        config_error(draft, raw->place, "\"logo\": %.*s %s", rg_slice_shown(raw->text), raw->text.data,
                     status.error->text);
    } else if (bytes.size > LOGO_BYTES) {
        config_error(draft, raw->place, "\"logo\" has %zu bytes, limit %d", bytes.size, LOGO_BYTES);
    } else if (type == NULL) {
        config_error(draft, raw->place, "\"logo\" is neither PNG nor SVG");
    } else {
        face->logo = bytes;
        face->logo_type = type;
    }
    return RG_OK;
}

static rg_status read_ancestors(struct config_draft *draft, const struct rg_schema_list *raw, struct tenant_face *face)
{
    struct rg_slice *origins = NULL;
    RG_TRY(rg_arena_array(draft->arena, raw->count, sizeof *origins, (void **)&origins));
    for (size_t i = 0; i < raw->count; i++) {
        origins[i] = raw->items[i].text;
        if (!http_origin_is_valid(origins[i])) {
            config_error(draft, raw->items[i].place,
                         "\"%.*s\" is no origin such as \"https://app.example.com\" or \"https://*.example.com\"",
                         rg_slice_shown(origins[i]), origins[i].data);
        }
    }
    if (raw->count > ANCESTORS_MAX) {
        config_error(draft, raw->place, "\"frame_ancestors\" has %zu origins, limit %d", raw->count, ANCESTORS_MAX);
    }
    face->frame_ancestors = origins;
    face->frame_ancestor_count = raw->count;
    return RG_OK;
}

/* RFC 9562 4, and no other spelling: texts are compared byte by byte, here and in Superset. */
static bool is_uuid(struct rg_slice text)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    for (size_t i = 0; i < text.size && text.size == sizeof shape - 1; i++) {
        bool is_hex = (text.data[i] >= '0' && text.data[i] <= '9') || (text.data[i] >= 'a' && text.data[i] <= 'f');
        if (shape[i] == '-' ? text.data[i] != '-' : !is_hex) {
            return false;
        }
    }
    return text.size == sizeof shape - 1;
}

static rg_status read_dashboards(struct config_draft *draft, const struct rg_schema_list *raw, struct tenant_face *face)
{
    struct rg_slice *dashboards = NULL;
    RG_TRY(rg_arena_array(draft->arena, raw->count, sizeof *dashboards, (void **)&dashboards));
    for (size_t i = 0; i < raw->count; i++) {
        dashboards[i] = raw->items[i].text;
        if (!is_uuid(dashboards[i])) {
            config_error(draft, raw->items[i].place,
                         "\"%.*s\" is no UUID in lower case, as Superset shows it under \"Embed dashboard\"",
                         rg_slice_shown(dashboards[i]), dashboards[i].data);
        }
    }
    if (raw->count > DASHBOARDS_MAX) {
        config_error(draft, raw->place, "\"dashboards\" has %zu dashboards, limit %d", raw->count, DASHBOARDS_MAX);
    }
    face->dashboards = dashboards;
    face->dashboard_count = raw->count;
    return RG_OK;
}

rg_status config_make_face(struct config_draft *draft, const struct config_raw_face *raw, struct tenant_face *out_face)
{
    struct tenant_face face = {.display_name = raw->display_name.text};
    if (raw->display_name.is_given && (face.display_name.size == 0 || face.display_name.size > NAME_BYTES)) {
        config_error(draft, raw->display_name.place, "\"display_name\" has 1 to %d bytes", NAME_BYTES);
    }
    RG_TRY(read_logo(draft, &raw->logo, &face));
    RG_TRY(read_ancestors(draft, &raw->frame_ancestors, &face));
    RG_TRY(read_dashboards(draft, &raw->dashboards, &face));
    *out_face = face;
    return RG_OK;
}
