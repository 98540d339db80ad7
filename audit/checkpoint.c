/* SPDX-License-Identifier: Apache-2.0 */
/* The text that a checkpoint signs (C2SP tlog-checkpoint): origin, size, root, one line each. */
#include "audit/note_private.h"

#include <inttypes.h>

rg_status audit_checkpoint_encode(const struct audit_checkpoint *checkpoint, struct rg_buf *out)
{
    if (!audit_name_is_good(checkpoint->origin)) {
        return rg_fail(RG_LIMIT, "no origin of a checkpoint: 1 to %d bytes without spaces and '+'",
                       AUDIT_NOTE_NAME_MAX);
    }
    size_t before = rg_buf_size(out);
    rg_status status = rg_buf_printf(out, "%.*s\n%" PRIu64 "\n", (int)checkpoint->origin.size, checkpoint->origin.data,
                                     checkpoint->size);
    if (rg_is_ok(status)) {
        status = audit_base64_put(rg_slice_make(checkpoint->root.bytes, sizeof checkpoint->root.bytes), out);
    }
    if (rg_is_ok(status)) {
        status = rg_buf_put(out, RG_SLICE("\n"));
    }
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
    }
    return status;
}

rg_status audit_checkpoint_parse(struct rg_slice text, struct audit_checkpoint *out_checkpoint)
{
    struct audit_checkpoint checkpoint = {0};
    struct rg_slice rest = text;
    struct rg_slice line;
    if (!audit_get_line(&rest, &checkpoint.origin) || !audit_name_is_good(checkpoint.origin)) {
        return rg_fail(RG_PROTOCOL, "a checkpoint's first line is no origin");
    }
    if (!audit_get_line(&rest, &line) || !audit_decimal_parse(line, &checkpoint.size)) {
        return rg_fail(RG_PROTOCOL, "a checkpoint's second line is no size");
    }
    if (!audit_get_line(&rest, &line) ||
        !audit_base64_parse(line, sizeof checkpoint.root.bytes, checkpoint.root.bytes)) {
        return rg_fail(RG_PROTOCOL, "a checkpoint's third line is no root");
    }
    if (rest.size != 0) {
        return rg_fail(RG_PROTOCOL, "a checkpoint with extension lines");
    }
    *out_checkpoint = checkpoint;
    return RG_OK;
}
