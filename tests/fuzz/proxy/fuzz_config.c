/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a configuration file: a snapshot, or findings, and no memory left behind. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proxy/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void load(const char *path)
{
    struct rg_arena arena RG_AUTO(rg_arena_done) = {0};
    struct config *config RG_AUTO(config_free) = NULL;
    struct rg_diag diag;
    rg_arena_init(&arena, 4 << 20);
    rg_diag_init(&diag, &arena);
    rg_status status = config_load(path, &diag, &config);
    RG_ASSERT(rg_is_ok(status) == (config != NULL));
    RG_ASSERT(rg_is_ok(status) == (diag.error_count == 0) || status.error->kind != RG_CONFIG);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int descriptor = memfd_create("fuzz.toml", MFD_CLOEXEC);
    RG_ASSERT(descriptor >= 0 && write(descriptor, data, size) == (ssize_t)size);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    load(path);
    (void)close(descriptor);
    return 0;
}
