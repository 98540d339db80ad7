/* SPDX-License-Identifier: Apache-2.0 */
/* A connection's bytes: whatever comes, the judge ends, says the same however the bytes are cut, never takes a byte
 * after it refused, and each head that it passes is plain: one length, one host, no control byte. */
#include "proxy/http/wire.h"

#include "base/rg_status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_REST = 1 << 16 };

static void check_head(struct rg_slice bytes, const struct http_head *head)
{
    struct rg_slice whole = rg_slice_cut(bytes, 0, head->size);
    struct rg_slice name = {0};
    struct rg_slice value = {0};
    size_t cursor = 0;
    size_t lengths = 0;
    size_t hosts = 0;
    RG_ASSERT(whole.size == head->size && memcmp(whole.data + whole.size - 4, "\r\n\r\n", 4) == 0);
    RG_ASSERT(head->target.data[0] == '/' && head->host.size > 0);
    RG_ASSERT(head->raw_path.size <= head->target.size && head->query.size < head->target.size);
    while (http_head_next(whole, &cursor, &name, &value)) {
        bool is_length = name.size == 14 && strncasecmp(name.data, "content-length", 14) == 0;
        bool is_coding = name.size == 17 && strncasecmp(name.data, "transfer-encoding", 17) == 0;
        lengths += is_length || is_coding ? 1 : 0;
        hosts += name.size == 4 && strncasecmp(name.data, "host", 4) == 0 ? 1 : 0;
        RG_ASSERT(name.size > 0 && memchr(value.data, '\0', value.size) == NULL);
        RG_ASSERT(memchr(value.data, '\n', value.size) == NULL && memchr(value.data, '\r', value.size) == NULL);
    }
    RG_ASSERT(lengths <= 1 && hosts == 1);
    RG_ASSERT((lengths == 1) == (head->body != HTTP_HEAD_BODY_NONE));
}

/* The bytes taken; *out_status 0 when not refused; *data_size: of bodies without their frames. */
static size_t play(struct rg_slice bytes, size_t step, int *out_status, size_t *data_size)
{
    struct http_head_limits limits = http_head_limits_of(2048, 4096);
    struct http_wire wire = {0};
    struct http_refusal refusal = {0};
    size_t at = 0;
    http_wire_init(&wire, &limits);
    *out_status = 0;
    *data_size = 0;
    for (size_t come = 0; come < bytes.size;) {
        come = bytes.size - come < step ? bytes.size : come + step;
        struct http_wire_piece piece = {.size = 1};
        while (piece.size > 0) {
            struct rg_slice rest = rg_slice_cut(bytes, at, come - at);
            if (!http_wire_take(&wire, rest, &piece, &refusal)) {
                RG_ASSERT(piece.size == 0 && refusal.status >= 400 && refusal.rule != NULL);
                RG_ASSERT(!http_wire_take(&wire, rest, &piece, &refusal) && piece.size == 0);
                *out_status = refusal.status;
                return at;
            }
            RG_ASSERT(piece.size <= rest.size && piece.data.size <= piece.size);
            if (piece.head.size > 0) {
                RG_ASSERT(piece.head.size == piece.size && piece.data.size == 0);
                check_head(rest, &piece.head);
            }
            *data_size += piece.data.size;
            at += piece.size;
        }
    }
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rg_slice bytes = rg_slice_make(data, size > MAX_REST ? MAX_REST : size);
    int whole = 0;
    int cut = 0;
    size_t whole_data = 0;
    size_t cut_data = 0;
    size_t taken = play(bytes, MAX_REST, &whole, &whole_data);
    for (size_t step = 1; step <= 5; step += 2) {
        size_t again = play(bytes, step, &cut, &cut_data);
        RG_ASSERT((cut == 0) == (whole == 0));
        RG_ASSERT(whole != 0 ||
                  (again == taken &&
                   cut_data == whole_data)); /* a body is handed on as it comes, so refused ones may differ */
    }
    return 0;
}
