/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_CLI_WHEN_H
#define RG_CLI_WHEN_H

#include <stdbool.h>
#include <stdint.h>

/* A time as an argument: RFC 3339 5.6 ("2026-11-22T15:53:43.5+01:00", "2026-11-22T15:53:43Z"), a day ("2026-11-22",
 * from its start, UTC), or an age ("90s", "15m", "2h", "3d", "1w") before now_us. Microseconds since 1970 UTC. False =
 * none of these; the output is untouched. Pure. */
bool when_parse(const char *text, int64_t now_us, int64_t *out_us);

#endif
