/* SPDX-License-Identifier: Apache-2.0 */
/* A thin wrapper around OpenSSL's AES-256-GCM. The contexts keep the key's schedule: sealing a short text costs less
 * than a microsecond. */
#include "base/rg_aead.h"

#include <limits.h>
#include <openssl/evp.h>

#include "base/rg_crypto.h"
#include "base/rg_memory.h"

struct rg_aead {
    EVP_CIPHER_CTX *context;
    uint64_t seals;
    uint8_t key[RG_AEAD_KEY_SIZE];
    int direction; /* that the context is set up for: 1 = seal, 0 = open, -1 = none yet */
};

struct rg_aead *rg_aead_new(const uint8_t key[RG_AEAD_KEY_SIZE])
{
    struct rg_aead *aead = rg_memory_alloc(sizeof *aead);
    memcpy(aead->key, key, sizeof aead->key);
    aead->direction = -1;
    return aead;
}

void rg_aead_free(struct rg_aead **aead)
{
    struct rg_aead *old = *aead;
    *aead = NULL;
    if (old != NULL) {
        EVP_CIPHER_CTX_free(old->context); /* wipes the schedule; accepts NULL */
        rg_wipe(old, sizeof *old);
        rg_memory_free(old);
    }
}

uint64_t rg_aead_seals(const struct rg_aead *aead)
{
    return aead->seals;
}

/* The key's schedule is made once for each direction. */
static bool prepare(struct rg_aead *aead, int direction, const uint8_t nonce[RG_AEAD_NONCE_SIZE])
{
    bool is_set = aead->direction == direction;
    if (aead->context == NULL) {
        aead->context = EVP_CIPHER_CTX_new();
    }
    if (aead->context == NULL) {
        return false;
    }
    aead->direction = -1;
    if (EVP_CipherInit_ex(aead->context, is_set ? NULL : EVP_aes_256_gcm(), NULL, is_set ? NULL : aead->key, nonce,
                          direction) != 1) {
        return false;
    }
    aead->direction = direction;
    return true;
}

/* Ciphertext or text into `memory`, as many bytes as there are. */
static bool pass(struct rg_aead *aead, struct rg_slice aad, struct rg_slice bytes, uint8_t *memory)
{
    int size = 0;
    const uint8_t *covered = (const uint8_t *)aad.data;
    const uint8_t *from = (const uint8_t *)bytes.data;
    if (aad.size > 0 && EVP_CipherUpdate(aead->context, NULL, &size, covered, (int)aad.size) != 1) {
        return false;
    }
    return bytes.size == 0 || EVP_CipherUpdate(aead->context, memory, &size, from, (int)bytes.size) == 1;
}

static bool seal(struct rg_aead *aead, const uint8_t nonce[RG_AEAD_NONCE_SIZE], struct rg_slice aad,
                 struct rg_slice text, uint8_t *memory)
{
    uint8_t *tag = memory + RG_AEAD_NONCE_SIZE + text.size;
    int size = 0;
    memcpy(memory, nonce, RG_AEAD_NONCE_SIZE);
    return prepare(aead, 1, nonce) && pass(aead, aad, text, memory + RG_AEAD_NONCE_SIZE) &&
           EVP_CipherFinal_ex(aead->context, tag, &size) == 1 &&
           EVP_CIPHER_CTX_ctrl(aead->context, EVP_CTRL_GCM_GET_TAG, RG_AEAD_TAG_SIZE, tag) == 1;
}

static bool is_too_large(struct rg_slice aad, struct rg_slice text)
{
    return aad.size > INT_MAX || text.size > INT_MAX - RG_AEAD_MORE;
}

rg_status rg_aead_seal_with(struct rg_aead *aead, const uint8_t nonce[RG_AEAD_NONCE_SIZE], struct rg_slice aad,
                            struct rg_slice text, struct rg_buf *out)
{
    char *memory = NULL;
    if (aead->seals >= RG_AEAD_SEALS_MAX) {
        return rg_fail(RG_LIMIT, "a key that has sealed as many texts as it may");
    }
    if (is_too_large(aad, text)) {
        return rg_fail(RG_LIMIT, "a text of %zu bytes is too large to seal", text.size);
    }
    RG_TRY(rg_buf_reserve(out, text.size + RG_AEAD_MORE, &memory));
    aead->seals++;
    if (!seal(aead, nonce, aad, text, (uint8_t *)memory)) {
        return rg_fail(RG_INTERNAL, "OpenSSL does not seal");
    }
    rg_buf_commit(out, text.size + RG_AEAD_MORE);
    return RG_OK;
}

rg_status rg_aead_seal(struct rg_aead *aead, struct rg_slice aad, struct rg_slice text, struct rg_buf *out)
{
    uint8_t nonce[RG_AEAD_NONCE_SIZE];
    rg_random(nonce, sizeof nonce);
    return rg_aead_seal_with(aead, nonce, aad, text, out);
}

/* No byte of the text counts before the tag was found right. */
static bool open_text(struct rg_aead *aead, struct rg_slice aad, struct rg_slice sealed, uint8_t *memory)
{
    const uint8_t *bytes = (const uint8_t *)sealed.data;
    struct rg_slice text = rg_slice_cut(sealed, RG_AEAD_NONCE_SIZE, sealed.size - RG_AEAD_MORE);
    uint8_t tag[RG_AEAD_TAG_SIZE];
    uint8_t rest[RG_AEAD_TAG_SIZE];
    int size = 0;
    memcpy(tag, bytes + sealed.size - RG_AEAD_TAG_SIZE, sizeof tag);
    return prepare(aead, 0, bytes) && pass(aead, aad, text, memory) &&
           EVP_CIPHER_CTX_ctrl(aead->context, EVP_CTRL_GCM_SET_TAG, RG_AEAD_TAG_SIZE, tag) == 1 &&
           EVP_CipherFinal_ex(aead->context, rest, &size) == 1;
}

rg_status rg_aead_open(struct rg_aead *aead, struct rg_slice aad, struct rg_slice sealed, struct rg_buf *out)
{
    char *memory = NULL;
    if (sealed.size < RG_AEAD_MORE || is_too_large(aad, sealed)) {
        return rg_fail(RG_DENIED, "a sealed text of %zu bytes", sealed.size);
    }
    size_t size = sealed.size - RG_AEAD_MORE;
    RG_TRY(rg_buf_reserve(out, size + 1, &memory));
    if (!open_text(aead, aad, sealed, (uint8_t *)memory)) {
        rg_wipe(memory, size);
        return rg_fail(RG_DENIED, "a text that was not sealed like this, or by another key");
    }
    rg_buf_commit(out, size);
    return RG_OK;
}
