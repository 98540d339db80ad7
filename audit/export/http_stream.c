/* SPDX-License-Identifier: Apache-2.0 */
/* A plain connection by libcurl (CURLOPT_CONNECT_ONLY): its TLS, its certificate checks, no HTTP on it. */
#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include "audit/export/http_private.h"

enum { WAIT_MS = 100, SETTLE_MS = 20 };

static rg_status check_stop(const struct export_http *http)
{
    return http->turn != NULL && export_should_stop(http->turn) ? rg_fail(RG_CLOSED, "told to stop") : RG_OK;
}

static const char *url_of(const struct export_http *http)
{
    return strstr(http->url.bytes + http->url.start, "://") + 3; /* it is no HTTP */
}

rg_status export_http_connect(struct export_http *http, const struct export_turn *turn)
{
    http->turn = turn;
    http->error[0] = '\0';
    RG_TRY(export_http_set_url(http, ""));
    if (curl_easy_setopt(http->curl, CURLOPT_CONNECT_ONLY, 1L) != CURLE_OK ||
        curl_easy_setopt(http->curl, CURLOPT_SSL_ENABLE_ALPN, 0L) != CURLE_OK) {
        return rg_fail(RG_INTERNAL, "libcurl opens no plain connections");
    }
    CURLcode result = curl_easy_perform(http->curl);
    if (result != CURLE_OK) {
        return export_http_explain(http, "connecting to", result);
    }
    http->is_connected = true;
    return RG_OK;
}

/* ---- sending ---- */

struct sending {
    struct export_http *http;
    curl_socket_t socket;
    int64_t end_us; /* monotonic */
    const struct rg_clock *clock;
};

static rg_status wait_for(const struct sending *sending, short events, int wait_ms)
{
    struct pollfd waits = {.fd = sending->socket, .events = events};
    RG_TRY(check_stop(sending->http));
    if (rg_clock_monotonic_us(sending->clock) >= sending->end_us) {
        return rg_fail(RG_UPSTREAM, "%s takes nothing more", url_of(sending->http));
    }
    (void)poll(&waits, 1, wait_ms);
    return RG_OK;
}

rg_status export_http_check(struct export_http *http)
{
    char bytes[EXPORT_HTTP_SHOWN_SIZE];
    char shown[EXPORT_HTTP_SHOWN_SIZE];
    size_t got = 0;
    http->error[0] = '\0';
    CURLcode result = http->is_connected ? curl_easy_recv(http->curl, bytes, sizeof bytes, &got) : CURLE_RECV_ERROR;
    if (result == CURLE_AGAIN) {
        return RG_OK;
    }
    http->is_connected = false;
    if (result == CURLE_OK && got > 0) {
        export_http_show(rg_slice_make(bytes, got), shown);
        return rg_fail(RG_UPSTREAM, "%s answers, which no receiver of this protocol does: %s", url_of(http), shown);
    }
    const char *why = http->error; /* of TLS: an alert says what the peer did not like */
    return rg_fail(RG_UPSTREAM, "%s closed the connection%s%.200s", url_of(http), why[0] == '\0' ? "" : ": ", why);
}

static rg_status send_all(const struct sending *sending, struct rg_slice bytes)
{
    while (bytes.size > 0) {
        size_t sent = 0;
        CURLcode result = curl_easy_send(sending->http->curl, bytes.data, bytes.size, &sent);
        if (result == CURLE_AGAIN) {
            RG_TRY(wait_for(sending, POLLOUT | POLLIN, WAIT_MS));
            RG_TRY(export_http_check(sending->http));
        } else if (result != CURLE_OK) {
            return export_http_explain(sending->http, "sending to", result);
        }
        bytes = rg_slice_cut(bytes, sent, SIZE_MAX);
    }
    return RG_OK;
}

/* Until the peer's machine has all of it. */
static rg_status wait_until_taken(const struct sending *sending)
{
    int left = 1;
    while (left > 0) {
        if (ioctl(sending->socket, SIOCOUTQ, &left) != 0) {
            return rg_fail(RG_UPSTREAM, "%s: the connection is gone", url_of(sending->http));
        }
        if (left > 0) {
            RG_TRY(wait_for(sending, POLLIN, 1));
            RG_TRY(export_http_check(sending->http)); /* one that is gone acknowledges nothing */
        }
    }
    RG_TRY(wait_for(sending, POLLIN, SETTLE_MS)); /* a server that refuses says so, or hangs up */
    return export_http_check(sending->http);
}

rg_status export_http_write(struct export_http *http, const struct export_turn *turn, struct rg_slice bytes)
{
    const struct rg_clock *clock = turn == NULL ? rg_clock_system() : turn->clock;
    struct sending sending = {
        .http = http,
        .clock = clock,
        .end_us = rg_clock_monotonic_us(clock) + (int64_t)http->timeout_ms * 1000,
    };
    http->turn = turn;
    http->error[0] = '\0';
    if (!http->is_connected || curl_easy_getinfo(http->curl, CURLINFO_ACTIVESOCKET, &sending.socket) != CURLE_OK ||
        sending.socket == CURL_SOCKET_BAD) {
        http->is_connected = false;
        return rg_fail(RG_UPSTREAM, "%s: there is no connection", url_of(http));
    }
    rg_status status = export_http_check(http);
    status = rg_is_ok(status) ? send_all(&sending, bytes) : status;
    status = rg_is_ok(status) ? wait_until_taken(&sending) : status;
    http->is_connected = rg_is_ok(status);
    return status;
}
