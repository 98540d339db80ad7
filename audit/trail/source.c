/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a file that is checked: from a descriptor, or from memory. */
#include "audit/trail/trail_private.h"

rg_status audit_trail_read_file(void *context, enum audit_trail_reading *out_reading, struct rg_slice *out_line)
{
    static const enum audit_trail_reading readings[] = {[AUDIT_READING_END] = AUDIT_TRAIL_END,
                                                        [AUDIT_READING_LINE] = AUDIT_TRAIL_LINE,
                                                        [AUDIT_READING_ZERO] = AUDIT_TRAIL_BAD,
                                                        [AUDIT_READING_TORN] = AUDIT_TRAIL_TORN,
                                                        [AUDIT_READING_LONG] = AUDIT_TRAIL_BAD};
    struct audit_reader *reader = context;
    enum audit_reading reading = AUDIT_READING_END;
    RG_TRY(audit_reader_next(reader, &reading, out_line));
    *out_reading = readings[reading];
    return RG_OK;
}

rg_status audit_trail_read_bytes(void *context, enum audit_trail_reading *out_reading, struct rg_slice *out_line)
{
    struct rg_slice *rest = context;
    const char *end = rest->size == 0 ? NULL : memchr(rest->data, '\n', rest->size);
    size_t size = end == NULL ? rest->size : (size_t)(end - rest->data);
    if (rest->size > 0 && (rest->data[0] == '\0' || size > AUDIT_LINE_MAX)) {
        *out_reading = AUDIT_TRAIL_BAD;
        return RG_OK;
    }
    if (end == NULL) {
        *out_reading = rest->size == 0 ? AUDIT_TRAIL_END : AUDIT_TRAIL_TORN;
        return RG_OK;
    }
    *out_line = rg_slice_cut(*rest, 0, size);
    *rest = rg_slice_cut(*rest, size + 1, SIZE_MAX);
    *out_reading = AUDIT_TRAIL_LINE;
    return RG_OK;
}
