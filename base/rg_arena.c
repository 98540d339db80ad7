/* SPDX-License-Identifier: Apache-2.0 */
/* Capped bump allocator. Blocks double from 4 KiB to 1 MiB; a larger request gets its own block. */
#include "base/rg_arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/rg_memory.h"

struct rg_arena_block {
    struct rg_arena_block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

enum { FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20, ALIGNMENT = alignof(max_align_t) };

void rg_arena_init(struct rg_arena *arena, size_t limit_bytes)
{
    *arena = (struct rg_arena){.limit_bytes = limit_bytes};
}

static void free_blocks(struct rg_arena_block *block)
{
    while (block != NULL) {
        struct rg_arena_block *next = block->next;
        rg_memory_free(block);
        block = next;
    }
}

void rg_arena_done(struct rg_arena *arena)
{
    free_blocks(arena->blocks);
    *arena = (struct rg_arena){0};
}

void rg_arena_reset(struct rg_arena *arena)
{
    arena->used_bytes = 0;
    struct rg_arena_block *kept = arena->blocks;
    if (kept == NULL) {
        return;
    }
    free_blocks(kept->next);
    kept->next = NULL;
    if (kept->size > LARGEST_BLOCK) {
        free_blocks(kept);
        arena->blocks = NULL;
        return;
    }
    kept->used = 0;
}

static struct rg_arena_block *add_block(struct rg_arena *arena, size_t at_least)
{
    size_t size = FIRST_BLOCK;
    if (arena->blocks != NULL) {
        size = arena->blocks->size < LARGEST_BLOCK ? arena->blocks->size * 2 : LARGEST_BLOCK;
    }
    if (size < at_least) {
        size = at_least;
    }
    struct rg_arena_block *block = rg_memory_resize(NULL, sizeof *block + size); /* zeroed as it is handed out */
    block->next = arena->blocks;
    block->size = size;
    block->used = 0;
    arena->blocks = block;
    return block;
}

/* Memory as it is. */
static rg_status take(struct rg_arena *arena, size_t size, void **out_memory)
{
    size_t rounded = 0;
    if (!rg_size_add(size, ALIGNMENT - 1, &rounded)) {
        return rg_fail(RG_LIMIT, "allocation of %zu bytes", size);
    }
    rounded &= ~(size_t)(ALIGNMENT - 1);
    if (rounded > arena->limit_bytes - arena->used_bytes) {
        return rg_fail(RG_LIMIT, "out of memory for this request: %zu bytes wanted, limit %zu", size,
                       arena->limit_bytes);
    }
    struct rg_arena_block *block = arena->blocks;
    if (block == NULL || block->size - block->used < rounded) {
        block = add_block(arena, rounded);
    }
    *out_memory = block->bytes + block->used;
    block->used += rounded;
    arena->used_bytes += rounded;
    return RG_OK;
}

rg_status rg_arena_alloc(struct rg_arena *arena, size_t size, void **out_memory)
{
    void *memory = NULL;
    RG_TRY(take(arena, size, &memory));
    memset(memory, 0, size);
    *out_memory = memory;
    return RG_OK;
}

rg_status rg_arena_array(struct rg_arena *arena, size_t count, size_t size, void **out_memory)
{
    size_t total = 0;
    if (!rg_size_multiply(count, size, &total)) {
        return rg_fail(RG_LIMIT, "allocation of %zu elements of %zu bytes", count, size);
    }
    return rg_arena_alloc(arena, total, out_memory);
}

rg_status rg_arena_copy(struct rg_arena *arena, struct rg_slice bytes, struct rg_slice *out_copy)
{
    size_t size = 0;
    if (!rg_size_add(bytes.size, 1, &size)) {
        return rg_fail(RG_LIMIT, "allocation of %zu bytes", bytes.size);
    }
    void *memory = NULL;
    RG_TRY(take(arena, size, &memory));
    char *copy = memory;
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    copy[bytes.size] = '\0';
    *out_copy = (struct rg_slice){copy, bytes.size};
    return RG_OK;
}

/* Free bytes of the newest block that may still be handed out; *out_memory is where they begin. */
static size_t room_left(const struct rg_arena *arena, char **out_memory)
{
    struct rg_arena_block *block = arena->blocks;
    if (block == NULL) {
        return 0;
    }
    size_t room = block->size - block->used;
    size_t allowed = arena->limit_bytes - arena->used_bytes;
    *out_memory = (char *)block->bytes + block->used;
    return room < allowed ? room : allowed;
}

rg_status rg_arena_printf(struct rg_arena *arena, struct rg_slice *out_text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    char *text = NULL;
    size_t room = room_left(arena, &text); /* mostly enough: then it is written once, not measured first */
    int length = vsnprintf(text, room, format, arguments);
    va_end(arguments);
    void *memory = NULL;
    rg_status status = length < 0 ? rg_fail(RG_INTERNAL, "cannot format \"%s\"", format) : RG_OK;
    if (rg_is_ok(status) && (size_t)length + ALIGNMENT <= room) {
        size_t rounded = ((size_t)length + ALIGNMENT) & ~(size_t)(ALIGNMENT - 1);
        arena->blocks->used += rounded;
        arena->used_bytes += rounded;
        *out_text = (struct rg_slice){text, (size_t)length};
    } else if (rg_is_ok(status)) {
        status = rg_arena_alloc(arena, (size_t)length + 1, &memory);
        if (rg_is_ok(status)) {
            (void)vsnprintf(memory, (size_t)length + 1, format, again);
            *out_text = (struct rg_slice){memory, (size_t)length};
        }
    }
    va_end(again);
    return status;
}
