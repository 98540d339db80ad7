/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_RECORD_PRIVATE_H
#define RG_AUDIT_RECORD_PRIVATE_H

#include <jansson.h>

#include "audit/message.h"

enum { AUDIT_LONG_TEXTS_MAX = 24 }; /* more than the texts an event has */

/* A text that does not stand whole in the first record: its bytes follow in continuation records. */
struct audit_long_text {
    const char *field;
    struct rg_slice bytes;
    struct rg_digest sha256; /* of bytes */
    bool is_valid;           /* UTF-8: pieces as "text", otherwise as "b64" */
};

/* One event on its way to JSON. The two objects are owned; all slices are the event's. */
struct audit_writer {
    const struct audit_event *event;
    json_t *rg;
    json_t *ocsf;
    struct audit_long_text long_texts[AUDIT_LONG_TEXTS_MAX];
    size_t long_count;
    size_t b64_left;         /* room for short texts that are not UTF-8 */
    struct rg_buf scratch;   /* one readable text at a time */
    struct rg_buf relations; /* the names, NUL between them, when they do not fit as an array */
    rg_status status;        /* the first failure; later calls do nothing then */
};

/* Sets object[key] to the text; an empty one is left out. What does not stand there whole is kept as
 * rg["<field>_b64"] or as a long text called field. field NULL: a second copy for readers, cut freely. */
void audit_writer_text(struct audit_writer *writer, json_t *object, const char *key, const char *field,
                       struct rg_slice text, size_t limit_bytes);
void audit_writer_number(struct audit_writer *writer, json_t *object, const char *key, uint64_t value);
void audit_writer_hex(struct audit_writer *writer, json_t *object, const char *key, uint64_t value);
void audit_writer_digest(struct audit_writer *writer, json_t *object, const char *key, const struct rg_digest *digest);
/* A new empty object under key, borrowed from it. */
json_t *audit_writer_object(struct audit_writer *writer, json_t *object, const char *key);
void audit_writer_relations(struct audit_writer *writer);

/* The OCSF object of the event (class, activity, metadata, ...). */
void audit_writer_ocsf(struct audit_writer *writer);
/* The same for a continuation record: only what each record needs. */
void audit_writer_ocsf_part(struct audit_writer *writer);

#endif
