/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate audit witness: somebody else's machine that remembers how far a log had come (docs/witness.md). Arguments,
 * files and signals are here; the rules are in audit/witness/, the HTTP is proxy/net/http_service. */
#include "cli/cli_audit.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/reader.h"
#include "audit/witness/witness.h"
#include "base/rg_log.h"
#include "base/rg_memory.h"
#include "base/rg_sign.h"
#include "proxy/net/http_service.h"
#include "proxy/net/tls.h"

enum { WITNESS_TROUBLE = 6, ARENA_BYTES = 16 * 1024 * 1024, PATH_BYTES = 1024, TIMEOUT_MS = 10000, CONNECTIONS = 256 };

static const char usage_text[] =
    "usage: rowgate audit witness init --name NAME --key FILE\n"
    "       rowgate audit witness --listen HOST:PORT --key FILE --state DIR --log ROOT [--log ROOT ...]\n"
    "                             [--certificate FILE --private-key FILE]\n"
    "\n"
    "A witness remembers the newest checkpoint of each log and cosigns only what continues it (C2SP tlog-witness).\n"
    "It runs on a machine that those who run rowgate do not control.\n"
    "\n"
    "init                 makes the witness's key: FILE (0400) and FILE.vkey, the line that goes into "
    "[[audit.witnesses]]\n"
    "                     and to `verify --witness`; prints that line\n"
    "--name NAME          of the witness, such as witness.example.com/w1\n"
    "--listen HOST:PORT   where logs ask; port 0 = any free one. Without a certificate a loopback address only\n"
    "--key FILE           what init made\n"
    "--state DIR          what it remembers; made when absent. Never restore it from a backup: it would forget\n"
    "--log ROOT           a log's root line (keys/root.vkey), or a file with it\n"
    "--static-log VKEY    a log of other software, that signs with one Ed25519 key under its origin\n"
    "--certificate FILE   PEM with its chain; --private-key FILE its key\n"
    "--timeout SECONDS    of a request (10)\n"
    "\n"
    "Exit status: 0 ended by SIGTERM or SIGINT, 6 usage and trouble.\n";

struct options {
    const char *name, *key, *listen, *state, *certificate, *private_key;
    struct witness_trust *trusts;
    size_t trust_count;
    unsigned timeout_ms;
    bool wants_help, is_wrong;
};

static int usage(FILE *out, int code)
{
    (void)fputs(usage_text, out);
    return code;
}

static int report(rg_status status)
{
    (void)fprintf(stderr, "rowgate audit witness: %s\n", status.error->text);
    return WITNESS_TROUBLE;
}

/* ---- arguments ---- */

static void add_trust(struct options *options, struct rg_arena *arena, bool is_static)
{
    struct witness_trust trust = {.is_static = is_static};
    rg_status status = cli_audit_load_root(optarg, arena, &trust.key);
    if (!rg_is_ok(status) || options->trust_count == WITNESS_LOGS_MAX) {
        (void)fprintf(stderr, "rowgate audit witness: %s: %s\n", optarg,
                      rg_is_ok(status) ? "too many logs" : status.error->text);
        options->is_wrong = true;
        return;
    }
    options->trusts[options->trust_count++] = trust;
}

static void take_timeout(struct options *options)
{
    unsigned seconds = 0;
    char rest = '\0';
    bool is_number = sscanf(optarg, "%4u%c", &seconds, &rest) == 1;
    options->is_wrong |= !is_number || seconds == 0 || seconds > 3600;
    options->timeout_ms = seconds * 1000;
}

static void take_option(struct options *options, struct rg_arena *arena, int letter)
{
    const struct {
        int letter;
        const char **value;
    } rows[] = {{'n', &options->name},  {'k', &options->key},         {'l', &options->listen},
                {'s', &options->state}, {'C', &options->certificate}, {'K', &options->private_key}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].letter == letter) {
            *rows[i].value = optarg;
            return;
        }
    }
    if (letter == 'L' || letter == 'S') {
        add_trust(options, arena, letter == 'S');
    } else if (letter == 't') {
        take_timeout(options);
    } else if (letter == 'h') {
        options->wants_help = true;
    } else {
        options->is_wrong = true;
    }
}

static void parse(int argc, char **argv, struct rg_arena *arena, struct options *options)
{
    static const struct option rows[] = {{"name", required_argument, NULL, 'n'},
                                         {"key", required_argument, NULL, 'k'},
                                         {"listen", required_argument, NULL, 'l'},
                                         {"state", required_argument, NULL, 's'},
                                         {"log", required_argument, NULL, 'L'},
                                         {"static-log", required_argument, NULL, 'S'},
                                         {"certificate", required_argument, NULL, 'C'},
                                         {"private-key", required_argument, NULL, 'K'},
                                         {"timeout", required_argument, NULL, 't'},
                                         {"help", no_argument, NULL, 'h'},
                                         {NULL, 0, NULL, 0}};
    optind = 1;
    for (int letter = 0; (letter = getopt_long(argc, argv, "h", rows, NULL)) != -1;) {
        take_option(options, arena, letter);
    }
    options->is_wrong |= optind != argc;
}

/* ---- the key ---- */

static rg_status write_file(const char *path, mode_t mode, struct rg_slice bytes)
{
    RG_AUTO(audit_fd_done) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0) {
        return rg_fail(RG_STORAGE, "%s cannot be made: %s", path, strerror(errno));
    }
    if (write(fd, bytes.data, bytes.size) != (ssize_t)bytes.size || fsync(fd) != 0) {
        return rg_fail(RG_STORAGE, "%s cannot be written: %s", path, strerror(errno));
    }
    return RG_OK;
}

static rg_status make_files(const struct options *options, const uint8_t seed[AUDIT_SEED_SIZE])
{
    RG_AUTO(rg_secret_free) struct rg_secret *pem = NULL;
    RG_AUTO(rg_buf_done) struct rg_buf line;
    uint8_t public_key[AUDIT_PUBLIC_SIZE];
    struct audit_cosigner cosigner = {0};
    char path[PATH_BYTES];
    rg_buf_init(&line, AUDIT_VKEY_SIZE + 1);
    RG_TRY(audit_seed_public(seed, public_key));
    RG_TRY(audit_cosigner_make(rg_slice_of(options->name), public_key, &cosigner));
    RG_TRY(audit_cosigner_encode(&cosigner, &line));
    RG_TRY(rg_buf_put(&line, RG_SLICE("\n")));
    RG_TRY(rg_sign_pem_encode(seed, &pem));
    (void)snprintf(path, sizeof path, "%s.vkey", options->key);
    RG_TRY(write_file(options->key, S_IRUSR, rg_secret_slice(pem)));
    RG_TRY(write_file(path, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH, rg_buf_slice(&line)));
    (void)fwrite(rg_buf_slice(&line).data, 1, rg_buf_size(&line), stdout);
    return fflush(stdout) == 0 ? RG_OK : rg_fail(RG_STORAGE, "cannot write to stdout");
}

static int init(const struct options *options)
{
    uint8_t seed[AUDIT_SEED_SIZE];
    if (options->name == NULL || options->key == NULL || strlen(options->key) + sizeof ".vkey" > PATH_BYTES) {
        return usage(stderr, WITNESS_TROUBLE);
    }
    rg_random(seed, sizeof seed);
    rg_status status = make_files(options, seed);
    rg_wipe(seed, sizeof seed);
    return rg_is_ok(status) ? 0 : report(status);
}

static rg_status load_key(const struct options *options, struct rg_arena *arena, struct audit_cosigner *out_cosigner,
                          uint8_t out_seed[AUDIT_SEED_SIZE])
{
    RG_AUTO(rg_secret_free) struct rg_secret *pem = NULL;
    struct rg_slice line = {0};
    struct rg_slice path = {0};
    uint8_t public_key[AUDIT_PUBLIC_SIZE];
    RG_TRY(rg_secret_load_file(rg_slice_of(options->key), (struct rg_slice){0}, &pem));
    RG_TRY(rg_sign_pem_parse(rg_secret_slice(pem), out_seed));
    RG_TRY(rg_arena_printf(arena, &path, "%s.vkey", options->key));
    RG_TRY(cli_audit_load_note(path.data, arena, &line));
    line.size -= line.size > 0 && line.data[line.size - 1] == '\n' ? 1 : 0;
    RG_TRY(audit_cosigner_parse(line, out_cosigner));
    RG_TRY(audit_seed_public(out_seed, public_key));
    if (memcmp(public_key, out_cosigner->key.public_key, sizeof public_key) != 0) {
        return rg_fail(RG_CONFIG, "%s.vkey is not the public half of %s", options->key, options->key);
    }
    return RG_OK;
}

/* ---- serving ---- */

struct server {
    struct witness *witness;
    struct rg_log *log;
};

static void handle(void *context, const struct http_service_request *request, struct http_service_answer *answer)
{
    const struct server *server = context;
    const struct witness_request asked = {.method = request->method, .path = request->path, .body = request->body};
    struct witness_answer said = {.status = 500, .body = answer->body};
    witness_handle(server->witness, &asked, &said);
    answer->status = said.status;
    answer->content_type = said.content_type;
    if (said.note[0] != '\0') {
        rg_log_event(
            server->log, strncmp(said.note, "FORK", 4) == 0 || said.status >= 500 ? RG_LOG_ERROR : RG_LOG_WARNING,
            "witness.refused", "s:s, s:i, s:s", "client", request->client, "status", said.status, "reason", said.note);
    }
}

static void wait_for_signal(void)
{
    sigset_t ends;
    int number = 0;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &ends, NULL);
    (void)sigwait(&ends, &number);
}

static rg_status load_tls(const struct options *options, struct net_tls **out_tls)
{
    RG_AUTO(rg_secret_free) struct rg_secret *certificate = NULL;
    RG_AUTO(rg_secret_free) struct rg_secret *private_key = NULL;
    if (options->certificate == NULL) {
        return RG_OK;
    }
    RG_TRY(rg_secret_load_file(rg_slice_of(options->certificate), (struct rg_slice){0}, &certificate));
    RG_TRY(rg_secret_load_file(rg_slice_of(options->private_key), (struct rg_slice){0}, &private_key));
    return net_tls_server_new(rg_secret_slice(certificate), rg_secret_slice(private_key), NET_TLS_1_2, out_tls);
}

static rg_status listen_and_wait(const struct options *options, struct server *server)
{
    RG_AUTO(net_tls_release) struct net_tls *tls = NULL;
    RG_AUTO(http_service_close) struct http_service *service = NULL;
    RG_TRY(load_tls(options, &tls));
    const struct http_service_options http = {.address = rg_slice_of(options->listen),
                                              .tls = tls,
                                              .body_max = WITNESS_BODY_MAX,
                                              .answer_max = WITNESS_ANSWER_MAX,
                                              .timeout_ms = options->timeout_ms,
                                              .connections_max = CONNECTIONS,
                                              .handle = handle,
                                              .context = server};
    RG_TRY(http_service_open(&http, &service));
    rg_log_event(server->log, RG_LOG_INFO, "witness.ready", "s:i", "port", (int)http_service_port(service));
    wait_for_signal();
    return RG_OK;
}

static rg_status open_state(const char *path, int *out_fd)
{
    if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST) {
        return rg_fail(RG_STORAGE, "%s cannot be made: %s", path, strerror(errno));
    }
    *out_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *out_fd >= 0 ? RG_OK : rg_fail(RG_STORAGE, "cannot open %s: %s", path, strerror(errno));
}

static rg_status serve(const struct options *options, struct rg_arena *arena, uint8_t seed[AUDIT_SEED_SIZE])
{
    RG_AUTO(audit_fd_done) int fd = -1;
    RG_AUTO(rg_log_close) struct rg_log *log = NULL;
    RG_AUTO(witness_close) struct witness *witness = NULL;
    struct audit_cosigner cosigner = {0};
    RG_TRY(load_key(options, arena, &cosigner, seed));
    RG_TRY(open_state(options->state, &fd));
    RG_TRY(rg_log_open(NULL, RG_LOG_INFO, rg_clock_system(), &log));
    const struct witness_options witness_options = {.directory_fd = fd,
                                                    .store = audit_store_files(),
                                                    .clock = rg_clock_system(),
                                                    .cosigner = &cosigner,
                                                    .seed = seed,
                                                    .trusts = options->trusts,
                                                    .trust_count = options->trust_count};
    RG_TRY(witness_open(&witness_options, &witness));
    struct server server = {.witness = witness, .log = log};
    return listen_and_wait(options, &server);
}

static int run(const struct options *options, struct rg_arena *arena)
{
    uint8_t seed[AUDIT_SEED_SIZE] = {0};
    bool has_pair = (options->certificate == NULL) == (options->private_key == NULL);
    if (options->key == NULL || options->listen == NULL || options->state == NULL || options->trust_count == 0 ||
        !has_pair || options->name != NULL) {
        return usage(stderr, WITNESS_TROUBLE);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)prctl(PR_SET_DUMPABLE, 0);
    rg_status status = serve(options, arena, seed);
    rg_wipe(seed, sizeof seed);
    return rg_is_ok(status) ? 0 : report(status);
}

int cli_audit_witness(int argc, char **argv)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    bool is_init = argc > 1 && strcmp(argv[1], "init") == 0;
    struct options options = {.timeout_ms = TIMEOUT_MS};
    rg_arena_init(&arena, ARENA_BYTES);
    options.trusts = rg_memory_array(WITNESS_LOGS_MAX, sizeof *options.trusts);
    parse(is_init ? argc - 1 : argc, is_init ? argv + 1 : argv, &arena, &options);
    int code = WITNESS_TROUBLE;
    if (options.wants_help) {
        code = usage(stdout, 0);
    } else if (options.is_wrong) {
        code = usage(stderr, WITNESS_TROUBLE);
    } else {
        code = is_init ? init(&options) : run(&options, &arena);
    }
    rg_memory_free(options.trusts);
    return code;
}
