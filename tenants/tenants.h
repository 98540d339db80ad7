/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TENANTS_TENANTS_H
#define RG_TENANTS_TENANTS_H

#include "auth/identity.h"
#include "base/rg_arena.h"

/* FOR WHOM: the registry of tenants (part of the immutable configuration snapshot) and the pure
 * function from a verified identity to one tenant. */

struct tenant_schema {
    struct rg_slice logical;  /* what datasets say: "sales" */
    struct rg_slice physical; /* what the database says: "t_acme"; owned by this tenant wholly */
};

/* Where a tenant's statements go. In a pattern, physical names are templates with "{tenant.id}". */
struct tenant_route {
    struct rg_slice upstream; /* name of [upstreams.NAME] */
    struct rg_slice limits;   /* name of [limits.NAME]; empty = "default" */
    struct rg_slice own; /* of another road of a tenant: the limits that the tenant's own row names, which hold too */
    struct rg_slice database; /* name a client may ask for beside the tenant's id; empty = the upstream's dbname */
    size_t schema_count;
    const struct tenant_schema *schemas; /* sorted by logical name; the default search_path */
};

/* What a tenant shows to people before they are known, what of it may be embedded, and where: a hint chosen by whoever
 * asks, so nothing of it is secret. */
struct tenant_face {
    struct rg_slice display_name; /* the tenant's id when the file gives none */
    struct rg_slice logo;         /* the picture's bytes; empty = none */
    const char *logo_type;        /* "image/png", "image/svg+xml"; NULL = none */
    size_t frame_ancestor_count;
    const struct rg_slice *frame_ancestors; /* origins, checked */
    size_t dashboard_count;
    const struct rg_slice *dashboards; /* UUIDs of embedded dashboards, lower case: what a guest token may be for */
};

enum tenant_match_kind {
    TENANT_MATCH_NOTHING = 0, /* zeroed memory matches nobody */
    TENANT_MATCH_IDP,         /* any identity of this identity provider */
    TENANT_MATCH_IDP_CLAIM,   /* identity provider, and a claim's text equals value */
    TENANT_MATCH_ACCOUNT,     /* a SCRAM service account by name */
    TENANT_MATCH_TENANT,      /* whoever is of the tenant named, and asks for the database of this row's route */
};

struct tenant_match {
    enum tenant_match_kind kind;
    struct rg_slice idp; /* or the account's name, or the tenant's id */
    size_t claim;        /* index into [claims] */
    struct rg_slice value;
    size_t also_count;
    const struct rg_slice *also; /* further identity providers of the same people */
};

/* Whether the match takes people of this identity provider. Pure. */
bool tenants_match_has_idp(const struct tenant_match *match, struct rg_slice idp);

struct tenant_static {
    struct rg_slice id;
    struct tenant_match match;
    struct tenant_route route;
    bool is_frozen;
    struct tenant_face face;
};

struct tenant_pattern {
    struct tenant_match match;
    size_t id_claim;       /* index into [claims]: the tenant's id */
    struct rg_slice allow; /* anchored POSIX extended regular expression */
    const void *compiled;  /* regex_t of allow, made at load */
    struct tenant_route route;
    struct tenant_face face;
};

struct tenant_registry {
    size_t static_count;
    const struct tenant_static *statics;
    size_t pattern_count;
    const struct tenant_pattern *patterns;
};

struct tenant {
    struct rg_slice id;
    struct tenant_route route;      /* templates filled in; every physical name fits 63 bytes */
    const struct tenant_face *face; /* the registry's: lives as long as the configuration */
};

/* What may be a tenant's id: 1 to 63 bytes of UTF-8 without control characters, quotes, \\ ; / { }. It ends
 * up inside identifiers, log lines and file names; quoting is the second defence, not the first. Pure. */
bool tenants_id_is_valid(struct rg_slice id);

/* Names in order, each once. */
struct tenant_names {
    size_t count;
    const struct rg_slice *names;
};

/* The logical schemas that the routes map, for whoever asks of many names. Owns: names live in arena, their bytes are
 * the registry's. */
rg_status tenants_mapped_schemas(const struct tenant_registry *registry, struct rg_arena *arena,
                                 struct tenant_names *out_names) RG_MUST_CHECK;
bool tenants_names_have(const struct tenant_names *names, struct rg_slice name);

/* tenants_find names the one tenant of a verified identity, for callers who ask for no database. As below otherwise. */
rg_status tenants_find(const struct tenant_registry *registry, const struct auth_identity *identity,
                       struct rg_arena *arena, struct tenant *out_tenant) RG_MUST_CHECK;

/* tenants_resolve names the one tenant of a verified identity and checks it against the database
 * that the client asked for, which is a hint and never decides.
 * Returns: ok; RG_DENIED when no tenant or more than one matches, the tenant is frozen, the id is not
 *          allowed, a filled name does not fit, or the database is neither the tenant's id nor the
 *          route's database. The text is the same whether another tenant of that name exists or not.
 *          A database of another row of the same tenant (TENANT_MATCH_TENANT) gives that row's route.
 * Owns:    *out_tenant lives in arena; registry and identity are borrowed.
 * Threads: any; the registry is immutable. */
rg_status tenants_resolve(const struct tenant_registry *registry, const struct auth_identity *identity,
                          struct rg_slice requested_database, struct rg_slice upstream_database, struct rg_arena *arena,
                          struct tenant *out_tenant) RG_MUST_CHECK;

#endif
