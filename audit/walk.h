/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_WALK_H
#define RG_AUDIT_WALK_H

#include "audit/line.h"
#include "audit/reader.h"

/* Goes through a log record by record, over all segments: a record is its line and, when its texts are long, the
 * continuation records right behind it. For those who read a log to show it; nothing is verified. The log may be
 * live: at its end one can ask again later. Threads: one at a time. */

struct audit_place {
    uint64_t segment_seq; /* the segment's name */
    uint64_t at;          /* offset of a line in it */
    uint64_t seq;         /* number of that line's record */
};

struct audit_walk {
    int directory_fd;        /* borrowed */
    struct audit_place next; /* of the record that comes next */
    int fd;                  /* of the segment that is read; -1 = none */
    struct audit_place line; /* of the line that the reader comes to; segment_seq names the open one */
    struct audit_reader reader;
    struct rg_buf lines;
};

/* A record as it stands in the files. Valid until the next call. */
struct audit_walked {
    struct audit_place place;
    struct audit_head head; /* of the first line */
    struct rg_slice line;   /* the first one, without its LF */
    struct rg_slice parts;  /* the continuation records, each with its LF; empty = none */
    uint64_t line_count;
    bool is_whole; /* no continuation record is missing, and it is none itself */
};

enum { AUDIT_WALK_MAX = 512 * 1024 * 1024 }; /* bytes of one record with its continuation records */

void audit_walk_init(struct audit_walk *walk, int directory_fd, const struct audit_place *from);
void audit_walk_done(struct audit_walk *walk); /* accepts the zero value */
/* The next record. *out_is_there false: the log has no further one yet, or its last one is not complete yet; with
 * takes_rest what there is of that is taken.
 * Returns: ok; RG_STORAGE when the log cannot be read, a line is none of ours or records are missing (the text says
 * where); RG_LIMIT for a record of more than AUDIT_WALK_MAX. The walk stays where it was then. */
rg_status audit_walk_next(struct audit_walk *walk, bool takes_rest, bool *out_is_there,
                          struct audit_walked *out_record) RG_MUST_CHECK;

/* The next record is the one at `place`. Cheap when that is near. */
void audit_walk_seek(struct audit_walk *walk, const struct audit_place *place);

/* Where record seq stands, by reading its segment. *out_is_there false: there is no such record. RG_STORAGE. */
rg_status audit_walk_find(int directory_fd, uint64_t seq, bool *out_is_there,
                          struct audit_place *out_place) RG_MUST_CHECK;

/* Is the line (whose head this is) a continuation record, or one with such records behind it? Then its k and n. */
bool audit_walk_part(struct rg_slice line, const struct audit_head *head, uint64_t *out_part, uint64_t *out_count);

#endif
