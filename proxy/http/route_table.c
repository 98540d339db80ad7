/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of route_table.inc, and the words for what they say. What is done with them: route.c. */
#include "proxy/http/route_private.h"

#include <stdio.h>

#define GET HTTP_METHOD_GET
#define POST HTTP_METHOD_POST
#define PUT HTTP_METHOD_PUT
#define DELETE HTTP_METHOD_DELETE
#define NONE HTTP_CREDENTIAL_NONE
#define SESSION HTTP_CREDENTIAL_SESSION
#define USER (HTTP_CREDENTIAL_SESSION | HTTP_CREDENTIAL_BEARER)
#define GUEST_TOO (HTTP_CREDENTIAL_SESSION | HTTP_CREDENTIAL_BEARER | HTTP_CREDENTIAL_GUEST)
#define CHANGES HTTP_ROUTE_CHANGES
#define WEBSOCKET HTTP_ROUTE_WEBSOCKET
#define EXPORT HTTP_ROUTE_EXPORT
#define ROUTE(methods, class, credentials, who, flags, action, object, pattern)                                        \
    {pattern, methods, HTTP_ROUTE_##class, credentials, HTTP_WHO_##who, flags, action, object},
#define BOTH(methods, class, credentials, who, flags, action, object, pattern)                                         \
    ROUTE(methods, class, credentials, who, flags, action, object, "/superset" pattern)                                \
    ROUTE(methods, class, credentials, who, flags, action, object, pattern)

static const struct http_route rows[] = {
#include "proxy/http/route_table.inc"
};

rg_status http_route_table_new(struct rg_arena *arena, const struct http_route_table **out_table)
{
    return http_route_table_make(arena, rows, sizeof rows / sizeof rows[0], out_table);
}

/* ---- words ---- */

static const struct {
    enum http_method method;
    const char *name;
} methods[] = {
    {HTTP_METHOD_GET, "GET"},         {HTTP_METHOD_HEAD, "HEAD"},   {HTTP_METHOD_POST, "POST"},
    {HTTP_METHOD_PUT, "PUT"},         {HTTP_METHOD_PATCH, "PATCH"}, {HTTP_METHOD_DELETE, "DELETE"},
    {HTTP_METHOD_OPTIONS, "OPTIONS"},
};

enum http_method http_method_parse(struct rg_slice name)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (rg_slice_is_equal(name, rg_slice_of(methods[i].name))) {
            return methods[i].method;
        }
    }
    return HTTP_METHOD_NONE;
}

void http_method_names(unsigned set, char out_text[HTTP_METHOD_NAMES_MAX])
{
    size_t used = 0;
    out_text[0] = '\0';
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if ((set & methods[i].method) != 0) {
            int size =
                snprintf(out_text + used, HTTP_METHOD_NAMES_MAX - used, "%s%s", used == 0 ? "" : ", ", methods[i].name);
            used += (size_t)size;
        }
    }
}

const char *http_route_class_name(enum http_route_class class)
{
    static const char *const names[] = {"none", "public", "own", "page", "api", "guest", "admin"};
    return names[class];
}

const char *http_route_who_name(enum http_route_who who)
{
    static const char *const names[] = {"never", "nobody", "role", "subject", "anyone"};
    return names[who];
}
