/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate db relations: reads an upstream's catalogue as `run` does and prints the document, for explain, check and
 * test without a database. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "proxy/catalog_reader.h"
#include "proxy/config.h"

struct options {
    const char *path;
    const char *upstream; /* NULL = the only one */
};

enum { FINDINGS_ARENA_BYTES = 4 << 20 };

static int print_help(FILE *out, int status)
{
    (void)fprintf(
        out, "usage: rowgate db relations -c FILE [--upstream NAME]\n\n"
             "Reads the catalogue of a live database and prints it as one JSON document: relations, columns and\n"
             "their types, what views read, leakproof operators. No rows. For the option --relations of others.\n\n"
             "  -c, --config FILE    the configuration\n"
             "      --upstream NAME  [upstreams.NAME]; may be left out when there is one\n"
             "  -h, --help           this text\n\n"
             "Exit status: 0 printed, 2 trouble (usage, bad configuration, the database does not answer).\n");
    return status;
}

static bool parse_options(int argc, char **argv, struct options *options, int *out_status)
{
    static const struct option rows[] = {{"config", required_argument, NULL, 'c'},
                                         {"upstream", required_argument, NULL, 'u'},
                                         {"help", no_argument, NULL, 'h'},
                                         {NULL, 0, NULL, 0}};
    for (int letter = 0; (letter = getopt_long(argc, argv, "c:h", rows, NULL)) != -1;) {
        switch (letter) {
        case 'c':
            options->path = optarg;
            break;
        case 'u':
            options->upstream = optarg;
            break;
        case 'h':
            *out_status = print_help(stdout, CLI_FINE);
            return false;
        default:
            *out_status = print_help(stderr, CLI_TROUBLE);
            return false;
        }
    }
    if (options->path == NULL || optind + 1 != argc || strcmp(argv[optind], "relations") != 0) {
        *out_status = print_help(stderr, CLI_TROUBLE);
        return false;
    }
    return true;
}

static const struct config_upstream *find_upstream(const struct options *options, const struct config *config)
{
    if (options->upstream != NULL) {
        const struct config_upstream *found = config_upstream_find(config, rg_slice_of(options->upstream));
        if (found == NULL) {
            (void)fprintf(stderr, "rowgate db: no [upstreams.%s]\n", options->upstream);
        }
        return found;
    }
    if (config->upstream_count != 1) {
        (void)fprintf(stderr, "rowgate db: %zu upstreams: say which by --upstream\n", config->upstream_count);
        return NULL;
    }
    return &config->upstreams[0];
}

/* What is printed was read back: a document that rowgate itself could not use is trouble. */
static rg_status read_document(const struct config_upstream *upstream, struct rg_buf *text)
{
    struct policy_relations *relations RG_AUTO(policy_relations_free) = NULL;
    RG_TRY(catalog_read(upstream->conninfo, upstream->connect_timeout_us, -1, text));
    return policy_relations_parse(rg_buf_slice(text), &relations);
}

static int print_relations(const struct config_upstream *upstream)
{
    struct rg_buf text RG_AUTO(rg_buf_done) = {0};
    rg_buf_init(&text, POLICY_RELATIONS_TEXT_MAX);
    rg_status status = read_document(upstream, &text);
    if (!rg_is_ok(status)) {
        (void)fprintf(stderr, "rowgate db: %s: %s\n", upstream->name.data, status.error->text);
        return CLI_TROUBLE;
    }
    struct rg_slice document = rg_buf_slice(&text);
    bool is_written = fwrite(document.data, 1, document.size, stdout) == document.size && putchar('\n') != EOF;
    if (!is_written || fflush(stdout) != 0) {
        (void)fprintf(stderr, "rowgate db: cannot write\n");
        return CLI_TROUBLE;
    }
    return CLI_FINE;
}

static int load_and_print(const struct options *options)
{
    struct rg_arena arena RG_AUTO(rg_arena_done) = {0};
    struct config *config RG_AUTO(config_free) = NULL;
    struct rg_diag diag;
    rg_arena_init(&arena, FINDINGS_ARENA_BYTES);
    rg_diag_init(&diag, &arena);
    rg_status status = config_load(options->path, &diag, &config);
    if (!rg_is_ok(status)) {
        (void)fprintf(stderr, "rowgate db: %s: %s; rowgate check -c %s says more\n", options->path, status.error->text,
                      options->path);
        return CLI_TROUBLE;
    }
    const struct config_upstream *upstream = find_upstream(options, config);
    return upstream == NULL ? CLI_TROUBLE : print_relations(upstream);
}

int cli_db(int argc, char **argv)
{
    struct options options = {NULL, NULL};
    int status = CLI_TROUBLE;
    return parse_options(argc, argv, &options, &status) ? load_and_print(&options) : status;
}
