/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_SUPERVISOR_H
#define RG_PROXY_SUPERVISOR_H

#include "base/rg_status.h"

/* `rowgate run`: checks the configuration, takes the listeners' addresses, and keeps two children alive, each this
 * same program in an address space of its own: the gateway (all hostile bytes) and the auditor (the log). It passes
 * SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGUSR1 and SIGUSR2 on. A child that dies is recorded and started again after
 * 100 ms, twice as long each time, at most 10 s; one that was at work for a second starts at 100 ms again.
 * Returns: ok when it ran; *out_exit is what the gateway ended with. RG_CONFIG, RG_STORAGE or RG_INTERNAL when it or
 *          the auditor could not start; a gateway that could not start has said why itself.
 * Threads: must be the only one. */
rg_status supervisor_run(const char *path, int *out_exit) RG_MUST_CHECK;

#endif
