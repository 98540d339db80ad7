/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_BASE_SCHEMA_PRIVATE_H
#define RG_BASE_SCHEMA_PRIVATE_H

#include "base/rg_schema.h"

/* The seam between the engine (rg_schema.c) and the readers of single values (rg_schema_readers.c). */

/* One value on its way: the row, the node, and the member it goes to. */
struct rg_schema_reading {
    const struct rg_schema_context *context;
    const struct rg_schema *schema;
    const struct rg_schema_key *key;
    const struct rg_toml_node *node;
    void *member;
};

struct rg_schema_reader {
    rg_status (*read)(const struct rg_schema_reading *reading);
    const char *name;       /* the manual's word */
    size_t is_given_offset; /* in the member; 0 = such keys have no default */
};

/* Indexed by enum rg_schema_type. */
extern const struct rg_schema_reader rg_schema_readers[];

#endif
