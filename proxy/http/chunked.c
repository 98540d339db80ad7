/* SPDX-License-Identifier: Apache-2.0 */
/* A chunked body's bytes, one by one where they are framing and by the chunk where they are data. Decodes nothing:
 * the parser behind does, and finds only forms that cannot be read in two ways. */
#include "proxy/http/chunked.h"

#include "proxy/http/chars.h"

enum step {
    STEP_REFUSED = 0,
    STEP_SIZE,    /* digits, then CR */
    STEP_SIZE_LF, /* of a chunk with data */
    STEP_DATA,
    STEP_DATA_CR,
    STEP_DATA_LF,
    STEP_LAST_SIZE_LF, /* behind "0" CR */
    STEP_LAST_CR,
    STEP_LAST_LF,
    STEP_DONE,
};

enum { MAX_DIGITS = 15 }; /* 60 bits: no parser's integer wraps */

void http_chunked_init(struct http_chunked *chunked, uint64_t max_body_bytes)
{
    *chunked = (struct http_chunked){.step = STEP_SIZE, .limit_bytes = max_body_bytes};
}

static enum http_verdict refuse(struct http_chunked *chunked, enum http_refusal_id id, struct http_refusal *out_refusal)
{
    chunked->step = STEP_REFUSED;
    *out_refusal = http_refusal_of(id);
    return HTTP_VERDICT_REFUSED;
}

/* The end of a size line: "0" ends the body. */
static enum step end_size(struct http_chunked *chunked)
{
    if (chunked->digits == 0) {
        return STEP_REFUSED;
    }
    chunked->digits = 0;
    return chunked->left == 0 ? STEP_LAST_SIZE_LF : STEP_SIZE_LF;
}

static enum step take_digit(struct http_chunked *chunked, char c)
{
    int value = http_hex_value(c);
    if (value < 0 || chunked->digits == MAX_DIGITS) {
        return STEP_REFUSED;
    }
    chunked->digits++;
    chunked->left = chunked->left * 16 + (uint64_t)value;
    return STEP_SIZE;
}

/* The one byte that a step takes, and the step behind it. */
static const struct {
    char byte;
    enum step next;
} fixed[] = {
    [STEP_SIZE_LF] = {'\n', STEP_DATA},    [STEP_DATA_CR] = {'\r', STEP_DATA_LF},
    [STEP_DATA_LF] = {'\n', STEP_SIZE},    [STEP_LAST_SIZE_LF] = {'\n', STEP_LAST_CR},
    [STEP_LAST_CR] = {'\r', STEP_LAST_LF}, [STEP_LAST_LF] = {'\n', STEP_DONE},
};

static enum step next_step(struct http_chunked *chunked, char c)
{
    if (chunked->step == STEP_SIZE) {
        return c == '\r' ? end_size(chunked) : take_digit(chunked, c);
    }
    return c == fixed[chunked->step].byte ? fixed[chunked->step].next : STEP_REFUSED;
}

/* Announced sizes are summed when their line is complete. False: more than the limit. */
static bool announce(struct http_chunked *chunked)
{
    if (chunked->left > chunked->limit_bytes - chunked->total) {
        return false;
    }
    chunked->total += chunked->left;
    return true;
}

enum http_verdict http_chunked_take(struct http_chunked *chunked, struct rg_slice bytes, size_t *out_used,
                                    struct rg_slice *out_data, struct http_refusal *out_refusal)
{
    size_t at = 0;
    if (chunked->step == STEP_REFUSED || chunked->step >= STEP_DONE) {
        return refuse(chunked, HTTP_REFUSAL_CHUNKED, out_refusal);
    }
    while (at < bytes.size && chunked->step != STEP_DONE) {
        if (chunked->step == STEP_DATA) {
            size_t part = bytes.size - at < chunked->left ? bytes.size - at : (size_t)chunked->left;
            chunked->left -= part;
            chunked->step = chunked->left == 0 ? STEP_DATA_CR : STEP_DATA;
            *out_data = rg_slice_cut(bytes, at, part);
            *out_used = at + part;
            return HTTP_VERDICT_MORE;
        }
        chunked->step = next_step(chunked, bytes.data[at++]);
        if (chunked->step == STEP_REFUSED) {
            return refuse(chunked, HTTP_REFUSAL_CHUNKED, out_refusal);
        }
        if (chunked->step == STEP_SIZE_LF && !announce(chunked)) {
            return refuse(chunked, HTTP_REFUSAL_BODY_LARGE, out_refusal);
        }
    }
    *out_data = (struct rg_slice){0};
    *out_used = at;
    return chunked->step == STEP_DONE ? HTTP_VERDICT_OK : HTTP_VERDICT_MORE;
}

enum http_verdict http_chunked_judge(struct http_chunked *chunked, struct rg_slice bytes, size_t *out_used,
                                     struct http_refusal *out_refusal)
{
    enum http_verdict verdict = HTTP_VERDICT_MORE;
    size_t at = 0;
    do {
        struct rg_slice data = {0};
        size_t used = 0;
        verdict = http_chunked_take(chunked, rg_slice_cut(bytes, at, bytes.size), &used, &data, out_refusal);
        at += used;
    } while (verdict == HTTP_VERDICT_MORE && at < bytes.size);
    if (verdict == HTTP_VERDICT_OK) {
        *out_used = at;
    }
    return verdict;
}
