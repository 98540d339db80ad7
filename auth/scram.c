/* SPDX-License-Identifier: Apache-2.0 */
/* The server's side of one SCRAM-SHA-256 exchange (RFC 5802 5, RFC 7677), a state machine without I/O. An
 * unknown account runs through the same code with a mock verifier and ends in the same refusal. */
#include "auth/scram.h"

static struct rg_slice digest_slice(const struct rg_digest *digest)
{
    return rg_slice_make(digest->bytes, sizeof digest->bytes);
}

void auth_scram_mock_init(struct auth_scram_mock *mock, unsigned iterations)
{
    mock->iterations = iterations;
    rg_random(mock->secret.bytes, sizeof mock->secret.bytes);
}

/* 16 bytes of salt, as PostgreSQL makes; keys that no password has. */
static void mock_verifier(const struct auth_scram_mock *mock, struct rg_slice user_name,
                          struct auth_scram_verifier *out_verifier)
{
    struct rg_digest salt = rg_hmac_sha256(digest_slice(&mock->secret), user_name);
    *out_verifier = (struct auth_scram_verifier){.iterations = mock->iterations, .salt_size = 16};
    memcpy(out_verifier->salt, salt.bytes, out_verifier->salt_size);
    rg_random(out_verifier->stored_key.bytes, RG_SHA256_SIZE);
    rg_random(out_verifier->server_key.bytes, RG_SHA256_SIZE);
}

/* Characters of base64: printable, no comma (RFC 5802 7, "nonce"). */
static void draw_nonce(struct auth_scram_exchange *exchange)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char bytes[AUTH_SCRAM_NONCE_SIZE];
    rg_random(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        exchange->server_nonce[i] = alphabet[bytes[i] & 63];
    }
    exchange->server_nonce_size = sizeof bytes;
}

void auth_scram_start(struct auth_scram_exchange *exchange, const struct auth_scram_verifier *verifier,
                      const struct auth_scram_mock *mock, struct rg_slice user_name)
{
    *exchange = (struct auth_scram_exchange){.state = AUTH_SCRAM_WANTS_FIRST, .is_doomed = verifier == NULL};
    /* Both are computed each time, so that the time taken does not tell which one was needed. */
    mock_verifier(mock, user_name, &exchange->verifier);
    if (verifier != NULL) {
        exchange->verifier = *verifier;
    }
    draw_nonce(exchange);
}

void auth_scram_done(struct auth_scram_exchange *exchange)
{
    rg_wipe(exchange, sizeof *exchange);
}

static rg_status fail_message(const char *what)
{
    return rg_fail(RG_PROTOCOL, "SCRAM: malformed %s", what);
}

/* Takes "<name>=<value>" up to the next comma or the end off *rest. */
static bool get_attribute(struct rg_slice *rest, char name, struct rg_slice *out_value)
{
    if (rest->size < 2 || rest->data[0] != name || rest->data[1] != '=') {
        return false;
    }
    const char *comma = memchr(rest->data, ',', rest->size);
    size_t size = comma == NULL ? rest->size : (size_t)(comma - rest->data);
    *out_value = rg_slice_cut(*rest, 2, size - 2);
    *rest = rg_slice_cut(*rest, comma == NULL ? size : size + 1, SIZE_MAX);
    return true;
}

static bool is_nonce(struct rg_slice text)
{
    bool is_printable = text.size > 0;
    for (size_t i = 0; i < text.size; i++) {
        is_printable = is_printable && text.data[i] > ' ' && text.data[i] <= '~' && text.data[i] != ',';
    }
    return is_printable;
}

/* gs2-header: "n,," or "y,," (we offer no -PLUS, so 'y' is no downgrade; RFC 5802 6). */
static rg_status read_gs2(struct rg_slice *rest, char *out_flag)
{
    if (rest->size < 3) {
        return fail_message("first message");
    }
    char flag = rest->data[0];
    if (flag == 'p') {
        return rg_fail(RG_DENIED, "SCRAM: channel binding is not offered");
    }
    if ((flag != 'n' && flag != 'y') || rest->data[1] != ',') {
        return fail_message("first message");
    }
    if (rest->data[2] != ',') {
        return rg_fail(RG_DENIED, "SCRAM: an authorization name is not supported");
    }
    *out_flag = flag;
    *rest = rg_slice_cut(*rest, 3, SIZE_MAX);
    return RG_OK;
}

static rg_status read_first(struct auth_scram_exchange *exchange, struct rg_slice message)
{
    struct rg_slice rest = message;
    RG_TRY(read_gs2(&rest, &exchange->gs2_flag));
    memcpy(exchange->client_first_bare, rest.data, rest.size);
    exchange->bare_size = rest.size;
    if (rest.size > 1 && rest.data[0] == 'm') {
        return rg_fail(RG_DENIED, "SCRAM: a mandatory extension is not supported");
    }
    struct rg_slice ignored_name = {0};
    struct rg_slice nonce = {0};
    if (!get_attribute(&rest, 'n', &ignored_name) || !get_attribute(&rest, 'r', &nonce) || !is_nonce(nonce) ||
        nonce.size > AUTH_SCRAM_MAX_NONCE) {
        return fail_message("first message");
    }
    memcpy(exchange->nonce, nonce.data, nonce.size);
    memcpy(exchange->nonce + nonce.size, exchange->server_nonce, exchange->server_nonce_size);
    exchange->nonce_size = nonce.size + exchange->server_nonce_size;
    return RG_OK;
}

static rg_status write_first(struct auth_scram_exchange *exchange, struct rg_arena *arena, struct rg_slice *out_message)
{
    struct rg_slice salt = {0};
    struct rg_slice message = {0};
    RG_TRY(rg_base64_encode((struct rg_slice){exchange->verifier.salt, exchange->verifier.salt_size}, arena, &salt));
    RG_TRY(rg_arena_printf(arena, &message, "r=%.*s,s=%.*s,i=%u", (int)exchange->nonce_size, exchange->nonce,
                           RG_SLICE_ARGS(salt), exchange->verifier.iterations));
    RG_ASSERT(message.size <= sizeof exchange->server_first);
    memcpy(exchange->server_first, message.data, message.size);
    exchange->server_first_size = message.size;
    *out_message = message;
    return RG_OK;
}

static rg_status check_turn(struct auth_scram_exchange *exchange, enum auth_scram_state wanted, struct rg_slice message)
{
    enum auth_scram_state state = exchange->state;
    exchange->state = AUTH_SCRAM_DEAD; /* until this message has been found right */
    if (state != wanted) {
        return rg_fail(RG_PROTOCOL, "SCRAM: message out of turn");
    }
    if (message.size == 0 || message.size > AUTH_SCRAM_MAX_MESSAGE) {
        return rg_fail(RG_PROTOCOL, "SCRAM: message of %zu bytes, limit %d", message.size, AUTH_SCRAM_MAX_MESSAGE);
    }
    if (memchr(message.data, '\0', message.size) != NULL) {
        return rg_fail(RG_PROTOCOL, "SCRAM: message with a zero byte");
    }
    return RG_OK;
}

rg_status auth_scram_first(struct auth_scram_exchange *exchange, struct rg_slice client_first, struct rg_arena *arena,
                           struct rg_slice *out_server_first)
{
    RG_TRY(check_turn(exchange, AUTH_SCRAM_WANTS_FIRST, client_first));
    RG_TRY(read_first(exchange, client_first));
    RG_TRY(write_first(exchange, arena, out_server_first));
    exchange->state = AUTH_SCRAM_WANTS_FINAL;
    return RG_OK;
}

/* client-final-message: c=<gs2 header>,r=<nonce>[,extensions],p=<proof>; the proof is last. */
static rg_status read_final(const struct auth_scram_exchange *exchange, struct rg_slice message, struct rg_arena *arena,
                            struct rg_slice *out_without_proof, struct rg_slice *out_proof)
{
    struct rg_slice rest = message;
    struct rg_slice binding = {0};
    struct rg_slice nonce = {0};
    if (!get_attribute(&rest, 'c', &binding) || !get_attribute(&rest, 'r', &nonce)) {
        return fail_message("final message");
    }
    if (!rg_slice_is_equal(binding, exchange->gs2_flag == 'n' ? RG_SLICE("biws") : RG_SLICE("eSws"))) {
        return rg_fail(RG_DENIED, "SCRAM: channel binding does not match");
    }
    if (!rg_slice_is_equal(nonce, (struct rg_slice){exchange->nonce, exchange->nonce_size})) {
        return rg_fail(RG_PROTOCOL, "SCRAM: nonce does not match");
    }
    const char *comma = memrchr(message.data, ',', message.size);
    size_t without = (size_t)(comma - message.data);
    struct rg_slice last = rg_slice_cut(message, without + 1, SIZE_MAX);
    struct rg_slice text = {0};
    struct rg_slice proof = {0};
    if (!get_attribute(&last, 'p', &text) || !rg_is_ok(rg_base64_decode(text, arena, &proof)) ||
        proof.size != RG_SHA256_SIZE) {
        return fail_message("final message");
    }
    *out_without_proof = rg_slice_cut(message, 0, without);
    *out_proof = proof;
    return RG_OK;
}

static rg_status auth_message(const struct auth_scram_exchange *exchange, struct rg_slice without_proof,
                              struct rg_arena *arena, struct rg_slice *out_message)
{
    return rg_arena_printf(arena, out_message, "%.*s,%.*s,%.*s", (int)exchange->bare_size, exchange->client_first_bare,
                           (int)exchange->server_first_size, exchange->server_first, RG_SLICE_ARGS(without_proof));
}

/* RFC 5802 3: ClientKey = ClientProof XOR HMAC(StoredKey, AuthMessage); H(ClientKey) must be StoredKey. */
static bool is_proof_right(const struct auth_scram_exchange *exchange, struct rg_slice message, struct rg_slice proof)
{
    struct rg_digest key = rg_hmac_sha256(digest_slice(&exchange->verifier.stored_key), message);
    for (size_t i = 0; i < sizeof key.bytes; i++) {
        key.bytes[i] ^= (uint8_t)proof.data[i];
    }
    struct rg_digest stored = rg_sha256_one(digest_slice(&key));
    rg_wipe(&key, sizeof key);
    return rg_secret_is_equal(digest_slice(&stored), digest_slice(&exchange->verifier.stored_key));
}

rg_status auth_scram_final(struct auth_scram_exchange *exchange, struct rg_slice client_final, struct rg_arena *arena,
                           struct rg_slice *out_server_final)
{
    RG_TRY(check_turn(exchange, AUTH_SCRAM_WANTS_FINAL, client_final));
    struct rg_slice without_proof = {0};
    struct rg_slice proof = {0};
    struct rg_slice message = {0};
    struct rg_slice signature_text = {0};
    RG_TRY(read_final(exchange, client_final, arena, &without_proof, &proof));
    RG_TRY(auth_message(exchange, without_proof, arena, &message));
    bool is_right = is_proof_right(exchange, message, proof);
    if (!is_right || exchange->is_doomed) {
        return rg_fail(RG_DENIED, "password authentication failed");
    }
    struct rg_digest signature = rg_hmac_sha256(digest_slice(&exchange->verifier.server_key), message);
    RG_TRY(rg_base64_encode(digest_slice(&signature), arena, &signature_text));
    RG_TRY(rg_arena_printf(arena, out_server_final, "v=%.*s", RG_SLICE_ARGS(signature_text)));
    exchange->state = AUTH_SCRAM_VERIFIED;
    return RG_OK;
}
