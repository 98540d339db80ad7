/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of the console: kept as length and bytes of each cell, encoded when they are sent. */
#include "proxy/console_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rg_clock.h"
#include "proxy/pgwire/backend.h"

enum { COLUMNS_MAX = 32, OID_INT8 = 20, OID_TEXT = 25, HEAD = 4, NUMBER_SIZE = 24 };

#define NULL_CELL UINT32_MAX

void console_rows_init(struct console_rows *rows, size_t column_count)
{
    RG_ASSERT(column_count <= COLUMNS_MAX);
    *rows = (struct console_rows){.column_count = column_count};
    rg_buf_init(&rows->bytes, CONSOLE_ROWS_BYTES);
}

void console_rows_done(struct console_rows *rows)
{
    rg_buf_done(&rows->bytes);
}

static void put_cell(struct console_rows *rows, uint32_t head, struct rg_slice text)
{
    size_t before = rg_buf_size(&rows->bytes);
    if (!rows->is_full && rg_is_ok(rg_buf_put_u32(&rows->bytes, head)) && rg_is_ok(rg_buf_put(&rows->bytes, text))) {
        rows->cell_count++;
        return;
    }
    rg_buf_truncate(&rows->bytes, before);
    rows->is_full = true;
}

void console_put(struct console_rows *rows, struct rg_slice text)
{
    if (text.size > CONSOLE_ROWS_BYTES) {
        rows->is_full = true;
        return;
    }
    put_cell(rows, (uint32_t)text.size, text);
}

void console_put_null(struct console_rows *rows)
{
    put_cell(rows, NULL_CELL, (struct rg_slice){0});
}

void console_put_text(struct console_rows *rows, const char *text)
{
    if (text == NULL) {
        console_put_null(rows);
    } else {
        console_put(rows, rg_slice_of(text));
    }
}

void console_put_name(struct console_rows *rows, struct rg_slice text)
{
    if (text.size == 0) {
        console_put_null(rows);
    } else {
        console_put(rows, text);
    }
}

void console_put_number(struct console_rows *rows, int64_t number)
{
    char text[NUMBER_SIZE];
    (void)snprintf(text, sizeof text, "%" PRId64, number);
    console_put_text(rows, text);
}

void console_put_flag(struct console_rows *rows, bool flag)
{
    console_put_text(rows, flag ? "yes" : "no");
}

void console_put_time(struct console_rows *rows, int64_t wall_us)
{
    char text[RG_TIME_TEXT_SIZE];
    if (wall_us == 0) {
        console_put_null(rows);
        return;
    }
    rg_clock_format(wall_us, text);
    console_put_text(rows, text);
}

size_t console_rows_count(const struct console_rows *rows)
{
    return rows->column_count == 0 ? 0 : rows->cell_count / rows->column_count;
}

rg_status console_rows_check(const struct console_rows *rows)
{
    if (rows->is_full) {
        return rg_fail(RG_LIMIT, "the answer has more than %d bytes", (int)CONSOLE_ROWS_BYTES);
    }
    RG_ASSERT(rows->column_count == 0 ? rows->cell_count == 0 : rows->cell_count % rows->column_count == 0);
    return RG_OK;
}

/* ---- for the client ---- */

static bool is_binary(const struct console_formats *formats, size_t column)
{
    if (formats->count == 0) {
        return false;
    }
    size_t at = formats->count == 1 ? 0 : column;
    return at < formats->count && formats->formats[at] == 1;
}

rg_status console_describe(const struct console_column *columns, size_t count, const struct console_formats *formats,
                           struct rg_buf *out)
{
    struct pgwire_column described[COLUMNS_MAX] = {0};
    RG_ASSERT(count <= COLUMNS_MAX);
    for (size_t i = 0; i < count; i++) {
        described[i] = (struct pgwire_column){.name = rg_slice_of(columns[i].name),
                                              .type_oid = columns[i].is_number ? OID_INT8 : OID_TEXT,
                                              .type_size = (int16_t)(columns[i].is_number ? 8 : -1),
                                              .format = is_binary(formats, i) ? 1 : 0};
    }
    return pgwire_row_description_encode(described, count, out);
}

/* A text is the same bytes in either format. */
static struct rg_slice binary_number(struct rg_slice text, char memory[8])
{
    char digits[NUMBER_SIZE] = "";
    memcpy(digits, text.data, text.size < sizeof digits ? text.size : sizeof digits - 1);
    uint64_t number = (uint64_t)strtoll(digits, NULL, 10);
    for (int i = 0; i < 8; i++) {
        memory[i] = (char)(unsigned char)(number >> (56 - 8 * i) & 0xff);
    }
    return rg_slice_make(memory, 8);
}

rg_status console_row_encode(const struct console_rows *rows, const struct console_column *columns,
                             const struct console_formats *formats, size_t *offset, struct rg_buf *out)
{
    struct pgwire_value values[COLUMNS_MAX] = {0};
    char numbers[COLUMNS_MAX][8];
    struct rg_slice bytes = rg_buf_slice(&rows->bytes);
    size_t at = *offset;
    for (size_t i = 0; i < rows->column_count; i++) {
        uint32_t head = pgwire_u32_at(bytes.data + at);
        at += HEAD;
        values[i].is_null = head == NULL_CELL;
        if (head != NULL_CELL) {
            struct rg_slice text = rg_slice_cut(bytes, at, head);
            bool is_packed = columns[i].is_number && is_binary(formats, i);
            values[i].bytes = is_packed ? binary_number(text, numbers[i]) : text;
            at += head;
        }
    }
    RG_TRY(pgwire_data_row_encode(values, rows->column_count, out));
    *offset = at;
    return RG_OK;
}
