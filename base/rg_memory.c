/* SPDX-License-Identifier: Apache-2.0 */
/* malloc, calloc, realloc and free are called here and nowhere else in rowgate. */
#include "base/rg_memory.h"

#include <stdlib.h>

#include "base/rg_status.h"

void *rg_memory_alloc(size_t size)
{
    void *memory = calloc(1, size == 0 ? 1 : size);
    RG_ASSERT(memory != NULL);
    return memory;
}

void *rg_memory_array(size_t count, size_t size)
{
    void *memory = calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);
    RG_ASSERT(memory != NULL);
    return memory;
}

void *rg_memory_resize(void *memory, size_t size)
{
    void *resized = realloc(memory, size == 0 ? 1 : size);
    RG_ASSERT(resized != NULL);
    return resized;
}

void rg_memory_free(void *memory)
{
    free(memory);
}
