/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_SEARCH_H
#define RG_AUDIT_SEARCH_H

#include "audit/show_record.h"

/* Finds records. An index (audit/index.h) says where to look, and is brought up to date first; what is found is read
 * from the segments, and each condition is checked there again. An index that points to a line that is not what it
 * says, or to a record that does not have what it says, is thrown away and built again from the log. */

struct audit_criteria { /* all must hold; an empty slice is no condition */
    struct rg_slice tenant;
    struct rg_slice subject;   /* of the token, or the user's name */
    struct rg_slice client;    /* address, without its port */
    struct rg_slice action;    /* audit_search_actions */
    struct rg_slice object;    /* of a request: "dashboard/12", or the type alone; of the log's own records: whole */
    struct rg_slice reference; /* of a request or a login over HTTP */
    struct rg_slice guest;     /* id of a guest token: what was done with it, on both planes */
    struct rg_slice status;    /* of a request: "403", or "4xx" */
    struct rg_slice table;     /* "schema.table", or the table alone */
    struct rg_slice text;      /* part of the client's statement or of the message; ASCII letters in any case. UTF-8 */
    int64_t since_us;          /* hlc >= this */
    int64_t until_us;          /* hlc < this */
    uint64_t limit;            /* the newest so many; UINT64_MAX = all */
};

struct audit_search_sink {
    /* In the order of the log. Borrowed for the call; a failure ends the search. */
    rg_status (*on_record)(void *context, const struct audit_walked *record, const struct audit_shown *shown);
    void (*on_note)(void *context, const char *text); /* what the user should know about the index */
    void *context;
};

/* subjects: the directory of subjects' keys, for what is sealed; empty = the one that the log names, if any.
 * Returns: ok; RG_STORAGE when the log cannot be read: what was found before that place has been delivered;
 * RG_CONFIG for a text that is not UTF-8; what the sink returned. *out_count is set also then.
 * Threads: any; searches in other processes wait for each other while the index is written. */
rg_status audit_search(struct rg_slice directory, struct rg_slice subjects, const struct audit_criteria *criteria,
                       const struct audit_search_sink *sink, uint64_t *out_count) RG_MUST_CHECK;

/* The words by which a record is found as an action: its kind, the class of its statement or request in small letters,
 * its verdict, "failed" when it has an SQLSTATE or a status from 400 on or failed; of a request also its action and
 * "read", "write" or "query" (audit/web.h); "query" of every statement; "unmarked" of a guest's without the marker. At
 * most AUDIT_ACTIONS_MAX, in the arena or static. */
enum { AUDIT_ACTIONS_MAX = 7 };
rg_status audit_search_actions(const struct audit_shown *shown, struct rg_arena *arena,
                               struct rg_slice out_actions[AUDIT_ACTIONS_MAX], size_t *out_count) RG_MUST_CHECK;

#endif
