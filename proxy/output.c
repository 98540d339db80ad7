/* SPDX-License-Identifier: Apache-2.0 */
/* The gate of law L4 on a client's byte stream. The session puts bytes and barriers, the worker reports
 * durable tickets; whatever lies before the first barrier may leave. */
#include "proxy/output.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/rg_memory.h"

enum { SEQUENCE_DIGITS = 16 };

void output_init(struct output *output, size_t limit_bytes)
{
    *output = (struct output){.base = 1};
    rg_buf_init(&output->held, limit_bytes);
}

void output_done(struct output *output)
{
    rg_buf_done(&output->held);
    rg_memory_free(output->barriers);
    *output = (struct output){0};
}

rg_status output_put(struct output *output, struct rg_slice bytes)
{
    return rg_buf_put(&output->held, bytes);
}

struct rg_buf *output_buf(struct output *output)
{
    return &output->held;
}

uint64_t output_at(const struct output *output)
{
    return output->base + rg_buf_size(&output->held);
}

static rg_status add_barrier(struct output *output, struct output_barrier barrier)
{
    if (output->barrier_count == OUTPUT_BARRIERS_MAX) {
        return rg_fail(RG_LIMIT, "more than %d results wait for their audit records", OUTPUT_BARRIERS_MAX);
    }
    if (output->barrier_count == output->barrier_capacity) {
        size_t capacity = output->barrier_capacity == 0 ? 8 : output->barrier_capacity * 2;
        output->barriers = rg_memory_resize(output->barriers, capacity * sizeof barrier);
        output->barrier_capacity = capacity;
    }
    output->barriers[output->barrier_count++] = barrier;
    return RG_OK;
}

bool output_is_open(const struct output *output)
{
    return output->barrier_count > 0 && output->barriers[output->barrier_count - 1].ticket == 0;
}

size_t output_open_size(const struct output *output)
{
    if (!output_is_open(output)) {
        return 0;
    }
    return (size_t)(output_at(output) - output->barriers[output->barrier_count - 1].at);
}

rg_status output_open(struct output *output)
{
    if (output_is_open(output)) {
        return RG_OK;
    }
    return add_barrier(output, (struct output_barrier){.at = output_at(output)});
}

rg_status output_close(struct output *output, uint64_t ticket, uint64_t patch_at)
{
    RG_ASSERT(ticket != 0);
    RG_TRY(output_open(output));
    struct output_barrier *last = &output->barriers[output->barrier_count - 1];
    last->ticket = ticket;
    last->patch_at = patch_at;
    return RG_OK;
}

void output_drop_open(struct output *output)
{
    RG_ASSERT(output_is_open(output));
    uint64_t at = output->barriers[--output->barrier_count].at;
    rg_buf_truncate(&output->held, (size_t)(at - output->base));
}

void output_drop_waiting(struct output *output)
{
    if (output->barrier_count > 0) {
        rg_buf_truncate(&output->held, (size_t)(output->barriers[0].at - output->base));
        output->barrier_count = 0;
    }
}

static void fill_digits(struct output *output, uint64_t patch_at, uint64_t sequence)
{
    char digits[SEQUENCE_DIGITS + 8];
    (void)snprintf(digits, sizeof digits, "%016" PRIu64, sequence);
    RG_ASSERT(patch_at >= output->base && patch_at + SEQUENCE_DIGITS <= output_at(output));
    memcpy(output->held.bytes + output->held.start + (size_t)(patch_at - output->base), digits, SEQUENCE_DIGITS);
}

void output_durable(struct output *output, uint64_t ticket, uint64_t sequence)
{
    for (size_t i = 0; i < output->barrier_count; i++) {
        if (ticket == 0 || output->barriers[i].ticket != ticket) {
            continue;
        }
        if (output->barriers[i].patch_at != 0) {
            fill_digits(output, output->barriers[i].patch_at, sequence);
        }
        memmove(&output->barriers[i], &output->barriers[i + 1],
                (output->barrier_count - i - 1) * sizeof output->barriers[0]);
        output->barrier_count--;
        return;
    }
}

struct rg_slice output_ready(const struct output *output)
{
    struct rg_slice held = rg_buf_slice(&output->held);
    if (output->barrier_count == 0) {
        return held;
    }
    return rg_slice_cut(held, 0, (size_t)(output->barriers[0].at - output->base));
}

void output_consume(struct output *output, size_t size)
{
    RG_ASSERT(size <= output_ready(output).size);
    rg_buf_consume(&output->held, size);
    output->base += size;
}

bool output_is_empty(const struct output *output)
{
    return rg_buf_size(&output->held) == 0;
}
