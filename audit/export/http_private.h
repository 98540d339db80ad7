/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_HTTP_PRIVATE_H
#define RG_AUDIT_EXPORT_HTTP_PRIVATE_H

#include <curl/curl.h>

#include "audit/export/http.h"

enum { EXPORT_HTTP_SHOWN_SIZE = 160 };

/* http.c: the handle and HTTP; http_stream.c: a connection without HTTP. */

struct export_http {
    CURL *curl;
    struct rg_buf url; /* of the current request, with NUL */
    size_t base_size;  /* of the configured part of it, without NUL */
    char *ca_file;
    struct rg_buf certificate;
    struct rg_buf private_key;
    long timeout_ms;
    struct rg_buf answer;
    bool is_too_long;
    const struct export_turn *turn;
    bool is_connected; /* without HTTP */
    char error[CURL_ERROR_SIZE];
};

/* Makes base and path the handle's URL. */
rg_status export_http_set_url(struct export_http *http, const char *path) RG_MUST_CHECK;
/* The failure that a result other than CURLE_OK is. */
rg_status export_http_explain(const struct export_http *http, const char *action, CURLcode result) RG_MUST_CHECK;
/* The beginning of what a peer said, as printable ASCII. */
void export_http_show(struct rg_slice bytes, char out_text[EXPORT_HTTP_SHOWN_SIZE]);

#endif
