/* SPDX-License-Identifier: Apache-2.0 */
/* A Cookie header: what is left holds each listed name at most once, is left unchanged by a second pass, and never
 * grows; the same bytes as Set-Cookie, as a header's name and as a form. */
#include "proxy/http/strip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count(struct rg_slice text, const char *word)
{
    size_t found = 0;
    for (size_t at = 0; at + strlen(word) <= text.size; at++) {
        found += memcmp(text.data + at, word, strlen(word)) == 0 && (at == 0 || text.data[at - 1] == ' ') ? 1 : 0;
    }
    return found;
}

static void check_filter(struct rg_slice value, enum http_pass passage)
{
    struct rg_buf once = {0};
    struct rg_buf twice = {0};
    rg_buf_init(&once, value.size + 4);
    rg_buf_init(&twice, value.size + 4);
    RG_ASSERT(rg_is_ok(http_cookie_filter(value, passage, &once)));
    struct rg_slice left = rg_buf_slice(&once);
    RG_ASSERT(rg_is_ok(http_cookie_filter(left, passage, &twice)));
    RG_ASSERT(rg_slice_is_equal(left, rg_buf_slice(&twice)));
    RG_ASSERT(count(left, "session=") == 0 && count(left, "async-token=") <= 1 && count(left, "remember_token") == 0);
    rg_buf_done(&once);
    rg_buf_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rg_slice bytes = rg_slice_make(data, size);
    for (unsigned i = 0; i < HTTP_PASS_COUNT; i++) {
        enum http_pass passage = (enum http_pass)i;
        check_filter(bytes, passage);
        bool passes = http_set_cookie_passes(bytes, passage);
        RG_ASSERT(!passes || i == HTTP_PASS_SESSION || i == HTTP_PASS_ASYNC);
        if (http_strip_request(bytes, bytes, passage) != HTTP_STRIP_DROP) {
            RG_ASSERT(size > 0 && memchr(data, '_', size) == NULL && memchr(data, 0, size) == NULL);
        }
    }
    (void)http_form_has(RG_SLICE("application/x-www-form-urlencoded"), bytes, RG_SLICE("guest_token"));
    (void)http_form_has(RG_SLICE("multipart/form-data; boundary=b"), bytes, RG_SLICE("guest_token"));
    (void)http_form_has(bytes, bytes, RG_SLICE("guest_token"));
    return 0;
}
