/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_AUDIT_HISTORY_KEYS_H
#define RG_TESTS_SUPPORT_AUDIT_HISTORY_KEYS_H

/* The state of a made-up log (audit_history.h), its files and its keys. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/chain.h"
#include "audit/keys.h"
#include "audit/manifest.h"
#include "audit/tree.h"
#include "audit/verify.h"
#include "base/rg_memory.h"
#include "tests/support/rg_test.h"

#define HISTORY_ORIGIN "test/audit/node-1/1"

enum { HISTORY_EPOCHS = 16, HISTORY_ROOT = 1000 };

enum history_signer {
    HISTORY_HONEST = 0, /* the key of the epoch */
    HISTORY_STRANGER,   /* keys that no list names */
    HISTORY_NEXT_KEY,   /* the key of the epoch after */
    HISTORY_FIRST_KEY,  /* the key of epoch 0 */
    HISTORY_LAST_KEY,   /* the key of epoch 2, the newest of history_write_all */
    HISTORY_NOBODY      /* no checkpoint is written */
};

struct history {
    char root[64];    /* temporary directory */
    char path[64];    /* <root>/log */
    unsigned key_set; /* other numbers, other keys */
    const char *origin;
    size_t padding;              /* bytes of SQL in a statement */
    uint64_t segment_statements; /* history_statements begins a segment after so many; 0 = never */
    bool is_short;               /* history_write_all stops early: the same history, some time before */

    /* forging */
    uint64_t changed_seq; /* this record says something else; UINT64_MAX = none */
    uint64_t sign_from;   /* from this size on `signer` signs; below it the honest key does */
    enum history_signer signer;

    int64_t wall_us;
    int64_t mono_us;
    int64_t hlc_offset_us; /* hlc minus mono_us: never falls within a run */
    char boot[AUDIT_BOOT_SIZE + 1];
    unsigned boot_number;
    struct audit_chain chain;
    struct audit_tree tree;
    struct audit_tiles *tiles;
    uint64_t epoch;
    uint64_t checkpoint_size;
    uint64_t statement;
    uint64_t epoch_ends[HISTORY_EPOCHS]; /* sizes of the checkpoints that close an epoch */
    uint64_t segment_seq;
    int segment_fd;
    size_t segment_count;
    char partials[AUDIT_TILE_LEVELS][AUDIT_TILE_PATH_SIZE]; /* the partial tiles that stand on disk */
};

/* ---- keys ---- */

static inline void history_seed(unsigned key_set, uint64_t number, uint8_t out_seed[AUDIT_SEED_SIZE])
{
    char text[64];
    int size = snprintf(text, sizeof text, "history %u key %" PRIu64, key_set, number);
    struct rg_digest digest = rg_sha256_one(rg_slice_make(text, (size_t)size));
    memcpy(out_seed, digest.bytes, AUDIT_SEED_SIZE);
}

static inline void history_vkey(const char *name, unsigned key_set, uint64_t number, struct audit_vkey *out_key)
{
    uint8_t seed[AUDIT_SEED_SIZE];
    uint8_t public_key[AUDIT_PUBLIC_SIZE];
    history_seed(key_set, number, seed);
    assert_ok(audit_seed_public(seed, public_key));
    assert_ok(audit_vkey_make(rg_slice_of(name), public_key, out_key));
}

/* The root's key, as an outsider would have been given it. */
static inline void history_root_key(const struct history *history, struct audit_vkey *out_key)
{
    history_vkey(history->origin, history->key_set, HISTORY_ROOT, out_key);
}

static inline void history_write(const struct history *history, const char *name, const void *bytes, size_t size)
{
    char path[192];
    (void)snprintf(path, sizeof path, "%s/%.120s", history->path, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) {
        fail_msg("cannot write %s", path);
    }
    assert_int_equal(write(fd, bytes, size), size);
    (void)close(fd);
}

static inline void history_directory(const struct history *history, const char *name)
{
    char path[192];
    (void)snprintf(path, sizeof path, "%s/%.120s", history->path, name);
    (void)mkdir(path, 0700);
}

static inline void history_sign(const char *name, unsigned key_set, uint64_t number, struct rg_slice text,
                                struct rg_buf *out)
{
    uint8_t seed[AUDIT_SEED_SIZE];
    struct audit_vkey key;
    history_vkey(name, key_set, number, &key);
    history_seed(key_set, number, seed);
    assert_ok(audit_note_sign(text, &key, seed, out));
}

static inline void history_put_line(struct rg_buf *out, const void *bytes, size_t size)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice text = {0};
    rg_arena_init(&arena, 4096);
    assert_ok(rg_base64_encode(rg_slice_make(bytes, size), &arena, &text));
    assert_ok(rg_buf_put(out, text));
    assert_ok(rg_buf_put_u8(out, '\n'));
}

/* keys/list-00000000.note and keys/root.vkey; the root over the list. */
static inline struct rg_digest history_write_keys(const struct history *history)
{
    RG_AUTO(rg_buf_done) struct rg_buf text;
    RG_AUTO(rg_buf_done) struct rg_buf note;
    struct rg_digest leaves[HISTORY_EPOCHS];
    rg_buf_init(&text, AUDIT_NOTE_MAX);
    rg_buf_init(&note, AUDIT_NOTE_MAX);
    assert_ok(rg_buf_printf(&text, "rowgate/audit/keys/v1\n%s\n0 %d 3600\n", history->origin, HISTORY_EPOCHS));
    for (uint64_t epoch = 0; epoch < HISTORY_EPOCHS; epoch++) {
        struct audit_vkey key;
        history_vkey(history->origin, history->key_set, epoch, &key);
        history_put_line(&text, key.public_key, AUDIT_PUBLIC_SIZE);
        leaves[epoch] = audit_line_leaf(rg_slice_make(key.public_key, AUDIT_PUBLIC_SIZE));
    }
    history_directory(history, "keys");
    history_sign(history->origin, history->key_set, HISTORY_ROOT, rg_buf_slice(&text), &note);
    history_write(history, "keys/list-00000000.note", rg_buf_slice(&note).data, rg_buf_size(&note));
    struct audit_vkey root;
    history_root_key(history, &root);
    rg_buf_clear(&text);
    assert_ok(audit_vkey_encode(&root, &text));
    assert_ok(rg_buf_put_u8(&text, '\n'));
    history_write(history, "keys/root.vkey", rg_buf_slice(&text).data, rg_buf_size(&text));
    return audit_tree_root_of(leaves, HISTORY_EPOCHS);
}

#endif
