/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_FENCE_PRIVATE_H
#define RG_PROXY_FENCE_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

/* Shared by fence.c (the gateway's) and fence_exporter.c. */

/* linux/landlock.h of newer kernels; one without them wants zeros there */
struct fence_ruleset {
    uint64_t files;
    uint64_t ports;
    uint64_t scopes;
};

enum { FENCE_ABI_REFER = 2, FENCE_ABI_TRUNCATE = 3, FENCE_ABI_PORTS = 4, FENCE_ABI_SIGNALS = 6 };

#define FENCE_TRUNCATE (UINT64_C(1) << 14)
#define FENCE_BIND_PORT (UINT64_C(1) << 0)
#define FENCE_SIGNAL_SCOPE (UINT64_C(1) << 1)

uint64_t fence_write_rights(long abi);
/* By text: both are absolute, without links. */
bool fence_is_below(const char *path, const char *directory);
bool fence_add_rule(int ruleset, const char *path, uint64_t rights);
/* The seccomp filter: false = the kernel takes none. */
bool fence_calls(void);

#endif
