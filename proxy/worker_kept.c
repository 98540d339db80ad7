/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of events that outlive their session and the auditor they were meant for. */
#include "proxy/worker_kept.h"

#include <stddef.h>

#include "base/rg_memory.h"

enum { KEPT_DIGESTS = 3 };

struct kept_event {
    struct kept_event *next;
    struct audit_event event;
    struct rg_digest digests[KEPT_DIGESTS];
    char texts[];
};

static const size_t texts[] = {
    offsetof(struct audit_event, tenant),
    offsetof(struct audit_event, user),
    offsetof(struct audit_event, subject),
    offsetof(struct audit_event, idp),
    offsetof(struct audit_event, client_address),
    offsetof(struct audit_event, database),
    offsetof(struct audit_event, listener),
    offsetof(struct audit_event, application_name),
    offsetof(struct audit_event, upstream),
    offsetof(struct audit_event, policy),
    offsetof(struct audit_event, rule),
    offsetof(struct audit_event, sqlstate),
    offsetof(struct audit_event, message),
    offsetof(struct audit_event, class_name),
    offsetof(struct audit_event, sql),
    offsetof(struct audit_event, literals),
    offsetof(struct audit_event, reference),
    offsetof(struct audit_event, method),
    offsetof(struct audit_event, path),
    offsetof(struct audit_event, query),
    offsetof(struct audit_event, action),
    offsetof(struct audit_event, guest),
    offsetof(struct audit_event, digest_missing),
    offsetof(struct audit_event, object),
    offsetof(struct audit_event, operator_name),
    offsetof(struct audit_event, about_tenant),
    offsetof(struct audit_event, about_subject),
};

static struct rg_slice *text_at(struct audit_event *event, size_t at)
{
    return (void *)((char *)event + texts[at]);
}

static bool is_kept(const struct audit_event *event)
{
    bool is_decided = event->kind == AUDIT_STATEMENT || event->kind == AUDIT_HTTP;
    return event->kind == AUDIT_LOGOUT || event->kind == AUDIT_SESSION_REVOKE ||
           (is_decided && event->phase == AUDIT_OUTCOME);
}

static void keep_digests(struct kept_event *kept)
{
    const struct rg_digest **places[KEPT_DIGESTS] = {&kept->event.digest_before, &kept->event.digest_after,
                                                     &kept->event.request_sha256};
    for (size_t i = 0; i < KEPT_DIGESTS; i++) {
        if (*places[i] != NULL) {
            kept->digests[i] = **places[i];
            *places[i] = &kept->digests[i];
        }
    }
}

struct kept_event *kept_event_new(const struct audit_event *event)
{
    if (!is_kept(event)) {
        return NULL;
    }
    struct audit_event copy = *event;
    copy.sql_sent = (struct rg_slice){0};
    copy.literals_sent = (struct rg_slice){0};
    copy.binds = (struct rg_slice){0};
    if (copy.literals.size > KEPT_TEXT_MAX || copy.sql.size > KEPT_TEXT_MAX) { /* both or none */
        copy.sql = (struct rg_slice){0};
        copy.literals = (struct rg_slice){0};
    }
    copy.sql_sha256 = NULL;
    copy.relations = NULL;
    copy.relation_count = 0;
    size_t size = 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct rg_slice *text = text_at(&copy, i);
        *text = text->size > KEPT_TEXT_MAX ? (struct rg_slice){0} : *text;
        size += text->size;
    }
    struct kept_event *kept = rg_memory_alloc(sizeof *kept + size);
    char *end = kept->texts;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct rg_slice *text = text_at(&copy, i);
        if (text->size > 0) {
            memcpy(end, text->data, text->size);
            text->data = end;
            end += text->size;
        }
    }
    kept->event = copy;
    keep_digests(kept);
    return kept;
}

const struct audit_event *kept_event_of(const struct kept_event *kept)
{
    return &kept->event;
}

void kept_event_free(struct kept_event **kept)
{
    rg_memory_free(*kept);
    *kept = NULL;
}

void kept_events_add(struct kept_events *events, struct kept_event *kept)
{
    if (kept == NULL) {
        return;
    }
    if (events->count == KEPT_EVENTS_MAX) {
        events->lost_count++;
        kept_event_free(&kept);
        return;
    }
    kept->next = NULL;
    if (events->last == NULL) {
        events->first = kept;
    } else {
        events->last->next = kept;
    }
    events->last = kept;
    events->count++;
}

struct kept_event *kept_events_first(const struct kept_events *events)
{
    return events->first;
}

void kept_events_take(struct kept_events *events)
{
    events->first = events->first->next;
    events->last = events->first == NULL ? NULL : events->last;
    events->count--;
}

void kept_events_done(struct kept_events *events)
{
    while (events->first != NULL) {
        struct kept_event *kept = events->first;
        kept_events_take(events);
        kept_event_free(&kept);
    }
}
