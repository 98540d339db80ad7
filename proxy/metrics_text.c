/* SPDX-License-Identifier: Apache-2.0 */
/* The text format of Prometheus, version 0.0.4. A series of names is shown once something was counted for it; so is a
 * histogram's, which is long. All others are shown always, because an alert cannot see what is not there. */
#include <inttypes.h>
#include <stdio.h>

#include "proxy/metrics_private.h"
#include "proxy/pgwire/utf8.h"

/* ---- labels ---- */

/* A name is a stranger's in the end (a claim can name a tenant): what is no text becomes '?'. */
static rg_status put_escaped(struct rg_slice value, struct rg_buf *out)
{
    for (size_t i = 0; i < value.size;) {
        struct rg_slice rest = rg_slice_cut(value, i, SIZE_MAX);
        size_t size = pgwire_utf8_peek(rest);
        struct rg_slice one = rg_slice_cut(rest, 0, size);
        if (size == 0) {
            one = RG_SLICE("?");
        } else if (one.data[0] == '\n') {
            one = RG_SLICE("\\n");
        } else if (one.data[0] == '"') {
            one = RG_SLICE("\\\"");
        } else if (one.data[0] == '\\') {
            one = RG_SLICE("\\\\");
        } else if ((unsigned char)one.data[0] < ' ' || one.data[0] == 0x7f) {
            one = RG_SLICE("?");
        }
        RG_TRY(rg_buf_put(out, one));
        i += size == 0 ? 1 : size;
    }
    return RG_OK;
}

static rg_status put_label(const char *name, struct rg_slice value, bool *has_some, struct rg_buf *out)
{
    RG_TRY(rg_buf_put_u8(out, *has_some ? ',' : '{'));
    RG_TRY(rg_buf_put(out, rg_slice_of(name)));
    RG_TRY(rg_buf_put(out, RG_SLICE("=\"")));
    RG_TRY(put_escaped(value, out));
    *has_some = true;
    return rg_buf_put_u8(out, '"');
}

static struct rg_slice value_of(const struct metrics *metrics, const struct metrics_label *label, unsigned at)
{
    return label->words == NULL ? metrics_name_set_at(metrics->names[label->names], at) : rg_slice_of(label->words[at]);
}

static bool is_left_out(const struct metrics *metrics, const struct metrics_label *label)
{
    return label == NULL || (label->words == NULL && metrics->names[label->names] == NULL);
}

static void split_series(const struct metrics *metrics, enum metrics_id id, size_t series,
                         unsigned out_at[METRICS_LABELS_MAX])
{
    for (size_t i = METRICS_LABELS_MAX; i > 0; i--) {
        unsigned size = metrics->sizes[id][i - 1];
        out_at[i - 1] = (unsigned)(series % size);
        series /= size;
    }
}

/* Name and labels; le: of a bucket, or NULL. */
static rg_status put_head(const struct metrics *metrics, enum metrics_id id, size_t series, const char *suffix,
                          const char *le, struct rg_buf *out)
{
    const struct metrics_row *row = &metrics_rows[id];
    unsigned at[METRICS_LABELS_MAX];
    bool has_some = false;
    split_series(metrics, id, series, at);
    RG_TRY(rg_buf_printf(out, "%s%s", row->name, suffix));
    for (size_t i = 0; i < METRICS_LABELS_MAX; i++) {
        if (!is_left_out(metrics, row->labels[i])) {
            RG_TRY(put_label(row->labels[i]->name, value_of(metrics, row->labels[i], at[i]), &has_some, out));
        }
    }
    if (le != NULL) {
        RG_TRY(put_label("le", rg_slice_of(le), &has_some, out));
    }
    return rg_buf_put(out, has_some ? RG_SLICE("} ") : RG_SLICE(" "));
}

/* ---- values ---- */

static rg_status put_value(const struct metrics_row *row, int64_t value, struct rg_buf *out)
{
    return row->scale == 1 ? rg_buf_printf(out, "%" PRId64 "\n", value)
                           : rg_buf_printf(out, "%.6f\n", (double)value / (double)row->scale);
}

static rg_status put_simple(const struct metrics *metrics, enum metrics_id id, size_t series, struct rg_buf *out)
{
    uint64_t value = metrics_slot_sum(metrics, metrics->offsets[id] + series);
    RG_TRY(put_head(metrics, id, series, "", NULL, out));
    return put_value(&metrics_rows[id], (int64_t)value, out);
}

static rg_status put_histogram(const struct metrics *metrics, enum metrics_id id, size_t series, struct rg_buf *out)
{
    size_t first = metrics->offsets[id] + series * METRICS_HISTOGRAM_SLOTS;
    uint64_t count = 0;
    for (size_t i = 0; i <= METRICS_BUCKETS; i++) {
        char le[32] = "+Inf";
        if (i < METRICS_BUCKETS) {
            (void)snprintf(le, sizeof le, "%g", (double)metrics_bounds_us[i] / (double)metrics_rows[id].scale);
        }
        count += metrics_slot_sum(metrics, first + i);
        RG_TRY(put_head(metrics, id, series, "_bucket", le, out));
        RG_TRY(rg_buf_printf(out, "%" PRIu64 "\n", count));
    }
    RG_TRY(put_head(metrics, id, series, "_sum", NULL, out));
    RG_TRY(put_value(&metrics_rows[id], (int64_t)metrics_slot_sum(metrics, first + METRICS_BUCKETS + 1), out));
    RG_TRY(put_head(metrics, id, series, "_count", NULL, out));
    return rg_buf_printf(out, "%" PRIu64 "\n", count);
}

static rg_status put_info(struct metrics *metrics, enum metrics_id id, struct rg_buf *out)
{
    char text[METRICS_INFO_MAX];
    bool has_some = false;
    (void)pthread_mutex_lock(&metrics->lock);
    memcpy(text, metrics->texts[id], sizeof text);
    (void)pthread_mutex_unlock(&metrics->lock);
    if (text[0] == '\0') {
        return RG_OK;
    }
    RG_TRY(rg_buf_put(out, rg_slice_of(metrics_rows[id].name)));
    RG_TRY(put_label(metrics_rows[id].labels[0]->name, rg_slice_of(text), &has_some, out));
    return rg_buf_put(out, RG_SLICE("} 1\n"));
}

/* ---- metrics ---- */

static bool has_names(const struct metrics *metrics, enum metrics_id id)
{
    bool has_some = false;
    for (size_t i = 0; i < METRICS_LABELS_MAX; i++) {
        const struct metrics_label *label = metrics_rows[id].labels[i];
        has_some = has_some || (!is_left_out(metrics, label) && label->words == NULL);
    }
    return has_some;
}

/* Whether its names were given, and anything was counted. */
static bool is_shown(const struct metrics *metrics, enum metrics_id id, size_t series)
{
    unsigned at[METRICS_LABELS_MAX];
    split_series(metrics, id, series, at);
    for (size_t i = 0; i < METRICS_LABELS_MAX; i++) {
        const struct metrics_label *label = metrics_rows[id].labels[i];
        if (!is_left_out(metrics, label) && label->words == NULL &&
            at[i] >= metrics_name_set_count(metrics->names[label->names])) {
            return false;
        }
    }
    bool is_number = metrics_rows[id].type == METRICS_GAUGE && metrics_rows[id].scale == 1; /* no moment is 1970 */
    return metrics_sum(metrics, id, METRICS_SERIES(at[0], at[1], at[2])) != 0 || is_number;
}

static rg_status put_series(struct metrics *metrics, enum metrics_id id, struct rg_buf *out)
{
    size_t count = metrics_series_count(metrics, id);
    bool is_sparse = has_names(metrics, id) || (metrics_rows[id].type == METRICS_HISTOGRAM && count > 1);
    for (size_t i = 0; i < count; i++) {
        if (is_sparse && !is_shown(metrics, id, i)) {
            continue;
        }
        RG_TRY(metrics_rows[id].type == METRICS_HISTOGRAM ? put_histogram(metrics, id, i, out)
                                                          : put_simple(metrics, id, i, out));
    }
    return RG_OK;
}

static rg_status put_metric(struct metrics *metrics, enum metrics_id id, struct rg_buf *out)
{
    static const char *const types[] = {[METRICS_NO_TYPE] = "untyped",
                                        [METRICS_COUNTER] = "counter",
                                        [METRICS_GAUGE] = "gauge",
                                        [METRICS_HISTOGRAM] = "histogram",
                                        [METRICS_INFO] = "gauge"};
    const struct metrics_row *row = &metrics_rows[id];
    RG_TRY(rg_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name, types[row->type]));
    return row->type == METRICS_INFO ? put_info(metrics, id, out) : put_series(metrics, id, out);
}

rg_status metrics_write(struct metrics *metrics, struct rg_buf *out)
{
    for (unsigned id = 0; id < METRICS_COUNT; id++) {
        RG_TRY(put_metric(metrics, id, out));
    }
    return RG_OK;
}
