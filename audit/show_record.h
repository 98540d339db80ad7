/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_SHOW_RECORD_H
#define RG_AUDIT_SHOW_RECORD_H

#include "audit/walk.h"

/* What a record says, read back from its lines: JSON undone, texts whole again from their continuation records, and
 * the statement with its literals in place, byte for byte as it came. An attribute that is absent is empty. All of it
 * may be hostile: whoever prints it neutralises control characters. */
struct audit_shown {
    uint64_t seq;
    uint64_t line_count; /* with continuation records */
    bool is_whole;       /* no continuation record is missing and each long text has its hash */
    int64_t hlc_us;
    struct rg_digest leaf; /* of the first line */
    struct rg_slice boot;

    struct rg_slice kind; /* docs/audit-format.md 5; "part" for a continuation record alone */
    struct rg_slice tenant;
    struct rg_slice user;
    struct rg_slice subject;
    struct rg_slice idp;
    struct rg_slice client; /* address and port */
    struct rg_slice database;
    struct rg_slice listener;
    struct rg_slice application;
    struct rg_slice upstream;
    struct rg_slice policy;
    struct rg_slice session;
    struct rg_slice statement;
    bool is_break_glass;

    struct rg_slice phase;
    struct rg_slice verdict;
    struct rg_slice class_name;
    struct rg_slice rule;
    struct rg_slice sqlstate;
    struct rg_slice message;
    struct rg_slice sql;      /* as the client sent it */
    struct rg_slice sql_sent; /* as it went on, when that differs */
    struct rg_slice binds;    /* a JSON array */
    struct rg_slice *relations;
    size_t relation_count;
    bool has_result;
    uint64_t rows;
    uint64_t bytes;
    uint64_t duration_us;

    struct rg_slice rest; /* what the auditor's own kinds have besides, as a JSON object; empty = nothing */
};

enum { AUDIT_SHOWN_ARENA = 1536 * 1024 * 1024 }; /* what the largest record may take */

/* Returns: ok; RG_STORAGE when the record is no JSON of ours (the text names it); RG_LIMIT when the arena is full.
 * Owns: what *out_shown points to lives in the arena. Pure; any thread. */
rg_status audit_shown_parse(const struct audit_walked *record, struct rg_arena *arena,
                            struct audit_shown *out_shown) RG_MUST_CHECK;

#endif
