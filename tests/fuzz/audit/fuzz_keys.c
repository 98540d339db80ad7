/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of public keys and slots of seeds, from a directory that anybody may have written. Input: a list's text, a
 * list's file name, and, when long enough, a slot. What is accepted must be written back in the same bytes. */
#include "audit/keys_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(struct rg_slice text)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    struct audit_list list;
    rg_arena_init(&arena, (size_t)AUDIT_EPOCHS_MAX * AUDIT_PUBLIC_SIZE);
    rg_buf_init(&out, AUDIT_NOTE_MAX);
    if (!rg_is_ok(audit_list_parse(text, &arena, &list))) {
        return;
    }
    RG_ASSERT(list.count > 0 && list.count <= AUDIT_EPOCHS_MAX && list.first_epoch + list.count <= AUDIT_EPOCH_END);
    RG_ASSERT(rg_is_ok(audit_list_encode(&list, &out)) && rg_slice_is_equal(rg_buf_slice(&out), text));
    (void)audit_list_root(&list);
}

static void check_name(struct rg_slice name)
{
    char again[AUDIT_LIST_NAME_SIZE];
    uint64_t epoch = 0;
    if (audit_list_name_parse(name, &epoch)) {
        audit_list_name(epoch, again);
        RG_ASSERT(rg_slice_is_equal(name, rg_slice_of(again)));
    }
}

static void check_slot(const uint8_t *data)
{
    struct audit_slot slot;
    uint8_t again[AUDIT_SLOT_SIZE];
    if (audit_slot_parse(data, &slot)) {
        audit_slot_encode(&slot, again);
        RG_ASSERT(memcmp(again, data, sizeof again) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_list(rg_slice_make(data, size));
    check_name(rg_slice_make(data, size));
    if (size >= AUDIT_SLOT_SIZE) {
        check_slot(data);
    }
    return 0;
}
