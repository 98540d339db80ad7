/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_CONSOLE_ROWS_H
#define RG_PROXY_CONSOLE_ROWS_H

#include "base/rg_buf.h"

/* What a command of the console answers: cells, row by row. Filled on the gateway's main thread, sent by a session of
 * the console. A full table says so at the end, so that who fills it need not look at each cell. */

struct console_column {
    const char *name;
    bool is_number; /* int8; else text */
};

enum { CONSOLE_ROWS_BYTES = 8 << 20 };

struct console_rows {
    size_t column_count;
    size_t cell_count;
    bool is_full;
    struct rg_buf bytes;
};

void console_rows_init(struct console_rows *rows, size_t column_count);
void console_rows_done(struct console_rows *rows); /* accepts the zero value */

/* The next cell. */
void console_put(struct console_rows *rows, struct rg_slice text);
void console_put_text(struct console_rows *rows, const char *text);     /* NULL: as console_put_null */
void console_put_name(struct console_rows *rows, struct rg_slice text); /* empty: as console_put_null */
void console_put_number(struct console_rows *rows, int64_t number);
void console_put_flag(struct console_rows *rows, bool flag);       /* yes, no */
void console_put_time(struct console_rows *rows, int64_t wall_us); /* RFC 3339; 0: as console_put_null */
void console_put_null(struct console_rows *rows);

size_t console_rows_count(const struct console_rows *rows);
/* RG_LIMIT when not all of it found room. */
rg_status console_rows_check(const struct console_rows *rows) RG_MUST_CHECK;

/* How a client wants its columns: as a Bind says it (0, 1 or one format for each). */
struct console_formats {
    size_t count;
    const uint16_t *formats; /* 0 text, 1 binary */
};

/* Appends RowDescription. RG_LIMIT. */
rg_status console_describe(const struct console_column *columns, size_t count, const struct console_formats *formats,
                           struct rg_buf *out) RG_MUST_CHECK;
/* Appends the DataRow at *offset and moves it on; there is one while *offset < rg_buf_size(&rows->bytes). RG_LIMIT. */
rg_status console_row_encode(const struct console_rows *rows, const struct console_column *columns,
                             const struct console_formats *formats, size_t *offset, struct rg_buf *out) RG_MUST_CHECK;

#endif
