/* SPDX-License-Identifier: Apache-2.0 */
/* A GET beside a request, over the kept connections to its upstream. Its answer is delivered by a timer of its own, so
 * that nobody is called from inside the link, nor before http_probe_start returned. Called by the gate. */
#include "proxy/http/probe.h"

#include "base/rg_memory.h"
#include "proxy/http/forward_private.h"
#include "proxy/worker.h"

struct http_probe {
    struct http_request *request; /* held */
    struct http_upstream *upstream;
    struct http_link *link; /* NULL before, behind, and when it was given up */
    struct net_timer timer; /* its limit, then its delivery */
    struct rg_buf head;
    struct rg_buf body;
    int status;
    const char *why; /* NULL: the answer is whole */
    void (*done)(void *context, const struct http_probe_answer *answer);
    void *context;
};

static void free_probe(struct http_probe *probe)
{
    struct http_request *request = probe->request;
    net_timer_stop(&probe->timer);
    http_link_close(&probe->link);
    probe->upstream->forwards--;
    rg_buf_done(&probe->head);
    rg_buf_done(&probe->body);
    rg_memory_free(probe);
    http_request_release(request);
}

static void deliver(void *context)
{
    struct http_probe *probe = context;
    const struct http_probe_answer answer = {
        .status = probe->why == NULL ? probe->status : 0, .body = rg_buf_slice(&probe->body), .why = probe->why};
    probe->done(probe->context, &answer);
    free_probe(probe);
}

static void end(struct http_probe *probe, const char *why)
{
    http_link_close(&probe->link);
    probe->why = why;
    net_timer_start(probe->request->worker->loop, &probe->timer, 0, deliver, probe);
}

static void on_limit(void *context)
{
    end(context, "no answer in time");
}

static void on_failed(void *context, enum http_link_failure why)
{
    static const char *const words[] = {[HTTP_LINK_BROKEN] = "a broken answer",
                                        [HTTP_LINK_UNREACHABLE] = "no connection",
                                        [HTTP_LINK_TIMEOUT] = "no answer in time"};
    end(context, words[why]);
}

static void on_body(void *context)
{
    struct http_probe *probe = context;
    http_link_read(probe->link, &probe->body, HTTP_PROBE_BYTES + 1 - rg_buf_size(&probe->body));
    enum http_answer_framing framing = http_link_framing(probe->link);
    if (rg_buf_size(&probe->body) > HTTP_PROBE_BYTES) {
        end(probe, "too large");
    } else if (framing == HTTP_ANSWER_ENDED) {
        end(probe, NULL);
    } else if (framing == HTTP_ANSWER_BROKEN) {
        end(probe, "a broken answer");
    }
}

static void on_head(void *context, const struct http_answer_head *head)
{
    struct http_probe *probe = context;
    probe->status = head->status;
    on_body(probe);
}

static const struct http_link_events events = {on_head, on_failed, on_body};

rg_status http_probe_start(struct http_request *request, struct rg_slice path,
                           void (*done)(void *context, const struct http_probe_answer *answer), void *context,
                           struct http_probe **out_probe)
{
    enum { HEAD_BYTES = 64 * 1024 };
    struct rg_buf head;
    rg_buf_init(&head, HEAD_BYTES);
    rg_status status = http_forward_write_probe(http_exchange_of(request), path, &head);
    if (!rg_is_ok(status)) {
        rg_buf_done(&head);
        return status;
    }
    struct http_probe *probe = rg_memory_alloc(sizeof *probe);
    *probe = (struct http_probe){
        .request = request, .upstream = request->plane->upstream, .head = head, .done = done, .context = context};
    rg_buf_init(&probe->body, HTTP_PROBE_BYTES + 1);
    probe->upstream->forwards++;
    http_request_hold(request);
    net_timer_start(request->worker->loop, &probe->timer, HTTP_PROBE_MS, on_limit, probe);
    *out_probe = probe;
    const struct http_ask ask = {
        .head = rg_buf_slice(&probe->head), .owner = http_request_owner(request), .may_repeat = true};
    probe->link = http_link_open(probe->upstream, &ask, &events, probe);
    return RG_OK;
}

void http_probe_drop(struct http_probe **probe)
{
    struct http_probe *dropped = *probe;
    *probe = NULL;
    if (dropped != NULL) {
        free_probe(dropped);
    }
}
