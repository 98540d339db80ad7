/* SPDX-License-Identifier: Apache-2.0 */
/* A session's virtual settings, one block of memory each. */
#include "proxy/settings.h"

#include "base/rg_memory.h"

struct settings *settings_new(void)
{
    struct settings *settings = rg_memory_alloc(sizeof *settings);
    settings->references = 1;
    return settings;
}

struct settings *settings_ref(struct settings *settings)
{
    settings->references++;
    return settings;
}

void settings_free(struct settings **settings)
{
    if (*settings != NULL && --(*settings)->references == 0) {
        rg_memory_free(*settings);
    }
    *settings = NULL;
}

static rg_status total_size(const struct settings *source, size_t *out_size)
{
    size_t size = source->application_name.size;
    for (size_t i = 0; i < source->path_count; i++) {
        size += source->path[i].size + sizeof source->path[i];
        if (size > SETTINGS_BYTES_MAX) {
            break;
        }
    }
    if (size > SETTINGS_BYTES_MAX) {
        return rg_fail(RG_LIMIT, "settings of more than %d bytes", SETTINGS_BYTES_MAX);
    }
    *out_size = size;
    return RG_OK;
}

static struct rg_slice place(char **at, struct rg_slice text)
{
    struct rg_slice copy = {*at, text.size};
    if (text.size > 0) {
        memcpy(*at, text.data, text.size);
    }
    *at += text.size;
    return copy;
}

/* One block: the struct, the path's slices, then all characters. */
static rg_status copy(const struct settings *source, struct settings **out_settings)
{
    size_t size = 0;
    RG_TRY(total_size(source, &size));
    struct settings *settings = rg_memory_alloc(sizeof *settings + size);
    *settings = *source;
    settings->references = 1;
    settings->path = (struct rg_slice *)(settings + 1);
    char *at = (char *)(settings->path + source->path_count);
    for (size_t i = 0; i < source->path_count; i++) {
        settings->path[i] = place(&at, source->path[i]);
    }
    settings->application_name = place(&at, source->application_name);
    *out_settings = settings;
    return RG_OK;
}

rg_status settings_with_path(const struct settings *settings, const struct rg_slice *path, size_t count,
                             struct settings **out_settings)
{
    struct settings changed = *settings;
    struct rg_slice items[64];
    if (count > sizeof items / sizeof items[0]) {
        return rg_fail(RG_LIMIT, "search_path of %zu schemas, limit %zu", count, sizeof items / sizeof items[0]);
    }
    for (size_t i = 0; i < count; i++) {
        items[i] = path[i];
    }
    changed.path = items;
    changed.path_count = count;
    return copy(&changed, out_settings);
}

rg_status settings_with_application(const struct settings *settings, struct rg_slice name,
                                    struct settings **out_settings)
{
    struct settings changed = *settings;
    changed.application_name = name;
    return copy(&changed, out_settings);
}

rg_status settings_with_timeout(const struct settings *settings, int64_t timeout_ms, struct settings **out_settings)
{
    struct settings changed = *settings;
    changed.statement_timeout_ms = timeout_ms;
    return copy(&changed, out_settings);
}
