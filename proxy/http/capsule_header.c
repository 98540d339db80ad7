/* SPDX-License-Identifier: Apache-2.0 */
/* From a request that the steps have judged to the capsule of its caller. */
#include "proxy/http/capsule_header.h"

#include "proxy/config.h"
#include "proxy/gateway.h"
#include "proxy/http/guest.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"

rg_status http_capsule_make(struct http_request *request, const struct http_capsule_wish *wish,
                            struct rg_slice *out_text)
{
    const struct gateway *gateway = request->worker->gateway;
    int64_t now_us = rg_clock_wall_us(gateway->clock);
    struct auth_capsule capsule = {
        .purpose = wish->purpose,
        .tenant = request->tenant.id,
        .reference = rg_slice_of(request->reference),
        .view = rg_slice_of(request->view.text),
        .made_us = now_us,
        .expires_us = now_us + wish->lifetime_us,
        .guest = request->guest == NULL ? (struct rg_slice){0} : request->guest->id,
        .is_guest = wish->is_guest,
        .resource_count = wish->resource_count,
        .resources = wish->resources,
    };
    if (!request->has_tenant || gateway->state == NULL) {
        return rg_fail(RG_DENIED, "nobody to make a capsule for");
    }
    RG_TRY(auth_capsule_fill(&request->identity, request->session, request->snapshot->config->claims, &request->arena,
                             &capsule));
    bool ends_earlier = capsule.credential_expires_us != 0 && capsule.credential_expires_us < capsule.expires_us;
    capsule.expires_us = ends_earlier ? capsule.credential_expires_us : capsule.expires_us;
    return auth_capsule_seal(gateway->state, &capsule, &request->arena, out_text);
}
