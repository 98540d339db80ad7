/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_WEB_H
#define RG_AUDIT_WEB_H

#include "base/rg_slice.h"

/* What a request of the HTTP plane does, as the class_name of its event says it. Static data, pure. */
struct audit_web {
    struct rg_slice name;
    const char *group;    /* "read", "write", "query": the word under which a search finds all of them; NULL = none */
    unsigned class_uid;   /* OCSF: 6001 Web Resources Activity, 6003 API Activity */
    unsigned activity_id; /* of that class */
};

/* READ, SEARCH, EXPORT, SHARE; CREATE, UPDATE, DELETE, IMPORT; RUN. Never NULL: what is none of them is a row without
 * name and group. */
const struct audit_web *audit_web_find(struct rg_slice class_name);
/* Row by number, for those who list the words; NULL behind the last. */
const struct audit_web *audit_web_at(size_t number);

#endif
