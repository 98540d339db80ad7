/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_BASE_TOML_PRIVATE_H
#define RG_BASE_TOML_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The seam between rg_toml.cc (C++, toml++) and rg_toml.c: a walk over the document as plain calls. */

#ifdef __cplusplus
extern "C" {
#endif

struct rg_toml_event {
    int type; /* enum rg_toml_type */
    const char *key;
    size_t key_size;
    unsigned key_line, key_column; /* 0 = no key */
    unsigned line, column;
    const char *text;
    size_t text_size;
    int64_t integer;
    double number;
    bool boolean;
};

/* Called in the order of the file; on_close ends a table or an array. false stops the walk. Must not throw. */
struct rg_toml_visitor {
    void *context;
    bool (*on_node)(void *context, const struct rg_toml_event *event);
    void (*on_close)(void *context);
    void (*on_mistake)(void *context, const char *text, size_t text_size, unsigned line, unsigned column);
};

/* Parses and walks. No exception leaves it; out of memory is reported as a mistake. */
void rg_toml_walk(const char *text, size_t size, const struct rg_toml_visitor *visitor);

#ifdef __cplusplus
}
#endif

#endif
