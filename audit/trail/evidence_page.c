/* SPDX-License-Identifier: Apache-2.0 */
/* One text as Markdown and as HTML at once. The HTML stands alone: no script, no font, no picture from elsewhere, and a
 * policy that forbids the browser to fetch any. Sentences are ours; what comes from records goes into table cells. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "audit/trail/evidence_private.h"

enum { PAGE_MAX = 64 << 20, SENTENCE_MAX = 4096 };

static const char style[] =
    "body{font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu "
    "Sans',sans-serif;color:#1a1a1a;background:#fff;"
    "max-width:62rem;margin:2.5rem auto;padding:0 1.5rem}"
    "h1{font-size:1.7rem;line-height:1.25;border-bottom:3px solid #1f4e79;padding-bottom:.5rem}"
    "h2{font-size:1.2rem;margin-top:2.2rem;color:#1f4e79;break-after:avoid}"
    "table{border-collapse:collapse;margin:.8rem 0;font-size:.9rem;width:100%}"
    "th,td{border:1px solid #c8ccd0;padding:.3rem .55rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "th{background:#eef2f6;overflow-wrap:normal}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-"
    "space:nowrap}"
    "tr{break-inside:avoid}code{font:0.92em ui-monospace,'DejaVu Sans Mono',monospace;background:#f4f5f6;padding:0 "
    ".15em}"
    "p.warning{border:2px solid #a61b1b;background:#fdf0f0;color:#7a1010;padding:.7rem 1rem;font-weight:600}"
    "figure{margin:1.2rem "
    "0;break-inside:avoid}figcaption{font-weight:600;margin-bottom:.3rem}svg{max-width:100%;height:auto}"
    "@media print{body{margin:0;max-width:none;font-size:10.5pt}p.warning{border-width:1pt}}";

static void put(struct evidence_page *page, struct rg_buf *out, const char *text)
{
    if (rg_is_ok(page->status)) {
        page->status = rg_buf_put(out, rg_slice_of(text));
    }
}

/* Markdown's own signs are numbers, but for the backtick, which we use. */
static void put_markdown(struct evidence_page *page, const char *text)
{
    for (; *text != '\0'; text++) {
        char number[8] = {*text};
        if (strchr("<>&[]|*_", *text) != NULL) {
            (void)snprintf(number, sizeof number, "&#%d;", *text);
        }
        put(page, &page->markdown, number);
    }
}

static void put_html(struct evidence_page *page, const char *text)
{
    bool is_code = false;
    for (; *text != '\0'; text++) {
        if (*text == '`') {
            is_code = !is_code;
            put(page, &page->html, is_code ? "<code>" : "</code>");
        } else if (rg_is_ok(page->status)) {
            page->status = evidence_put_html(rg_slice_make(text, 1), &page->html);
        }
    }
    put(page, &page->html, is_code ? "</code>" : "");
}

void evidence_page_init(struct evidence_page *page)
{
    *page = (struct evidence_page){0};
    rg_buf_init(&page->markdown, PAGE_MAX);
    rg_buf_init(&page->html, PAGE_MAX);
    put(page, &page->html,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n<title>rowgate evidence</title>\n<style>");
    put(page, &page->html, style);
    put(page, &page->html, "</style>\n</head>\n<body>\n");
}

void evidence_page_done(struct evidence_page *page)
{
    rg_buf_done(&page->markdown);
    rg_buf_done(&page->html);
}

void evidence_page_end(struct evidence_page *page)
{
    put(page, &page->html, "</body>\n</html>\n");
}

static void put_block(struct evidence_page *page, const char *const marks[4], const char *text)
{
    put(page, &page->markdown, marks[0]);
    put_markdown(page, text);
    put(page, &page->markdown, marks[1]);
    put(page, &page->html, marks[2]);
    put_html(page, text);
    put(page, &page->html, marks[3]);
}

void evidence_title(struct evidence_page *page, const char *text)
{
    static const char *const marks[] = {"# ", "\n\n", "<h1>", "</h1>\n"};
    put_block(page, marks, text);
}

void evidence_heading(struct evidence_page *page, const char *text)
{
    static const char *const marks[] = {"## ", "\n\n", "<h2>", "</h2>\n"};
    put_block(page, marks, text);
}

static void put_format(struct evidence_page *page, const char *const marks[4], const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
static void put_format(struct evidence_page *page, const char *const marks[4], const char *format, va_list arguments)
{
    char text[SENTENCE_MAX / 2];
    (void)vsnprintf(text, sizeof text, format, arguments);
    put_block(page, marks, text);
}

void evidence_text(struct evidence_page *page, const char *format, ...)
{
    static const char *const marks[] = {"", "\n\n", "<p>", "</p>\n"};
    va_list arguments;
    va_start(arguments, format);
    put_format(page, marks, format, arguments);
    va_end(arguments);
}

void evidence_warning(struct evidence_page *page, const char *format, ...)
{
    static const char *const marks[] = {"**", "**\n\n", "<p class=\"warning\">", "</p>\n"};
    va_list arguments;
    va_start(arguments, format);
    put_format(page, marks, format, arguments);
    va_end(arguments);
}

void evidence_item(struct evidence_page *page, const char *format, ...)
{
    static const char *const marks[] = {"- ", "\n", "<li>", "</li>\n"};
    va_list arguments;
    va_start(arguments, format);
    put(page, &page->html, page->is_in_list ? "" : "<ul>\n");
    page->is_in_list = true;
    put_format(page, marks, format, arguments);
    va_end(arguments);
}

void evidence_items_end(struct evidence_page *page)
{
    put(page, &page->html, page->is_in_list ? "</ul>\n" : "");
    put(page, &page->markdown, "\n");
    page->is_in_list = false;
}

/* ---- tables ---- */

void evidence_table_begin(struct evidence_page *page, const char *const *heads, size_t count, size_t first_number)
{
    put(page, &page->html, "<table>\n<thead><tr>");
    for (size_t i = 0; i < count; i++) {
        put(page, &page->markdown, "| ");
        put_markdown(page, heads[i]);
        put(page, &page->markdown, " ");
        put(page, &page->html, i >= first_number ? "<th class=\"n\">" : "<th>");
        put_html(page, heads[i]);
        put(page, &page->html, "</th>");
    }
    put(page, &page->markdown, "|\n");
    for (size_t i = 0; i < count; i++) {
        put(page, &page->markdown, i >= first_number ? "|---:" : "|---");
    }
    put(page, &page->markdown, "|\n");
    put(page, &page->html, "</tr></thead>\n<tbody>\n");
}

void evidence_row_begin(struct evidence_page *page)
{
    put(page, &page->html, "<tr>");
}

void evidence_row_end(struct evidence_page *page)
{
    put(page, &page->markdown, "|\n");
    put(page, &page->html, "</tr>\n");
}

void evidence_cell(struct evidence_page *page, struct rg_slice cleaned)
{
    put(page, &page->markdown, "| ");
    put(page, &page->html, "<td>");
    if (rg_is_ok(page->status)) {
        page->status = evidence_put_markdown(cleaned, &page->markdown);
    }
    if (rg_is_ok(page->status)) {
        page->status = evidence_put_html(cleaned, &page->html);
    }
    put(page, &page->markdown, " ");
    put(page, &page->html, "</td>");
}

void evidence_cell_own(struct evidence_page *page, const char *format, ...)
{
    static const char *const marks[] = {"| ", " ", "<td>", "</td>"};
    va_list arguments;
    va_start(arguments, format);
    put_format(page, marks, format, arguments);
    va_end(arguments);
}

void evidence_number(uint64_t value, char out_text[EVIDENCE_NUMBER_SIZE])
{
    char digits[24];
    size_t used = 0;
    int count = snprintf(digits, sizeof digits, "%" PRIu64, value);
    for (int i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0) {
            out_text[used++] = ',';
        }
        out_text[used++] = digits[i];
    }
    out_text[used] = '\0';
}

void evidence_cell_number(struct evidence_page *page, uint64_t value)
{
    static const char *const marks[] = {"| ", " ", "<td class=\"n\">", "</td>"};
    char text[EVIDENCE_NUMBER_SIZE];
    evidence_number(value, text);
    put_block(page, marks, text);
}

void evidence_table_end(struct evidence_page *page)
{
    put(page, &page->markdown, "\n");
    put(page, &page->html, "</tbody>\n</table>\n");
}

void evidence_raw_html(struct evidence_page *page, const char *format, ...)
{
    char text[SENTENCE_MAX / 4];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put(page, &page->html, text);
}

void evidence_raw_value(struct evidence_page *page, struct rg_slice cleaned)
{
    if (rg_is_ok(page->status)) {
        page->status = evidence_put_html(cleaned, &page->html);
    }
}

void evidence_fact(struct evidence_page *page, const char *name, struct rg_slice cleaned)
{
    evidence_row_begin(page);
    evidence_cell_own(page, "%s", name);
    evidence_cell(page, cleaned);
    evidence_row_end(page);
}
