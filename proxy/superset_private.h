/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_SUPERSET_PRIVATE_H
#define RG_PROXY_SUPERSET_PRIVATE_H

#include <jansson.h>

#include "audit/export/http.h"
#include "proxy/superset_check.h"
#include "proxy/superset_text.h"

/* superset_check.c: the order of the questions; superset_ask.c: the asking; superset_stranger.c: what anybody sees;
 * superset_known.c: what somebody with rowgate's key sees; superset_flags.c: settings that pages tell. */

enum { SUPERSET_CANARY_SIZE = 32, SUPERSET_HEADERS_MAX = 6 };

struct superset_check {
    const struct superset_check_options *options;
    struct rg_diag *diag;
    struct rg_arena arena;
    struct export_http *http;
    struct superset_check_facts facts;
    struct rg_slice host;              /* of the URL, without brackets */
    char canary[SUPERSET_CANARY_SIZE]; /* a name that nobody has */
    json_t *settings;                  /* a page's bootstrap data; NULL = no page told any */
    bool is_secret_found;              /* SECRET_KEY is one that the world knows */
    bool is_cookie_judged;
};

#define superset_error(check, rule, hint, ...)                                                                         \
    rg_diag_rule((check)->diag, RG_SEVERITY_ERROR, (rule), (hint), __VA_ARGS__)
#define superset_warning(check, rule, hint, ...)                                                                       \
    rg_diag_rule((check)->diag, RG_SEVERITY_WARNING, (rule), (hint), __VA_ARGS__)

struct superset_answer {
    long status;
    struct rg_slice body; /* until the next request */
};

/* headers: "name: value", NULL last; NULL = none. Waits a second and asks again when Superset limits its callers.
 * RG_UPSTREAM, RG_LIMIT. */
rg_status superset_ask(struct superset_check *check, const char *path, const char *const *headers,
                       struct superset_answer *out_answer) RG_MUST_CHECK;
/* The same as the key's somebody of that tenant. RG_INTERNAL without a key. */
rg_status superset_ask_as(struct superset_check *check, const char *path, struct rg_slice tenant,
                          struct superset_answer *out_answer) RG_MUST_CHECK;
/* The name that Superset gives the key's somebody. */
void superset_known_name(const struct superset_check *check, char out_name[64]);
/* The value of a header of the last answer; "" when it has none. */
const char *superset_field(const struct superset_check *check, const char *name);
/* The answer's JSON object; NULL when it is none. The caller's reference. */
json_t *superset_json(const struct superset_answer *answer);
void superset_json_done(json_t **json);

/* Keeps the settings that a page tells, when it tells any. */
rg_status superset_take_settings(struct superset_check *check, const struct superset_answer *page) RG_MUST_CHECK;

/* Each asks and reports; RG_UPSTREAM and RG_LIMIT end the check. */
rg_status superset_judge_page(struct superset_check *check) RG_MUST_CHECK; /* first: says whether it is Superset */
rg_status superset_judge_version(struct superset_check *check) RG_MUST_CHECK;
rg_status superset_judge_session_secret(struct superset_check *check) RG_MUST_CHECK;
rg_status superset_judge_guest_secret(struct superset_check *check) RG_MUST_CHECK;
rg_status superset_judge_public(struct superset_check *check) RG_MUST_CHECK;
rg_status superset_judge_swagger(struct superset_check *check) RG_MUST_CHECK;
rg_status superset_judge_origins(struct superset_check *check) RG_MUST_CHECK;
rg_status superset_judge_proxy(struct superset_check *check) RG_MUST_CHECK;
rg_status superset_judge_forged(struct superset_check *check) RG_MUST_CHECK;
rg_status superset_judge_frame(struct superset_check *check) RG_MUST_CHECK;
rg_status superset_judge_mcp(struct superset_check *check) RG_MUST_CHECK;
rg_status superset_judge_known(struct superset_check *check) RG_MUST_CHECK;
rg_status superset_judge_databases(struct superset_check *check) RG_MUST_CHECK;
rg_status superset_judge_domains(struct superset_check *check) RG_MUST_CHECK;
rg_status superset_judge_cache(struct superset_check *check) RG_MUST_CHECK;
rg_status superset_judge_flags(struct superset_check *check) RG_MUST_CHECK; /* last: when a page told the settings */

#endif
