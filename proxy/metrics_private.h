/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_METRICS_PRIVATE_H
#define RG_PROXY_METRICS_PRIVATE_H

#include <pthread.h>

#include "proxy/metrics.h"

/* The inside of the metrics: metrics.c counts, metrics_names.c knows names, metrics_text.c writes, metrics_table.c says
 * what there is. */

enum metrics_type { METRICS_NO_TYPE = 0, METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM, METRICS_INFO };

/* A label: words, or names of the configuration. */
struct metrics_label {
    const char *name;
    const char *const *words; /* NULL-terminated; NULL: names */
    enum metrics_names names;
};

struct metrics_row {
    const char *name;
    enum metrics_type type;
    int64_t scale; /* what is counted is divided by it: microseconds are shown as seconds */
    const char *help;
    const struct metrics_label *labels[METRICS_LABELS_MAX]; /* METRICS_INFO: the first one's value is a text */
};

extern const struct metrics_row metrics_rows[METRICS_COUNT];

/* Upper bounds of all histograms, microseconds. */
enum { METRICS_BUCKETS = 18, METRICS_HISTOGRAM_SLOTS = METRICS_BUCKETS + 2 }; /* and above all bounds; and the sum */
extern const int64_t metrics_bounds_us[METRICS_BUCKETS];

struct metrics_name_set;

struct metrics_name_set *metrics_name_set_new(unsigned max);
void metrics_name_set_free(struct metrics_name_set **set);
unsigned metrics_name_set_find(struct metrics_name_set *set, struct rg_slice name);
/* METRICS_OTHER included. */
unsigned metrics_name_set_max(const struct metrics_name_set *set);
/* Those that were given so far; at < this. */
unsigned metrics_name_set_count(const struct metrics_name_set *set);
struct rg_slice metrics_name_set_at(const struct metrics_name_set *set, unsigned at);

enum { METRICS_INFO_MAX = 128 };

struct metrics {
    unsigned block_count;
    struct metrics_block *blocks;
    struct metrics_name_set *names[METRICS_NAMES_COUNT]; /* NULL = the label is left out */
    size_t offsets[METRICS_COUNT + 1];                   /* in slots */
    unsigned sizes[METRICS_COUNT][METRICS_LABELS_MAX];   /* how many values each label has; 1 for none */
    pthread_mutex_t lock;                                /* of texts */
    char texts[METRICS_COUNT][METRICS_INFO_MAX];         /* of METRICS_INFO */
};

/* How many series the metric can have. */
size_t metrics_series_count(const struct metrics *metrics, enum metrics_id id);
/* The sum of one slot over all blocks. */
uint64_t metrics_slot_sum(const struct metrics *metrics, size_t slot);

#endif
