/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_CATALOG_READER_H
#define RG_PROXY_CATALOG_READER_H

#include "base/rg_clock.h"
#include "policy/relations.h"
#include "proxy/net/conninfo.h"

/* Keeps one upstream's catalogue snapshot (policy/relations.h) fresh: reads it by a thread of its own, at start, every
 * refresh_us, and on request, at most once a second; after a failure it keeps what it has and tries again after 1, 2,
 * 4, ... seconds, at most refresh_us. Refcounted, because a reload keeps the readers of upstreams that did not change.
 */
struct catalog_reader;

/* A change of state: the first answer after a start or after failures, other content than before, the first failure.
 * Valid during the call only. */
struct catalog_event {
    struct rg_slice upstream;
    bool is_ok;
    bool is_changed; /* other content than before */
    size_t relation_count;
    int64_t duration_us;
    struct rg_slice reason; /* when not ok; no secrets in it */
};

/* Called on the reader's thread, without locks held. on_event may be NULL. */
struct catalog_log {
    void (*on_event)(void *context, const struct catalog_event *event);
    void *context;
};

struct catalog_source {
    struct rg_slice upstream;      /* name, copied */
    struct net_conninfo *conninfo; /* takes its own reference */
    int64_t connect_timeout_us;
    int64_t refresh_us;
};

/* Starts the thread and the first read. clock must live as long as the reader. RG_INTERNAL when it cannot start. */
rg_status catalog_reader_new(const struct catalog_source *source, const struct rg_clock *clock, struct catalog_log log,
                             struct catalog_reader **out_reader) RG_MUST_CHECK;
struct catalog_reader *catalog_reader_ref(struct catalog_reader *reader);
/* Drops one reference; the last one stops and joins the thread, so not on an event loop. Accepts NULL. */
void catalog_reader_free(struct catalog_reader **reader);

/* Whether source is what the reader reads, for a reload; its timeouts may differ and are set by the second call. */
bool catalog_reader_is_for(const struct catalog_reader *reader, const struct catalog_source *source);
void catalog_reader_set_times(struct catalog_reader *reader, const struct catalog_source *source);

/* Goes up with each snapshot of other content; 0 = none yet. Any thread, no lock. */
uint64_t catalog_reader_version(const struct catalog_reader *reader);
/* The newest snapshot with a reference that the caller gives back; NULL when none was read yet. Any thread, takes a
 * short lock. */
struct policy_relations *catalog_reader_find(struct catalog_reader *reader);
/* Asks for a read that starts after now. *out_ticket: see is_done. Any thread. */
uint64_t catalog_reader_request(struct catalog_reader *reader);
/* Whether a read that started after the request has ended, well or not. */
bool catalog_reader_is_done(struct catalog_reader *reader, uint64_t ticket);
/* Blocks until there is a snapshot, at most timeout_us. Any thread but an event loop's. */
bool catalog_reader_wait(struct catalog_reader *reader, int64_t timeout_us);

/* One read on the caller's thread; blocks, at most connect_timeout_us and CATALOG_ANSWER_SECONDS. The document as the
 * database wrote it is appended to text; RG_UPSTREAM, RG_LIMIT, RG_CLOSED as net_query_text. */
enum { CATALOG_ANSWER_SECONDS = 30 };
rg_status catalog_read(struct net_conninfo *conninfo, int64_t connect_timeout_us, int stop_fd,
                       struct rg_buf *text) RG_MUST_CHECK;

#endif
