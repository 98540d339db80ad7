/* SPDX-License-Identifier: Apache-2.0 */
/* The auditor's view of a client's bytes, in pieces of a size that the first byte says. What is let in makes lines that
 * verify's look at JSON accepts, with the client's own kinds; and the pieces do not matter. */
#include "audit/intake.h"
#include "audit/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const struct audit_message *message, bool is_first)
{
    static const char boot[AUDIT_BOOT_SIZE + 1] = "00112233445566778899aabbccddeeff";
    struct audit_head head = {.seq = 5, .tenant = message->tenant, .boot = rg_slice_make(boot, AUDIT_BOOT_SIZE)};
    struct audit_head read = {0};
    enum audit_kind kind = AUDIT_NONE;
    RG_AUTO(rg_buf_done) struct rg_buf line;
    rg_buf_init(&line, (size_t)2 * AUDIT_LINE_MAX);
    rg_status status = audit_line_encode(&head, message, &line);
    RG_ASSERT(rg_is_ok(status));
    struct rg_slice text = rg_slice_cut(rg_buf_slice(&line), 0, rg_buf_size(&line) - 1);
    status = audit_line_parse(text, &read);
    RG_ASSERT(rg_is_ok(status));
    status = audit_line_check_json(text, &kind);
    RG_ASSERT(rg_is_ok(status));
    RG_ASSERT(is_first ? kind >= AUDIT_LOGIN && kind < AUDIT_LOG_STARTED : kind == AUDIT_NONE);
}

static void check_event(struct rg_slice event)
{
    struct audit_message message = {.has_more = true};
    bool is_first = true;
    if (audit_message_is_key(event)) {
        struct audit_key_frame frame = {0};
        rg_status status = audit_message_get_key(&event, &frame);
        RG_ASSERT(rg_is_ok(status) && frame.subject.size > 0);
    }
    while (message.has_more) {
        rg_status status = audit_message_get_again(&event, &message);
        RG_ASSERT(rg_is_ok(status));
        check_line(&message, is_first);
        is_first = false;
    }
    RG_ASSERT(event.size == 0);
}

/* Bytes taken until the end or the first refusal. */
static size_t take(struct audit_json *json, struct rg_slice bytes, size_t piece)
{
    struct audit_intake intake = {0};
    struct rg_slice event = {0};
    size_t taken = 0;
    for (size_t arrived = 0; arrived < bytes.size;) {
        arrived = bytes.size - arrived < piece ? bytes.size : arrived + piece;
        do {
            if (!rg_is_ok(audit_intake_next(&intake, json, rg_slice_cut(bytes, taken, arrived - taken), &event))) {
                return taken;
            }
            if (event.size > 0) {
                check_event(event);
            }
            taken += event.size;
        } while (event.size > 0);
    }
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct audit_json *json; /* once: its memory is large */
    if (json == NULL) {
        json = audit_json_new();
    }
    if (size > 0) {
        struct rg_slice bytes = rg_slice_make(data + 1, size - 1);
        size_t whole = take(json, bytes, SIZE_MAX);
        RG_ASSERT(take(json, bytes, (size_t)data[0] + 1) == whole);
    }
    return 0;
}
