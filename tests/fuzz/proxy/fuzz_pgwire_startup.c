/* SPDX-License-Identifier: Apache-2.0 */
/* The first bytes of a connection: framed, parsed, and what is accepted must keep the promises of
 * startup.h. */
#include <strings.h>

#include "proxy/pgwire/frame.h"
#include "proxy/pgwire/startup.h"
#include "proxy/pgwire/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_settings(const struct pgwire_startup *startup)
{
    RG_ASSERT(startup->setting_count + startup->extension_count <= PGWIRE_SETTINGS_MAX);
    for (size_t i = 0; i < startup->setting_count; i++) {
        const struct pgwire_setting *setting = &startup->settings[i];
        RG_ASSERT(setting->name.size > 0 && setting->name.size <= PGWIRE_SETTING_NAME_MAX);
        RG_ASSERT(setting->value.size <= PGWIRE_SETTING_VALUE_MAX && pgwire_utf8_is_printable(setting->value));
        RG_ASSERT(pgwire_setting_find(startup, setting->name) == setting); /* the first is the only one */
        RG_ASSERT(strcasecmp(setting->name.data, "user") != 0 && strcasecmp(setting->name.data, "replication") != 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pgwire_frame frame = {0};
    bool complete = false;
    rg_status status = pgwire_startup_peek(rg_slice_make(data, size), &frame, &complete);
    if (!rg_is_ok(status) || !complete) {
        return 0;
    }
    RG_ASSERT(frame.size <= size && frame.size <= PGWIRE_STARTUP_MAX);
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 64 * 1024);
    struct pgwire_startup startup = {0};
    status = pgwire_startup_parse(frame.body, &arena, &startup);
    if (!rg_is_ok(status)) {
        RG_ASSERT(startup.kind == PGWIRE_STARTUP_NONE);
        RG_ASSERT(status.error->kind == RG_PROTOCOL || status.error->kind == RG_LIMIT);
        RG_ASSERT(strstr(status.error->file, "rg_arena") == NULL); /* 64 KiB suffice */
    } else if (startup.kind == PGWIRE_STARTUP_SESSION) {
        RG_ASSERT(startup.user.size > 0 && startup.user.size <= PGWIRE_USER_MAX_BYTES && startup.database.size > 0);
        RG_ASSERT(pgwire_utf8_is_printable(startup.user) && pgwire_utf8_is_printable(startup.database));
        check_settings(&startup);
    }
    return 0;
}
