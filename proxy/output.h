/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_OUTPUT_H
#define RG_PROXY_OUTPUT_H

#include "base/rg_buf.h"

/* What waits to be sent to one client, gated by law L4: bytes behind a barrier do not leave before the
 * audit record of that barrier's ticket is durable. Bytes keep their order; barriers are answered in
 * ticket order. Pure data: it neither sends nor records. Threads: one.
 *
 *   put, put | barrier (open) | put put put | barrier (ticket 7) | put
 *   ^ may leave               ^ held until a ticket closes it and is durable
 */

enum { OUTPUT_BARRIERS_MAX = 4096 };

struct output_barrier {
    uint64_t at;       /* stream offset from which bytes are held */
    uint64_t ticket;   /* 0 = open: its record is not submitted yet */
    uint64_t patch_at; /* stream offset of 16 digits to fill with the sequence number; 0 = none */
};

struct output {
    struct rg_buf held;
    uint64_t base; /* stream offset of held's first byte; starts at 1 so that 0 means none */
    size_t barrier_count;
    size_t barrier_capacity;
    struct output_barrier *barriers;
};

void output_init(struct output *output, size_t limit_bytes);
void output_done(struct output *output);

/* Appends. RG_LIMIT when the limit is passed or there are too many barriers. */
rg_status output_put(struct output *output, struct rg_slice bytes) RG_MUST_CHECK;
/* The buffer to encode into directly; what is appended counts as put. */
struct rg_buf *output_buf(struct output *output);
/* The stream offset of the next byte put. */
uint64_t output_at(const struct output *output);

/* From here on bytes are held until output_close gives the ticket. A second open while one is open changes
 * nothing: one record covers both. */
rg_status output_open(struct output *output) RG_MUST_CHECK;
bool output_is_open(const struct output *output);
/* Bytes held behind the open barrier; 0 when none is open. */
size_t output_open_size(const struct output *output);
/* The open barrier (or a new one here, when none is open) waits for ticket. patch_at as above or 0. */
rg_status output_close(struct output *output, uint64_t ticket, uint64_t patch_at) RG_MUST_CHECK;
/* Drops the open barrier with everything behind it: those bytes will never have a record. */
void output_drop_open(struct output *output);
/* Drops the first barrier with everything behind it: none of those records will come. What lies before it stays, it may
 * have left in part. */
void output_drop_waiting(struct output *output);
/* The record of ticket is durable as number sequence: removes its barrier, fills the digits. */
void output_durable(struct output *output, uint64_t ticket, uint64_t sequence);

/* What may leave now; valid until the next put. */
struct rg_slice output_ready(const struct output *output);
void output_consume(struct output *output, size_t size);
bool output_is_empty(const struct output *output);

#endif
