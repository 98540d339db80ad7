/* SPDX-License-Identifier: Apache-2.0 */
/* Charts as plain SVG: bars day by day, and bars by name. Few, labelled, and readable on paper without colours: the
 * second series is light and has an outline. */
#include <inttypes.h>
#include <stdio.h>

#include "audit/trail/evidence_private.h"
#include "base/rg_memory.h"

enum {
    WIDTH = 760,
    LEFT = 70,
    PLOT = WIDTH - LEFT - 10,
    HEIGHT = 190,
    TOP = 26,
    BARS_MAX = 366,
    LABELS = 6,
    NAMES_MAX = 10,
    NAME_WIDTH = 250,
    NAME_HEIGHT = 22,
    LABEL_MAX = 38
};
static const int64_t day_us = (int64_t)24 * 3600 * 1000 * 1000;
static const char *const fills[] = {"fill=\"#1f4e79\"", "fill=\"#f2b77c\" stroke=\"#9a5b13\" stroke-width=\"0.6\""};

/* The next of 1, 2, 5, 10, 20, ... */
static uint64_t round_up(uint64_t value)
{
    uint64_t step = 1;
    while (step < value && step <= UINT64_MAX / 10) {
        if (2 * step >= value) {
            return 2 * step;
        }
        if (5 * step >= value) {
            return 5 * step;
        }
        step *= 10;
    }
    return step < value ? value : step;
}

static void put_text(struct evidence_page *page, double x, double y, const char *anchor, const char *text)
{
    evidence_raw_html(page, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    evidence_raw_value(page, rg_slice_of(text));
    evidence_raw_html(page, "</text>\n");
}

static void begin(struct evidence_page *page, const struct evidence_table_row *row, int height)
{
    evidence_raw_html(page, "<figure><figcaption>%s</figcaption>\n", row->chart);
    evidence_raw_html(page,
                      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
                      "role=\"img\" aria-label=\"%s\" font-family=\"sans-serif\" font-size=\"11\" fill=\"#1a1a1a\">\n",
                      WIDTH, height, WIDTH, height, row->chart);
}

static void end(struct evidence_page *page)
{
    evidence_raw_html(page, "</svg></figure>\n");
}

/* ---- by day ---- */

struct days {
    const struct evidence_table_row *row;
    int64_t first; /* days since 1970 */
    size_t count;  /* bars */
    size_t group;  /* days a bar */
    uint64_t values[BARS_MAX][EVIDENCE_VALUES];
    uint64_t most; /* of a bar's sum */
};

static void fill_days(struct days *days, const struct evidence_tally *tally)
{
    for (size_t i = 0; i < days->count * days->group; i++) {
        char day[EVIDENCE_DAY_SIZE];
        evidence_day((days->first + (int64_t)i) * day_us, day);
        const struct evidence_row *row = evidence_tally_find(tally, day);
        for (size_t k = 0; row != NULL && k < days->row->series; k++) {
            days->values[i / days->group][k] += row->values[k];
        }
    }
    for (size_t i = 0; i < days->count; i++) {
        uint64_t sum = 0;
        for (size_t k = 0; k < days->row->series; k++) {
            sum += days->values[i][k];
        }
        days->most = sum > days->most ? sum : days->most;
    }
}

static void put_axes(struct evidence_page *page, const struct days *days, uint64_t most)
{
    for (unsigned part = 0; part <= 2; part++) {
        char text[EVIDENCE_NUMBER_SIZE];
        double y = TOP + HEIGHT - HEIGHT * part / 2.0;
        evidence_number(most * part / 2, text);
        evidence_raw_html(page, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#c8ccd0\"/>\n", LEFT,
                          LEFT + PLOT, y, y);
        if (part != 1 || most % 2 == 0) {
            put_text(page, LEFT - 6, y + 4, "end", text);
        }
    }
    size_t step = (days->count + LABELS - 1) / LABELS;
    for (size_t i = 0; i < days->count; i += step) {
        char day[EVIDENCE_DAY_SIZE];
        evidence_day((days->first + (int64_t)(i * days->group)) * day_us, day);
        put_text(page, LEFT + PLOT * ((double)i + 0.5) / (double)days->count, TOP + HEIGHT + 16,
                 days->count == 1 ? "middle"
                 : i == 0         ? "start"
                                  : "middle",
                 day);
    }
}

static void put_legend(struct evidence_page *page, const struct days *days)
{
    for (unsigned i = 0; i < days->row->series; i++) {
        evidence_raw_html(page, "<rect x=\"%u\" y=\"4\" width=\"11\" height=\"11\" %s/>\n", LEFT + 150 * i, fills[i]);
        put_text(page, LEFT + 16 + 150 * i, 14, "start", days->row->values[i]);
    }
    if (days->group > 1) {
        evidence_raw_html(page, "<text x=\"%d\" y=\"14\" text-anchor=\"end\">one bar is %zu days</text>\n", LEFT + PLOT,
                          days->group);
    }
}

static void put_day_bars(struct evidence_page *page, const struct days *days, uint64_t most)
{
    double room = (double)PLOT / (double)days->count;
    double width = room * 0.8 > 60 ? 60 : room * 0.8;
    for (size_t i = 0; i < days->count; i++) {
        double y = TOP + HEIGHT;
        for (size_t k = 0; k < days->row->series; k++) {
            double height = HEIGHT * (double)days->values[i][k] / (double)most;
            y -= height;
            if (days->values[i][k] > 0) {
                evidence_raw_html(page, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" %s/>\n",
                                  LEFT + room * ((double)i + 0.5) - width / 2, y, width, height, fills[k]);
            }
        }
    }
}

static void chart_days(struct evidence_page *page, const struct evidence_table_row *row,
                       const struct evidence_tally *tally, const struct evidence_found *found)
{
    struct days *days = rg_memory_alloc(sizeof *days); /* much for a frame */
    days->row = row;
    days->first = found->first_us / day_us;
    size_t all = (size_t)(found->last_us / day_us - days->first) + 1;
    days->group = (all + BARS_MAX - 1) / BARS_MAX;
    days->count = (all + days->group - 1) / days->group;
    fill_days(days, tally);
    uint64_t most = round_up(days->most);
    if (days->most > 0) {
        begin(page, row, TOP + HEIGHT + 26);
        put_axes(page, days, most);
        put_day_bars(page, days, most);
        put_legend(page, days);
        end(page);
    }
    rg_memory_free(days);
}

/* ---- by name ---- */

/* So much of a cleaned name as fits, whole code points. */
static void shorten(const char *key, char out_text[EVIDENCE_NAME_MAX])
{
    size_t points = 0;
    size_t size = 0;
    for (; key[size] != '\0' && points < LABEL_MAX; points++) {
        size++;
        while (((unsigned char)key[size] & 0xc0) == 0x80) {
            size++;
        }
    }
    (void)snprintf(out_text, EVIDENCE_NAME_MAX, "%.*s%s", (int)(size > EVIDENCE_NAME_MAX - 8 ? 0 : size), key,
                   key[size] == '\0' ? "" : "...");
}

static void chart_names(struct evidence_page *page, const struct evidence_table_row *row,
                        const struct evidence_tally *tally)
{
    size_t count = 0;
    while (count < tally->count && count < NAMES_MAX && tally->rows[count].values[0] > 0) {
        count++;
    }
    if (count == 0) {
        return;
    }
    uint64_t most = tally->rows[0].values[0];
    begin(page, row, (int)count * NAME_HEIGHT + 8);
    for (size_t i = 0; i < count; i++) {
        char text[EVIDENCE_NAME_MAX];
        double y = 4 + (double)i * NAME_HEIGHT;
        double width = (WIDTH - NAME_WIDTH - 110) * (double)tally->rows[i].values[0] / (double)most;
        shorten(tally->rows[i].key, text);
        put_text(page, NAME_WIDTH - 8, y + 15, "end", text);
        evidence_raw_html(page, "<rect x=\"%d\" y=\"%.1f\" width=\"%.2f\" height=\"%d\" %s/>\n", NAME_WIDTH, y + 3,
                          width < 1 ? 1 : width, NAME_HEIGHT - 6, fills[0]);
        evidence_number(tally->rows[i].values[0], text);
        put_text(page, NAME_WIDTH + width + 6, y + 15, "start", text);
    }
    end(page);
}

void evidence_chart(struct evidence_page *page, const struct evidence_table_row *row,
                    const struct evidence_tally *tally, const struct evidence_found *found)
{
    if (row->is_days && found->records > 0) {
        chart_days(page, row, tally, found);
    } else if (!row->is_days) {
        chart_names(page, row, tally);
    }
}
