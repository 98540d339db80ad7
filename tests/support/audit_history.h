/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_AUDIT_HISTORY_H
#define RG_TESTS_SUPPORT_AUDIT_HISTORY_H

/* Writes whole log directories, honest and forged, without the auditor: keys, records, segments, tiles, checkpoints, as
 * docs/audit-format.md describes them. All of it follows from a few numbers, so the same history can be made again with
 * one record changed, or signed by somebody else: that is a forgery. */
#include "tests/support/audit_history_keys.h"

/* ---- segments and records ---- */

static inline void history_open_segment(struct history *history)
{
    char path[192];
    history->segment_seq = history->chain.next_seq;
    (void)snprintf(path, sizeof path, "%s/seg/%016" PRIu64 ".jsonl", history->path, history->segment_seq);
    history->segment_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0600);
    assert_true(history->segment_fd >= 0);
    history->segment_count++;
}

static inline rg_status history_put_tile(void *context, unsigned level, uint64_t index, const struct rg_digest *hashes,
                                         unsigned width)
{
    struct history *history = context;
    char path[AUDIT_TILE_PATH_SIZE];
    char old[192];
    audit_tile_path(level, index, width, path);
    if (width < AUDIT_TILE_WIDTH && strcmp(history->partials[level], path) != 0) { /* only the newest ones stay */
        (void)snprintf(old, sizeof old, "%s/%s", history->path, history->partials[level]);
        (void)unlink(old);
        memcpy(history->partials[level], path, sizeof path);
    }
    for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        history_directory(history, path);
        *slash = '/';
    }
    history_write(history, path, hashes, width * sizeof *hashes);
    return RG_OK;
}

static inline struct audit_tile_sink history_sink(struct history *history)
{
    return (struct audit_tile_sink){.put = history_put_tile, .context = history};
}

static inline void history_add_line(struct history *history, const struct audit_head *head, struct rg_slice line)
{
    struct audit_tile_sink sink = history_sink(history);
    struct rg_slice bare = rg_slice_cut(line, 0, line.size - 1);
    struct rg_digest leaf = audit_line_leaf(bare);
    assert_int_equal(write(history->segment_fd, line.data, line.size), line.size);
    audit_chain_append(&history->chain, head, bare);
    audit_tree_append(&history->tree, &leaf);
    assert_ok(audit_tiles_append(history->tiles, &leaf, &sink));
}

/* One record with this rg object behind the head. */
static inline void history_put(struct history *history, const char *tenant, unsigned class_uid, const char *rg)
{
    RG_AUTO(rg_buf_done) struct rg_buf ocsf;
    RG_AUTO(rg_buf_done) struct rg_buf line;
    struct audit_head head = {.tenant = rg_slice_of(tenant),
                              .boot = rg_slice_make(history->boot, AUDIT_BOOT_SIZE),
                              .mono_us = history->mono_us};
    rg_buf_init(&ocsf, AUDIT_LINE_MAX);
    rg_buf_init(&line, AUDIT_LINE_MAX + 1);
    assert_ok(audit_chain_next(&history->chain, &head));
    int64_t offset_us = history->wall_us - history->mono_us;
    history->hlc_offset_us = offset_us > history->hlc_offset_us ? offset_us : history->hlc_offset_us;
    head.hlc_us = history->mono_us + history->hlc_offset_us;
    head.hlc_us = head.hlc_us > history->chain.hlc_us ? head.hlc_us : history->chain.hlc_us + 1;
    assert_ok(
        rg_buf_printf(&ocsf,
                      "{\"class_uid\":%u,\"category_uid\":%u,\"activity_id\":99,\"type_uid\":%u99,\"time\":%" PRId64
                      ",\"severity_id\":1,\"metadata\":{\"version\":\"1.8.0\"%s}}",
                      class_uid, class_uid / 1000, class_uid, history->wall_us / 1000,
                      head.seq == history->changed_seq ? ",\"labels\":[\"forged\"]" : ""));
    struct audit_message message = {.tenant = head.tenant, .rg = rg_slice_of(rg), .ocsf = rg_buf_slice(&ocsf)};
    assert_ok(audit_line_encode(&head, &message, &line));
    history_add_line(history, &head, rg_buf_slice(&line));
}

static inline void history_control(struct history *history, const char *kind)
{
    char rg[64];
    (void)snprintf(rg, sizeof rg, "{\"kind\":\"%s\"}", kind);
    history_put(history, "", 1008, rg);
}

static inline void history_wait(struct history *history, int64_t us)
{
    history->wall_us += us;
    history->mono_us += us;
}

/* phase: "combined", "decision", "outcome". */
static inline void history_statement(struct history *history, const char *tenant, uint64_t statement, const char *phase)
{
    char rg[2048];
    (void)snprintf(
        rg, sizeof rg,
        "{\"kind\":\"statement\",\"session\":\"%016x\",\"statement\":\"%016" PRIx64
        "\",\"phase\":\"%s\",\"verdict\":\"allowed\",\"class\":\"READ\",\"sql_sent\":\"%.*s\"}",
        7U, statement, phase, (int)history->padding,
        "SELECT a, b FROM t WHERE t.x = $1 /* "
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789");
    history_put(history, tenant, 6005, rg);
}

static inline void history_next_segment(struct history *history);

static inline void history_statements(struct history *history, uint64_t count)
{
    static const char *const tenants[] = {"acme", "globex", "", "initech", "acme"};
    for (uint64_t i = 0; i < count; i++) {
        history_wait(history, 700);
        history_statement(history, tenants[history->statement % 5], history->statement, "combined");
        history->statement++;
        if (history->segment_statements != 0 && history->statement % history->segment_statements == 0) {
            history_next_segment(history);
        }
    }
}

/* ---- checkpoints ---- */

struct history_leaf {
    struct rg_digest id;
    struct rg_digest hash;
};

static inline int history_compare(const void *a, const void *b)
{
    return memcmp(a, b, RG_SHA256_SIZE);
}

/* Design: one leaf a tenant, SHA-256(genesis || salt || tenant) || tseq || head, in the order of the first 32 bytes. */
static inline struct rg_digest history_heads_root(const struct history *history)
{
    struct history_leaf leaves[64];
    struct rg_digest hashes[64];
    size_t count = 0;
    for (size_t i = 0; i < history->chain.tenants.slot_count; i++) {
        const struct audit_tenant_head *head = &history->chain.tenants.slots[i];
        if (head->tenant.size > 0 && head->next_tseq > 0) {
            char tseq[24];
            struct rg_slice id[] = {rg_slice_make(history->chain.genesis.bytes, 32),
                                    rg_slice_make(head->salt.bytes, 32), head->tenant};
            leaves[count].id = rg_sha256(id, 3);
            (void)snprintf(tseq, sizeof tseq, "%016" PRIu64, head->next_tseq);
            struct rg_slice parts[] = {RG_SLICE("\0"), rg_slice_make(leaves[count].id.bytes, 32),
                                       rg_slice_make(tseq, 16), rg_slice_make(head->leaf.bytes, 32)};
            leaves[count].hash = rg_sha256(parts, 4);
            count++;
        }
    }
    qsort(leaves, count, sizeof leaves[0], history_compare);
    for (size_t i = 0; i < count; i++) {
        hashes[i] = leaves[i].hash;
    }
    return audit_tree_root_of(hashes, count);
}

/* Tiles, head.note and, when it closes an epoch or a segment, ckpt/<size>.note for the records so far, signed in the
 * name of `epoch`. */
static inline void history_publish(struct history *history, uint64_t epoch, bool is_kept)
{
    RG_AUTO(rg_buf_done) struct rg_buf text;
    RG_AUTO(rg_buf_done) struct rg_buf note;
    struct audit_tile_sink sink = history_sink(history);
    struct audit_checkpoint checkpoint = {
        .origin = rg_slice_of(history->origin), .size = history->tree.size, .root = audit_tree_root(&history->tree)};
    bool is_forged = history->tree.size >= history->sign_from;
    enum history_signer signer = is_forged ? history->signer : HISTORY_HONEST;
    unsigned key_set = signer == HISTORY_STRANGER ? history->key_set + 77 : history->key_set;
    uint64_t key = signer == HISTORY_NEXT_KEY    ? epoch + 1
                   : signer == HISTORY_FIRST_KEY ? 0
                   : signer == HISTORY_LAST_KEY  ? 2
                                                 : epoch;
    rg_buf_init(&text, 4096);
    rg_buf_init(&note, 4096);
    assert_ok(audit_tiles_flush(history->tiles, &sink));
    if (signer == HISTORY_NOBODY) {
        return;
    }
    assert_ok(audit_checkpoint_encode(&checkpoint, &text));
    history_sign(history->origin, key_set, key, rg_buf_slice(&text), &note);
    char name[64];
    (void)snprintf(name, sizeof name, "ckpt/%016" PRIu64 ".note", history->tree.size);
    if (is_kept) {
        history_write(history, name, rg_buf_slice(&note).data, rg_buf_size(&note));
    }
    history_write(history, "head.note", rg_buf_slice(&note).data, rg_buf_size(&note));
    history->checkpoint_size = history->tree.size;
}

static inline void history_put_checkpoint_record(struct history *history)
{
    char rg[256];
    char hex[2 * RG_SHA256_SIZE + 1];
    struct rg_digest root = history_heads_root(history);
    rg_digest_hex(&root, hex);
    (void)snprintf(rg, sizeof rg,
                   "{\"kind\":\"log.checkpoint\",\"epoch\":%" PRIu64 ",\"records\":%" PRIu64
                   ",\"tenants\":%zu,\"heads_root\":\"%s\"}",
                   history->epoch, history->chain.next_seq, history->chain.tenants.used, hex);
    history_put(history, "", 1008, rg);
}

static inline void history_checkpoint(struct history *history)
{
    history_wait(history, 300);
    history_put_checkpoint_record(history);
    history_publish(history, history->epoch, false);
}

/* The record alone, as a crash before its checkpoint leaves it. */
static inline void history_put_epoch_record(struct history *history)
{
    char rg[64];
    (void)snprintf(rg, sizeof rg, "{\"kind\":\"epoch.open\",\"epoch\":%" PRIu64 "}", history->epoch + 1);
    history_put(history, "", 1008, rg);
    history->epoch++;
}

static inline void history_next_epoch(struct history *history)
{
    history_wait(history, 1000);
    history_put_checkpoint_record(history);
    history_put_epoch_record(history);
    history->epoch_ends[history->epoch - 1] = history->tree.size;
    history_publish(history, history->epoch - 1, true);
}

/* ckpt/<size>.note: the last one of an epoch? */
static inline bool history_closes_epoch(const struct history *history, const char *name)
{
    uint64_t size = strtoull(name + sizeof "ckpt/" - 1, NULL, 10);
    for (uint64_t epoch = 0; epoch < history->epoch; epoch++) {
        if (history->epoch_ends[epoch] == size) {
            return true;
        }
    }
    return false;
}

static inline void history_write_manifest(const struct history *history)
{
    char path[192];
    RG_AUTO(rg_buf_done) struct rg_buf bytes;
    struct stat info;
    char *memory = NULL;
    (void)snprintf(path, sizeof path, "%s/seg/%016" PRIu64 ".jsonl", history->path, history->segment_seq);
    int fd = open(path, O_RDONLY);
    assert_int_equal(fstat(fd, &info), 0);
    rg_buf_init(&bytes, (size_t)info.st_size + AUDIT_MANIFEST_MAX);
    assert_ok(rg_buf_reserve(&bytes, (size_t)info.st_size + 1, &memory));
    assert_int_equal(read(fd, memory, (size_t)info.st_size + 1), info.st_size);
    (void)close(fd);
    struct audit_manifest manifest = {.origin = rg_slice_of(history->origin),
                                      .first_seq = history->segment_seq,
                                      .record_count = history->chain.next_seq - history->segment_seq,
                                      .bytes = (uint64_t)info.st_size,
                                      .sha256 = rg_sha256_one(rg_slice_make(memory, (size_t)info.st_size)),
                                      .root = audit_tree_root(&history->tree)};
    assert_ok(audit_manifest_encode(&manifest, &bytes));
    (void)snprintf(path, sizeof path, "seg/%016" PRIu64 ".manifest", history->segment_seq);
    history_write(history, path, rg_buf_slice(&bytes).data, rg_buf_size(&bytes));
}

static inline void history_next_segment(struct history *history)
{
    history_wait(history, 300);
    history_put_checkpoint_record(history);
    history_publish(history, history->epoch, true);
    (void)close(history->segment_fd);
    history_write_manifest(history);
    history_open_segment(history);
}

/* ---- runs ---- */

static inline void history_new_boot(struct history *history)
{
    char text[32];
    char hex[2 * RG_SHA256_SIZE + 1];
    history->boot_number++;
    int size = snprintf(text, sizeof text, "boot %u", history->boot_number);
    struct rg_digest digest = rg_sha256_one(rg_slice_make(text, (size_t)size));
    rg_digest_hex(&digest, hex);
    memcpy(history->boot, hex, AUDIT_BOOT_SIZE);
    history->mono_us = 1000000 + history->boot_number;
    history->hlc_offset_us = history->chain.hlc_us + 1 - history->mono_us;
}

/* What a start wrote and found is signed before anything is taken from a client. */
static inline void history_start(struct history *history)
{
    history_new_boot(history);
    history_control(history, "log.started");
    history_publish(history, history->epoch, false);
}

static inline void history_stop(struct history *history)
{
    history_wait(history, 300);
    history_put_checkpoint_record(history);
    history_control(history, "log.stopped");
    history_publish(history, history->epoch, true);
}

/* As if killed and started again: the torn tail was cut and declared. */
static inline void history_recover(struct history *history)
{
    char rg[160];
    history_wait(history, 250000);
    history_new_boot(history);
    (void)snprintf(rg, sizeof rg, "{\"kind\":\"log.recovered\",\"recovered_bytes\":17,\"recovered_from\":%" PRIu64 "}",
                   history->chain.next_seq);
    history_put(history, "", 1008, rg);
    history_control(history, "log.started");
    history_publish(history, history->epoch, false);
}

static inline void history_clock_step(struct history *history, int64_t us)
{
    char rg[128];
    (void)snprintf(rg, sizeof rg, "{\"kind\":\"clock.step\",\"from\":%" PRId64 ",\"to\":%" PRId64 "}", history->wall_us,
                   history->wall_us + us);
    history->wall_us += us;
    history_put(history, "", 1008, rg);
}

/* Set key_set, padding and the forging fields before; the rest is filled here. path: an empty directory. */
static inline void history_begin_at(struct history *history, const char *path)
{
    char text[128];
    (void)snprintf(history->path, sizeof history->path, "%s", path);
    history_directory(history, "seg");
    history_directory(history, "ckpt");
    history->origin = history->origin == NULL ? HISTORY_ORIGIN : history->origin;
    int size = snprintf(text, sizeof text, "%s\n", history->origin);
    history_write(history, "origin", text, (size_t)size);
    history_write(history, "lock", "", 0);
    struct rg_digest root = history_write_keys(history);
    const struct rg_slice parts[] = {RG_SLICE("rowgate/audit/v1\n"), rg_slice_of(history->origin), RG_SLICE("\n"),
                                     rg_slice_make(root.bytes, sizeof root.bytes)};
    history->chain = (struct audit_chain){.genesis = rg_sha256(parts, 4)};
    history->chain.prev = history->chain.genesis;
    history->tiles = rg_memory_alloc(sizeof *history->tiles);
    history->wall_us = INT64_C(1800000000000000);
    history_open_segment(history);
}

/* The same in a new temporary directory. */
static inline void history_begin(struct history *history)
{
    char path[64];
    (void)snprintf(history->root, sizeof history->root, "%s/rg-history-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(history->root));
    (void)snprintf(path, sizeof path, "%.50s/log", history->root);
    assert_int_equal(mkdir(path, 0700), 0);
    history_begin_at(history, path);
}

static inline struct history history_blank(void)
{
    return (struct history){.padding = 200, .changed_seq = UINT64_MAX, .sign_from = UINT64_MAX};
}

/* Closes the file and forgets the state; the directory stays. */
static inline void history_end(struct history *history)
{
    (void)close(history->segment_fd);
    audit_chain_done(&history->chain);
    rg_memory_free(history->tiles);
    history->tiles = NULL;
}

static inline void history_remove(const struct history *history)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", history->root);
    assert_int_equal(system(command), 0);
}

/* A history with everything in it: about `count` statements in four segments and three epochs, a stop, a crash, a clock
 * step, decisions with and without outcome. Ends open: some records are behind the last checkpoint. */
static inline void history_write_all(struct history *history, uint64_t count)
{
    history_begin(history);
    history_start(history);
    history_statements(history, count / 8);
    history_checkpoint(history);
    history_statements(history, count / 8);
    history_next_epoch(history);
    history_statement(history, "acme", 1000001, "decision");
    history_statements(history, count / 8);
    history_next_segment(history);
    history_statement(history, "acme", 1000001, "outcome");
    history_statement(history, "globex", 1000002, "decision");
    if (history->is_short) {
        return;
    }
    history_statements(history, count / 8);
    history_stop(history);
    history_wait(history, 60000000);
    history_start(history);
    history_statements(history, count / 8);
    history_clock_step(history, -5000000);
    history_wait(history, 2000000);
    history_statements(history, count / 8);
    history_next_epoch(history);
    history_statements(history, 10);
    history_recover(history);
    history_next_segment(history);
    history_statements(history, count / 8);
    history_next_segment(history);
    history_statements(history, count / 8);
    history_checkpoint(history);
    history_statements(history, 3);
}

/* ---- verdicts ---- */

static inline struct audit_report history_verify(const struct history *history, struct rg_arena *arena)
{
    struct audit_report report = {0};
    assert_ok(audit_verify(rg_slice_of(history->path), arena, &report));
    return report;
}

static inline void history_print(const struct audit_report *report)
{
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, 1 << 20);
    assert_ok(audit_report_print(report, false, &out));
    (void)fprintf(stderr, "%.*s", (int)rg_buf_size(&out), rg_buf_slice(&out).data);
}

static inline void history_assert_intact(const struct history *history)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 16 << 20);
    struct audit_report report = history_verify(history, &arena);
    if (report.result != AUDIT_INTACT) {
        history_print(&report);
        fail_msg("not intact");
    }
}

#endif
