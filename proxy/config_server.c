/* SPDX-License-Identifier: Apache-2.0 */
/* [server], [log], [limits], [audit]: the sections that are numbers and paths. */
#include <unistd.h>

#include "proxy/config_private.h"

static unsigned core_count(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1U : (unsigned)cores;
}

static rg_status make_origin(struct config_draft *draft, struct rg_slice *out_origin)
{
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') {
        config_error(draft, draft->raw.audit.head.place, "the host has no name: give \"origin\" in [audit]");
        return RG_OK;
    }
    return rg_arena_printf(draft->arena, out_origin, "rowgate/audit/%s/1", host);
}

static void check_origin(struct config_draft *draft, const struct rg_schema_string *origin)
{
    if (origin->text.size > 255) {
        config_error(draft, origin->place, "\"origin\" must have at most 255 bytes");
    }
    for (size_t i = 0; i < origin->text.size; i++) {
        if (origin->text.data[i] <= ' ' || origin->text.data[i] > '~') {
            config_error(draft, origin->place, "\"origin\" must be printable ASCII without spaces");
            return;
        }
    }
}

static rg_status make_audit(struct config_draft *draft)
{
    const struct config_raw_audit *raw = &draft->raw.audit;
    struct config_audit *audit = &draft->config->audit;
    check_origin(draft, &raw->origin);
    audit->directory = raw->directory.text;
    audit->durability = (enum config_durability)raw->durability.word;
    audit->segment_bytes = (size_t)raw->segment_size.value;
    audit->origin = raw->origin.text;
    return raw->origin.is_given || !raw->head.is_given ? RG_OK : make_origin(draft, &audit->origin);
}

rg_status config_make_server(struct config_draft *draft)
{
    const struct config_raw_server *server = &draft->raw.server;
    const struct config_raw_log *log = &draft->raw.log;
    draft->config->server = (struct config_server){
        .workers = server->workers.is_given ? (unsigned)server->workers.value : core_count(),
        .pid_file = server->pid_file.text,
        .drain_timeout_us = server->drain_timeout.value,
        .strict_reload = server->strict_reload.value != 0,
    };
    draft->config->log = (struct config_log){
        .level = (enum config_log_level)log->level.word,
        .file = log->file.text,
    };
    return make_audit(draft);
}

static struct config_limits limits_of(const struct config_raw_limits *raw)
{
    return (struct config_limits){
        .name = raw->head.name,
        .max_rows = (uint64_t)raw->rows.value,
        .max_bytes = (uint64_t)raw->bytes.value,
        .max_connections = (uint64_t)raw->concurrency.value,
        .statement_timeout_us = raw->statement_timeout.value,
        .idle_timeout_us = raw->idle_timeout.value,
        .login_timeout_us = raw->login_timeout.value,
    };
}

/* The built-in limits: what [limits.default] would be if it were empty. */
static rg_status built_in_limits(struct config_draft *draft, struct config_limits *out_limits)
{
    struct config_raw_limits raw = {.head = {.name = RG_SLICE("default")}};
    for (size_t i = 0; i < config_section_count; i++) {
        if (strcmp(config_sections[i].name, "limits") == 0) {
            RG_TRY(rg_schema_defaults(&draft->context, config_sections[i].schema, &raw));
        }
    }
    *out_limits = limits_of(&raw);
    return RG_OK;
}

rg_status config_make_limits(struct config_draft *draft)
{
    const struct config_records *records = &draft->raw.limits;
    const struct config_raw_limits *raws = records->items;
    struct config_limits *limits = NULL;
    RG_TRY(config_check_unique(draft, records, sizeof *raws, "limits"));
    RG_TRY(rg_arena_array(draft->arena, records->count + 1, sizeof *limits, (void **)&limits));
    for (size_t i = 0; i < records->count; i++) {
        limits[i] = limits_of(&raws[i]);
    }
    size_t count = records->count;
    size_t at = config_record_find(records, sizeof *raws, RG_SLICE("default"));
    if (at == records->count) {
        RG_TRY(built_in_limits(draft, &limits[count++]));
    }
    draft->config->limits = limits;
    draft->config->limits_count = count;
    draft->config->default_limits = &limits[at];
    return RG_OK;
}
