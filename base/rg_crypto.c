/* SPDX-License-Identifier: Apache-2.0 */
/* Thin wrappers around OpenSSL: hashes, encodings, randomness. No algorithm is implemented here. */
#include "base/rg_crypto.h"

#include <endian.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "base/rg_memory.h"

/* The low-level calls are deprecated in OpenSSL 3 and the fastest by far on short input: reference
 * audit.md 3.11 measured one-shot EVP at 3.9 times their cost. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

struct rg_digest rg_sha256(const struct rg_slice *parts, size_t part_count)
{
    SHA256_CTX context;
    struct rg_digest digest;
    SHA256_Init(&context);
    for (size_t i = 0; i < part_count; i++) {
        SHA256_Update(&context, parts[i].data, parts[i].size);
    }
    SHA256_Final(digest.bytes, &context);
    return digest;
}

struct rg_digest rg_sha256_one(struct rg_slice bytes)
{
    __attribute__((uninitialized)) SHA256_CTX context;
    __attribute__((uninitialized)) struct rg_digest digest;
    SHA256_Init(&context);
    SHA256_Update(&context, bytes.data, bytes.size);
    SHA256_Final(digest.bytes, &context);
    return digest;
}

struct rg_sha256_stream {
    SHA256_CTX context;
};

struct rg_sha256_stream *rg_sha256_new(void)
{
    struct rg_sha256_stream *stream = rg_memory_alloc(sizeof *stream);
    SHA256_Init(&stream->context);
    return stream;
}

void rg_sha256_put(struct rg_sha256_stream *stream, struct rg_slice bytes)
{
    SHA256_Update(&stream->context, bytes.data, bytes.size);
}

struct rg_digest rg_sha256_end(struct rg_sha256_stream *stream)
{
    struct rg_digest digest;
    SHA256_Final(digest.bytes, &stream->context);
    SHA256_Init(&stream->context);
    return digest;
}

void rg_sha256_free(struct rg_sha256_stream **stream)
{
    rg_memory_free(*stream);
    *stream = NULL;
}

struct rg_digest rg_hmac_sha256(struct rg_slice key, struct rg_slice bytes)
{
    struct rg_digest digest;
    unsigned size = sizeof digest.bytes;
    RG_ASSERT(key.size <= INT_MAX);
    const void *key_data = key.data == NULL ? "" : key.data;
    RG_ASSERT(HMAC(EVP_sha256(), key_data, (int)key.size, (const unsigned char *)bytes.data, bytes.size, digest.bytes,
                   &size) != NULL);
    return digest;
}

rg_status rg_hmac_sha1(struct rg_slice key, struct rg_slice bytes, uint8_t out_bytes[RG_SHA1_SIZE])
{
    uint8_t made[RG_SHA1_SIZE];
    unsigned size = sizeof made;
    const void *key_data = key.data == NULL ? "" : key.data;
    if (key.size > INT_MAX ||
        HMAC(EVP_sha1(), key_data, (int)key.size, (const unsigned char *)bytes.data, bytes.size, made, &size) == NULL) {
        return rg_fail(RG_INTERNAL, "HMAC-SHA-1 failed");
    }
    memcpy(out_bytes, made, sizeof made);
    return RG_OK;
}

rg_status rg_pbkdf2_sha256(struct rg_slice password, struct rg_slice salt, unsigned iterations,
                           struct rg_digest *out_key)
{
    if (password.size > INT_MAX || salt.size > INT_MAX || iterations == 0 || iterations > 10000000) {
        return rg_fail(RG_LIMIT, "PBKDF2 parameters out of range");
    }
    struct rg_digest key;
    if (PKCS5_PBKDF2_HMAC(password.data, (int)password.size, (const unsigned char *)salt.data, (int)salt.size,
                          (int)iterations, EVP_sha256(), sizeof key.bytes, key.bytes) != 1) {
        return rg_fail(RG_INTERNAL, "PBKDF2 failed");
    }
    *out_key = key;
    return RG_OK;
}

static bool hkdf(EVP_PKEY_CTX *context, struct rg_slice secret, struct rg_slice salt, struct rg_slice info,
                 struct rg_digest *out_key)
{
    size_t size = sizeof out_key->bytes;
    return EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_CTX_set_hkdf_md(context, EVP_sha256()) == 1 &&
           EVP_PKEY_CTX_set1_hkdf_salt(context, (const unsigned char *)salt.data, (int)salt.size) == 1 &&
           EVP_PKEY_CTX_set1_hkdf_key(context, (const unsigned char *)secret.data, (int)secret.size) == 1 &&
           EVP_PKEY_CTX_add1_hkdf_info(context, (const unsigned char *)info.data, (int)info.size) == 1 &&
           EVP_PKEY_derive(context, out_key->bytes, &size) == 1 && size == sizeof out_key->bytes;
}

rg_status rg_hkdf_sha256(struct rg_slice secret, struct rg_slice salt, struct rg_slice info, struct rg_digest *out_key)
{
    enum { INFO_MAX = 1024 }; /* OpenSSL's own limit */
    if (secret.size == 0 || secret.size > INT_MAX || salt.size > INT_MAX || info.size > INFO_MAX) {
        return rg_fail(RG_LIMIT, "HKDF parameters out of range");
    }
    struct rg_digest key;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    bool is_made = context != NULL && hkdf(context, secret, salt, info, &key);
    EVP_PKEY_CTX_free(context);
    if (!is_made) {
        return rg_fail(RG_INTERNAL, "HKDF failed");
    }
    *out_key = key;
    rg_wipe(&key, sizeof key);
    return RG_OK;
}

void rg_random(void *out_bytes, size_t size)
{
    RG_ASSERT(size <= INT_MAX && RAND_bytes(out_bytes, (int)size) == 1);
}

bool rg_secret_is_equal(struct rg_slice a, struct rg_slice b)
{
    return a.size == b.size && (a.size == 0 || CRYPTO_memcmp(a.data, b.data, a.size) == 0);
}

void rg_wipe(void *memory, size_t size)
{
    OPENSSL_cleanse(memory, size);
}

void rg_digest_hex(const struct rg_digest *digest, char out_text[2 * RG_SHA256_SIZE + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < RG_SHA256_SIZE; i++) {
        out_text[2 * i] = digits[digest->bytes[i] >> 4];
        out_text[2 * i + 1] = digits[digest->bytes[i] & 15];
    }
    out_text[(size_t)2 * RG_SHA256_SIZE] = '\0';
}

void rg_digest_b64url(const struct rg_digest *digest, char out_text[RG_DIGEST_B64_SIZE])
{
    char padded[RG_DIGEST_B64_SIZE + 1];
    (void)EVP_EncodeBlock((unsigned char *)padded, digest->bytes, RG_SHA256_SIZE);
    for (size_t i = 0; i < RG_DIGEST_B64_SIZE - 1; i++) {
        out_text[i] = padded[i] == '+' ? '-' : padded[i] == '/' ? '_' : padded[i];
    }
    out_text[RG_DIGEST_B64_SIZE - 1] = '\0';
}

/* Six bits a letter, or -1. */
static const int8_t b64url_values[256] = {
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 62, -1, -1, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61,
    -1, -1, -1, -1, -1, -1, -1, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
    22, 23, 24, 25, -1, -1, -1, -1, 63, -1, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44,
    45, 46, 47, 48, 49, 50, 51, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
};

/* Four letters, three bytes; negative when one is no letter of the alphabet: a -1 sets the highest bit wherever it is
 * put. */
static inline int32_t b64url_group(const char *text)
{
    int32_t a = b64url_values[(unsigned char)text[0]];
    int32_t b = b64url_values[(unsigned char)text[1]];
    int32_t c = b64url_values[(unsigned char)text[2]];
    int32_t d = b64url_values[(unsigned char)text[3]];
    return (int32_t)((uint32_t)a << 18 | (uint32_t)b << 12 | (uint32_t)c << 6 | (uint32_t)d);
}

bool rg_digest_from_b64url(const char *text, struct rg_digest *out_digest)
{
    enum { GROUPS = RG_SHA256_SIZE / 3 };
    uint8_t bytes[RG_SHA256_SIZE + 2]; /* each group writes one byte more, which the next one overwrites */
    char last[4] = {text[GROUPS * 4], text[GROUPS * 4 + 1], text[GROUPS * 4 + 2], 'A'};
    int32_t bad = 0;
    for (size_t i = 0; i < GROUPS; i++) {
        int32_t group = b64url_group(text + 4 * i);
        uint32_t word = htobe32((uint32_t)group << 8);
        bad |= group;
        memcpy(bytes + 3 * i, &word, sizeof word);
    }
    int32_t group = b64url_group(last);
    uint32_t word = htobe32((uint32_t)group << 8);
    memcpy(bytes + 3 * GROUPS, &word, sizeof word);
    if (bad < 0 || group < 0 || (group & 0xff) != 0) {
        return false;
    }
    memcpy(out_digest->bytes, bytes, RG_SHA256_SIZE);
    return true;
}

rg_status rg_base64_encode(struct rg_slice bytes, struct rg_arena *arena, struct rg_slice *out_text)
{
    if (bytes.size > INT_MAX / 2) {
        return rg_fail(RG_LIMIT, "%zu bytes to encode", bytes.size);
    }
    void *memory = NULL;
    RG_TRY(rg_arena_alloc(arena, (bytes.size + 2) / 3 * 4 + 1, &memory));
    int size = EVP_EncodeBlock(memory, (const unsigned char *)bytes.data, (int)bytes.size);
    *out_text = (struct rg_slice){memory, (size_t)size};
    return RG_OK;
}

rg_status rg_md5_base64(struct rg_slice bytes, struct rg_arena *arena, struct rg_slice *out_text)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (EVP_Digest(bytes.data == NULL ? "" : bytes.data, bytes.size, digest, &size, EVP_md5(), NULL) != 1) {
        return rg_fail(RG_INTERNAL, "this machine's OpenSSL has no MD5");
    }
    return rg_base64_encode(rg_slice_make(digest, size), arena, out_text);
}

static bool is_base64(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

rg_status rg_base64_decode(struct rg_slice text, struct rg_arena *arena, struct rg_slice *out_bytes)
{
    size_t letters = text.size;
    while (letters > 0 && text.size - letters < 2 && text.data[letters - 1] == '=') {
        letters--;
    }
    if (text.size % 4 != 0 || text.size > INT_MAX / 2) {
        return rg_fail(RG_PROTOCOL, "base64 text of %zu characters", text.size);
    }
    for (size_t i = 0; i < letters; i++) {
        if (!is_base64(text.data[i])) {
            return rg_fail(RG_PROTOCOL, "invalid base64 at character %zu", i + 1);
        }
    }
    void *memory = NULL;
    RG_TRY(rg_arena_alloc(arena, text.size / 4 * 3 + 1, &memory));
    int size = EVP_DecodeBlock(memory, (const unsigned char *)text.data, (int)text.size);
    if (size < 0) {
        return rg_fail(RG_PROTOCOL, "invalid base64");
    }
    struct rg_slice bytes = {memory, (size_t)size - (text.size - letters)};
    char again[8]; /* stray bits: the last group must encode back to itself */
    if (letters < text.size) {
        size_t tail = bytes.size % 3;
        (void)EVP_EncodeBlock((unsigned char *)again, (const unsigned char *)bytes.data + bytes.size - tail, (int)tail);
        if (memcmp(again, text.data + text.size - 4, 4) != 0) {
            return rg_fail(RG_PROTOCOL, "invalid base64: stray bits at the end");
        }
    }
    *out_bytes = bytes;
    return RG_OK;
}

rg_status rg_base64url_put(struct rg_slice bytes, struct rg_buf *out)
{
    size_t room = (bytes.size + 2) / 3 * 4 + 1; /* with OpenSSL's NUL */
    char *memory = NULL;
    if (bytes.size > INT_MAX / 2) {
        return rg_fail(RG_LIMIT, "%zu bytes are too many for base64url", bytes.size);
    }
    RG_TRY(rg_buf_reserve(out, room, &memory));
    (void)EVP_EncodeBlock((unsigned char *)memory, (const unsigned char *)bytes.data, (int)bytes.size);
    size_t size = (bytes.size * 4 + 2) / 3;
    for (size_t i = 0; i < size; i++) {
        memory[i] = memory[i] == '+' ? '-' : memory[i] == '/' ? '_' : memory[i];
    }
    rg_buf_commit(out, size);
    return RG_OK;
}

rg_status rg_base64url_decode(struct rg_slice text, struct rg_arena *arena, struct rg_slice *out_bytes)
{
    if (text.size % 4 == 1 || text.size > INT_MAX / 2) {
        return rg_fail(RG_PROTOCOL, "base64url text of %zu characters", text.size);
    }
    size_t padded_size = (text.size + 3) / 4 * 4;
    void *memory = NULL;
    RG_TRY(rg_arena_alloc(arena, padded_size + 1, &memory));
    char *padded = memory;
    for (size_t i = 0; i < padded_size; i++) {
        char c = i < text.size ? text.data[i] : '=';
        if (i < text.size && (c == '+' || c == '/' || c == '=')) {
            return rg_fail(RG_PROTOCOL, "invalid base64url at character %zu", i + 1);
        }
        padded[i] = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    return rg_base64_decode((struct rg_slice){padded, padded_size}, arena, out_bytes);
}
