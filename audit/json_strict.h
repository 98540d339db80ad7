/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_JSON_STRICT_H
#define RG_AUDIT_JSON_STRICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is this text one JSON object that says the same to every reader? simdjson parses it; audit/json_strict.cc is the
 * one C++ file of the folder. For the auditor, before it takes a record from a client it does not trust.
 * Threads: one at a time each. */

#ifdef __cplusplus
extern "C" {
#endif

enum { AUDIT_JSON_DEPTH_MAX = 16 }; /* objects and arrays inside each other */

struct audit_json; /* parser, its memory, and the last object that was accepted */

/* Aborts when there is no memory, as base/rg_memory.h does. */
struct audit_json *audit_json_new(void);
void audit_json_free(struct audit_json **json); /* accepts NULL inside; nulls */

/* Checks `text`: one object, RFC 8259, nothing before or behind it, at most AUDIT_JSON_DEPTH_MAX deep, no object with
 * a key twice (compared after unescaping), no half of a surrogate pair, no NUL in a key, integers within int64_t.
 * members, such as
 * "\"seq\":0," (each with a comma behind), stand for keys that the object gets later: it may have none of them.
 * Returns: NULL = accepted; otherwise what is wrong, static storage. No exception leaves it. */
const char *audit_json_check(struct audit_json *json, const char *members, const char *text, size_t size);

/* The same for a text that was accepted before it was stored: keys that stand twice are not looked for, nor halves of
 * surrogate pairs. */
const char *audit_json_read(struct audit_json *json, const char *text, size_t size);

/* Of the object that was accepted last; false when the key is absent or something else. */
bool audit_json_is_integer(const struct audit_json *json, const char *key);
bool audit_json_is_object(const struct audit_json *json, const char *key);
bool audit_json_has(const struct audit_json *json, const char *key);
/* *out_text is valid until the next check; it may hold NUL. */
bool audit_json_string(const struct audit_json *json, const char *key, const char **out_text, size_t *out_size);
/* The same further in: the path's keys with '.' between them. */
bool audit_json_string_at(const struct audit_json *json, const char *path, const char **out_text, size_t *out_size);
bool audit_json_integer_at(const struct audit_json *json, const char *path, int64_t *out_value);

#ifdef __cplusplus
}
#endif

#endif
