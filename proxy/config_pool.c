/* SPDX-License-Identifier: Apache-2.0 */
/* pool_mode and what goes with it. Called by config_network.c. */
#include "proxy/config_private.h"

static bool has_pool_key(const struct config_raw_upstream *raw, struct rg_place *out_place, const char **out_name)
{
    const struct {
        const struct rg_schema_number *number;
        const char *name;
    } keys[] = {{&raw->pool_size, "pool_size"},
                {&raw->pool_per_tenant, "pool_per_tenant"},
                {&raw->query_wait_timeout, "query_wait_timeout"},
                {&raw->server_idle_timeout, "server_idle_timeout"},
                {&raw->server_lifetime, "server_lifetime"},
                {&raw->server_check_delay, "server_check_delay"},
                {&raw->min_pool_size, "min_pool_size"},
                {&raw->reserve_pool_size, "reserve_pool_size"},
                {&raw->reserve_pool_timeout, "reserve_pool_timeout"}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (keys[i].number->is_given) {
            *out_place = keys[i].number->place;
            *out_name = keys[i].name;
            return true;
        }
    }
    return false;
}

void config_make_pool(struct config_draft *draft, const struct config_raw_upstream *raw,
                      struct config_upstream *upstream)
{
    bool is_transaction = raw->pool_mode.word == CONFIG_POOL_TRANSACTION;
    struct rg_place place;
    const char *name = NULL;
    if (!is_transaction) {
        if (has_pool_key(raw, &place, &name)) {
            config_error(draft, place, "\"%s\" is only for pool_mode = \"transaction\"", name);
        }
        return;
    }
    if (upstream->kind != CONFIG_UPSTREAM_POSTGRES) {
        config_error(draft, raw->pool_mode.place, "pool_mode = \"transaction\" is only for kind = \"postgres\"");
        return;
    }
    if (raw->pool_per_tenant.is_given && raw->pool_per_tenant.value > raw->pool_size.value) {
        config_error(draft, raw->pool_per_tenant.place, "\"pool_per_tenant\" is more than \"pool_size\"");
        return;
    }
    if (raw->min_pool_size.value > raw->pool_size.value) {
        config_error(draft, raw->min_pool_size.place, "\"min_pool_size\" is more than \"pool_size\"");
        return;
    }
    if (raw->reserve_pool_size.value > 0 && raw->reserve_pool_timeout.value >= raw->query_wait_timeout.value) {
        config_error(draft, raw->reserve_pool_size.place,
                     "nobody would have the reserve: \"reserve_pool_timeout\" is not less than \"query_wait_timeout\"");
        return;
    }
    upstream->pool = (struct config_pool){
        .size = (uint64_t)raw->pool_size.value,
        .per_tenant = (uint64_t)(raw->pool_per_tenant.is_given ? raw->pool_per_tenant.value : raw->pool_size.value),
        .wait_us = raw->query_wait_timeout.value,
        .idle_us = raw->server_idle_timeout.value,
        .lifetime_us = raw->server_lifetime.value,
        .check_us = raw->server_check_delay.value,
        .least = (uint64_t)raw->min_pool_size.value,
        .reserve = (uint64_t)raw->reserve_pool_size.value,
        .reserve_wait_us = raw->reserve_pool_timeout.value,
    };
}
