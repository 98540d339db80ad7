/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate child auditor|gateway|exporter: what `rowgate run` starts, with descriptors that only it can give. Not for
 * people, so not in the list of commands. */
#include "cli/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rg_memory.h"
#include "proxy/auditor_child.h"
#include "proxy/exporter_child.h"
#include "proxy/gateway.h"

enum { LISTENERS_MAX = 1024 };

struct child_options {
    int control_fd;
    const char *config;
    const char *log_file;
    const char *log_level;
    const char *audit_directory;
    const char *sealed_origin;
    const char *state_directory;
    bool has_admin, has_console;
    struct gateway_listener admin, console;
    size_t listener_count;
    struct gateway_listener listeners[LISTENERS_MAX];
};

static bool parse_number(const char *text, char end_byte, int *out_number, const char **out_rest)
{
    char *end = NULL;
    long number = strtol(text, &end, 10);
    if (end == text || *end != end_byte || number < 3 || number > 1 << 20) {
        return false;
    }
    *out_number = (int)number;
    *out_rest = end;
    return true;
}

static bool take_listener(struct child_options *options, const char *text)
{
    const char *rest = NULL;
    int fd = -1;
    if (options->listener_count == LISTENERS_MAX || !parse_number(text, '=', &fd, &rest)) {
        return false;
    }
    options->listeners[options->listener_count++] = (struct gateway_listener){fd, rg_slice_of(rest + 1)};
    return true;
}

static bool take_one(bool *has_one, struct gateway_listener *listener, const char *text)
{
    const char *rest = NULL;
    int fd = -1;
    if (*has_one || !parse_number(text, '=', &fd, &rest)) {
        return false;
    }
    *has_one = true;
    *listener = (struct gateway_listener){fd, rg_slice_of(rest + 1)};
    return true;
}

static bool take_option(struct child_options *options, int option)
{
    const char *rest = NULL;
    switch (option) {
    case 'f':
        return parse_number(optarg, '\0', &options->control_fd, &rest);
    case 'c':
        options->config = optarg;
        return true;
    case 'l':
        return take_listener(options, optarg);
    case 'm':
        return take_one(&options->has_admin, &options->admin, optarg);
    case 'n':
        return take_one(&options->has_console, &options->console, optarg);
    case 'a':
        options->audit_directory = optarg;
        return true;
    case 's':
        options->sealed_origin = optarg;
        return true;
    case 't':
        options->state_directory = optarg;
        return true;
    case 'o':
        options->log_file = optarg;
        return true;
    case 'v':
        options->log_level = optarg;
        return true;
    default:
        return false;
    }
}

static bool read_options(int argc, char **argv, struct child_options *options)
{
    static const struct option names[] = {
        {"admin", required_argument, NULL, 'm'},           {"audit-directory", required_argument, NULL, 'a'},
        {"console", required_argument, NULL, 'n'},         {"control", required_argument, NULL, 'f'},
        {"listen", required_argument, NULL, 'l'},          {"log-file", required_argument, NULL, 'o'},
        {"log-level", required_argument, NULL, 'v'},       {"seal-personal", required_argument, NULL, 's'},
        {"state-directory", required_argument, NULL, 't'}, {NULL, 0, NULL, 0}};
    int option = 0;
    options->control_fd = -1;
    while ((option = getopt_long(argc, argv, "c:", names, NULL)) != -1) {
        if (!take_option(options, option)) {
            return false;
        }
    }
    return optind == argc && options->control_fd >= 0;
}

static int finish(rg_status status, bool is_told)
{
    if (rg_is_ok(status)) {
        return CLI_FINE;
    }
    if (!is_told) {
        (void)fprintf(stderr, "rowgate: %s\n", status.error->text);
    }
    return status.error->kind == RG_CONFIG ? CLI_FINDING : CLI_TROUBLE;
}

static int run_auditor(const struct child_options *options)
{
    const struct auditor_child auditor = {options->control_fd, options->log_file, options->log_level};
    return finish(auditor_child_run(&auditor), true); /* the supervisor says it */
}

static int run_gateway(const struct child_options *options)
{
    const struct gateway_options gateway = {
        .path = options->config,
        .control_fd = options->control_fd,
        .fence = {options->audit_directory, options->log_file, options->state_directory},
        .sealed_origin = options->sealed_origin,
        .admin = options->has_admin ? &options->admin : NULL,
        .console = options->has_console ? &options->console : NULL,
        .listener_count = options->listener_count,
        .listeners = options->listeners};
    return finish(gateway_run(&gateway), false);
}

static int run_exporter(const struct child_options *options)
{
    const struct exporter_child exporter = {options->config, options->control_fd, options->audit_directory,
                                            options->log_file};
    int code = 0;
    rg_status status = exporter_child_run(&exporter, &code);
    return rg_is_ok(status) ? code : finish(status, true); /* it said so in the operational log */
}

int cli_child(int argc, char **argv)
{
    const char *name = argc < 2 ? "" : argv[1];
    struct child_options *options = rg_memory_alloc(sizeof *options);
    bool is_sound = argc >= 2 && read_options(argc - 1, argv + 1, options);
    int code = CLI_TROUBLE;
    if (is_sound && strcmp(name, "auditor") == 0) {
        code = run_auditor(options);
    } else if (is_sound && strcmp(name, "gateway") == 0 && options->config != NULL &&
               options->audit_directory != NULL) {
        code = run_gateway(options);
    } else if (is_sound && strcmp(name, "exporter") == 0 && options->config != NULL &&
               options->audit_directory != NULL) {
        code = run_exporter(options);
    } else {
        (void)fprintf(stderr, "rowgate: \"child\" is what `rowgate run` starts by itself\n");
    }
    rg_memory_free(options);
    return code;
}
