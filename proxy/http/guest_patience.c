/* SPDX-License-Identifier: Apache-2.0 */
/* A page that shows a dashboard gives up, in older SDKs for good, when its request for a token is refused. So what
 * passes by itself within seconds, an auditor that starts again, is waited for: less than the SDK's own limit of 30 s.
 */
#include "base/rg_clock.h"
#include "proxy/http/guest.h"
#include "proxy/http/steps_private.h"
#include "proxy/worker.h"

enum { WAIT_US = 25 * 1000 * 1000, LOOK_MS = 100 };

struct http_patience {
    struct http_request *request;
    struct net_timer timer;
    int64_t until_us; /* monotonic */
};

static void look(void *context)
{
    struct http_patience *patience = context;
    struct http_request *request = patience->request;
    struct net_loop *loop = request->worker->loop;
    if (!worker_takes_records(request->worker) && net_loop_now_us(loop) < patience->until_us) {
        net_timer_start(loop, &patience->timer, LOOK_MS, look, patience);
        return;
    }
    request->patience = NULL;
    http_request_resume(request);
    http_request_release(request);
}

enum http_step_result http_step_patience(struct http_request *request)
{
    struct http_patience *patience = NULL;
    if (request->endpoint == NULL || worker_takes_records(request->worker) ||
        !rg_is_ok(rg_arena_new(&request->arena, &patience))) {
        return HTTP_STEP_NEXT;
    }
    patience->request = request;
    patience->until_us = net_loop_now_us(request->worker->loop) + WAIT_US;
    request->patience = patience;
    http_request_hold(request);
    net_timer_start(request->worker->loop, &patience->timer, LOOK_MS, look, patience);
    return HTTP_STEP_WAIT;
}

void http_patience_on_end(struct http_request *request, enum http_end end)
{
    struct http_patience *patience = request->patience;
    (void)end;
    if (patience != NULL) { /* its client went */
        request->patience = NULL;
        net_timer_stop(&patience->timer);
        http_request_release(request);
    }
}
