/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_ROUTE_H
#define RG_PROXY_HTTP_ROUTE_H

#include "base/rg_arena.h"

/* Which requests there are: the table of Superset's routes (6.x below /superset/, 7 without) and of our own. A path
 * that no row has is unknown and refused. A row says what the request is called in the audit log, which credential it
 * takes, who may send it before [[routes]] (proxy/http/route_policy.h) says otherwise, and whether it changes anything.
 * Patterns are segments between slashes, matched exactly: case, and a slash at the end, count. A segment may be
 *   {id}    1 to 19 digits                              {uuid}  8-4-4-4-12 hex digits
 *   {key}   letters, digits, _ - =                      {slug}  the same and . ~ + and all that is not ASCII
 *   {text}  any bytes but control characters            {rest}  last only: all that is left, slashes too, not empty
 * Where several patterns match, the narrowest segment (literal, then the order above) that has the method wins. */

enum http_method {
    HTTP_METHOD_NONE = 0, /* not one of ours: refused */
    HTTP_METHOD_GET = 1 << 0,
    HTTP_METHOD_HEAD = 1 << 1, /* wherever GET is */
    HTTP_METHOD_POST = 1 << 2,
    HTTP_METHOD_PUT = 1 << 3,
    HTTP_METHOD_PATCH = 1 << 4,
    HTTP_METHOD_DELETE = 1 << 5,
    HTTP_METHOD_OPTIONS = 1 << 6, /* only where a row lists it */
};
enum { HTTP_METHOD_ALL = (1 << 7) - 1, HTTP_METHOD_NAMES_MAX = 64 };

enum http_route_class {
    HTTP_ROUTE_NONE = 0,
    HTTP_ROUTE_PUBLIC, /* static files, health: no identity, no tenant's data, no audit record */
    HTTP_ROUTE_OWN,    /* /.rowgate/...: rowgate's own endpoints, which ask for what they need themselves */
    HTTP_ROUTE_PAGE,   /* an HTML page of Superset: without a session, off to the login page */
    HTTP_ROUTE_API,    /* without a credential: 401 */
    HTTP_ROUTE_GUEST,  /* pages of embedded dashboards: refused unless a tenant lists them (proxy/http/guest.h) */
    HTTP_ROUTE_ADMIN,  /* as API, but changes or shows who may do what */
};

/* The credentials a row takes: a request must bring exactly one of them, all others are stripped. */
enum http_credential {
    HTTP_CREDENTIAL_NONE = 0,
    HTTP_CREDENTIAL_SESSION = 1 << 0, /* the session cookie */
    HTTP_CREDENTIAL_BEARER = 1 << 1,  /* Authorization: Bearer */
    HTTP_CREDENTIAL_GUEST = 1 << 2,   /* X-GuestToken, or the field guest_token of a form */
};

enum http_route_who {
    HTTP_WHO_NEVER = 0, /* closed for everyone; no policy opens it */
    HTTP_WHO_NOBODY,    /* closed until a policy opens it */
    HTTP_WHO_ROLE,      /* closed until a policy that names roles opens it */
    HTTP_WHO_SUBJECT,   /* any subject of any tenant, unless a policy closes it */
    HTTP_WHO_ANYONE,    /* no identity asked; policies cannot narrow it */
};

enum http_route_flags {
    HTTP_ROUTE_CHANGES = 1 << 0,   /* the decision must be durable before the request is forwarded */
    HTTP_ROUTE_WEBSOCKET = 1 << 1, /* may be upgraded */
    HTTP_ROUTE_EXPORT = 1 << 2,    /* rows or definitions leave as a file */
};

/* One row of route_table.inc. Static storage. */
struct http_route {
    const char *pattern;
    unsigned methods; /* set of enum http_method; where GET is, HEAD is too without being listed */
    enum http_route_class class;
    unsigned credentials; /* set of enum http_credential */
    enum http_route_who who;
    unsigned flags;     /* set of enum http_route_flags */
    const char *action; /* for the audit log: "dashboard.view" */
    const char *object; /* kind of what it is done to: "dashboard"; "" = none */
};

enum http_capture_kind {
    HTTP_CAPTURE_NONE = 0,
    HTTP_CAPTURE_ID,
    HTTP_CAPTURE_UUID,
    HTTP_CAPTURE_KEY,
    HTTP_CAPTURE_SLUG,
    HTTP_CAPTURE_TEXT,
    HTTP_CAPTURE_REST,
};

struct http_capture {
    enum http_capture_kind kind;
    struct rg_slice text; /* part of the path that was matched */
};

enum {
    HTTP_PATH_SEGMENTS_MAX = 24, /* of a pattern, and of a path but for its {rest} */
    HTTP_PATTERN_CAPTURES_MAX = 4,
    HTTP_SEGMENT_MAX = 1024, /* bytes of a captured segment */
    HTTP_REST_MAX = 8192,    /* bytes of {rest} */
};

enum http_route_outcome {
    HTTP_ROUTE_UNKNOWN = 0, /* rule http.route.unknown: 403 */
    HTTP_ROUTE_METHOD,      /* rule http.route.method: 405 with Allow */
    HTTP_ROUTE_FOUND,
};

struct http_route_match {
    enum http_route_outcome outcome;
    const struct http_route *route; /* NULL unless found */
    size_t row;                     /* its place in the table */
    enum http_method method;        /* as given to http_route_find */
    struct rg_slice path;           /* likewise */
    unsigned allowed;               /* HTTP_ROUTE_METHOD: what the path has */
    size_t capture_count;
    struct http_capture captures[HTTP_PATTERN_CAPTURES_MAX];
};

/* The rows compiled for matching. Immutable. */
struct http_route_table;

/* The table of all rows of route_table.inc. Pure.
 * Returns: ok; RG_LIMIT when the arena is full. Owns: *out_table lives in arena. */
rg_status http_route_table_new(struct rg_arena *arena, const struct http_route_table **out_table) RG_MUST_CHECK;
/* The same of the caller's own rows, which must outlive it: for tests, and for rowgate's pages alone.
 * Returns: RG_CONFIG for a bad pattern, or a path that has the same method twice. */
rg_status http_route_table_make(struct rg_arena *arena, const struct http_route *rows, size_t count,
                                const struct http_route_table **out_table) RG_MUST_CHECK;
/* All rows, in the order of the file. */
const struct http_route *http_route_rows(const struct http_route_table *table, size_t *out_count);

/* Finds the row for a path that is decoded and normalised already (request->path). Never fails: what is not found
 * says why. Pure; any thread. Costs: the length of the path. *out_match borrows path. */
void http_route_find(const struct http_route_table *table, enum http_method method, struct rg_slice path,
                     struct http_route_match *out_match);

/* Whether text is a pattern. Returns: RG_CONFIG with what is wrong. Pure. */
rg_status http_pattern_check(struct rg_slice text) RG_MUST_CHECK;

/* "GET" to HTTP_METHOD_GET; case counts; HTTP_METHOD_NONE for all else. Pure. */
enum http_method http_method_parse(struct rg_slice name);
/* "GET, HEAD, POST": the value of an Allow header. */
void http_method_names(unsigned methods, char out_text[HTTP_METHOD_NAMES_MAX]);

/* Words of the table's documentation and of messages. Static storage. */
const char *http_route_class_name(enum http_route_class class);
const char *http_route_who_name(enum http_route_who who);

#endif
