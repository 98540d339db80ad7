/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_PREPARED_H
#define RG_PROXY_PREPARED_H

#include "policy/cache.h"
#include "proxy/binds.h"

/* A session's prepared statements (SQL's and the protocol's: one name space, as in PostgreSQL) and portals.
 * They live in rowgate, never in the pooled upstream session, and are planned again when the policies changed.
 * Threads: one. */

enum { PREPARED_MAX = 1000, PREPARED_BYTES_MAX = 16 << 20, PORTALS_MAX = 256 };

struct prepared {
    struct prepared *next;
    struct rg_slice name;  /* empty = the unnamed statement */
    struct rg_slice text;  /* the client's text */
    struct rg_slice types; /* parameter type oids, big endian */
    uint16_t type_count;
    bool is_sql;           /* made by SQL's PREPARE */
    size_t sql_type_count; /* declared type names of SQL's PREPARE */
    struct rg_slice *sql_types;
    size_t size_bytes;
    struct policy_cached *cached; /* NULL: not planned (again) yet */
};

/* A client's portal. Upstream it has a name of its own, made of number and used for no other Bind of the transaction:
 * a Bind that fails or is skipped there leaves the older portal of that name, and what runs must be what is recorded.
 */
struct portal {
    struct portal *next;
    struct rg_slice name;
    uint64_t number;
    char *formats; /* the result's, as Bind counted and listed them; NULL = not kept */
    size_t formats_size;
    uint64_t batch; /* in which it was bound: the end of an earlier one does not end it */
    struct policy_cached *cached;
    struct binds *binds; /* NULL: not recorded */
};

enum { PORTAL_NAME_SIZE = 32 };

struct prepared_set {
    struct prepared *statements;
    size_t count;
    size_t bytes;
    struct portal *portals;
    size_t portal_count;
    size_t portal_bytes;
};

/* What a new statement is made of; texts are copied. */
struct prepared_source {
    struct rg_slice name;
    struct rg_slice text;
    struct rg_slice types;
    uint16_t type_count;
    bool is_sql;
    size_t sql_type_count;
    const struct rg_slice *sql_types;
};

void prepared_set_done(struct prepared_set *set);
struct prepared *prepared_find(const struct prepared_set *set, struct rg_slice name);
/* Adds; the unnamed statement replaces the one before. RG_DENIED when the name is taken, RG_LIMIT past the limits.
 * cached is shared. */
rg_status prepared_add(struct prepared_set *set, const struct prepared_source *source,
                       struct policy_cached *cached) RG_MUST_CHECK;
/* Absent names are fine. */
void prepared_remove(struct prepared_set *set, struct rg_slice name);
void prepared_remove_all(struct prepared_set *set);
/* The policies changed: forget every plan, keep the texts. */
void prepared_forget_plans(struct prepared_set *set);

struct portal *portal_find(const struct prepared_set *set, struct rg_slice name);
/* Replaces a portal of that name. cached is shared. RG_LIMIT past PORTALS_MAX or PREPARED_BYTES_MAX of texts. */
rg_status portal_put(struct prepared_set *set, struct rg_slice name, uint64_t number, uint64_t batch,
                     struct policy_cached *cached) RG_MUST_CHECK;
/* Keeps the values with the portal: takes the reference. RG_LIMIT past PREPARED_BYTES_MAX of texts; taken all the same.
 */
rg_status portal_keep_binds(struct prepared_set *set, struct portal *portal, struct binds *binds) RG_MUST_CHECK;
/* Keeps a copy of the result's formats with the portal. */
void portal_keep_formats(struct portal *portal, struct rg_slice formats);
/* The name upstream: number 0 is the unnamed portal. */
struct rg_slice portal_upstream_name(uint64_t number, char out_text[PORTAL_NAME_SIZE]);
void portal_remove(struct prepared_set *set, struct rg_slice name);
/* At the end of a transaction no portal survives that was bound in a batch up to last_batch. */
void portal_remove_ended(struct prepared_set *set, uint64_t last_batch);
void portal_remove_all(struct prepared_set *set);

#endif
