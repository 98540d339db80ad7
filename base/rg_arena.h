/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_BASE_ARENA_H
#define RG_BASE_ARENA_H

#include "base/rg_slice.h"
#include "base/rg_status.h"

/* A capped bump allocator: the owner of everything one statement, connection or snapshot needs.
 * Units: bytes. A full arena fails with RG_LIMIT and stays usable; system out-of-memory aborts.
 * Threads: one at a time. The zero value has a limit of 0 and so refuses every allocation. */
struct rg_arena {
    struct rg_arena_block *blocks;
    size_t used_bytes;  /* total handed out, block headers not counted */
    size_t limit_bytes; /* hard maximum of used_bytes */
};

/* Starts an empty arena in the caller's memory. */
void rg_arena_init(struct rg_arena *arena, size_t limit_bytes);
/* Frees all memory; the arena becomes the zero value. Accepts the zero value. */
void rg_arena_done(struct rg_arena *arena);
/* Frees all but one block, keeps the limit: for the next statement. */
void rg_arena_reset(struct rg_arena *arena);

/* Zeroed memory, aligned for any type, valid until reset or done. */
rg_status rg_arena_alloc(struct rg_arena *arena, size_t size, void **out_memory) RG_MUST_CHECK;
/* The same for count elements of size bytes, overflow checked. */
rg_status rg_arena_array(struct rg_arena *arena, size_t count, size_t size, void **out_memory) RG_MUST_CHECK;
/* A copy of bytes, followed by a NUL that the slice does not count. */
rg_status rg_arena_copy(struct rg_arena *arena, struct rg_slice bytes, struct rg_slice *out_copy) RG_MUST_CHECK;
/* printf into the arena; NUL-terminated, the NUL not counted. */
rg_status rg_arena_printf(struct rg_arena *arena, struct rg_slice *out_text, const char *format, ...)
    __attribute__((format(printf, 3, 4))) RG_MUST_CHECK;

/* One zeroed object of the type that *out_pointer points to. */
#define rg_arena_new(arena, out_pointer) rg_arena_alloc((arena), sizeof **(out_pointer), (void **)(out_pointer))

#endif
