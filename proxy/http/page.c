/* SPDX-License-Identifier: Apache-2.0 */
/* Our own pages. A page is a list of pieces: constant HTML, and texts that are escaped. */
#include "proxy/http/page.h"

#include "base/rg_memory.h"

/* ---- escaping ---- */

static const char *reference_of(unsigned char byte)
{
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* The size of the UTF-8 sequence at the front (RFC 3629 4); 0 = there is none. */
static size_t sequence_at(struct rg_slice text)
{
    const unsigned char *at = (const unsigned char *)text.data;
    size_t size = at[0] < 0x80 ? 1 : at[0] < 0xC2 ? 0 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : at[0] < 0xF5 ? 4 : 0;
    if (size == 0 || size > text.size) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    bool is_overlong = (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xF0 && at[1] < 0x90);
    bool is_outside = (at[0] == 0xED && at[1] > 0x9F) || (at[0] == 0xF4 && at[1] > 0x8F);
    return is_overlong || is_outside ? 0 : size;
}

static bool is_control(struct rg_slice text)
{
    unsigned char first = (unsigned char)text.data[0];
    bool is_c1 = first == 0xC2 && (unsigned char)text.data[1] < 0xA0; /* only called with a whole sequence */
    return (first < 0x20 && first != '\n') || first == 0x7F || is_c1;
}

static rg_status put_escaped(struct rg_slice text, struct rg_buf *out)
{
    for (size_t at = 0; text.data != NULL && at < text.size;) {
        struct rg_slice rest = rg_slice_cut(text, at, text.size);
        size_t size = sequence_at(rest);
        const char *reference = size == 1 ? reference_of((unsigned char)rest.data[0]) : NULL;
        if (size == 0 || is_control(rest)) {
            RG_TRY(rg_buf_put(out, RG_SLICE("\xEF\xBF\xBD")));
        } else {
            RG_TRY(rg_buf_put(out, reference == NULL ? rg_slice_cut(rest, 0, size) : rg_slice_of(reference)));
        }
        at += size == 0 ? 1 : size;
    }
    return RG_OK;
}

rg_status http_page_escape(struct rg_slice text, struct rg_buf *out)
{
    size_t before = rg_buf_size(out);
    rg_status status = put_escaped(text, out);
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
    }
    return status;
}

/* ---- pieces ---- */

static rg_status put_html(struct rg_buf *out, const char *html)
{
    return rg_buf_put(out, rg_slice_of(html));
}

/* before, the text, behind: nothing at all for an empty text. */
static rg_status put_between(struct rg_buf *out, const char *before, struct rg_slice text, const char *behind)
{
    if (text.size == 0) {
        return RG_OK;
    }
    RG_TRY(put_html(out, before));
    RG_TRY(put_escaped(text, out));
    return put_html(out, behind);
}

static rg_status put_head(struct rg_buf *out, const struct http_page_face *face, struct rg_slice title)
{
    RG_TRY(put_html(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                         "<meta name=\"color-scheme\" content=\"light dark\">\n"
                         "<meta name=\"robots\" content=\"noindex\">\n<title>"));
    RG_TRY(put_escaped(title, out));
    RG_TRY(put_between(out, " · ", face->name, ""));
    RG_TRY(put_html(out, "</title>\n<link rel=\"stylesheet\" href=\"" HTTP_PAGE_STYLE_PATH "\">\n</head>\n<body>\n"
                         "<main>\n"));
    RG_TRY(put_between(out, "<img class=\"face\" alt=\"\" src=\"", face->logo_url, "\">\n"));
    RG_TRY(put_between(out, "<p class=\"name\">", face->name, "</p>\n"));
    RG_TRY(put_html(out, "<h1>"));
    RG_TRY(put_escaped(title, out));
    return put_html(out, "</h1>\n");
}

static rg_status put_foot(struct rg_buf *out)
{
    return put_html(out, "</main>\n</body>\n</html>\n");
}

/* ---- the pages ---- */

static rg_status put_provider(struct rg_buf *out, const struct http_page_provider *provider)
{
    RG_TRY(put_between(out, "<li><a class=\"choice\" href=\"", provider->url, "\">"));
    RG_TRY(put_between(out, "<img alt=\"\" src=\"", provider->logo_url, "\">"));
    RG_TRY(put_between(out, "<span>", provider->label, "</span>"));
    return put_html(out, "</a></li>\n");
}

static rg_status put_login(const struct http_page_login *page, struct rg_buf *out)
{
    RG_TRY(put_head(out, &page->face, RG_SLICE("Sign in")));
    if (page->notice != NULL) {
        RG_TRY(put_between(out, "<p role=\"status\">", rg_slice_of(page->notice), "</p>\n"));
    }
    if (page->provider_count == 0) {
        RG_TRY(put_html(out, "<p>There is no way to sign in here. Please ask your administrator.</p>\n"));
        return put_foot(out);
    }
    RG_TRY(put_html(out, "<nav aria-label=\"Ways to sign in\">\n<ul>\n"));
    for (size_t i = 0; i < page->provider_count; i++) {
        RG_TRY(put_provider(out, &page->providers[i]));
    }
    RG_TRY(put_html(out, "</ul>\n</nav>\n"));
    return put_foot(out);
}

static rg_status put_message(const struct http_page_message *page, struct rg_buf *out)
{
    RG_TRY(put_head(out, &page->face, page->title));
    RG_TRY(put_between(out, "<p>", page->text, "</p>\n"));
    if (page->link_url.size > 0) {
        RG_TRY(put_between(out, "<p><a class=\"choice\" href=\"", page->link_url, "\"><span>"));
        RG_TRY(put_escaped(page->link_label, out));
        RG_TRY(put_html(out, "</span></a></p>\n"));
    }
    if (page->reference.size > 0 || page->rule.size > 0) {
        RG_TRY(put_html(out, "<dl>\n"));
        RG_TRY(put_between(out, "<dt>Reference</dt><dd><code>", page->reference, "</code></dd>\n"));
        RG_TRY(put_between(out, "<dt>Rule</dt><dd><code>", page->rule, "</code></dd>\n"));
        RG_TRY(put_html(out,
                        "</dl>\n<p class=\"hint\">Quote the reference to your administrator: the audit log has the "
                        "whole story under it.</p>\n"));
    }
    return put_foot(out);
}

static rg_status put_logout(const struct http_page_logout *page, struct rg_buf *out)
{
    RG_TRY(put_head(out, &page->face, RG_SLICE("Sign out")));
    RG_TRY(put_between(out, "<p>You are signed in as <strong>", page->user, "</strong>.</p>\n"));
    RG_TRY(put_between(out, "<form method=\"post\" action=\"", page->action, "\">\n"));
    RG_TRY(put_between(out, "<input type=\"hidden\" name=\"csrf\" value=\"", page->csrf, "\">\n"));
    RG_TRY(put_html(out, "<button type=\"submit\">Sign out</button>\n</form>\n"
                         "<p><a href=\"/\">Stay signed in</a></p>\n"));
    return put_foot(out);
}

static rg_status whole(rg_status status, struct rg_buf *out, size_t before)
{
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
    }
    return status;
}

rg_status http_page_login(const struct http_page_login *page, struct rg_buf *out)
{
    size_t before = rg_buf_size(out);
    return whole(put_login(page, out), out, before);
}

rg_status http_page_message(const struct http_page_message *page, struct rg_buf *out)
{
    size_t before = rg_buf_size(out);
    return whole(put_message(page, out), out, before);
}

rg_status http_page_logout(const struct http_page_logout *page, struct rg_buf *out)
{
    size_t before = rg_buf_size(out);
    return whole(put_logout(page, out), out, before);
}

/* Contrast of text and controls is at least 4.5 : 1 in both schemes (WCAG 2.1 1.4.3). */
static const char style[] =
    ":root{color-scheme:light dark;--back:#f4f6f8;--card:#fff;--text:#1b2430;--soft:#4a5665;"
    "--line:#c7d0da;--deed:#0b5cad;--deed-text:#fff}\n"
    "@media (prefers-color-scheme:dark){:root{--back:#10151b;--card:#1a222c;--text:#e8edf3;"
    "--soft:#aab7c6;--line:#3a4756;--deed:#7db7f5;--deed-text:#0d1823}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;min-height:100vh;display:flex;align-items:center;justify-content:center;"
    "padding:1rem;background:var(--back);color:var(--text);"
    "font:1rem/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,sans-serif}\n"
    "main{width:100%;max-width:26rem;padding:2rem;background:var(--card);"
    "border:1px solid var(--line);border-radius:.75rem}\n"
    "h1{margin:0 0 1rem;font-size:1.5rem;line-height:1.25}\n"
    ".face{display:block;max-height:3rem;max-width:12rem;margin:0 0 .75rem}\n"
    ".name{margin:0 0 .25rem;color:var(--soft)}\n"
    "ul{list-style:none;margin:0;padding:0;display:grid;gap:.75rem}\n"
    ".choice,button{display:flex;width:100%;align-items:center;justify-content:center;gap:.6rem;"
    "padding:.7rem 1rem;border:1px solid var(--deed);border-radius:.5rem;"
    "background:var(--deed);color:var(--deed-text);font:inherit;font-weight:600;"
    "text-decoration:none;cursor:pointer;overflow-wrap:anywhere}\n"
    ".choice img{height:1.25rem;max-width:2rem}\n"
    "a{color:var(--deed)}\n"
    ".choice{color:var(--deed-text)}\n"
    "a:focus-visible,button:focus-visible{outline:3px solid var(--text);outline-offset:2px}\n"
    "[role=status]{padding:.6rem .8rem;border:1px solid var(--line);border-radius:.5rem}\n"
    "dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem .75rem;margin:1.25rem 0 0;"
    "color:var(--soft)}\n"
    "dd{margin:0}code{overflow-wrap:anywhere;color:var(--text)}\n"
    ".hint{margin:.75rem 0 0;color:var(--soft);font-size:.875rem}\n";

struct rg_slice http_page_style(void)
{
    return rg_slice_make(style, sizeof style - 1);
}
