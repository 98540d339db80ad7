/* SPDX-License-Identifier: Apache-2.0 */
/* One request to an identity provider by libcurl's easy interface, which waits. What every transfer obeys is shared
 * with auth/jwks_fetch.c. Called by auth/oidc_provider.c on offload threads. */
#include "auth/fetch_private.h"

#include "auth/form.h"
#include "base/rg_buf.h"
#include "base/rg_crypto.h"

struct transfer {
    CURL *easy;
    struct curl_slist *headers;
    struct rg_buf body;
    struct rg_buf secrets; /* user, password and token, each with its NUL */
    char error[CURL_ERROR_SIZE];
};

bool auth_fetch_set_limits(CURL *easy)
{
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 5000L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 10000L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_MAXFILESIZE, (long)AUTH_FETCH_MAX_BYTES) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK;
}

/* With a CA file only that file counts: Debian's libcurl would add /etc/ssl/certs. */
bool auth_fetch_set_trust(CURL *easy, struct rg_slice ca_file)
{
    bool is_set = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;
    if (ca_file.size == 0) {
        return is_set;
    }
    return is_set && curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file.data) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    rg_status status = rg_buf_put(&transfer->body, (struct rg_slice){data, size * count});
    return rg_is_ok(status) ? size * count : 0; /* 0 ends the transfer */
}

static void transfer_done(struct transfer *transfer)
{
    struct rg_slice held = rg_buf_slice(&transfer->secrets);
    rg_wipe(transfer->secrets.bytes, held.size);
    rg_buf_done(&transfer->secrets);
    rg_buf_done(&transfer->body);
    curl_slist_free_all(transfer->headers);
    curl_easy_cleanup(transfer->easy);
}

static bool set_target(struct transfer *transfer, const struct auth_fetch *request)
{
    CURL *easy = transfer->easy;
    return curl_easy_setopt(easy, CURLOPT_URL, request->url.data) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "rowgate/" ROWGATE_VERSION) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK;
}

static bool set_form(CURL *easy, struct rg_slice form)
{
    return form.data == NULL || (curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
                                 curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)form.size) == CURLE_OK &&
                                 curl_easy_setopt(easy, CURLOPT_POSTFIELDS, form.data) == CURLE_OK);
}

/* RFC 6749 2.3.1: both halves are form-encoded before they become HTTP Basic. */
static rg_status set_credentials(struct transfer *transfer, const struct auth_fetch *request)
{
    struct rg_buf *secrets = &transfer->secrets;
    CURL *easy = transfer->easy;
    bool is_set = true;
    if (request->user.size > 0) {
        RG_TRY(auth_form_escape(secrets, request->user));
        RG_TRY(rg_buf_put_u8(secrets, 0));
        size_t at = rg_buf_size(secrets);
        RG_TRY(auth_form_escape(secrets, request->password));
        RG_TRY(rg_buf_put_u8(secrets, 0));
        const char *text = rg_buf_slice(secrets).data;
        is_set = curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) == CURLE_OK &&
                 curl_easy_setopt(easy, CURLOPT_USERNAME, text) == CURLE_OK &&
                 curl_easy_setopt(easy, CURLOPT_PASSWORD, text + at) == CURLE_OK;
    } else if (request->bearer.size > 0) {
        RG_TRY(rg_buf_put_cstr(secrets, request->bearer));
        is_set = curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER) == CURLE_OK &&
                 curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, rg_buf_slice(secrets).data) == CURLE_OK;
    }
    return is_set ? RG_OK : rg_fail(RG_UPSTREAM, "%s: cannot set up the transfer", request->what);
}

static rg_status set_up(struct transfer *transfer, const struct auth_fetch *request)
{
    rg_buf_init(&transfer->body, AUTH_FETCH_MAX_BYTES);
    rg_buf_init(&transfer->secrets, AUTH_FETCH_MAX_BYTES);
    transfer->headers = curl_slist_append(NULL, "Accept: application/json");
    transfer->easy = curl_easy_init();
    if (transfer->easy == NULL || transfer->headers == NULL || !auth_fetch_set_limits(transfer->easy) ||
        !auth_fetch_set_trust(transfer->easy, request->ca_file) || !set_target(transfer, request) ||
        !set_form(transfer->easy, request->form)) {
        return rg_fail(RG_UPSTREAM, "%s: cannot set up the transfer", request->what);
    }
    return set_credentials(transfer, request);
}

rg_status auth_fetch(const struct auth_fetch *request, struct rg_arena *arena, struct auth_fetch_answer *out_answer)
{
    RG_AUTO(transfer_done) struct transfer transfer = {0};
    RG_TRY(set_up(&transfer, request));
    CURLcode result = curl_easy_perform(transfer.easy);
    if (result == CURLE_WRITE_ERROR || result == CURLE_FILESIZE_EXCEEDED) {
        return rg_fail(RG_UPSTREAM, "%s: more than %d bytes", request->what, AUTH_FETCH_MAX_BYTES);
    }
    if (result != CURLE_OK) {
        const char *text = transfer.error[0] != '\0' ? transfer.error : curl_easy_strerror(result);
        return rg_fail(RG_UPSTREAM, "%s: %.200s", request->what, text);
    }
    struct auth_fetch_answer answer = {0};
    (void)curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &answer.status);
    RG_TRY(rg_arena_copy(arena, rg_buf_slice(&transfer.body), &answer.body));
    *out_answer = answer;
    return RG_OK;
}
