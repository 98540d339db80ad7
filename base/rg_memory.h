/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_BASE_MEMORY_H
#define RG_BASE_MEMORY_H

#include <stddef.h>

/* The only door to the heap. Allocation aborts when the system is out of memory; what hostile input
 * can ask for is bounded by its caller first. Any thread. */
void *rg_memory_alloc(size_t size) __attribute__((malloc, returns_nonnull));               /* zeroed */
void *rg_memory_array(size_t count, size_t size) __attribute__((malloc, returns_nonnull)); /* zeroed, checked */
void *rg_memory_resize(void *memory, size_t size) __attribute__((returns_nonnull));
void rg_memory_free(void *memory);

#endif
