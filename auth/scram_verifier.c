/* SPDX-License-Identifier: Apache-2.0 */
/* The stored form of a SCRAM-SHA-256 password, as pg_authid.rolpassword has it (RFC 5803 with PostgreSQL's
 * punctuation). Parsed when the configuration loads, made by the command line's tool. */
#include "auth/scram.h"

static rg_status fail_verifier(void)
{
    return rg_fail(RG_CONFIG, "not a verifier of the form SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>");
}

/* Cuts *rest at the first separator; false when there is none. */
static bool get_field(struct rg_slice *rest, char separator, struct rg_slice *out_field)
{
    const char *found = rest->size == 0 ? NULL : memchr(rest->data, separator, rest->size);
    if (found == NULL) {
        return false;
    }
    size_t size = (size_t)(found - rest->data);
    *out_field = rg_slice_cut(*rest, 0, size);
    *rest = rg_slice_cut(*rest, size + 1, SIZE_MAX);
    return true;
}

static rg_status parse_iterations(struct rg_slice text, unsigned *out_iterations)
{
    unsigned value = 0;
    bool is_number = text.size > 0 && text.size <= 7 && text.data[0] != '0';
    for (size_t i = 0; is_number && i < text.size; i++) {
        is_number = text.data[i] >= '0' && text.data[i] <= '9';
        value = value * 10 + (unsigned)(text.data[i] - '0');
    }
    if (!is_number) {
        return fail_verifier();
    }
    if (value < AUTH_SCRAM_MIN_ITERATIONS || value > AUTH_SCRAM_MAX_ITERATIONS) {
        return rg_fail(RG_CONFIG, "%u iterations, must be within %d and %d", value, AUTH_SCRAM_MIN_ITERATIONS,
                       AUTH_SCRAM_MAX_ITERATIONS);
    }
    *out_iterations = value;
    return RG_OK;
}

/* Decodes base64 of min to max bytes into out_bytes, by way of the arena. */
static rg_status decode(struct rg_slice text, size_t min, size_t max, struct rg_arena *arena, void *out_bytes,
                        size_t *out_size)
{
    struct rg_slice bytes = {0};
    if (!rg_is_ok(rg_base64_decode(text, arena, &bytes)) || bytes.size < min || bytes.size > max) {
        return fail_verifier();
    }
    memcpy(out_bytes, bytes.data, bytes.size);
    *out_size = bytes.size;
    return RG_OK;
}

rg_status auth_scram_verifier_parse(struct rg_slice text, struct rg_arena *arena,
                                    struct auth_scram_verifier *out_verifier)
{
    const struct rg_slice mechanism = RG_SLICE("SCRAM-SHA-256$");
    struct rg_slice rest = rg_slice_cut(text, mechanism.size, SIZE_MAX);
    struct rg_slice iterations = {0};
    struct rg_slice salt = {0};
    struct rg_slice stored_key = {0};
    if (!rg_slice_has_prefix(text, mechanism) || text.size > 1024 || !get_field(&rest, ':', &iterations) ||
        !get_field(&rest, '$', &salt) || !get_field(&rest, ':', &stored_key)) {
        return fail_verifier();
    }
    RG_AUTO(auth_scram_verifier_done) struct auth_scram_verifier verifier = {0};
    size_t size = 0;
    RG_TRY(parse_iterations(iterations, &verifier.iterations));
    RG_TRY(decode(salt, 8, sizeof verifier.salt, arena, verifier.salt, &verifier.salt_size));
    RG_TRY(decode(stored_key, RG_SHA256_SIZE, RG_SHA256_SIZE, arena, verifier.stored_key.bytes, &size));
    RG_TRY(decode(rest, RG_SHA256_SIZE, RG_SHA256_SIZE, arena, verifier.server_key.bytes, &size));
    *out_verifier = verifier;
    return RG_OK;
}

void auth_scram_verifier_done(struct auth_scram_verifier *verifier)
{
    rg_wipe(verifier, sizeof *verifier);
}

static rg_status check_password(struct rg_slice password)
{
    bool is_plain = password.size > 0 && password.size <= 1024;
    for (size_t i = 0; is_plain && i < password.size; i++) {
        is_plain = password.data[i] >= ' ' && password.data[i] <= '~';
    }
    return is_plain ? RG_OK : rg_fail(RG_CONFIG, "password must be 1 to 1024 printable ASCII characters");
}

static struct rg_slice digest_slice(const struct rg_digest *digest)
{
    return rg_slice_make(digest->bytes, sizeof digest->bytes);
}

rg_status auth_scram_verifier_make(struct rg_slice password, struct rg_slice salt, unsigned iterations,
                                   struct rg_arena *arena, struct rg_slice *out_text)
{
    RG_TRY(check_password(password));
    if (salt.size < 8 || salt.size > AUTH_SCRAM_MAX_SALT || iterations < AUTH_SCRAM_MIN_ITERATIONS ||
        iterations > AUTH_SCRAM_MAX_ITERATIONS) {
        return rg_fail(RG_CONFIG, "salt of %zu bytes or %u iterations out of range", salt.size, iterations);
    }
    struct rg_digest salted;
    RG_TRY(rg_pbkdf2_sha256(password, salt, iterations, &salted));
    struct rg_digest client_key = rg_hmac_sha256(digest_slice(&salted), RG_SLICE("Client Key"));
    struct rg_digest server_key = rg_hmac_sha256(digest_slice(&salted), RG_SLICE("Server Key"));
    struct rg_digest stored_key = rg_sha256_one(digest_slice(&client_key));
    rg_wipe(&salted, sizeof salted);
    rg_wipe(&client_key, sizeof client_key);
    struct rg_slice texts[3] = {0};
    RG_TRY(rg_base64_encode(salt, arena, &texts[0]));
    RG_TRY(rg_base64_encode(digest_slice(&stored_key), arena, &texts[1]));
    RG_TRY(rg_base64_encode(digest_slice(&server_key), arena, &texts[2]));
    return rg_arena_printf(arena, out_text, "SCRAM-SHA-256$%u:%.*s$%.*s:%.*s", iterations, RG_SLICE_ARGS(texts[0]),
                           RG_SLICE_ARGS(texts[1]), RG_SLICE_ARGS(texts[2]));
}
