/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate audit status: what the exporter said last about each destination, and how old that is; for people, as JSON,
 * and as Prometheus text. It reads one file and needs no running rowgate. */
#include <getopt.h>
#include <inttypes.h>

#include "audit/export/status.h"
#include "base/rg_clock.h"
#include "cli/cli_audit.h"
#include "cli/text.h"

enum { STATUS_FINDING = 1, STATUS_TROUBLE = 6, ARENA_BYTES = 64 << 20, DIAG_BYTES = 4 << 20, OLD_US = 30000000 };

struct options {
    const char *config;
    const char *directory;
    bool is_json, is_prometheus, wants_help, is_wrong;
};

static int usage(FILE *out, int code)
{
    (void)fputs(
        "usage: rowgate audit status [--json | --prometheus] (-c FILE | DIR)\n"
        "\n"
        "Shows whom the log is exported to, who fails and since when, and how far each one is behind.\n"
        "\n"
        "  -c, --config FILE  the configuration: [audit] directory\n"
        "      --json         one JSON object\n"
        "      --prometheus   metrics in Prometheus' text format, for a node exporter's textfile collector\n"
        "  -h, --help         this text\n"
        "\n"
        "Exit status: 0 all work, 1 one fails, or nothing was heard of the exporter for 30 s, 6 usage or trouble.\n",
        out);
    return code;
}

static struct options read_options(int argc, char **argv)
{
    static const struct option names[] = {{"config", required_argument, NULL, 'c'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"prometheus", no_argument, NULL, 'p'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct options options = {0};
    int option = 0;
    optind = 0;
    while ((option = getopt_long(argc, argv, "c:h", names, NULL)) != -1) {
        options.config = option == 'c' ? optarg : options.config;
        options.is_json = options.is_json || option == 'j';
        options.is_prometheus = options.is_prometheus || option == 'p';
        options.wants_help = options.wants_help || option == 'h';
        options.is_wrong = options.is_wrong || option == '?';
    }
    options.directory = optind < argc ? argv[optind] : NULL;
    options.is_wrong = options.is_wrong || argc - optind > 1 ||
                       (options.config == NULL) == (options.directory == NULL) ||
                       (options.is_json && options.is_prometheus);
    return options;
}

/* ---- as what ---- */

static void print_seconds(FILE *out, int64_t us)
{
    int64_t seconds = us / 1000000;
    if (seconds < 120) {
        (void)fprintf(out, "%" PRId64 ".%" PRId64 " s", seconds, us / 100000 % 10);
    } else if (seconds < 7200) {
        (void)fprintf(out, "%" PRId64 " min", seconds / 60);
    } else {
        (void)fprintf(out, "%" PRId64 " h", seconds / 3600);
    }
}

static void print_text(const struct export_status *status, int64_t age_us)
{
    (void)fputs("log   ", stdout);
    text_print(stdout, status->origin, false);
    (void)printf(", %" PRIu64 " records signed\nseen  ", status->size);
    print_seconds(stdout, age_us);
    (void)fputs(age_us > OLD_US ? " ago: the exporter does not run\n" : " ago\n", stdout);
    for (size_t i = 0; i < status->task_count; i++) {
        const struct export_status_task *task = &status->tasks[i];
        (void)fputs(task->works ? "  ok       " : "  FAILING  ", stdout);
        text_print(stdout, task->name, false);
        (void)printf(": %" PRIu64 " records behind, the oldest ", task->lag_records);
        print_seconds(stdout, task->lag_us);
        (void)fputs(" old", stdout);
        if (!task->works) {
            char since[RG_TIME_TEXT_SIZE];
            rg_clock_format(task->since_us, since);
            (void)printf("; since %s: ", since);
            text_print(stdout, task->reason, false);
        }
        (void)fputc('\n', stdout);
    }
}

static void print_json(const struct export_status *status, int64_t age_us)
{
    json_t *tasks = json_array();
    for (size_t i = 0; i < status->task_count; i++) {
        const struct export_status_task *task = &status->tasks[i];
        (void)json_array_append_new(
            tasks, json_pack("{s:o, s:b, s:I, s:I, s:f, s:I, s:I, s:I, s:o}", "name", text_json(task->name), "works",
                             (int)task->works, "since_us", (json_int_t)task->since_us, "succeeded_us",
                             (json_int_t)task->succeeded_us, "lag_seconds", (double)task->lag_us / 1e6, "lag_records",
                             (json_int_t)task->lag_records, "confirmed", (json_int_t)task->confirmed, "failures",
                             (json_int_t)task->failures, "reason", text_json(task->reason)));
    }
    text_print_json(json_pack("{s:o, s:I, s:f, s:b, s:o}", "origin", text_json(status->origin), "size",
                              (json_int_t)status->size, "age_seconds", (double)age_us / 1e6, "runs",
                              (int)(age_us <= OLD_US), "tasks", tasks));
}

/* A label's value: names of sinks and origins, printable ASCII; '"' and '\' are escaped. */
static void print_label(struct rg_slice value)
{
    for (size_t i = 0; i < value.size; i++) {
        char c = value.data[i];
        if (c == '"' || c == '\\') {
            (void)putchar('\\');
        }
        (void)putchar(c < ' ' || c > '~' ? '?' : c);
    }
}

static void print_metric(const struct export_status *status, const char *name, const char *help, int decimals,
                         double (*value)(const struct export_status_task *task))
{
    (void)printf("# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
    for (size_t i = 0; i < status->task_count; i++) {
        (void)printf("%s{sink=\"", name);
        print_label(status->tasks[i].name);
        (void)printf("\"} %.*f\n", decimals, value(&status->tasks[i]));
    }
}

static double lag_seconds(const struct export_status_task *task)
{
    return (double)task->lag_us / 1e6;
}

static double lag_records(const struct export_status_task *task)
{
    return (double)task->lag_records;
}

static double is_up(const struct export_status_task *task)
{
    return task->works ? 1 : 0;
}

static void print_prometheus(const struct export_status *status, int64_t age_us)
{
    print_metric(status, "rowgate_audit_lag_seconds", "Age of the oldest record that the sink has not confirmed.", 6,
                 lag_seconds);
    print_metric(status, "rowgate_audit_lag_records", "Records that the sink has not confirmed.", 0, lag_records);
    print_metric(status, "rowgate_audit_sink_up", "0 since the sink's last attempt failed, until one succeeds.", 0,
                 is_up);
    (void)printf("# HELP rowgate_audit_signed_records Records of the log that are covered by a checkpoint.\n"
                 "# TYPE rowgate_audit_signed_records counter\nrowgate_audit_signed_records %" PRIu64 "\n",
                 status->size);
    (void)printf("# HELP rowgate_audit_status_age_seconds Since the exporter wrote these figures, once a second.\n"
                 "# TYPE rowgate_audit_status_age_seconds gauge\nrowgate_audit_status_age_seconds %.3f\n",
                 (double)age_us / 1e6);
}

static int print(const struct options *options, const struct export_status *status)
{
    int64_t age_us = rg_clock_wall_us(rg_clock_system()) - status->written_us;
    age_us = age_us < 0 ? 0 : age_us;
    bool is_fine = age_us <= OLD_US;
    for (size_t i = 0; i < status->task_count; i++) {
        is_fine = is_fine && status->tasks[i].works;
    }
    if (options->is_json) {
        print_json(status, age_us);
    } else if (options->is_prometheus) {
        print_prometheus(status, age_us);
    } else {
        print_text(status, age_us);
    }
    return fflush(stdout) != 0 ? STATUS_TROUBLE : (is_fine ? 0 : STATUS_FINDING);
}

static int show(const struct options *options, const char *directory)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct export_status status;
    rg_arena_init(&arena, ARENA_BYTES);
    rg_status loaded = export_status_load(directory, &arena, &status);
    if (rg_is_ok(loaded)) {
        return print(options, &status);
    }
    if (loaded.error->kind == RG_CLOSED) {
        (void)fprintf(stderr, "rowgate audit status: no exporter has run on this log\n");
        return STATUS_FINDING;
    }
    (void)fputs("rowgate audit status: ", stderr);
    text_print(stderr, rg_slice_of(loaded.error->text), false);
    (void)fputc('\n', stderr);
    return STATUS_TROUBLE;
}

static int show_configured(const struct options *options)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct config *config RG_AUTO(config_free) = NULL;
    struct rg_diag diag;
    rg_arena_init(&arena, DIAG_BYTES);
    rg_diag_init(&diag, &arena);
    if (!text_load_config("audit status", options->config, &diag, &config)) {
        return STATUS_TROUBLE;
    }
    return show(options, config->audit.directory.data);
}

int cli_audit_status(int argc, char **argv)
{
    struct options options = read_options(argc, argv);
    if (options.wants_help) {
        return usage(stdout, 0);
    }
    if (options.is_wrong) {
        return usage(stderr, STATUS_TROUBLE);
    }
    return options.config != NULL ? show_configured(&options) : show(&options, options.directory);
}
