/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate audit keys init | rotate | list: arguments in, words for the person who holds the root key out. The work is
 * in audit/keys_init.c, audit/keys_rotate.c and audit/keys.c. */
#include "cli/cli_audit.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/keys.h"
#include "base/rg_clock.h"
#include "cli/text.h"

enum { KEYS_TROUBLE = 6, FINDINGS_BYTES = 4 << 20, LISTS_BYTES = 128 << 20, DATE_SIZE = 10 };

static const char default_root_file[] = "./rowgate-audit-root.key";

struct options {
    const char *config;
    const char *directory;
    const char *origin;
    const char *root_file;
    uint64_t epochs;
    uint64_t seconds;
    bool is_json, wants_help, is_wrong;
};

/* Where the log is, by DIR or by the configuration. */
struct place {
    struct rg_arena arena;
    struct config *config;
    struct rg_slice directory;
    struct rg_slice origin;
};

static int usage(FILE *out, int code)
{
    (void)fputs("usage: rowgate audit keys init   [OPTION...] (-c FILE | DIR --origin ORIGIN)\n"
                "       rowgate audit keys rotate [OPTION...] (-c FILE | DIR)\n"
                "       rowgate audit keys list   [--json] (-c FILE | DIR)\n"
                "\n"
                "init    makes the keys of a new log and the root key that vouches for them; prints the line that\n"
                "        auditors pin. Once, before the first `rowgate run`\n"
                "rotate  makes new keys from the next epoch on; a running rowgate takes them by itself\n"
                "list    shows the root, the lists of keys, the current epoch and how long the keys last\n"
                "\n"
                "  -c, --config FILE      the configuration: [audit] directory and origin\n"
                "      --origin ORIGIN    the log's name, as in [audit]\n"
                "      --root-key FILE    the root's private key (default ./rowgate-audit-root.key); init makes it\n"
                "      --epochs N         keys in the list, 1 to 16384 (default 8784: a leap year of hours)\n"
                "      --epoch-seconds N  how long one lasts (default 3600; rotate: as before)\n"
                "      --json             list as one JSON object\n"
                "  -h, --help             this text\n"
                "\n"
                "Run it as the user that rowgate runs as, or as root: the files then go to the directory's owner.\n"
                "docs/audit-keys.md says what to do with the root key. Exit status: 0 done, 6 usage or trouble.\n",
                out);
    return code;
}

static int report_error(rg_status status)
{
    (void)fputs("rowgate audit keys: ", stderr);
    text_print(stderr, rg_slice_of(status.error->text), false);
    (void)fputc('\n', stderr);
    return KEYS_TROUBLE;
}

/* ---- arguments ---- */

static bool parse_number(const char *text, uint64_t max, uint64_t *out_number)
{
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '1' || text[0] > '9' || *end != '\0' || errno != 0 || number > max) {
        return false;
    }
    *out_number = number;
    return true;
}

static void take_option(struct options *options, int letter)
{
    switch (letter) {
    case 'c':
        options->config = optarg;
        break;
    case 'o':
        options->origin = optarg;
        break;
    case 'r':
        options->root_file = optarg;
        break;
    case 'e':
        options->is_wrong |= !parse_number(optarg, AUDIT_EPOCHS_MAX, &options->epochs);
        break;
    case 's':
        options->is_wrong |= !parse_number(optarg, AUDIT_EPOCH_SECONDS_MAX, &options->seconds);
        break;
    case 'j':
        options->is_json = true;
        break;
    case 'h':
        options->wants_help = true;
        break;
    default:
        options->is_wrong = true;
        break;
    }
}

static struct options parse_options(int argc, char **argv)
{
    static const struct option rows[] = {{"config", required_argument, NULL, 'c'},
                                         {"origin", required_argument, NULL, 'o'},
                                         {"root-key", required_argument, NULL, 'r'},
                                         {"epochs", required_argument, NULL, 'e'},
                                         {"epoch-seconds", required_argument, NULL, 's'},
                                         {"json", no_argument, NULL, 'j'},
                                         {"help", no_argument, NULL, 'h'},
                                         {NULL, 0, NULL, 0}};
    struct options options = {0};
    for (int letter = 0; (letter = getopt_long(argc, argv, "c:h", rows, NULL)) != -1;) {
        take_option(&options, letter);
    }
    if (optind + 1 == argc) {
        options.directory = argv[optind];
    }
    bool is_placed = (options.config == NULL) != (options.directory == NULL) && optind >= argc - 1;
    options.is_wrong |= !is_placed;
    return options;
}

static void place_done(struct place *place)
{
    config_free(&place->config);
    rg_arena_done(&place->arena);
}

static bool find_place(const struct options *options, struct place *place)
{
    struct rg_diag diag;
    rg_arena_init(&place->arena, FINDINGS_BYTES);
    place->directory = rg_slice_of(options->directory);
    place->origin = rg_slice_of(options->origin);
    if (options->config == NULL) {
        return true;
    }
    rg_diag_init(&diag, &place->arena);
    if (!text_load_config("audit keys", options->config, &diag, &place->config)) {
        return false;
    }
    place->directory = place->config->audit.directory;
    place->origin = place->config->audit.origin;
    if (place->directory.size == 0) {
        (void)fprintf(stderr, "rowgate audit keys: %s has no [audit] directory\n", options->config);
        return false;
    }
    return true;
}

static struct audit_keys_options keys_options(const struct options *options, const struct place *place)
{
    return (struct audit_keys_options){
        .directory = place->directory,
        .origin = place->origin,
        .root_file = rg_slice_of(options->root_file == NULL ? default_root_file : options->root_file),
        .epoch_count = options->epochs,
        .epoch_seconds = (unsigned)options->seconds};
}

static rg_status load(struct rg_slice directory, struct rg_arena *arena, struct audit_keys *out_keys,
                      bool *out_has_epoch, uint64_t *out_epoch)
{
    struct rg_slice path;
    RG_TRY(rg_arena_copy(arena, directory, &path));
    int fd = open(path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return rg_fail(RG_STORAGE, "%s: %s", path.data, strerror(errno));
    }
    rg_status status = audit_keys_load(fd, NULL, arena, out_keys);
    *out_has_epoch =
        rg_is_ok(status) && rg_is_ok(audit_keys_current_epoch(fd, out_epoch)) && *out_epoch < out_keys->epoch_count;
    (void)close(fd);
    return status;
}

/* ---- how long the keys last ---- */

/* Seconds from the next epoch to the end of the lists, when rowgate runs all the time. */
static int64_t seconds_left(const struct audit_keys *keys, uint64_t epoch)
{
    uint64_t seconds = 0;
    for (size_t i = 0; i < keys->list_count; i++) {
        uint64_t first = keys->lists[i].first_epoch;
        uint64_t end = i + 1 < keys->list_count ? keys->lists[i + 1].first_epoch : keys->epoch_count;
        uint64_t from = first > epoch ? first : epoch + 1;
        seconds += end > from ? (end - from) * keys->lists[i].epoch_seconds : 0;
    }
    return (int64_t)seconds;
}

static void print_until(const struct audit_keys *keys, uint64_t epoch, char out_date[RG_TIME_TEXT_SIZE])
{
    int64_t now_us = rg_clock_wall_us(rg_clock_system());
    rg_clock_format(now_us + seconds_left(keys, epoch) * 1000000, out_date);
    out_date[DATE_SIZE] = '\0';
}

static bool print_root(const struct audit_vkey *root)
{
    RG_AUTO(rg_buf_done) struct rg_buf line;
    rg_buf_init(&line, AUDIT_VKEY_SIZE);
    if (!rg_is_ok(audit_vkey_encode(root, &line))) {
        return false;
    }
    text_print(stdout, rg_buf_slice(&line), false);
    return putchar('\n') != EOF;
}

/* ---- init, rotate ---- */

static int print_made(const struct audit_keys_options *made, const char *root_file)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_keys keys = {0};
    char date[RG_TIME_TEXT_SIZE];
    bool has_epoch = false;
    uint64_t epoch = 0;
    rg_arena_init(&arena, LISTS_BYTES);
    rg_status status = load(made->directory, &arena, &keys, &has_epoch, &epoch);
    if (!rg_is_ok(status)) {
        return report_error(status);
    }
    print_until(&keys, 0, date);
    (void)printf("The keys of the log %.*s are made: %" PRIu64 " epochs of %u s, until about %s.\n"
                 "Its root key, for whoever checks the log (no secret; give it to them now):\n\n",
                 (int)made->directory.size, made->directory.data, keys.epoch_count, keys.epoch_seconds, date);
    (void)print_root(&keys.root);
    (void)printf("\nThe root's private key is in %s (mode 0400). Only `rowgate audit keys rotate` needs it.\n"
                 "  1. Copy it to two media that are kept away from this host.\n"
                 "  2. Remove it here:  shred -u %s\n"
                 "Who has it can make keys that pass for this log's. If it is lost, the log goes on to its last\n"
                 "epoch, and then a new log begins. More: docs/audit-keys.md\n",
                 root_file, root_file);
    return fflush(stdout) == 0 ? 0 : KEYS_TROUBLE;
}

static int init(const struct options *options, const struct place *place)
{
    const struct audit_keys_options made = keys_options(options, place);
    if (options->is_json || place->origin.size == 0) {
        return usage(stderr, KEYS_TROUBLE);
    }
    rg_status status = audit_keys_init(&made);
    return rg_is_ok(status) ? print_made(&made, made.root_file.data) : report_error(status);
}

static int rotate(const struct options *options, const struct place *place)
{
    const struct audit_keys_options made = keys_options(options, place);
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_keys keys = {0};
    char date[RG_TIME_TEXT_SIZE];
    bool has_epoch = false;
    uint64_t epoch = 0;
    rg_arena_init(&arena, LISTS_BYTES);
    if (options->is_json) {
        return usage(stderr, KEYS_TROUBLE);
    }
    rg_status status = audit_keys_rotate(&made);
    status = rg_is_ok(status) ? load(place->directory, &arena, &keys, &has_epoch, &epoch) : status;
    if (!rg_is_ok(status)) {
        return report_error(status);
    }
    const struct audit_list_info *list = &keys.lists[keys.list_count - 1];
    print_until(&keys, list->first_epoch - 1, date);
    (void)printf("New keys from epoch %" PRIu64 " on: %" PRIu64 " epochs of %u s, until about %s.\n"
                 "rowgate takes them when that epoch begins, running or at its next start.\n"
                 "Put the root's private key away again:  shred -u %s\n",
                 list->first_epoch, list->count, list->epoch_seconds, date, made.root_file.data);
    return fflush(stdout) == 0 ? 0 : KEYS_TROUBLE;
}

/* ---- list ---- */

static void print_text(const struct audit_keys *keys, bool has_epoch, uint64_t epoch)
{
    (void)printf("origin  %.*s\nroot    ", (int)keys->origin.size, keys->origin.data);
    (void)print_root(&keys->root);
    (void)printf("\nfrom epoch   epochs   seconds each\n");
    for (size_t i = 0; i < keys->list_count; i++) {
        bool is_waiting = has_epoch && keys->lists[i].first_epoch > epoch;
        (void)printf("%10" PRIu64 " %8" PRIu64 " %14u%s\n", keys->lists[i].first_epoch, keys->lists[i].count,
                     keys->lists[i].epoch_seconds, is_waiting ? "   not yet begun" : "");
    }
    if (has_epoch) {
        char date[RG_TIME_TEXT_SIZE];
        print_until(keys, epoch, date);
        (void)printf("\nEpoch %" PRIu64 " is current; %" PRIu64
                     " are left, until about %s if rowgate runs all the time.\n",
                     epoch, keys->epoch_count - 1 - epoch, date);
    } else {
        (void)printf("\nThe current epoch is not known here: keys/seed cannot be read.\n");
    }
}

static json_t *json_lists(const struct audit_keys *keys)
{
    json_t *lists = json_array();
    for (size_t i = 0; i < keys->list_count; i++) {
        char root[2 * RG_SHA256_SIZE + 1];
        rg_digest_hex(&keys->lists[i].root, root);
        (void)json_array_append_new(lists, json_pack("{s:I,s:I,s:I,s:s}", "first_epoch",
                                                     (json_int_t)keys->lists[i].first_epoch, "count",
                                                     (json_int_t)keys->lists[i].count, "epoch_seconds",
                                                     (json_int_t)keys->lists[i].epoch_seconds, "root", root));
    }
    return lists;
}

static void print_json(const struct audit_keys *keys, bool has_epoch, uint64_t epoch)
{
    RG_AUTO(rg_buf_done) struct rg_buf line;
    char date[RG_TIME_TEXT_SIZE];
    rg_buf_init(&line, AUDIT_VKEY_SIZE);
    (void)rg_is_ok(audit_vkey_encode(&keys->root, &line));
    json_t *object =
        json_pack("{s:o,s:o,s:o,s:n,s:n,s:n}", "origin", text_json(keys->origin), "root",
                  text_json(rg_buf_slice(&line)), "lists", json_lists(keys), "current_epoch", "epochs_left", "until");
    if (has_epoch) {
        print_until(keys, epoch, date);
        (void)json_object_set_new(object, "current_epoch", json_integer((json_int_t)epoch));
        (void)json_object_set_new(object, "epochs_left", json_integer((json_int_t)(keys->epoch_count - 1 - epoch)));
        (void)json_object_set_new(object, "until", json_string(date));
    }
    text_print_json(object);
}

static int list(const struct options *options, const struct place *place)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_keys keys = {0};
    bool has_epoch = false;
    uint64_t epoch = 0;
    rg_arena_init(&arena, LISTS_BYTES);
    if (options->root_file != NULL || options->epochs != 0 || options->seconds != 0) {
        return usage(stderr, KEYS_TROUBLE);
    }
    rg_status status = load(place->directory, &arena, &keys, &has_epoch, &epoch);
    if (!rg_is_ok(status)) {
        return report_error(status);
    }
    (options->is_json ? print_json : print_text)(&keys, has_epoch, epoch);
    return fflush(stdout) == 0 ? 0 : KEYS_TROUBLE;
}

int cli_audit_keys(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct options *options, const struct place *place);
    } commands[] = {{"init", init}, {"rotate", rotate}, {"list", list}};
    if (argc < 2) {
        return usage(stderr, KEYS_TROUBLE);
    }
    struct options options = parse_options(argc - 1, argv + 1);
    if (options.wants_help || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0) {
        return usage(stdout, 0);
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0] && !options.is_wrong; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            struct place place RG_AUTO(place_done) = {0};
            return find_place(&options, &place) ? commands[i].run(&options, &place) : KEYS_TROUBLE;
        }
    }
    return usage(stderr, KEYS_TROUBLE);
}
