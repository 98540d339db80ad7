/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_SETTINGS_H
#define RG_PROXY_SETTINGS_H

#include "base/rg_slice.h"
#include "base/rg_status.h"

/* The settings that rowgate keeps for a session instead of the upstream: immutable, replaced whole by each
 * SET, so that ROLLBACK is a pointer. Refcounted, one thread. */
struct settings {
    size_t references;
    size_t path_count; /* 0 = the route's default */
    struct rg_slice *path;
    struct rg_slice application_name;
    int64_t statement_timeout_ms; /* 0 = the limit's */
};

enum { SETTINGS_BYTES_MAX = 16384 };

struct settings *settings_new(void);
struct settings *settings_ref(struct settings *settings);
void settings_free(struct settings **settings);
/* A copy with one thing changed. RG_LIMIT past SETTINGS_BYTES_MAX. */
rg_status settings_with_path(const struct settings *settings, const struct rg_slice *path, size_t count,
                             struct settings **out_settings) RG_MUST_CHECK;
rg_status settings_with_application(const struct settings *settings, struct rg_slice name,
                                    struct settings **out_settings) RG_MUST_CHECK;
rg_status settings_with_timeout(const struct settings *settings, int64_t timeout_ms,
                                struct settings **out_settings) RG_MUST_CHECK;

#endif
