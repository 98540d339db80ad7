/* SPDX-License-Identifier: Apache-2.0 */
/* From a configuration and a verified identity to what its policies are bound with. Both planes come here. */
#include "proxy/view.h"

static struct rg_slice said(const struct config_upstream *upstream,
                            const char *(*value_of)(const struct net_conninfo *conninfo))
{
    return upstream == NULL || upstream->conninfo == NULL ? (struct rg_slice){0}
                                                          : rg_slice_of(value_of(upstream->conninfo));
}

static struct policy_subject road_subject(const struct config *config, const struct tenant_route *route,
                                          const struct tenant *tenant)
{
    const struct config_upstream *upstream = config_upstream_find(config, route->upstream);
    return (struct policy_subject){
        .tenant = tenant,
        .lock = upstream == NULL ? POLICY_LOCK_NONE : upstream->lock,
        .dialect = config_upstream_dialect(upstream),
        .upstream = {.host = said(upstream, net_conninfo_host),
                     .port = said(upstream, net_conninfo_port),
                     .database = said(upstream, net_conninfo_dbname),
                     .user = said(upstream, net_conninfo_user)},
    };
}

/* A view has to be the same on each road of a tenant: an answer that a cache keeps may come from any of them. */
static void add_roads(const struct config *config, struct policy_subject *subject)
{
    struct rg_digest roads = {{0}};
    size_t count = 0;
    for (size_t i = 0; i < config->registry.static_count; i++) {
        const struct tenant_static *row = &config->registry.statics[i];
        bool is_branch = row->match.kind == TENANT_MATCH_TENANT;
        if (rg_slice_is_equal(is_branch ? row->match.idp : row->id, subject->tenant->id)) {
            const struct tenant whole = {.id = row->id, .route = row->route};
            const struct policy_subject road = road_subject(config, &row->route, &whole);
            roads = policy_view_road(&roads, &road);
            count += 1;
        }
    }
    subject->has_roads = count > 1;
    subject->roads = roads;
}

struct policy_subject view_subject(const struct config *config, const struct tenant *tenant,
                                   const struct auth_identity *identity, struct rg_slice database)
{
    struct policy_subject subject = road_subject(config, &tenant->route, tenant);
    subject.identity = identity;
    subject.database = database;
    add_roads(config, &subject);
    return subject;
}

rg_status view_find(const struct config *config, const struct tenant *tenant, const struct auth_identity *identity,
                    struct policy_view *out_view)
{
    const struct policy_subject subject = view_subject(config, tenant, identity, (struct rg_slice){0});
    return policy_view_of(config->policies, &subject, out_view);
}
