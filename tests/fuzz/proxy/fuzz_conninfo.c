/* SPDX-License-Identifier: Apache-2.0 */
/* Connection strings: whatever the configuration holds, parsing ends, connects to nothing and an error
 * is one short line. */
#include "proxy/net/conninfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct net_conninfo *conninfo = NULL;
    rg_status status =
        net_conninfo_parse(rg_slice_make(data, size), RG_SLICE("secret"),
                           size % 2 == 0 ? NET_CONNINFO_PINS_POSTGRES : NET_CONNINFO_PINS_NONE, &conninfo);
    if (rg_is_ok(status)) {
        RG_ASSERT(conninfo != NULL && net_conninfo_user(conninfo) != NULL);
    } else {
        RG_ASSERT(conninfo == NULL && status.error->kind == RG_CONFIG);
        RG_ASSERT(strchr(status.error->text, '\n') == NULL && strlen(status.error->text) > 0);
    }
    net_conninfo_release(&conninfo);
    return 0;
}
