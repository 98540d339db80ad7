/* SPDX-License-Identifier: Apache-2.0 */
/* SHOW of what the event loops have at this moment: clients, servers, pools, statements. */
#include <stdlib.h>

#include "base/rg_memory.h"
#include "proxy/console_private.h"
#include "proxy/session_facts.h"

enum { SECOND_US = 1000000, STATEMENTS_SHOWN = 10 };

static const char *const state_names[] = {[SESSION_FACT_LOGIN] = "login",
                                          [SESSION_FACT_IDLE] = "idle",
                                          [SESSION_FACT_WAITING] = "waiting",
                                          [SESSION_FACT_ACTIVE] = "active"};

/* ---- clients ---- */

/* "192.0.2.1:5432", "[::1]:5432" */
static void put_address(struct console_rows *rows, struct rg_slice address)
{
    const char *colon = address.size == 0 ? NULL : memrchr(address.data, ':', address.size);
    size_t size = colon == NULL ? address.size : (size_t)(colon - address.data);
    console_put_name(rows, rg_slice_cut(address, 0, size));
    if (colon == NULL) {
        console_put_null(rows);
    } else {
        console_put_number(rows, strtol(colon + 1, NULL, 10)); /* copies end in NUL */
    }
}

static rg_status look_at_clients(struct console_call *call, const struct console_facts *facts)
{
    struct console_rows *rows = call->rows;
    for (size_t i = 0; i < facts->client_count; i++) {
        const struct session_facts *client = &facts->clients[i];
        console_put_text(rows, "C");
        console_put_name(rows, client->user);
        console_put_name(rows, client->database);
        console_put_name(rows, client->tenant);
        console_put_text(rows, state_names[client->state]);
        put_address(rows, client->address);
        console_put_time(rows, client->connected_us);
        console_put_number(rows, client->waits_us / SECOND_US);
        console_put_number(rows, client->waits_us % SECOND_US);
        console_put_name(rows, client->id);
        console_put_name(rows, client->has_server ? client->upstream : (struct rg_slice){0});
        console_put_flag(rows, client->is_tls);
        console_put_name(rows, client->application);
    }
    return RG_OK;
}

rg_status console_show_clients(struct console_call *call)
{
    return console_ask(call, look_at_clients);
}

static rg_status look_at_servers(struct console_call *call, const struct console_facts *facts)
{
    struct console_rows *rows = call->rows;
    for (size_t i = 0; i < facts->client_count; i++) {
        const struct session_facts *client = &facts->clients[i];
        if (client->has_server) {
            console_put_text(rows, "S");
            console_put_name(rows, client->upstream);
            console_put_name(rows, client->tenant);
            console_put_text(rows, client->is_server_active ? "active" : "idle");
            console_put_name(rows, client->id);
        }
    }
    for (size_t i = 0; i < facts->pool_count; i++) {
        for (size_t j = 0; j < facts->pools[i].idle; j++) {
            console_put_text(rows, "S");
            console_put_name(rows, facts->pools[i].upstream);
            console_put_null(rows);
            console_put_text(rows, "idle");
            console_put_null(rows);
        }
    }
    return RG_OK;
}

rg_status console_show_servers(struct console_call *call)
{
    return console_ask(call, look_at_servers);
}

/* ---- sums of clients ---- */

struct sum {
    struct rg_slice first, second; /* what they have in common */
    const struct session_facts *any;
    size_t sessions, active, waiting, servers_active, servers_idle;
    int64_t waits_us;
};

struct sums {
    size_t count;
    struct sum *rows; /* room for one a client */
};

static void sums_done(struct sums *sums)
{
    rg_memory_free(sums->rows);
}

static void add_client(struct sum *sum, const struct session_facts *client)
{
    bool is_active = client->has_server && (client->is_server_active || !client->shares_servers);
    sum->sessions++;
    sum->waiting += client->state == SESSION_FACT_WAITING ? 1 : 0;
    sum->active += client->state == SESSION_FACT_WAITING ? 0 : 1;
    sum->servers_active += is_active ? 1 : 0;
    sum->servers_idle += client->has_server && !is_active ? 1 : 0;
    sum->waits_us = client->waits_us > sum->waits_us ? client->waits_us : sum->waits_us;
}

struct pair {
    struct rg_slice first, second;
};

static struct pair by_upstream(const struct session_facts *client)
{
    return (struct pair){client->upstream, client->tenant};
}

static struct pair by_user(const struct session_facts *client)
{
    return (struct pair){client->user, client->tenant};
}

static int compare_slices(struct rg_slice a, struct rg_slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size == 0 ? 0 : memcmp(a.data, b.data, size);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_sums(const void *a, const void *b)
{
    const struct sum *x = a;
    const struct sum *y = b;
    int order = compare_slices(x->first, y->first);
    return order != 0 ? order : compare_slices(x->second, y->second);
}

/* One row for each pair; clients that nobody knows yet are in none. */
static struct sums add_up(const struct console_facts *facts, struct pair (*pair_of)(const struct session_facts *client))
{
    struct sums sums = {.rows = rg_memory_array(facts->client_count + 1, sizeof *sums.rows)};
    size_t count = 0;
    for (size_t i = 0; i < facts->client_count; i++) {
        if (facts->clients[i].state != SESSION_FACT_LOGIN) {
            struct pair pair = pair_of(&facts->clients[i]);
            sums.rows[count++] = (struct sum){.first = pair.first, .second = pair.second, .any = &facts->clients[i]};
        }
    }
    qsort(sums.rows, count, sizeof *sums.rows, compare_sums);
    for (size_t i = 0; i < count; i++) {
        struct sum next = sums.rows[i];
        if (sums.count == 0 || compare_sums(&sums.rows[sums.count - 1], &next) != 0) {
            sums.rows[sums.count++] = next;
        }
        add_client(&sums.rows[sums.count - 1], next.any);
    }
    return sums;
}

/* ---- pools ---- */

static const char *mode_of(const struct config_upstream *upstream)
{
    return upstream != NULL && upstream->pool.size > 0 ? "transaction" : "session";
}

static void put_pool(struct console_rows *rows, struct rg_slice upstream, const struct sum *sum, const char *mode)
{
    console_put_name(rows, upstream);
    console_put_name(rows, sum->second);
    console_put_number(rows, (int64_t)sum->active);
    console_put_number(rows, (int64_t)sum->waiting);
    console_put_number(rows, (int64_t)sum->servers_active);
    console_put_number(rows, (int64_t)sum->servers_idle);
    console_put_number(rows, sum->waits_us / SECOND_US);
    console_put_number(rows, sum->waits_us % SECOND_US);
    console_put_text(rows, mode);
}

/* A row for each tenant that is there, and one for the connections that nobody has: those are for whoever comes. */
static rg_status look_at_pools(struct console_call *call, const struct console_facts *facts)
{
    RG_AUTO(sums_done) struct sums sums = add_up(facts, by_upstream);
    for (size_t i = 0; i < sums.count; i++) {
        put_pool(call->rows, sums.rows[i].first, &sums.rows[i],
                 mode_of(config_upstream_find(call->config, sums.rows[i].first)));
    }
    for (size_t i = 0; i < call->config->upstream_count; i++) {
        const struct config_upstream *upstream = &call->config->upstreams[i];
        struct sum free_ones = {0};
        for (size_t j = 0; j < facts->pool_count; j++) {
            bool is_of_it = rg_slice_is_equal(facts->pools[j].upstream, upstream->name);
            free_ones.servers_idle += is_of_it ? facts->pools[j].idle : 0;
        }
        if (upstream->pool.size > 0) {
            put_pool(call->rows, upstream->name, &free_ones, mode_of(upstream));
        }
    }
    return RG_OK;
}

rg_status console_show_pools(struct console_call *call)
{
    return console_ask(call, look_at_pools);
}

rg_status console_show_databases(struct console_call *call)
{
    static const char *const kinds[] = {[CONFIG_UPSTREAM_PGBOUNCER] = "pgbouncer",
                                        [CONFIG_UPSTREAM_POSTGRES] = "postgres",
                                        [CONFIG_UPSTREAM_HYPER] = "hyper",
                                        [CONFIG_UPSTREAM_SUPERSET] = "superset"};
    static const char *const locks[] = {
        [POLICY_LOCK_NONE] = "none", [POLICY_LOCK_SET_LOCAL] = "set_local", [POLICY_LOCK_SET_ROLE] = "set_role"};
    for (size_t i = 0; i < call->config->upstream_count; i++) {
        const struct config_upstream *upstream = &call->config->upstreams[i];
        struct metrics *metrics = call->gateway->metrics;
        unsigned name = metrics_name(metrics, METRICS_UPSTREAMS, upstream->name);
        bool has_conninfo = upstream->conninfo != NULL;
        console_put_name(call->rows, upstream->name);
        console_put_text(call->rows, kinds[upstream->kind]);
        console_put_text(call->rows, has_conninfo ? net_conninfo_host(upstream->conninfo) : NULL);
        console_put_text(call->rows, has_conninfo ? net_conninfo_port(upstream->conninfo) : NULL);
        console_put_name(call->rows, upstream->database);
        console_put_text(call->rows, locks[upstream->lock]);
        console_put_number(call->rows, (int64_t)upstream->pool.size);
        console_put_text(call->rows, mode_of(upstream));
        console_put_number(call->rows, (int64_t)upstream->pool.size); /* 0: as many as there are sessions */
        console_put_number(call->rows, metrics_sum(metrics, METRICS_UPSTREAM_CONNECTIONS, METRICS_SERIES(name)));
    }
    return RG_OK;
}

/* ---- users, tenants, lists ---- */

static rg_status look_at_users(struct console_call *call, const struct console_facts *facts)
{
    RG_AUTO(sums_done) struct sums sums = add_up(facts, by_user);
    for (size_t i = 0; i < sums.count; i++) {
        console_put_name(call->rows, sums.rows[i].first);
        console_put_name(call->rows, sums.rows[i].second);
        console_put_number(call->rows, (int64_t)sums.rows[i].sessions);
    }
    return RG_OK;
}

rg_status console_show_users(struct console_call *call)
{
    return console_ask(call, look_at_users);
}

static void put_route(struct console_rows *rows, const struct tenant_route *route)
{
    console_put_name(rows, route->upstream);
    console_put_name(rows, route->limits.size == 0 ? RG_SLICE("default") : route->limits);
}

static rg_status look_at_tenants(struct console_call *call, const struct console_facts *facts)
{
    const struct tenant_registry *registry = &call->config->registry;
    for (size_t i = 0; i < registry->static_count; i++) {
        const struct tenant_static *tenant = &registry->statics[i];
        struct sum sum = {0};
        for (size_t j = 0; j < facts->client_count; j++) {
            const struct session_facts *client = &facts->clients[j];
            if (client->state != SESSION_FACT_LOGIN && rg_slice_is_equal(client->tenant, tenant->id)) {
                add_client(&sum, client);
            }
        }
        console_put_name(call->rows, tenant->id);
        console_put_text(call->rows, "static");
        put_route(call->rows, &tenant->route);
        console_put_flag(call->rows, tenant->is_frozen);
        console_put_number(call->rows, (int64_t)sum.sessions);
        console_put_number(call->rows, (int64_t)sum.active);
        console_put_number(call->rows, (int64_t)sum.waiting);
    }
    for (size_t i = 0; i < registry->pattern_count; i++) {
        console_put_name(call->rows, registry->patterns[i].allow); /* many tenants: their sessions are in SHOW POOLS */
        console_put_text(call->rows, "pattern");
        put_route(call->rows, &registry->patterns[i].route);
        console_put_flag(call->rows, false);
        console_put_null(call->rows);
        console_put_null(call->rows);
        console_put_null(call->rows);
    }
    return RG_OK;
}

rg_status console_show_tenants(struct console_call *call)
{
    return console_ask(call, look_at_tenants);
}

static rg_status look_at_lists(struct console_call *call, const struct console_facts *facts)
{
    size_t idle = 0;
    size_t waiting = 0;
    size_t login = 0;
    size_t servers = 0;
    for (size_t i = 0; i < facts->client_count; i++) {
        login += facts->clients[i].state == SESSION_FACT_LOGIN ? 1 : 0;
        waiting += facts->clients[i].state == SESSION_FACT_WAITING ? 1 : 0;
        servers += facts->clients[i].has_server ? 1 : 0;
    }
    for (size_t i = 0; i < facts->pool_count; i++) {
        idle += facts->pools[i].idle;
    }
    const struct config *config = call->config;
    const struct {
        const char *name;
        size_t count;
    } lists[] = {
        {"databases", config->upstream_count},
        {"tenants", config->registry.static_count + config->registry.pattern_count},
        {"policies", config->source->row_count},
        {"masks", config->source->mask_count},
        {"used_clients", facts->client_count - login},
        {"login_clients", login},
        {"waiting_clients", waiting},
        {"used_servers", servers},
        {"free_servers", idle},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        console_put_text(call->rows, lists[i].name);
        console_put_number(call->rows, (int64_t)lists[i].count);
    }
    return RG_OK;
}

rg_status console_show_lists(struct console_call *call)
{
    return console_ask(call, look_at_lists);
}

/* ---- statements ---- */

static int compare_ages(const void *a, const void *b)
{
    const struct session_facts *x = a;
    const struct session_facts *y = b;
    return (x->age_us < y->age_us) - (x->age_us > y->age_us);
}

static void put_statement(struct console_rows *rows, const struct session_facts *client)
{
    console_put_name(rows, client->tenant);
    console_put_name(rows, client->user);
    console_put_name(rows, client->id);
    console_put_number(rows, client->age_us);
    console_put_text(rows, client->class_name);
    console_put_text(rows, client->statement_state);
    console_put_name(rows, rg_slice_of(client->query_uid));
}

static rg_status look_at_statements(struct console_call *call, const struct console_facts *facts)
{
    size_t shown = 0;
    if (facts->client_count > 0) { /* qsort takes no NULL */
        qsort(facts->clients, facts->client_count, sizeof *facts->clients, compare_ages);
    }
    for (size_t i = 0; shown < STATEMENTS_SHOWN && i < facts->client_count; i++) {
        if (facts->clients[i].class_name != NULL) {
            put_statement(call->rows, &facts->clients[i]);
            shown++;
        }
    }
    return RG_OK;
}

rg_status console_show_statements(struct console_call *call)
{
    return console_ask(call, look_at_statements);
}
