/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_AUDIT_SEARCH_WORLD_H
#define RG_TESTS_SUPPORT_AUDIT_SEARCH_WORLD_H

/* A log with one record for each condition of a search, and a search that keeps what it found. */
#include "audit/search.h"
#include "base/rg_literal.h"
#include "tests/support/audit_dir.h"

enum { FOUND_MAX = 64 };

struct found {
    uint64_t seqs[FOUND_MAX];
    size_t count;
    char sql[4096]; /* of the last one */
    char note[512];
    size_t note_count;
};

static inline rg_status on_record(void *context, const struct audit_walked *record, const struct audit_shown *shown)
{
    struct found *found = context;
    assert_int_equal(record->place.seq, shown->seq);
    if (found->count < FOUND_MAX) {
        found->seqs[found->count] = shown->seq;
    }
    found->count++;
    (void)snprintf(found->sql, sizeof found->sql, "%.*s", shown->sql.size > 4000 ? 4000 : (int)shown->sql.size,
                   shown->sql.size == 0 ? "" : shown->sql.data);
    return RG_OK;
}

static inline void on_note(void *context, const char *text)
{
    struct found *found = context;
    found->note_count++;
    (void)snprintf(found->note, sizeof found->note, "%.500s", text);
}

static const struct audit_criteria anything = {.since_us = INT64_MIN, .until_us = INT64_MAX, .limit = UINT64_MAX};

static inline rg_status search(const struct audit_dir *dir, const struct audit_criteria *criteria,
                               struct found *out_found)
{
    uint64_t count = 0;
    *out_found = (struct found){0};
    const struct audit_search_sink sink = {.on_record = on_record, .on_note = on_note, .context = out_found};
    rg_status status = audit_search(rg_slice_of(dir->path), (struct rg_slice){0}, criteria, &sink, &count);
    assert_int_equal(count, out_found->count);
    return status;
}

static inline void open_log(const struct audit_dir *dir, struct audit_log *log)
{
    struct auditor_options options = audit_dir_options(dir);
    *log = (struct audit_log){0};
    assert_ok(audit_log_open(&options, log));
}

static inline void close_log(struct audit_log *log)
{
    assert_ok(audit_log_stop(log));
    audit_log_done(log);
}

static inline uint64_t put(struct audit_log *log, const struct audit_event *event)
{
    uint64_t seq = 0;
    assert_ok(audit_dir_append(log, event, &seq));
    assert_ok(audit_log_commit(log));
    return seq;
}

static inline struct audit_event statement(const char *tenant, const char *user, const char *sql)
{
    struct audit_event event = audit_sample(1, tenant);
    event.user = rg_slice_of(user);
    event.sql = rg_slice_of(sql);
    return event;
}

/* Records of known numbers. */
struct world {
    struct audit_dir dir;
    uint64_t login, failed, read, denied, write;
};

static inline void make_world(struct world *world)
{
    static const struct rg_slice orders[] = {{"t_acme.orders", 13}, {"t_acme.lines", 12}};
    static const struct rg_slice events[] = {{"shared.events", 13}};
    struct audit_log log;
    audit_dir_make(&world->dir);
    open_log(&world->dir, &log);
    struct audit_event event = statement("acme", "alice", "");
    event.kind = AUDIT_LOGIN;
    event.sql = (struct rg_slice){0};
    event.subject = RG_SLICE("oid-17");
    world->login = put(&log, &event);
    event.kind = AUDIT_LOGIN_FAILED;
    event.tenant = (struct rg_slice){0};
    event.user = RG_SLICE("mallory");
    event.message = RG_SLICE("the token has expired");
    world->failed = put(&log, &event);
    event = statement("acme", "alice", "select total from orders join lines using (id)");
    event.subject = RG_SLICE("oid-17");
    event.relations = orders;
    event.relation_count = 2;
    world->read = put(&log, &event);
    assert_ok(audit_log_seal(&log));
    event = statement("globex", "bob", "select Payload from events");
    event.relations = events;
    event.relation_count = 1;
    event.verdict = AUDIT_DENIED;
    event.sqlstate = RG_SLICE("42501");
    world->denied = put(&log, &event);
    event = statement("globex", "bob", "insert into events values (1)");
    event.relations = events;
    event.relation_count = 1;
    event.class_name = RG_SLICE("WRITE");
    world->write = put(&log, &event);
    close_log(&log);
}

static inline void assert_found(const struct found *found, const uint64_t *seqs, size_t count, const char *name)
{
    bool is_same = found->count == count;
    for (size_t i = 0; is_same && i < count; i++) {
        is_same = found->seqs[i] == seqs[i];
    }
    if (!is_same) {
        fail_msg("%s: %zu found, the first is %llu; expected %zu", name, found->count,
                 (unsigned long long)found->seqs[0], count);
    }
}

#endif
