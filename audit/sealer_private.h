/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_SEALER_PRIVATE_H
#define RG_AUDIT_SEALER_PRIVATE_H

#include "audit/message.h"
#include "audit/personal.h"
#include "base/rg_clock.h"

/* ---- audit/sealer_keys.c: the keys of an encoder's subjects ---- */

struct sealer_keys;
struct sealer_subject;

rg_status sealer_keys_new(struct rg_slice origin, const struct rg_clock *clock,
                          struct sealer_keys **out_keys) RG_MUST_CHECK;
void sealer_keys_free(struct sealer_keys **keys); /* wipes */
/* The subject of an event, with a key that may seal. Valid until the next take or forget. RG_LIMIT. */
rg_status sealer_keys_take(struct sealer_keys *keys, const struct audit_event *event,
                           struct sealer_subject **out_subject) RG_MUST_CHECK;
void sealer_keys_forget(struct sealer_keys *keys, const struct rg_digest *name);

struct audit_personal_key *sealer_subject_key(struct sealer_subject *subject);
bool sealer_subject_is_announced(const struct sealer_subject *subject);
void sealer_subject_set_announced(struct sealer_subject *subject, bool is_announced);
/* Borrows from the subject. Holds the key: wipe it. */
void sealer_subject_frame(const struct sealer_subject *subject, struct audit_key_frame *out_frame);

/* ---- audit/sealer_cache.c: what was sealed lately; bounded to some 20 MiB ---- */

struct sealer_cache;

struct sealer_cache *sealer_cache_new(void);
void sealer_cache_free(struct sealer_cache **cache);
void sealer_cache_clear(struct sealer_cache *cache);
/* Puts what the value was sealed as into the empty buffer. AUDIT_PERSONAL_NONE: the token of an address. */
bool sealer_cache_find(const struct sealer_cache *cache, const struct audit_personal_key *key,
                       enum audit_personal_field field, struct rg_slice value, struct rg_buf *out);
void sealer_cache_keep(struct sealer_cache *cache, const struct audit_personal_key *key,
                       enum audit_personal_field field, struct rg_slice value, struct rg_slice sealed);
/* The token of a statement's hash. */
struct rg_digest sealer_cache_digest(struct sealer_cache *cache, const struct audit_personal_key *key,
                                     struct rg_slice digest);

#endif
