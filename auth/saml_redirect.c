/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP-Redirect binding (saml-bindings 3.4): DEFLATE, base64 and percent-encoding both ways, and the signature over
 * the query's text as it was sent. Knows nothing of what the messages say. */
#include "auth/form.h"
#include "auth/saml_messages.h"
#include "auth/saml_private.h"
#include "base/rg_crypto.h"
#include "base/rg_memory.h"

#define ZLIB_CONST /* next_in is const */
#include <zlib.h>

#define SIGNATURE_RSA_SHA256 "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"

enum { RAW_DEFLATE = -15, MAX_QUERY = 64 << 10 };

static const struct query_algorithm {
    const char *uri;
    const char *digest;
    bool is_sha1;
} query_algorithms[] = {
    {SIGNATURE_RSA_SHA256, "SHA256", false},
    {"http://www.w3.org/2001/04/xmldsig-more#rsa-sha384", "SHA384", false},
    {"http://www.w3.org/2001/04/xmldsig-more#rsa-sha512", "SHA512", false},
    {SAML_NS_DSIG "rsa-sha1", "SHA1", true},
};

/* ---- writing ---- */

static void *on_alloc(void *context, unsigned count, unsigned size)
{
    (void)context;
    return rg_memory_array(count, size);
}

static void on_free(void *context, void *memory)
{
    (void)context;
    rg_memory_free(memory);
}

/* RFC 1951, without the header and the checksum of zlib. */
static rg_status deflate_text(struct rg_slice text, struct rg_arena *arena, struct rg_slice *out_bytes)
{
    z_stream stream = {.zalloc = on_alloc, .zfree = on_free};
    char *bytes = NULL;
    if (text.size > MAX_QUERY ||
        deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, RAW_DEFLATE, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return rg_fail(RG_INTERNAL, "SAML: no DEFLATE");
    }
    size_t capacity = deflateBound(&stream, (uLong)text.size);
    rg_status status = rg_arena_alloc(arena, capacity, (void **)&bytes);
    if (rg_is_ok(status)) {
        stream.next_in = (const Bytef *)text.data;
        stream.avail_in = (uInt)text.size;
        stream.next_out = (Bytef *)bytes;
        stream.avail_out = (uInt)capacity;
        if (deflate(&stream, Z_FINISH) != Z_STREAM_END) {
            status = rg_fail(RG_INTERNAL, "SAML: no DEFLATE");
        }
        *out_bytes = (struct rg_slice){bytes, capacity - stream.avail_out};
    }
    (void)deflateEnd(&stream);
    return status;
}

rg_status saml_redirect_put(const struct auth_saml_trust *trust, const char *parameter, struct rg_slice xml,
                            struct rg_slice relay_state, struct rg_buf *out)
{
    struct rg_arena arena RG_AUTO(rg_arena_done) = {0};
    struct rg_slice bytes = {0};
    struct rg_slice base64 = {0};
    rg_arena_init(&arena, (size_t)1 << 20);
    if (relay_state.size > AUTH_SAML_MAX_RELAY_STATE) {
        return rg_fail(RG_LIMIT, "SAML: relay state of %zu bytes, limit %d", relay_state.size,
                       AUTH_SAML_MAX_RELAY_STATE);
    }
    size_t start = rg_buf_size(out);
    RG_TRY(deflate_text(xml, &arena, &bytes));
    RG_TRY(rg_base64_encode(bytes, &arena, &base64));
    RG_TRY(rg_buf_printf(out, "%s=", parameter));
    RG_TRY(auth_form_escape(out, base64));
    if (relay_state.size > 0) {
        RG_TRY(rg_buf_put(out, RG_SLICE("&RelayState=")));
        RG_TRY(auth_form_escape(out, relay_state));
    }
    if (trust->private_key.size == 0) {
        return RG_OK;
    }
    RG_TRY(rg_buf_put(out, RG_SLICE("&SigAlg=")));
    RG_TRY(auth_form_escape(out, RG_SLICE(SIGNATURE_RSA_SHA256)));
    struct rg_slice whole = rg_buf_slice(out);
    RG_TRY(saml_key_sign(trust->private_key, rg_slice_cut(whole, start, SIZE_MAX), &arena, &base64));
    RG_TRY(rg_buf_put(out, RG_SLICE("&Signature=")));
    return auth_form_escape(out, base64);
}

/* ---- reading ---- */

/* The parameters of saml-bindings 3.4.4; each at most once, others are not ours. */
enum parameter { REQUEST, RESPONSE, RELAY_STATE, ALGORITHM, SIGNATURE, ENCODING, PARAMETER_COUNT };

static const char *const parameter_names[PARAMETER_COUNT] = {"SAMLRequest", "SAMLResponse", "RelayState",
                                                             "SigAlg",      "Signature",    "SAMLEncoding"};

struct parameters {
    bool is_given[PARAMETER_COUNT];
    struct rg_slice raw[PARAMETER_COUNT];
};

static rg_status split(struct saml_reading *reading, struct rg_slice query, struct parameters *parameters)
{
    while (query.size > 0) {
        const char *end = memchr(query.data, '&', query.size);
        struct rg_slice part = rg_slice_cut(query, 0, end == NULL ? query.size : (size_t)(end - query.data));
        query = rg_slice_cut(query, end == NULL ? query.size : part.size + 1, SIZE_MAX);
        const char *equals = part.size == 0 ? NULL : memchr(part.data, '=', part.size);
        struct rg_slice name = rg_slice_cut(part, 0, equals == NULL ? part.size : (size_t)(equals - part.data));
        for (size_t i = 0; i < PARAMETER_COUNT; i++) {
            if (!rg_slice_is_equal(name, rg_slice_of(parameter_names[i]))) {
                continue;
            }
            if (parameters->is_given[i] || equals == NULL) {
                return saml_refuse(reading, AUTH_SAML_QUERY);
            }
            parameters->is_given[i] = true;
            parameters->raw[i] = rg_slice_cut(part, name.size + 1, SIZE_MAX);
        }
    }
    return RG_OK;
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static rg_status unescape(struct saml_reading *reading, struct rg_slice raw, struct rg_slice *out_text)
{
    char *text = NULL;
    size_t size = 0;
    RG_TRY(rg_arena_alloc(reading->arena, raw.size + 1, (void **)&text));
    for (size_t i = 0; i < raw.size; i++) {
        char c = raw.data[i];
        if (c == '%') {
            bool is_whole = raw.size - i > 2;
            int high = is_whole ? digit_of(raw.data[i + 1]) : -1;
            int low = is_whole ? digit_of(raw.data[i + 2]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0)) {
                return saml_refuse(reading, AUTH_SAML_QUERY);
            }
            c = (char)(high * 16 + low);
            i += 2;
        } else {
            c = c == '+' ? ' ' : c;
        }
        text[size++] = c;
    }
    *out_text = (struct rg_slice){text, size};
    return RG_OK;
}

static rg_status decode(struct saml_reading *reading, struct rg_slice raw, enum auth_saml_rule rule,
                        struct rg_slice *out_bytes)
{
    struct rg_slice text = {0};
    RG_TRY(unescape(reading, raw, &text));
    rg_status status = rg_base64_decode(text, reading->arena, out_bytes);
    return rg_is_ok(status) || status.error->kind == RG_LIMIT ? status : saml_refuse(reading, rule);
}

static rg_status inflate_bytes(struct saml_reading *reading, struct rg_slice bytes, struct rg_slice *out_text)
{
    z_stream stream = {.zalloc = on_alloc, .zfree = on_free};
    char *text = NULL;
    RG_TRY(rg_arena_alloc(reading->arena, AUTH_SAML_MAX_XML + 1, (void **)&text));
    if (inflateInit2(&stream, RAW_DEFLATE) != Z_OK) {
        return rg_fail(RG_INTERNAL, "SAML: no DEFLATE");
    }
    stream.next_in = (const Bytef *)bytes.data;
    stream.avail_in = (uInt)bytes.size;
    stream.next_out = (Bytef *)text;
    stream.avail_out = AUTH_SAML_MAX_XML + 1;
    int result = inflate(&stream, Z_FINISH);
    bool is_whole = result == Z_STREAM_END && stream.avail_in == 0;
    bool is_full = stream.avail_out == 0;
    size_t size = AUTH_SAML_MAX_XML + 1 - stream.avail_out;
    (void)inflateEnd(&stream);
    if (is_full || !is_whole) {
        return saml_refuse(reading, is_full ? AUTH_SAML_SIZE : AUTH_SAML_DEFLATE);
    }
    *out_text = (struct rg_slice){text, size};
    return RG_OK;
}

/* saml-bindings 3.4.4.1: the parameters in this order, as they were encoded by who signed. */
static rg_status signed_text(const struct parameters *parameters, enum parameter message, struct rg_arena *arena,
                             struct rg_slice *out_text)
{
    struct rg_buf text RG_AUTO(rg_buf_done) = {0};
    rg_buf_init(&text, MAX_QUERY + 256);
    RG_TRY(rg_buf_printf(&text, "%s=", parameter_names[message]));
    RG_TRY(rg_buf_put(&text, parameters->raw[message]));
    if (parameters->is_given[RELAY_STATE]) {
        RG_TRY(rg_buf_put(&text, RG_SLICE("&RelayState=")));
        RG_TRY(rg_buf_put(&text, parameters->raw[RELAY_STATE]));
    }
    RG_TRY(rg_buf_put(&text, RG_SLICE("&SigAlg=")));
    RG_TRY(rg_buf_put(&text, parameters->raw[ALGORITHM]));
    return rg_arena_copy(arena, rg_buf_slice(&text), out_text);
}

static const struct query_algorithm *find_algorithm(const struct saml_reading *reading, struct rg_slice uri)
{
    for (size_t i = 0; i < sizeof query_algorithms / sizeof query_algorithms[0]; i++) {
        bool is_allowed = !query_algorithms[i].is_sha1 || reading->trust->allow_sha1;
        if (is_allowed && rg_slice_is_equal(uri, rg_slice_of(query_algorithms[i].uri))) {
            return &query_algorithms[i];
        }
    }
    return NULL;
}

static rg_status verify(struct saml_reading *reading, const struct parameters *parameters, enum parameter message)
{
    struct rg_slice uri = {0};
    struct rg_slice signature = {0};
    struct rg_slice text = {0};
    if (!parameters->is_given[SIGNATURE] || !parameters->is_given[ALGORITHM]) {
        return saml_refuse(reading, AUTH_SAML_UNSIGNED);
    }
    RG_TRY(unescape(reading, parameters->raw[ALGORITHM], &uri));
    RG_TRY(decode(reading, parameters->raw[SIGNATURE], AUTH_SAML_SIGNATURE, &signature));
    const struct query_algorithm *algorithm = find_algorithm(reading, uri);
    if (algorithm == NULL) {
        return saml_refuse(reading, AUTH_SAML_ALGORITHM);
    }
    RG_TRY(signed_text(parameters, message, reading->arena, &text));
    for (size_t i = 0; i < reading->trust->idp.certificate_count; i++) {
        if (saml_key_verifies(reading->trust->idp.certificates[i], algorithm->digest, text, signature)) {
            return RG_OK;
        }
    }
    return saml_refuse(reading, AUTH_SAML_SIGNATURE);
}

rg_status saml_redirect_read(struct saml_reading *reading, struct rg_slice query, struct saml_query *out_query)
{
    struct parameters parameters = {0};
    struct saml_query read = {0};
    struct rg_slice bytes = {0};
    if (query.size > MAX_QUERY) {
        return saml_refuse(reading, AUTH_SAML_SIZE);
    }
    RG_TRY(split(reading, query, &parameters));
    if (parameters.is_given[REQUEST] == parameters.is_given[RESPONSE] || parameters.is_given[ENCODING]) {
        return saml_refuse(reading, AUTH_SAML_QUERY);
    }
    enum parameter message = parameters.is_given[REQUEST] ? REQUEST : RESPONSE;
    read.is_request = message == REQUEST;
    RG_TRY(unescape(reading, parameters.raw[RELAY_STATE], &read.relay_state));
    if (read.relay_state.size > AUTH_SAML_MAX_RELAY_STATE) {
        return saml_refuse(reading, AUTH_SAML_QUERY);
    }
    RG_TRY(verify(reading, &parameters, message));
    RG_TRY(decode(reading, parameters.raw[message], AUTH_SAML_BASE64, &bytes));
    RG_TRY(inflate_bytes(reading, bytes, &read.xml));
    *out_query = read;
    return RG_OK;
}
