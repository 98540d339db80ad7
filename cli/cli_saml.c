/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate saml metadata: our side of one [idp.NAME] as the XML that its operator imports. The same is served at
 * /.rowgate/saml/NAME/metadata once rowgate runs. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "auth/saml_metadata.h"
#include "cli/cli.h"
#include "cli/text.h"
#include "proxy/config.h"

struct options {
    const char *path;
    const char *idp;
    const char *listener;
};

enum { ARENA_BYTES = 4 << 20 };

static int print_help(FILE *out, int status)
{
    (void)fputs("usage: rowgate saml metadata -c FILE --idp NAME [--listener NAME]\n\n"
                "Prints rowgate's SAML metadata for [idp.NAME]: entity ID, endpoints, certificate\n"
                "(docs/login-saml.md says where it goes).\n\n"
                "  -c, --config FILE     the configuration\n"
                "      --idp NAME        an [idp.NAME] of type \"saml\"\n"
                "      --listener NAME   whose public_url counts; needed when several listeners have this login\n"
                "  -h, --help            this text\n\n"
                "Exit status: 0 printed, 1 findings in FILE, 2 trouble.\n",
                out);
    return status;
}

static bool parse_options(int argc, char **argv, struct options *options, int *out_status)
{
    static const struct option rows[] = {{"config", required_argument, NULL, 'c'},
                                         {"idp", required_argument, NULL, 'i'},
                                         {"listener", required_argument, NULL, 'l'},
                                         {"help", no_argument, NULL, 'h'},
                                         {NULL, 0, NULL, 0}};
    for (int letter = 0; (letter = getopt_long(argc, argv, "c:h", rows, NULL)) != -1;) {
        switch (letter) {
        case 'c':
            options->path = optarg;
            break;
        case 'i':
            options->idp = optarg;
            break;
        case 'l':
            options->listener = optarg;
            break;
        case 'h':
            *out_status = print_help(stdout, CLI_FINE);
            return false;
        default:
            *out_status = print_help(stderr, CLI_TROUBLE);
            return false;
        }
    }
    bool is_right = optind + 1 == argc && strcmp(argv[optind], "metadata") == 0;
    if (!is_right || options->path == NULL || options->idp == NULL) {
        *out_status = print_help(stderr, CLI_TROUBLE);
        return false;
    }
    return true;
}

static bool has_login(const struct config_http_listener *http, struct rg_slice idp)
{
    for (size_t i = 0; i < http->login_count; i++) {
        if (rg_slice_is_equal(http->login[i], idp)) {
            return true;
        }
    }
    return false;
}

/* The one listener that is meant. */
static rg_status find_listener(const struct config *config, const struct options *options,
                               const struct config_http_listener **out_listener)
{
    const struct config_http_listener *found = NULL;
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listener *listener = &config->listeners[i];
        bool is_asked = options->listener == NULL || rg_slice_is_equal(listener->name, rg_slice_of(options->listener));
        if (listener->http == NULL || !is_asked || !has_login(listener->http, rg_slice_of(options->idp))) {
            continue;
        }
        if (found != NULL) {
            return rg_fail(RG_CONFIG, "several listeners have this login: say which by --listener");
        }
        found = listener->http;
    }
    if (found == NULL) {
        return rg_fail(RG_CONFIG, "no listener with plane = \"http\" has this login");
    }
    *out_listener = found;
    return RG_OK;
}

static rg_status print_metadata(const struct config *config, const struct options *options, struct rg_arena *arena)
{
    const struct config_idp *idp = config_idp_find(config, rg_slice_of(options->idp));
    const struct config_http_listener *listener = NULL;
    struct rg_slice acs = {0};
    struct rg_slice slo = {0};
    struct rg_slice xml = {0};
    if (idp == NULL || idp->saml == NULL) {
        return rg_fail(RG_CONFIG, "[idp.%s] is no provider of type \"saml\"", options->idp);
    }
    RG_TRY(find_listener(config, options, &listener));
    RG_TRY(config_idp_saml_url(listener, idp, "acs", arena, &acs));
    RG_TRY(config_idp_saml_url(listener, idp, "slo", arena, &slo));
    RG_TRY(auth_saml_metadata_write(idp->saml, acs, slo, arena, &xml));
    (void)fwrite(xml.data, 1, xml.size, stdout);
    return RG_OK;
}

int cli_saml(int argc, char **argv)
{
    struct options options = {0};
    struct rg_arena arena RG_AUTO(rg_arena_done) = {0};
    struct config *config RG_AUTO(config_free) = NULL;
    struct rg_diag diag;
    int status = CLI_TROUBLE;
    if (!parse_options(argc, argv, &options, &status)) {
        return status;
    }
    rg_arena_init(&arena, ARENA_BYTES);
    rg_diag_init(&diag, &arena);
    rg_status result = config_load(options.path, &diag, &config);
    if (!rg_is_ok(result) && diag.error_count > 0) {
        (void)fprintf(stderr, "rowgate saml: %s has mistakes: rowgate check -c %s\n", options.path, options.path);
        return CLI_FINDING;
    }
    result = rg_is_ok(result) ? print_metadata(config, &options, &arena) : result;
    if (!rg_is_ok(result)) {
        (void)fprintf(stderr, "rowgate saml: %s\n", result.error->text);
        return CLI_TROUBLE;
    }
    return CLI_FINE;
}
