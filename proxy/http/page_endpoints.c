/* SPDX-License-Identifier: Apache-2.0 */
/* Our own pages as endpoints: the choice of a way to log in, logging out, the style, a tenant's logo. What a query asks
 * for is a hint: it chooses what is shown and nothing else. */
#include "auth/form.h"
#include "auth/session.h"
#include "base/rg_memory.h"
#include "proxy/config.h"
#include "proxy/http/page.h"
#include "proxy/http/pages_private.h"
#include "proxy/http/reply.h"
#include "proxy/snapshot.h"

enum { PAGE_BYTES = 64 * 1024, URL_BYTES = 8 * 1024 };

static const struct http_header no_store = {{"cache-control", 13}, {"no-store", 8}};
static const struct http_header for_an_hour = {{"cache-control", 13}, {"public, max-age=3600", 20}};

static void answer_html(struct http_request *request, rg_status made, const struct rg_buf *html)
{
    if (!rg_is_ok(made)) {
        http_reply_status(request, made, "http.request.limit", "This page could not be written.");
        return;
    }
    http_reply(request, &(struct http_reply){.status = 200,
                                             .content_type = RG_SLICE("text/html; charset=utf-8"),
                                             .header_count = 1,
                                             .headers = &no_store,
                                             .body = rg_buf_slice(html)});
}

/* ---- whose page ---- */

static const struct tenant_static *asked_tenant(const struct http_request *request, struct rg_slice id)
{
    const struct tenant_registry *registry = &request->snapshot->config->registry;
    for (size_t i = 0; i < registry->static_count && id.size > 0; i++) {
        if (rg_slice_is_equal(registry->statics[i].id, id)) {
            return &registry->statics[i];
        }
    }
    return NULL;
}

/* A tenant without a face of its own looks like one that does not exist. */
static rg_status face_of(struct http_request *request, const struct tenant_static *tenant, struct http_page_face *face)
{
    RG_AUTO(rg_buf_done) struct rg_buf url;
    if (tenant == NULL || tenant->face.display_name.size == 0) {
        return RG_OK;
    }
    face->name = tenant->face.display_name;
    if (tenant->face.logo.size == 0) {
        return RG_OK;
    }
    rg_buf_init(&url, URL_BYTES);
    RG_TRY(rg_buf_put(&url, RG_SLICE("/.rowgate/logo?")));
    RG_TRY(auth_form_put(&url, RG_SLICE("tenant"), tenant->id));
    return rg_arena_copy(&request->arena, rg_buf_slice(&url), &face->logo_url);
}

/* ---- the choice ---- */

struct choice {
    const struct tenant_static *tenant; /* asked for; NULL = none */
    struct rg_slice return_to;          /* as asked; who begins a login judges it */
    const char *notice;
};

static const struct {
    const char *word;
    const char *notice;
} reasons[] = {
    {"expired", "Your session has ended. Please sign in again."},
    {"logged-out", "You have signed out."},
    {"failed", "Signing in did not work. Please try again."},
};

static const char *notice_of(struct rg_slice word)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (rg_slice_is_equal(word, rg_slice_of(reasons[i].word))) {
            return reasons[i].notice;
        }
    }
    return NULL;
}

static rg_status read_choice(struct http_request *request, struct choice *out_choice)
{
    struct rg_slice tenant = {0};
    struct rg_slice reason = {0};
    struct choice choice = {0};
    RG_TRY(auth_form_find(request->query, RG_SLICE("tenant"), &request->arena, &tenant));
    RG_TRY(auth_form_find(request->query, RG_SLICE("reason"), &request->arena, &reason));
    RG_TRY(auth_form_find(request->query, RG_SLICE("return_to"), &request->arena, &choice.return_to));
    choice.tenant = asked_tenant(request, tenant);
    choice.notice = notice_of(reason);
    *out_choice = choice;
    return RG_OK;
}

const struct tenant_face *http_page_asked_face(struct http_request *request)
{
    struct choice choice;
    if (!rg_slice_is_equal(request->path, RG_SLICE("/.rowgate/login")) || !rg_is_ok(read_choice(request, &choice)) ||
        choice.tenant == NULL) {
        return NULL;
    }
    return &choice.tenant->face;
}

/* Of the listener's providers those by which people can log in, and of a tenant's page only its own. */
static bool is_offered(const struct http_request *request, const struct choice *choice, const struct config_idp *idp)
{
    const struct tenant_static *tenant = choice->tenant;
    (void)request;
    return idp != NULL && config_idp_has_login(idp) &&
           (tenant == NULL || tenant->match.kind == TENANT_MATCH_ACCOUNT || tenant->match.kind == TENANT_MATCH_TENANT ||
            tenants_match_has_idp(&tenant->match, idp->name));
}

static rg_status provider_url(struct http_request *request, const struct choice *choice, const struct config_idp *idp,
                              struct rg_slice *out_url)
{
    RG_AUTO(rg_buf_done) struct rg_buf url;
    rg_buf_init(&url, URL_BYTES);
    RG_TRY(rg_buf_put(&url, RG_SLICE("/.rowgate/login/")));
    RG_TRY(auth_form_escape(&url, idp->name));
    if (choice->return_to.size > 0) {
        RG_TRY(rg_buf_put(&url, RG_SLICE("?")));
        RG_TRY(auth_form_put(&url, RG_SLICE("return_to"), choice->return_to));
    }
    return rg_arena_copy(&request->arena, rg_buf_slice(&url), out_url);
}

static rg_status list_providers(struct http_request *request, const struct choice *choice, struct http_page_login *page)
{
    struct http_page_provider *providers = NULL;
    const struct config_http_listener *listener = request->listener;
    RG_TRY(rg_arena_array(&request->arena, listener->login_count, sizeof *providers, (void **)&providers));
    for (size_t i = 0; i < listener->login_count; i++) {
        const struct config_idp *idp = config_idp_find(request->snapshot->config, listener->login[i]);
        if (is_offered(request, choice, idp)) {
            struct http_page_provider *provider = &providers[page->provider_count++];
            RG_TRY(provider_url(request, choice, idp, &provider->url));
            provider->label = idp->display_name;
        }
    }
    page->providers = providers;
    return RG_OK;
}

static rg_status make_login(struct http_request *request, struct http_page_login *page)
{
    struct choice choice;
    RG_TRY(read_choice(request, &choice));
    page->notice = choice.notice;
    RG_TRY(face_of(request, choice.tenant, &page->face));
    return list_providers(request, &choice, page);
}

void http_page_get_login(struct http_request *request)
{
    struct http_page_login page = {0};
    RG_AUTO(rg_buf_done) struct rg_buf html;
    rg_status status = make_login(request, &page);
    if (!rg_is_ok(status)) {
        http_reply_status(request, status, "http.request.query", "This address cannot be read.");
        return;
    }
    if (page.provider_count == 1 && page.notice == NULL) {
        http_redirect(request, page.providers[0].url);
        return;
    }
    rg_buf_init(&html, PAGE_BYTES);
    answer_html(request, http_page_login(&page, &html), &html);
}

/* ---- logging out ---- */

void http_page_get_logout(struct http_request *request)
{
    RG_AUTO(rg_buf_done) struct rg_buf html;
    rg_buf_init(&html, PAGE_BYTES);
    if (request->session == NULL) {
        http_redirect(request, RG_SLICE("/.rowgate/logged-out"));
        return;
    }
    struct http_page_logout page = {.user = request->identity.user,
                                    .action = RG_SLICE("/.rowgate/logout"),
                                    .csrf = rg_slice_of(request->session->csrf)};
    if (page.user.size == 0) {
        page.user = request->identity.subject;
    }
    answer_html(request, http_page_logout(&page, &html), &html);
}

void http_page_get_logged_out(struct http_request *request)
{
    RG_AUTO(rg_buf_done) struct rg_buf html;
    rg_buf_init(&html, PAGE_BYTES);
    const struct http_page_message page = {.title = RG_SLICE("Signed out"),
                                           .text = RG_SLICE("You have signed out, here and in your dashboards."),
                                           .link_url = RG_SLICE("/.rowgate/login"),
                                           .link_label = RG_SLICE("Sign in again")};
    answer_html(request, http_page_message(&page, &html), &html);
}

/* ---- what pages refer to ---- */

void http_page_get_static(struct http_request *request)
{
    if (request->capture_count != 1 || !rg_slice_is_equal(request->captures[0], RG_SLICE("rowgate.css"))) {
        http_reply_problem(request, 404, "http.endpoint.unknown", "There is nothing here.");
        return;
    }
    http_reply(request, &(struct http_reply){.status = 200,
                                             .content_type = RG_SLICE("text/css; charset=utf-8"),
                                             .header_count = 1,
                                             .headers = &for_an_hour,
                                             .body = http_page_style()});
}

void http_page_get_logo(struct http_request *request)
{
    struct choice choice;
    rg_status status = read_choice(request, &choice);
    const struct tenant_face *face = rg_is_ok(status) && choice.tenant != NULL ? &choice.tenant->face : NULL;
    if (face == NULL || face->logo.size == 0 || face->display_name.size == 0) {
        http_reply_problem(request, 404, "http.endpoint.unknown", "There is nothing here.");
        return;
    }
    http_reply(request, &(struct http_reply){.status = 200,
                                             .content_type = rg_slice_of(face->logo_type),
                                             .header_count = 1,
                                             .headers = &for_an_hour,
                                             .body = face->logo});
}
