/* SPDX-License-Identifier: Apache-2.0 */
/* Puts audit/export/peer_answer.c behind the HTTP service. */
#include "proxy/exporter_peers.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "audit/export/peer.h"
#include "base/rg_memory.h"
#include "proxy/net/http_service.h"

enum { BODY_MAX = 1024, TIMEOUT_MS = 10000, CONNECTIONS = 64 };

struct exporter_peers {
    int directory_fd;
    struct http_service *service;
};

static void handle(void *context, const struct http_service_request *request, struct http_service_answer *answer)
{
    const struct exporter_peers *peers = context;
    answer->status = peer_answer(peers->directory_fd, request->method, request->path, answer->body);
}

rg_status exporter_peers_open(const char *directory, struct rg_slice listen, struct net_tls *tls,
                              struct exporter_peers **out_peers)
{
    RG_AUTO(exporter_peers_close) struct exporter_peers *peers = rg_memory_alloc(sizeof *peers);
    peers->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct http_service_options options = {.address = listen,
                                                 .tls = tls,
                                                 .body_max = BODY_MAX,
                                                 .answer_max = PEER_ANSWER_MAX,
                                                 .timeout_ms = TIMEOUT_MS,
                                                 .connections_max = CONNECTIONS,
                                                 .handle = handle,
                                                 .context = peers};
    if (peers->directory_fd < 0) {
        return rg_fail(RG_STORAGE, "cannot open %s: %s", directory, strerror(errno));
    }
    RG_TRY(http_service_open(&options, &peers->service));
    *out_peers = peers;
    peers = NULL;
    return RG_OK;
}

void exporter_peers_close(struct exporter_peers **peers)
{
    struct exporter_peers *old = *peers;
    *peers = NULL;
    if (old != NULL) {
        http_service_close(&old->service);
        if (old->directory_fd >= 0) {
            (void)close(old->directory_fd);
        }
        rg_memory_free(old);
    }
}
