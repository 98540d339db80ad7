/* SPDX-License-Identifier: Apache-2.0 */
/* Table of live cancel keys. */
#include "proxy/keys.h"

#include <pthread.h>

#include "base/rg_crypto.h"
#include "base/rg_memory.h"

enum { BUCKETS = 1024 };

struct node {
    struct node *next;
    struct keys_entry entry;
    struct rg_digest owner;
};

struct keys {
    pthread_mutex_t lock;
    struct node *buckets[BUCKETS];
};

rg_status keys_new(struct keys **out_keys)
{
    struct keys *keys = rg_memory_alloc(sizeof *keys);
    if (pthread_mutex_init(&keys->lock, NULL) != 0) {
        rg_memory_free(keys);
        return rg_fail(RG_INTERNAL, "cannot make a lock");
    }
    *out_keys = keys;
    return RG_OK;
}

void keys_free(struct keys **keys)
{
    if (*keys == NULL) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        while ((*keys)->buckets[i] != NULL) {
            struct node *node = (*keys)->buckets[i];
            (*keys)->buckets[i] = node->next;
            rg_memory_free(node);
        }
    }
    (void)pthread_mutex_destroy(&(*keys)->lock);
    rg_memory_free(*keys);
    *keys = NULL;
}

static struct node **find(struct keys *keys, uint32_t pid)
{
    struct node **link = &keys->buckets[pid % BUCKETS];
    while (*link != NULL && (*link)->entry.pid != pid) {
        link = &(*link)->next;
    }
    return link;
}

void keys_add(struct keys *keys, uint64_t session_id, unsigned worker, struct rg_slice owner,
              struct keys_entry *out_entry)
{
    struct node *node = rg_memory_alloc(sizeof *node);
    node->entry = (struct keys_entry){.session_id = session_id, .worker = worker};
    node->owner = rg_sha256_one(owner);
    (void)pthread_mutex_lock(&keys->lock);
    do {
        rg_random(&node->entry.pid, sizeof node->entry.pid);
        node->entry.pid &= 0x7fffffffu;
    } while (node->entry.pid == 0 || *find(keys, node->entry.pid) != NULL);
    rg_random(&node->entry.secret, sizeof node->entry.secret);
    *find(keys, node->entry.pid) = node;
    (void)pthread_mutex_unlock(&keys->lock);
    *out_entry = node->entry;
}

void keys_remove(struct keys *keys, uint32_t pid)
{
    (void)pthread_mutex_lock(&keys->lock);
    struct node **link = find(keys, pid);
    struct node *node = *link;
    if (node != NULL) {
        *link = node->next;
    }
    (void)pthread_mutex_unlock(&keys->lock);
    rg_memory_free(node);
}

bool keys_find(struct keys *keys, uint32_t pid, uint32_t secret, struct keys_entry *out_entry)
{
    (void)pthread_mutex_lock(&keys->lock);
    const struct node *node = *find(keys, pid);
    static const struct node nobody;
    const struct node *compared = node == NULL ? &nobody : node;
    bool is_equal = rg_secret_is_equal(rg_slice_make(&compared->entry.secret, sizeof secret),
                                       rg_slice_make(&secret, sizeof secret));
    bool is_found = is_equal && node != NULL;
    if (is_found) {
        *out_entry = node->entry;
    }
    (void)pthread_mutex_unlock(&keys->lock);
    return is_found;
}

bool keys_find_owned(struct keys *keys, uint32_t pid, struct rg_slice owner, struct keys_entry *out_entry)
{
    struct rg_digest digest = rg_sha256_one(owner);
    (void)pthread_mutex_lock(&keys->lock);
    const struct node *node = *find(keys, pid);
    bool is_found = node != NULL && memcmp(node->owner.bytes, digest.bytes, sizeof digest.bytes) == 0;
    if (is_found) {
        *out_entry = node->entry;
    }
    (void)pthread_mutex_unlock(&keys->lock);
    return is_found;
}
