/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of records that claim to be sealed, and frames that claim to hold a subject's key. The first byte says which
 * field is asked for. Nothing opens that was not sealed; what is sealed here opens as it was. */
#include "audit/message.h"
#include "audit/personal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct audit_subject_key key = {{"sixteen bytes a"}, "a secret of thirty-two bytes a."};

static void must(rg_status status)
{
    RG_ASSERT(rg_is_ok(status));
}

static void try_open(struct audit_personal_key *opened, enum audit_personal_field field, struct rg_slice text)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice plain = {0};
    struct audit_key_id id;
    rg_arena_init(&arena, 1024 * 1024);
    rg_status status = audit_personal_open(opened, field, text, &arena, &plain);
    RG_ASSERT(rg_is_ok(status) || status.error->kind == RG_DENIED || status.error->kind == RG_LIMIT);
    RG_ASSERT(!rg_is_ok(status) || audit_personal_parse(text, &id));
}

static void try_seal(struct audit_personal_key *opened, enum audit_personal_field field, struct rg_slice text)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(rg_buf_done) struct rg_buf sealed;
    struct rg_slice plain = {0};
    rg_arena_init(&arena, 16 * 1024 * 1024);
    rg_buf_init(&sealed, 16 * 1024 * 1024);
    must(audit_personal_seal(opened, field, text, &sealed));
    must(audit_personal_open(opened, field, rg_buf_slice(&sealed), &arena, &plain));
    RG_ASSERT(rg_slice_is_equal(plain, text));
}

static void try_frame(struct rg_slice bytes)
{
    RG_AUTO(rg_buf_done) struct rg_buf again;
    struct audit_key_frame frame = {0};
    struct rg_slice rest = bytes;
    rg_buf_init(&again, 16 * 1024);
    if (rg_is_ok(audit_message_get_key(&rest, &frame))) {
        must(audit_message_put_key(&frame, &again));
        RG_ASSERT(rg_slice_is_equal(rg_buf_slice(&again), rg_slice_cut(bytes, 0, bytes.size - rest.size)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    RG_AUTO(audit_personal_key_free) struct audit_personal_key *opened = NULL;
    if (size == 0 || size > 256 * 1024) {
        return 0;
    }
    enum audit_personal_field field = (enum audit_personal_field)(1 + data[0] % (AUDIT_PERSONAL_COUNT - 1));
    struct rg_slice text = rg_slice_make(data + 1, size - 1);
    must(audit_personal_key_new(&key, RG_SLICE("test/1"), &opened));
    try_open(opened, field, text);
    try_seal(opened, field, text);
    try_frame(text);
    return 0;
}
