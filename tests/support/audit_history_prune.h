/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_AUDIT_HISTORY_PRUNE_H
#define RG_TESTS_SUPPORT_AUDIT_HISTORY_PRUNE_H

/* Histories that are pruned and held, step by step as docs/audit-format.md 9 has it, so that a kill or a forger can
 * come between any two. */
#include "audit/keep/base.h"
#include "tests/support/audit_spoil.h"

enum history_prune_step { HISTORY_BASE = 1, HISTORY_DECLARED, HISTORY_SIGNED, HISTORY_UNLINKED };

struct history_prune {
    uint64_t first_seq; /* of the segment */
    uint64_t last_seq;
    uint64_t epoch;
    int64_t from_us;
    int64_t until_us;
    size_t tenant_count;
    struct rg_digest root;
    struct rg_digest heads_root;
    const char *operator_name;
};

static inline void history_prune_scan(const struct history *history, struct audit_base *base,
                                      struct history_prune *prune)
{
    char name[40];
    spoil_segment_name(prune->first_seq, name);
    struct spoil_file file = spoil_load(history, name);
    struct rg_slice rest = rg_slice_make(file.bytes, file.size);
    while (rest.size > 0) {
        struct audit_head head = {0};
        size_t size = (size_t)((const char *)memchr(rest.data, '\n', rest.size) - rest.data);
        assert_ok(audit_base_take(base, rg_slice_cut(rest, 0, size), &head));
        prune->from_us = head.seq == prune->first_seq ? head.hlc_us : prune->from_us;
        prune->until_us = head.hlc_us;
        rest = rg_slice_cut(rest, size + 1, SIZE_MAX);
    }
    prune->last_seq = base->tree.size - 1;
    prune->epoch = base->epoch;
    prune->tenant_count = base->chain.tenants.live;
    prune->root = audit_tree_root(&base->tree);
    prune->heads_root = audit_heads_root(&base->chain.tenants);
    spoil_free(&file);
}

/* False: nothing but the segment that is written. Otherwise the base behind the oldest one is written. */
static inline bool history_prune_begin(struct history *history, struct history_prune *out_prune)
{
    const struct spoil_segments segments = spoil_segments(history);
    const struct rg_digest none = {{0}};
    struct history_prune prune = {.first_seq = segments.first_seqs[0], .operator_name = "root"};
    RG_AUTO(rg_buf_done) struct rg_buf text;
    char path[AUDIT_BASE_PATH_SIZE];
    if (segments.count < 2) {
        return false;
    }
    RG_AUTO(audit_fd_done) int fd = open(history->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct audit_base *base = rg_memory_alloc(sizeof *base);
    audit_base_init(base, rg_slice_of(history->origin), &none);
    base->chain.genesis = history->chain.genesis;
    base->chain.prev = history->chain.genesis;
    if (prune.first_seq > 0) {
        assert_ok(audit_base_load(fd, prune.first_seq, rg_slice_of(history->origin), base));
    }
    history_prune_scan(history, base, &prune);
    rg_buf_init(&text, AUDIT_BASE_MAX);
    assert_ok(audit_base_encode(base, rg_slice_of(history->origin), &text));
    audit_base_path(base->tree.size, path);
    history_directory(history, "pruned");
    history_write(history, path, rg_buf_slice(&text).data, rg_buf_size(&text));
    audit_base_done(base);
    rg_memory_free(base);
    *out_prune = prune;
    return true;
}

static inline void history_prune_declare(struct history *history, const struct history_prune *prune)
{
    char rg[1024];
    char root[2 * RG_SHA256_SIZE + 1];
    char heads_root[2 * RG_SHA256_SIZE + 1];
    rg_digest_hex(&prune->root, root);
    rg_digest_hex(&prune->heads_root, heads_root);
    history_wait(history, 300);
    (void)snprintf(rg, sizeof rg,
                   "{\"kind\":\"retention.prune\",\"epoch\":%" PRIu64
                   ",\"tenants\":%zu,\"heads_root\":\"%s\",\"first_seq\":%" PRIu64 ",\"last_seq\":%" PRIu64
                   ",\"operator\":\"%s\",\"from_us\":%" PRId64 ",\"until_us\":%" PRId64 ",\"digest\":\"%s\"}",
                   prune->epoch, prune->tenant_count, heads_root, prune->first_seq, prune->last_seq,
                   prune->operator_name, prune->from_us, prune->until_us, root);
    history_put(history, "", 1008, rg);
}

static inline void history_prune_unlink(const struct history *history, const struct history_prune *prune)
{
    char name[40];
    spoil_segment_name(prune->first_seq, name);
    spoil_remove(history, name);
    if (prune->first_seq > 0) {
        char path[AUDIT_BASE_PATH_SIZE];
        audit_base_path(prune->first_seq, path);
        spoil_remove(history, path);
    }
}

/* The oldest segment, up to and with that step. False when there is none to prune. */
static inline bool history_prune(struct history *history, enum history_prune_step last)
{
    struct history_prune prune;
    if (!history_prune_begin(history, &prune)) {
        return false;
    }
    if (last >= HISTORY_DECLARED) {
        history_prune_declare(history, &prune);
    }
    if (last >= HISTORY_SIGNED) {
        history_checkpoint(history);
    }
    if (last >= HISTORY_UNLINKED) {
        history_prune_unlink(history, &prune);
    }
    return true;
}

/* tenant "": all. 0 = no bound. */
static inline void history_hold(struct history *history, unsigned number, const char *tenant, int64_t from_us,
                                int64_t until_us)
{
    char rg[512];
    char about[128] = "";
    char from[64] = "";
    char until[64] = "";
    if (tenant[0] != '\0') {
        (void)snprintf(about, sizeof about, ",\"about_tenant\":\"%s\"", tenant);
    }
    if (from_us != 0) {
        (void)snprintf(from, sizeof from, ",\"from_us\":%" PRId64, from_us);
    }
    if (until_us != 0) {
        (void)snprintf(until, sizeof until, ",\"until_us\":%" PRId64, until_us);
    }
    (void)snprintf(rg, sizeof rg, "{\"kind\":\"hold.place\",\"object\":\"hold-%u\",\"operator\":\"root\"%s%s%s}",
                   number, about, from, until);
    history_wait(history, 300);
    history_put(history, "", 1008, rg);
}

static inline void history_release(struct history *history, unsigned number)
{
    char rg[128];
    (void)snprintf(rg, sizeof rg, "{\"kind\":\"hold.release\",\"object\":\"hold-%u\",\"operator\":\"root\"}", number);
    history_wait(history, 300);
    history_put(history, "", 1008, rg);
}

#endif
