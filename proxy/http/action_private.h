/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_ACTION_PRIVATE_H
#define RG_PROXY_HTTP_ACTION_PRIVATE_H

#include "proxy/http/action.h"

/* The parts of http_action_read: parameters (action_query.c), bodies (action_json.c), what is kept (action.c). */

struct http_action_reader {
    struct rg_arena *arena;
    struct http_action action;
};

/* One name=value of a query or a form, still percent-encoded. */
struct http_parameter {
    struct rg_slice name, value;
};

/* The next part of *rest between two '&'; empty parts are skipped. false = none is left. */
bool http_parameter_next(struct rg_slice *rest, struct http_parameter *out_parameter);
/* Decodes %XX and '+' into out_bytes, which has room for text.size; what is no %XX stays. Returns the size. */
size_t http_percent_decode(struct rg_slice text, char *out_bytes);
/* Whether the decoded form of text is name. */
bool http_parameter_is(struct rg_slice text, struct rg_slice name);

/* Adds what a query, or the fields of a form, say. */
rg_status http_action_parameters(struct http_action_reader *reader, struct rg_slice text) RG_MUST_CHECK;
/* Adds what a JSON text says; sets is_unread when it is none. */
rg_status http_action_json(struct http_action_reader *reader, struct rg_slice text) RG_MUST_CHECK;

/* Keeps an object, once; empty ids are dropped. */
rg_status http_action_object(struct http_action_reader *reader, const char *kind, struct rg_slice id) RG_MUST_CHECK;
/* Superset's "3__table", and a plain id. */
rg_status http_action_dataset(struct http_action_reader *reader, struct rg_slice id) RG_MUST_CHECK;
/* Keeps a text where there is none yet. */
rg_status http_action_text(struct http_action_reader *reader, struct rg_slice text,
                           struct rg_slice *into) RG_MUST_CHECK;

#endif
