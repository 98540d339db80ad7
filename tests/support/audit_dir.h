/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_AUDIT_DIR_H
#define RG_TESTS_SUPPORT_AUDIT_DIR_H

/* A throw-away log directory, and the files in it as bytes that a test may spoil. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/audit.h"
#include "audit/keys.h"
#include "audit/log.h"
#include "audit/verify.h"
#include "tests/support/rg_test.h"

#define TEST_ORIGIN "test/audit/node-1/1"

struct audit_dir {
    char path[64]; /* <temporary>/log */
    char root[64];
};

static inline void audit_dir_make_below(struct audit_dir *dir, const char *parent)
{
    (void)snprintf(dir->root, sizeof dir->root, "%.40s/rg-audit-XXXXXX", parent);
    assert_non_null(mkdtemp(dir->root));
    (void)snprintf(dir->path, sizeof dir->path, "%.50s/log", dir->root);
}

/* Without keys: no log opens there. */
static inline void audit_dir_make_bare(struct audit_dir *dir)
{
    audit_dir_make_below(dir, "/tmp");
}

/* Runs "verb 'a' 'b'". */
static inline void audit_dir_run(const char *verb, const char *a, const char *b)
{
    char command[1024];
    (void)snprintf(command, sizeof command, "%s '%s' '%s'", verb, a, b);
    assert_int_equal(system(command), 0);
}

static inline void audit_dir_remove(struct audit_dir *dir)
{
    audit_dir_run("rm -rf", dir->root, dir->path);
}

/* What `rowgate audit keys init` does, with few epochs. The root key lies in <temporary>/root.key. */
static inline void audit_dir_make_keys(const struct audit_dir *dir)
{
    char root_file[96];
    (void)snprintf(root_file, sizeof root_file, "%.60s/root.key", dir->root);
    const struct audit_keys_options options = {.directory = rg_slice_of(dir->path),
                                               .origin = RG_SLICE(TEST_ORIGIN),
                                               .root_file = rg_slice_of(root_file),
                                               .epoch_count = 32};
    assert_ok(audit_keys_init(&options));
}

static inline void audit_dir_make(struct audit_dir *dir)
{
    audit_dir_make_bare(dir);
    audit_dir_make_keys(dir);
}

/* In memory where the machine has that: for tests that open a log hundreds of times and care for no disk. */
static inline void audit_dir_make_fast(struct audit_dir *dir)
{
    audit_dir_make_below(dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    audit_dir_make_keys(dir);
}

static inline struct auditor_options audit_dir_options(const struct audit_dir *dir)
{
    return (struct auditor_options){
        .directory = rg_slice_of(dir->path), .origin = RG_SLICE(TEST_ORIGIN), .reserve_bytes = 256 * 1024};
}

static inline struct audit_event audit_sample(uint64_t number, const char *tenant)
{
    return (struct audit_event){.kind = AUDIT_STATEMENT,
                                .wall_us = 1700000000000000,
                                .session_id = 7,
                                .statement_id = number,
                                .tenant = rg_slice_of(tenant),
                                .user = RG_SLICE("alice"),
                                .verdict = AUDIT_REWRITTEN,
                                .class_name = RG_SLICE("READ"),
                                .sql = RG_SLICE("SELECT 1"),
                                .rows = number};
}

static inline rg_status audit_dir_append(struct audit_log *log, const struct audit_event *event, uint64_t *out_seq)
{
    RG_AUTO(rg_buf_done) struct rg_buf frames;
    rg_buf_init(&frames, SIZE_MAX / 2);
    RG_TRY(audit_record_encode(event, &frames));
    struct rg_slice cursor = rg_buf_slice(&frames);
    while (cursor.size > 0) {
        struct audit_message message = {0};
        RG_TRY(audit_message_get(&cursor, &message));
        RG_TRY(audit_log_append(log, &message, out_seq));
    }
    return RG_OK;
}

static inline void audit_dir_open(const struct audit_dir *dir, struct audit_log *out_log)
{
    struct auditor_options options = audit_dir_options(dir);
    assert_ok(audit_log_open(&options, out_log));
}

/* log.started, `count` statements of three tenants and none, log.stopped. */
static inline void audit_dir_fill(const struct audit_dir *dir, uint64_t count)
{
    static const char *const tenants[] = {"acme", "globex", "", "initech"};
    struct audit_log log = {0};
    audit_dir_open(dir, &log);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t seq = 0;
        struct audit_event event = audit_sample(i, tenants[i % 4]);
        assert_ok(audit_dir_append(&log, &event, &seq));
    }
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
}

/* The same without log.stopped and without a checkpoint: rowgate died within its first second. The space ahead is
 * cut, so that the last byte is the last record's. */
static inline void audit_dir_crash(const struct audit_dir *dir, uint64_t count)
{
    static const char *const tenants[] = {"acme", "globex", "", "initech"};
    struct audit_log log = {0};
    audit_dir_open(dir, &log);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t seq = 0;
        struct audit_event event = audit_sample(i, tenants[i % 4]);
        assert_ok(audit_dir_append(&log, &event, &seq));
    }
    assert_ok(audit_log_commit(&log));
    audit_keeper_wait(log.keeper);
    assert_ok(audit_segment_seal(&log.segment));
    audit_log_done(&log);
}

/* As if no checkpoint had ever been signed; for logs of epoch 0. */
static inline void audit_dir_forget(const struct audit_dir *dir)
{
    char command[256];
    (void)snprintf(command, sizeof command, "cd '%s' && rm -rf ckpt head.note tile seg/*.manifest", dir->path);
    assert_int_equal(system(command), 0);
}

struct audit_file {
    char path[128];
    char *bytes;
    size_t size;
};

static inline void audit_file_load(const struct audit_dir *dir, const char *name, struct audit_file *out_file)
{
    struct stat info;
    (void)snprintf(out_file->path, sizeof out_file->path, "%s/%.40s", dir->path, name);
    int fd = open(out_file->path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &info), 0);
    out_file->size = (size_t)info.st_size;
    out_file->bytes = malloc(out_file->size + 1);
    assert_non_null(out_file->bytes);
    assert_int_equal(read(fd, out_file->bytes, out_file->size), info.st_size);
    out_file->bytes[out_file->size] = '\0';
    (void)close(fd);
}

static inline void audit_file_write(const char *path, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    (void)close(fd);
}

static inline void audit_file_restore(const struct audit_file *file)
{
    audit_file_write(file->path, file->bytes, file->size);
}

static inline void audit_file_poke(const struct audit_file *file, size_t at, char byte)
{
    int fd = open(file->path, O_WRONLY);
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    (void)close(fd);
}

static inline struct audit_report audit_dir_verify(const struct audit_dir *dir, struct rg_arena *arena)
{
    struct audit_report report = {0};
    assert_ok(audit_verify(rg_slice_of(dir->path), arena, &report));
    return report;
}

static inline void assert_intact(const struct audit_dir *dir, uint64_t records)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 16 << 20);
    struct audit_report report = audit_dir_verify(dir, &arena);
    if (report.result != AUDIT_INTACT) {
        const struct audit_finding *finding = &report.findings[0];
        fail_msg("not intact: result %d, %.*s record %llu, line %llu: %.*s", (int)report.result,
                 RG_SLICE_ARGS(finding->file), (unsigned long long)finding->seq, (unsigned long long)finding->line,
                 RG_SLICE_ARGS(finding->reason));
    }
    if (records != 0 && report.record_count != records) {
        fail_msg("%llu records, expected %llu", (unsigned long long)report.record_count, (unsigned long long)records);
    }
}

#endif
