/* SPDX-License-Identifier: Apache-2.0 */
/* A chained table by the digest over all that a binding is made of. */
#include "proxy/bindings.h"

#include <string.h>

#include "base/rg_memory.h"

struct entry {
    struct entry *next;
    struct policy_binding *binding; /* a reference */
};

struct bindings {
    struct entry *slots[BINDINGS_SLOTS];
    size_t count;
    size_t sweep_at; /* count at which those that nobody holds are let go */
};

struct bindings *bindings_new(void)
{
    struct bindings *bindings = rg_memory_alloc(sizeof *bindings);
    bindings->sweep_at = BINDINGS_IDLE;
    return bindings;
}

static void drop(struct bindings *bindings, struct entry **link)
{
    struct entry *entry = *link;
    *link = entry->next;
    policy_binding_free(&entry->binding);
    rg_memory_free(entry);
    bindings->count--;
}

static void sweep(struct bindings *bindings, bool also_held)
{
    for (size_t i = 0; i < BINDINGS_SLOTS; i++) {
        struct entry **link = &bindings->slots[i];
        while (*link != NULL) {
            if (also_held || !policy_binding_is_shared((*link)->binding)) {
                drop(bindings, link);
            } else {
                link = &(*link)->next;
            }
        }
    }
    bindings->sweep_at = 2 * bindings->count + BINDINGS_IDLE;
}

void bindings_clear(struct bindings *bindings)
{
    if (bindings != NULL) {
        sweep(bindings, true);
    }
}

void bindings_free(struct bindings **bindings)
{
    bindings_clear(*bindings);
    rg_memory_free(*bindings);
    *bindings = NULL;
}

size_t bindings_count(const struct bindings *bindings)
{
    return bindings->count;
}

static struct entry **slot_of(struct bindings *bindings, const struct rg_digest *digest)
{
    return &bindings->slots[(digest->bytes[0] | (unsigned)digest->bytes[1] << 8) % BINDINGS_SLOTS];
}

static struct policy_binding *find(struct bindings *bindings, const struct rg_digest *digest)
{
    for (struct entry *entry = *slot_of(bindings, digest); entry != NULL; entry = entry->next) {
        const struct rg_digest *own = policy_binding_digest(entry->binding);
        if (memcmp(own->bytes, digest->bytes, sizeof own->bytes) == 0) {
            return entry->binding;
        }
    }
    return NULL;
}

static void keep(struct bindings *bindings, struct policy_binding *binding)
{
    if (bindings->count >= bindings->sweep_at) {
        sweep(bindings, false);
    }
    struct entry **slot = slot_of(bindings, policy_binding_digest(binding));
    struct entry *entry = rg_memory_alloc(sizeof *entry);
    *entry = (struct entry){*slot, policy_binding_ref(binding)};
    *slot = entry;
    bindings->count++;
}

rg_status bindings_bind(struct bindings *bindings, struct policy_set *set, const struct policy_subject *subject,
                        struct policy_binding **out_binding)
{
    struct rg_digest digest = {{0}};
    RG_TRY(policy_subject_digest(set, subject, &digest));
    struct policy_binding *binding = find(bindings, &digest);
    if (binding != NULL) {
        *out_binding = policy_binding_ref(binding);
        return RG_OK;
    }
    RG_TRY(policy_bind(set, subject, &binding));
    keep(bindings, binding);
    *out_binding = binding;
    return RG_OK;
}
