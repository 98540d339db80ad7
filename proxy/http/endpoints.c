/* SPDX-License-Identifier: Apache-2.0 */
/* Our own addresses, as a table. */
#include "proxy/http/endpoints.h"

#include "proxy/http/guest.h"
#include "proxy/http/login.h"
#include "proxy/http/pages_private.h"
#include "proxy/http/reply.h"
#include "proxy/http/steps_private.h"

const struct http_endpoint http_endpoints[] = {
    {"GET", "/.rowgate/login", HTTP_ENDPOINT_PUBLIC, http_page_get_login, "login.page"},
    {"GET", "/.rowgate/login/IDP", HTTP_ENDPOINT_PUBLIC, http_login_begin, "login.start"},
    {"GET", "/.rowgate/oidc/IDP/callback", HTTP_ENDPOINT_PUBLIC, http_oidc_callback, "login.oidc"},
    {"POST", "/.rowgate/oidc/IDP/backchannel-logout", HTTP_ENDPOINT_PUBLIC, http_oidc_backchannel_logout,
     "logout.backchannel"},
    {"POST", "/.rowgate/saml/IDP/acs", HTTP_ENDPOINT_PUBLIC, http_saml_acs, "login.saml"},
    {"GET", "/.rowgate/saml/IDP/slo", HTTP_ENDPOINT_PUBLIC, http_saml_slo, "logout.saml"},
    {"POST", "/.rowgate/saml/IDP/slo", HTTP_ENDPOINT_PUBLIC, http_saml_slo, "logout.saml"},
    {"GET", "/.rowgate/saml/IDP/metadata", HTTP_ENDPOINT_PUBLIC, http_saml_metadata, "saml.metadata"},
    {"GET", "/.rowgate/logout", HTTP_ENDPOINT_SESSION, http_page_get_logout, "logout.page"},
    {"POST", "/.rowgate/logout", HTTP_ENDPOINT_FORM, http_logout, "logout"},
    {"GET", "/.rowgate/logged-out", HTTP_ENDPOINT_PUBLIC, http_page_get_logged_out, "logout.done"},
    {"POST", "/.rowgate/guest-token", HTTP_ENDPOINT_CALLER, http_guest_create, "guest_token.create"},
    {"OPTIONS", "/.rowgate/guest-token", HTTP_ENDPOINT_PUBLIC, http_guest_preflight, "guest_token.preflight"},
    {"GET", "/.rowgate/session", HTTP_ENDPOINT_SESSION, http_session_show, "session.show"},
    {"GET", "/.rowgate/static/NAME", HTTP_ENDPOINT_PUBLIC, http_page_get_static, "static"},
    {"GET", "/.rowgate/logo", HTTP_ENDPOINT_PUBLIC, http_page_get_logo, "static"},
};
const size_t http_endpoint_count = sizeof http_endpoints / sizeof http_endpoints[0];

bool http_endpoint_is_ours(struct rg_slice path)
{
    return rg_slice_is_equal(path, RG_SLICE("/.rowgate")) || rg_slice_has_prefix(path, RG_SLICE("/.rowgate/"));
}

static struct rg_slice take_segment(struct rg_slice *rest)
{
    const char *slash = rest->size == 0 ? NULL : memchr(rest->data, '/', rest->size);
    size_t size = slash == NULL ? rest->size : (size_t)(slash - rest->data);
    struct rg_slice segment = rg_slice_cut(*rest, 0, size);
    *rest = rg_slice_cut(*rest, slash == NULL ? size : size + 1, rest->size);
    return segment;
}

static bool is_plain(struct rg_slice segment)
{
    for (size_t i = 0; i < segment.size; i++) {
        char byte = segment.data[i];
        bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        if (!is_letter && !(byte >= '0' && byte <= '9') && byte != '.' && byte != '_' && byte != '-') {
            return false;
        }
    }
    return segment.size > 0;
}

static bool is_match(struct rg_slice pattern, struct rg_slice path, struct rg_slice captures[HTTP_CAPTURES_MAX],
                     size_t *out_count)
{
    size_t count = 0;
    while (pattern.size > 0 && path.size > 0) {
        struct rg_slice wanted = take_segment(&pattern);
        struct rg_slice segment = take_segment(&path);
        bool is_variable = rg_slice_is_equal(wanted, RG_SLICE("IDP")) || rg_slice_is_equal(wanted, RG_SLICE("NAME"));
        if (is_variable ? !is_plain(segment) : !rg_slice_is_equal(wanted, segment)) {
            return false;
        }
        if (is_variable && count < HTTP_CAPTURES_MAX) {
            captures[count++] = segment;
        }
    }
    if (pattern.size > 0 || path.size > 0) {
        return false;
    }
    *out_count = count;
    return true;
}

const struct http_endpoint *http_endpoint_find(struct rg_slice method, struct rg_slice path,
                                               struct rg_slice captures[HTTP_CAPTURES_MAX], size_t *out_capture_count,
                                               bool *out_is_other_method)
{
    bool has_trailing = path.size > 0 && path.data[path.size - 1] == '/';
    bool is_head = rg_slice_is_equal(method, RG_SLICE("HEAD"));
    bool is_known = false;
    for (size_t i = 0; i < http_endpoint_count && !has_trailing; i++) {
        const struct http_endpoint *row = &http_endpoints[i];
        if (row->class == HTTP_ENDPOINT_CLOSED ||
            !is_match(rg_slice_of(row->pattern), path, captures, out_capture_count)) {
            continue;
        }
        is_known = true;
        if (rg_slice_is_equal(method, rg_slice_of(row->method)) || (is_head && strcmp(row->method, "GET") == 0)) {
            return row;
        }
    }
    *out_is_other_method = is_known;
    return NULL;
}

/* True when the endpoint may run; else it was answered. */
static bool is_admitted(struct http_request *request, const struct http_endpoint *endpoint)
{
    http_caller_find_session(request);
    if (endpoint->class == HTTP_ENDPOINT_PUBLIC) {
        return true;
    }
    if (request->session == NULL) {
        http_reply_problem(request, 401, "http.session", "You are not logged in, or your session has ended.");
        return false;
    }
    if (endpoint->class == HTTP_ENDPOINT_FORM && !http_caller_has_csrf(request)) {
        http_reply_problem(request, 403, "http.csrf",
                           "This form is not one of ours, or too old. Please load the page again.");
        return false;
    }
    return true;
}

enum http_step_result http_step_endpoint(struct http_request *request)
{
    bool is_other_method = false;
    if (!http_endpoint_is_ours(request->path)) {
        return HTTP_STEP_NEXT;
    }
    const struct http_endpoint *endpoint = http_endpoint_find(request->method, request->path, request->captures,
                                                              &request->capture_count, &is_other_method);
    if (endpoint == NULL) {
        http_reply_problem(request, is_other_method ? 405 : 404,
                           is_other_method ? "http.endpoint.method" : "http.endpoint.unknown",
                           is_other_method ? "This address is asked in another way." : "There is nothing here.");
        return HTTP_STEP_DONE;
    }
    if (endpoint->class == HTTP_ENDPOINT_CALLER) {
        request->endpoint = endpoint;
        return HTTP_STEP_NEXT;
    }
    if (is_admitted(request, endpoint)) {
        endpoint->run(request);
    }
    return HTTP_STEP_DONE;
}
