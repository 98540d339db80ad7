/* SPDX-License-Identifier: Apache-2.0 */
/* The store of subjects' keys in the life of a log: which store is the log's, erasures that a crash or a restored copy
 * undid, keys that grew too old. Called by the auditor's loop, or by a command that has the log open. */
#include "audit/keep/subjects.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/keep/subjects_private.h"
#include "audit/sealer.h"
#include "base/rg_memory.h"

enum { MARK_MAX = 8192, TEND_APART_S = 60, PATH_ARENA = 64 * 1024 };

static const char mark_name[] = "subjects";
static const char lost_name[] = "subjects.lost";
static const int64_t second_us = 1000 * 1000;

struct audit_subjects {
    struct audit_log *log;
    struct subject_store *store;
    bool takes_keys;
    uint64_t backups_s;
    uint64_t unverified_s;
    int64_t tended_us;
    char trouble[256];
    char pseudonym[SUBJECT_PSEUDONYM_TEXT + sizeof AUDIT_SUBJECT_PREFIX];
    void (*on_erased)(void *context, const struct rg_digest *name);
    void *context;
};

/* ---- <log>/subjects: the id LF the directory LF ---- */

struct mark {
    bool is_there;
    struct rg_slice id;
    struct rg_slice directory;
};

static struct rg_slice take_line(struct rg_slice *rest)
{
    const char *end = rest->size == 0 ? NULL : memchr(rest->data, '\n', rest->size);
    struct rg_slice line = rg_slice_cut(*rest, 0, end == NULL ? 0 : (size_t)(end - rest->data));
    *rest = end == NULL ? (struct rg_slice){0} : rg_slice_cut(*rest, line.size + 1, SIZE_MAX);
    return line;
}

static rg_status read_mark(int directory_fd, struct rg_arena *arena, struct mark *out_mark)
{
    RG_AUTO(audit_fd_done) int fd = openat(directory_fd, mark_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    void *memory = NULL;
    struct mark mark = {.is_there = fd >= 0};
    if (fd < 0 && errno != ENOENT) {
        return rg_fail(RG_STORAGE, "cannot open the log's file subjects: %s", strerror(errno));
    }
    RG_TRY(rg_arena_alloc(arena, MARK_MAX, &memory));
    ssize_t size = fd < 0 ? 0 : read(fd, memory, MARK_MAX);
    struct rg_slice rest = rg_slice_make(memory, size < 0 ? 0 : (size_t)size);
    if (mark.is_there) {
        mark.id = take_line(&rest);
        RG_TRY(rg_arena_copy(arena, take_line(&rest), &mark.directory)); /* with its NUL */
        if (mark.id.size != SUBJECT_PSEUDONYM_TEXT || mark.directory.size == 0 || mark.directory.data[0] != '/') {
            return rg_fail(RG_STORAGE, "the log's file subjects is damaged");
        }
    }
    *out_mark = mark;
    return RG_OK;
}

static rg_status write_mark(struct audit_subjects *subjects, struct rg_slice directory)
{
    RG_AUTO(rg_buf_done) struct rg_buf text;
    struct rg_slice id = subject_store_id(subjects->store);
    rg_buf_init(&text, MARK_MAX);
    RG_TRY(rg_buf_printf(&text, "%.*s\n%.*s\n", RG_SLICE_ARGS(id), RG_SLICE_ARGS(directory)));
    return audit_store_put(subjects->log->store, subjects->log->directory_fd, mark_name, "subjects.new",
                           rg_buf_slice(&text), true);
}

rg_status audit_subjects_locate(int log_directory_fd, struct rg_arena *arena, struct rg_slice *out_directory)
{
    struct mark mark = {0};
    RG_TRY(read_mark(log_directory_fd, arena, &mark));
    *out_directory = mark.directory;
    return RG_OK;
}

/* ---- opening ---- */

bool audit_subjects_are_wanted(const struct auditor_options *options, const struct audit_log *log)
{
    return options->subjects.size > 0 || faccessat(log->directory_fd, mark_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Short: of why a start failed the supervisor shows 128 bytes. */
static rg_status refuse(const char *what)
{
    return rg_fail(RG_CONFIG,
                   "%s: restore them, or rename its file \"subjects\" to \"subjects.lost\" (docs/erasure.md)", what);
}

static rg_status check_mark(const struct audit_subjects *subjects, const struct mark *mark)
{
    if (mark->is_there && !rg_slice_is_equal(mark->id, subject_store_id(subjects->store))) {
        return refuse("these are not this log's subject keys");
    }
    return RG_OK;
}

/* An operator gave the old store up: that nobody can read its values any more is a fact for the log. */
static rg_status note_lost(struct audit_subjects *subjects)
{
    struct audit_log *log = subjects->log;
    if (faccessat(log->directory_fd, lost_name, F_OK, AT_SYMLINK_NOFOLLOW) != 0) {
        return RG_OK;
    }
    const struct audit_event event = {.kind = AUDIT_PII_ERASE,
                                      .object = RG_SLICE("all"),
                                      .operator_name = RG_SLICE("rowgate"),
                                      .message = RG_SLICE("the store of subjects' keys was given up as lost: what was "
                                                          "sealed before cannot be read any more")};
    RG_TRY(audit_log_note(log, &event));
    int result = log->store->remove(log->store->context, log->directory_fd, lost_name, false);
    return result < 0 ? audit_store_fail("cannot remove", lost_name, result) : RG_OK;
}

static rg_status open_store(struct audit_subjects *subjects, const struct auditor_options *options,
                            const struct mark *mark, struct rg_slice directory)
{
    bool was_made = false;
    rg_status status = subject_store_open(directory, options->origin, !mark->is_there, &was_made, &subjects->store);
    if (!rg_is_ok(status) && status.error->kind == RG_CONFIG && mark->is_there) {
        return refuse("this log's subject keys are not there");
    }
    RG_TRY(status);
    RG_TRY(check_mark(subjects, mark));
    if (!mark->is_there || !rg_slice_is_equal(mark->directory, directory)) {
        RG_TRY(write_mark(subjects, directory));
    }
    return was_made ? note_lost(subjects) : RG_OK;
}

static rg_status open_all(struct audit_subjects *subjects, const struct auditor_options *options,
                          struct rg_arena *arena)
{
    struct mark mark = {0};
    RG_TRY(read_mark(subjects->log->directory_fd, arena, &mark));
    struct rg_slice directory = options->subjects.size > 0 ? options->subjects : mark.directory;
    RG_TRY(open_store(subjects, options, &mark, directory));
    return subjects_follow(subjects->store, subjects->log);
}

rg_status audit_subjects_open(const struct auditor_options *options, struct audit_log *log,
                              struct audit_subjects **out_subjects)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_subjects *subjects = rg_memory_alloc(sizeof *subjects);
    rg_arena_init(&arena, PATH_ARENA);
    subjects->log = log;
    subjects->takes_keys = options->seals_personal;
    subjects->backups_s = options->subject_backups_s;
    subjects->unverified_s = options->unverified_s;
    rg_status status = open_all(subjects, options, &arena);
    if (!rg_is_ok(status)) {
        audit_subjects_close(&subjects);
        return status;
    }
    *out_subjects = subjects;
    return RG_OK;
}

void audit_subjects_close(struct audit_subjects **subjects)
{
    struct audit_subjects *old = *subjects;
    *subjects = NULL;
    if (old != NULL) {
        subject_store_close(&old->store);
        rg_memory_free(old);
    }
}

void audit_subjects_on_erased(struct audit_subjects *subjects,
                              void (*on_erased)(void *context, const struct rg_digest *name), void *context)
{
    subjects->on_erased = on_erased;
    subjects->context = context;
}

/* ---- keys ---- */

rg_status audit_subjects_take(struct audit_subjects *subjects, const struct audit_key_frame *frame)
{
    if (!subjects->takes_keys) {
        return rg_fail(RG_PROTOCOL, "a key of a subject, and personal fields are not encrypted here");
    }
    return subject_store_put(subjects->store, frame, rg_clock_wall_us(subjects->log->clock));
}

rg_status audit_subjects_commit(struct audit_subjects *subjects)
{
    return subject_store_commit(subjects->store);
}

/* ---- erasing ---- */

static rg_status destroy(struct audit_subjects *subjects, struct rg_slice tenant, struct rg_slice subject,
                         const struct subject_pseudonym *pseudonym)
{
    uint64_t count = 0;
    struct rg_digest name = audit_subject_hash(tenant, subject);
    RG_TRY(subject_store_erase(subjects->store, pseudonym, &count));
    if (subjects->on_erased != NULL) {
        subjects->on_erased(subjects->context, &name);
    }
    return RG_OK;
}

static rg_status find_hook(void *context, struct rg_slice tenant, struct rg_slice subject, struct rg_slice *out_object,
                           uint64_t *out_count)
{
    struct audit_subjects *subjects = context;
    struct subject_found found = {0};
    RG_TRY(subject_store_commit(subjects->store));
    RG_TRY(subject_store_find(subjects->store, tenant, subject, &found));
    if (!found.is_there) {
        return rg_fail(RG_CONFIG, "there are no keys of \"%.*s\" in that tenant: names are compared byte for byte",
                       rg_slice_shown(subject), subject.data);
    }
    subject_pseudonym_text(&found.pseudonym, subjects->pseudonym);
    *out_object = rg_slice_of(subjects->pseudonym);
    *out_count = found.key_count;
    return RG_OK;
}

static rg_status destroy_hook(void *context, struct rg_slice tenant, struct rg_slice subject, struct rg_slice object)
{
    struct audit_subjects *subjects = context;
    struct subject_pseudonym pseudonym;
    if (!subject_pseudonym_parse(object, &pseudonym)) {
        return rg_fail(RG_INTERNAL, "a pseudonym that is none");
    }
    return destroy(subjects, tenant, subject, &pseudonym);
}

/* A subject that nothing is known of yet can be held, too. */
static rg_status name_hook(void *context, struct rg_slice tenant, struct rg_slice subject, bool may_make,
                           struct rg_slice *out_name)
{
    struct audit_subjects *subjects = context;
    struct subject_found found = {0};
    if (may_make) {
        RG_TRY(subject_store_make(subjects->store, tenant, subject, rg_clock_wall_us(subjects->log->clock), &found));
    } else {
        RG_TRY(subject_store_find(subjects->store, tenant, subject, &found));
    }
    memcpy(subjects->pseudonym, AUDIT_SUBJECT_PREFIX, sizeof AUDIT_SUBJECT_PREFIX);
    subject_pseudonym_text(&found.pseudonym, subjects->pseudonym + sizeof AUDIT_SUBJECT_PREFIX - 1);
    *out_name = found.is_there ? rg_slice_of(subjects->pseudonym) : (struct rg_slice){0};
    return RG_OK;
}

struct audit_keep_subjects audit_subjects_hooks(struct audit_subjects *subjects)
{
    return (struct audit_keep_subjects){
        .find = find_hook, .destroy = destroy_hook, .name = name_hook, .context = subjects};
}

/* ---- what comes with time ---- */

/* By its name, or by the pseudonym that stands for it in the log. */
static bool is_held(const struct audit_subjects *subjects, struct rg_slice tenant, struct rg_slice subject,
                    const char *pseudonym)
{
    char name[SUBJECT_PSEUDONYM_TEXT + sizeof AUDIT_SUBJECT_PREFIX];
    const struct audit_holds *holds = &subjects->log->holds;
    (void)snprintf(name, sizeof name, AUDIT_SUBJECT_PREFIX "%s", pseudonym);
    return audit_holds_find_subject(holds, tenant, subject) != NULL ||
           audit_holds_find_subject(holds, tenant, rg_slice_of(name)) != NULL;
}

static rg_status expire_one(struct audit_subjects *subjects, const struct subject_pseudonym *pseudonym)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice tenant = {0}, subject = {0};
    bool is_there = false;
    char text[SUBJECT_PSEUDONYM_TEXT + 1];
    rg_arena_init(&arena, PATH_ARENA);
    RG_TRY(subject_store_name(subjects->store, pseudonym, &arena, &is_there, &tenant, &subject));
    subject_pseudonym_text(pseudonym, text);
    if (!is_there || is_held(subjects, tenant, subject, text)) {
        return RG_OK;
    }
    const struct audit_event event = {.kind = AUDIT_PII_ERASE,
                                      .object = rg_slice_of(text),
                                      .operator_name = RG_SLICE("rowgate"),
                                      .record_count = 1,
                                      .message = RG_SLICE("failed logins of a day that is too long ago")};
    RG_TRY(audit_log_note(subjects->log, &event));
    return destroy(subjects, tenant, subject, pseudonym);
}

static rg_status expire(struct audit_subjects *subjects, int64_t now_us)
{
    RG_AUTO(rg_buf_done) struct rg_buf old;
    rg_buf_init(&old, 1024 * 1024);
    if (subjects->unverified_s == 0) {
        return RG_OK;
    }
    uint64_t kept_s = subjects->unverified_s > INT32_MAX ? INT32_MAX : subjects->unverified_s;
    RG_TRY(subject_store_older(subjects->store, RG_SLICE(AUDIT_SUBJECT_UNVERIFIED),
                               now_us - (int64_t)kept_s * second_us, &old));
    for (struct rg_slice rest = rg_buf_slice(&old); rest.size >= SUBJECT_PSEUDONYM_SIZE;
         rest = rg_slice_cut(rest, SUBJECT_PSEUDONYM_SIZE, SIZE_MAX)) {
        struct subject_pseudonym pseudonym;
        memcpy(pseudonym.bytes, rest.data, sizeof pseudonym.bytes);
        RG_TRY(expire_one(subjects, &pseudonym));
    }
    return RG_OK;
}

rg_status audit_subjects_tend(struct audit_subjects *subjects, const char **out_trouble)
{
    int64_t now_us = rg_clock_wall_us(subjects->log->clock);
    rg_status status = subject_store_back_up(subjects->store, now_us, subjects->backups_s);
    (void)snprintf(subjects->trouble, sizeof subjects->trouble, "%.255s", rg_is_ok(status) ? "" : status.error->text);
    *out_trouble = subjects->trouble;
    bool is_due = now_us - subjects->tended_us >= TEND_APART_S * second_us || now_us < subjects->tended_us;
    if (!is_due || audit_log_state(subjects->log, NULL) == AUDIT_CLOSED) {
        return RG_OK;
    }
    subjects->tended_us = now_us;
    RG_TRY(expire(subjects, now_us));
    if (audit_log_state(subjects->log, NULL) == AUDIT_OPEN) {
        RG_TRY(subject_store_reserve(subjects->store));
    }
    return subject_store_set_followed(subjects->store, subjects->log->durable_seq);
}
