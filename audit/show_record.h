/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_SHOW_RECORD_H
#define RG_AUDIT_SHOW_RECORD_H

#include "audit/opener.h"
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
    struct rg_slice client;  /* address and port */
    struct rg_slice address; /* alone */
    struct rg_slice database;
    struct rg_slice listener;
    struct rg_slice application;
    struct rg_slice upstream;
    struct rg_slice policy;
    struct rg_slice session;
    struct rg_slice statement;
    bool is_break_glass;
    struct rg_slice personal_key; /* id of the key with which its personal values are sealed; empty = they are clear */
    struct rg_slice personal_token; /* what stands for the address */
    bool is_open;                   /* no value stayed closed; those that did are words of audit/opener.h */

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
    struct rg_slice method; /* of a request, as those below; reference also of logins */
    struct rg_slice path;
    struct rg_slice query;
    struct rg_slice action;
    struct rg_slice object; /* also of the log's own life */
    struct rg_slice reference;
    struct rg_slice guest; /* id of the guest token behind it */
    bool is_unmarked;      /* a guest's statement without its view's marker */
    struct rg_slice request;
    uint64_t status;         /* 0 = none */
    struct rg_slice digests; /* what a change says of them, as a JSON object; empty = nothing */
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
/* The same, with sealed values opened where that can be; opener NULL = none is. */
rg_status audit_shown_open(const struct audit_walked *record, struct audit_opener *opener, struct rg_arena *arena,
                           struct audit_shown *out_shown) RG_MUST_CHECK;

#endif
