/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_READER_H
#define RG_AUDIT_READER_H

#include "audit/record.h"

/* Reads a log directory: which segments there are, and the lines of one. Used by recovery, verify and
 * show. It reads with pread and not through mmap, because a live log is shortened when a segment is
 * sealed, and a SIGBUS is no finding. Threads: one at a time. */

enum { AUDIT_SEGMENT_NAME_SIZE = 24 }; /* "0000000000001234.jsonl" and its NUL, and one spare */

struct audit_segments {
    uint64_t *first_seqs; /* ascending; in the arena */
    size_t count;
    uint64_t *manifest_seqs; /* of the manifests, by their names; the same */
    size_t manifest_count;
    struct rg_slice stranger; /* a name that is no segment's; empty = none */
};

/* The segments of directory_fd/seg. RG_STORAGE when it cannot be read; RG_LIMIT when the arena is full. */
rg_status audit_segments_load(int directory_fd, struct rg_arena *arena,
                              struct audit_segments *out_segments) RG_MUST_CHECK;
/* Opens the log's directory, or seg/<first_seq>.jsonl in it, for reading. RG_STORAGE. */
rg_status audit_directory_open(struct rg_slice directory, struct rg_arena *arena, int *out_fd) RG_MUST_CHECK;
rg_status audit_segment_open_read(int directory_fd, uint64_t first_seq, int *out_fd) RG_MUST_CHECK;
/* For RG_AUTO: closes *fd unless negative. */
void audit_fd_done(const int *fd);
void audit_segment_name(uint64_t first_seq, char out_name[AUDIT_SEGMENT_NAME_SIZE]);
/* The content of directory_fd/origin without its LF. RG_STORAGE when absent or malformed. */
rg_status audit_origin_load(int directory_fd, struct rg_arena *arena, struct rg_slice *out_origin) RG_MUST_CHECK;

enum audit_reading {
    AUDIT_READING_END = 0, /* the file ends behind the last LF */
    AUDIT_READING_LINE,    /* a line, its LF not counted */
    AUDIT_READING_ZERO,    /* a NUL where a line should start: perhaps space written ahead */
    AUDIT_READING_TORN,    /* bytes without LF up to the end of the file */
    AUDIT_READING_LONG     /* more than AUDIT_LINE_MAX bytes without LF */
};

struct audit_reader {
    int fd;               /* borrowed */
    struct rg_buf held;   /* bytes read and not taken yet */
    uint64_t offset;      /* in the file, of what comes next */
    uint64_t line_offset; /* of the line that was read last */
    uint64_t line_number; /* same, 1-based */
    size_t taken;         /* bytes of held that the last line occupies */
    bool is_at_end;       /* the file has no more bytes */
    bool is_counted;      /* line_number already counts what comes next */
};

void audit_reader_init(struct audit_reader *reader, int fd);
void audit_reader_done(struct audit_reader *reader);
/* The next line; *out_line is valid until the next call. After anything but AUDIT_READING_LINE the reader
 * stays where it is. RG_STORAGE on read errors. */
rg_status audit_reader_next(struct audit_reader *reader, enum audit_reading *out_reading,
                            struct rg_slice *out_line) RG_MUST_CHECK;
/* audit_line_leaf of the last line, after AUDIT_READING_LINE: hashed in one piece, 0x00 being put in front of it. */
struct rg_digest audit_reader_leaf(const struct audit_reader *reader);
/* The last line comes again with the next call. */
void audit_reader_unread(struct audit_reader *reader);
/* Forgets what was read ahead: the next call reads the file anew, behind the last line. */
void audit_reader_seek(struct audit_reader *reader);
/* The offset behind the last byte that is not zero, at or after `from`; `from` when all are zero. */
rg_status audit_reader_used_end(int fd, uint64_t from, uint64_t *out_end) RG_MUST_CHECK;

#endif
