/* SPDX-License-Identifier: Apache-2.0 */
/* How many durable records a second, and how long each waits: closed-loop clients on event-loop threads, through the
 * real client code against a real auditor process. For scripts/bench audit.
 * Usage: audit_load --directory DIR [--clients N] [--loops N] [--seconds S] [--bytes B] [--durability synced|written]
 *        [--mixed] [--json]
 * --mixed: log-ins, failed ones and denied statements of 500 users among them, for scripts/bench evidence. */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/control.h"
#include "audit/keys.h"

enum { CLIENTS_MAX = 4096, LOOPS_MAX = 64, SAMPLES_MAX = 8 * 1000 * 1000, HEAD_BYTES = 340 };

struct options {
    const char *directory;
    long clients;
    long loops;
    double seconds;
    long bytes;
    enum audit_durability durability;
    bool is_json;
    bool is_mixed;
};

/* One event loop's thread and its share of the clients. Acknowledgements come in the order of submission: a ring. */
struct loop {
    const struct options *options;
    const char *sql; /* longer than any record's */
    int door;
    size_t clients;
    int64_t end_us;
    int64_t submitted_us[CLIENTS_MAX];
    uint32_t *samples; /* microseconds */
    size_t sample_count;
    uint64_t records;
    int64_t last_us;
    double cpu_us;
    pthread_t thread;
};

static void die(const char *what)
{
    (void)fprintf(stderr, "audit_load: %s\n", what);
    exit(1);
}

static void must(rg_status status)
{
    if (!rg_is_ok(status)) {
        die(status.error->text);
    }
}

static int64_t now_us(void)
{
    return rg_clock_monotonic_us(rg_clock_system());
}

static double spent_us(int who)
{
    struct rusage usage = {0};
    (void)getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* As a read that was rewritten leaves it; the text fills the line up to the wanted size. */
static struct audit_event sample(const struct options *options, uint64_t number, const char *sql)
{
    long text = options->bytes - HEAD_BYTES;
    return (struct audit_event){.kind = AUDIT_STATEMENT,
                                .wall_us = rg_clock_wall_us(rg_clock_system()),
                                .session_id = 7 + number % 64,
                                .statement_id = number,
                                .tenant = number % 2 == 0 ? RG_SLICE("acme") : RG_SLICE("globex"),
                                .user = RG_SLICE("alice"),
                                .verdict = AUDIT_REWRITTEN,
                                .class_name = RG_SLICE("READ"),
                                .sql = rg_slice_make(sql, text < 8 ? 8 : (size_t)text),
                                .rows = number % 100,
                                .bytes = number % 4000,
                                .duration_us = 250};
}

/* Of a hundred records one failed log-in, four log-ins, four log-outs, two denied statements. */
static struct audit_event mixed(const struct options *options, uint64_t number, const char *sql, char text[64])
{
    struct audit_event event = sample(options, number, sql);
    unsigned who = (unsigned)(number * 2654435761U % 500);
    int size = snprintf(text, 32, "user-%03u@example.com", who);
    event.user = rg_slice_make(text, (size_t)size);
    size = snprintf(text + 32, 32, "10.0.%u.%u", who / 50, who % 50 + 1);
    event.client_address = rg_slice_make(text + 32, (size_t)size);
    event.rule = number % 3 == 0 ? RG_SLICE("shared events") : RG_SLICE("own schema");
    event.policy = RG_SLICE("4b8f0c6f5a3f4d1e9c7a2b60d5e81f93a4c2b7d0e6f15a8934c7d2e1b0f6a583");
    unsigned turn = (unsigned)(number % 100);
    if (turn < 9) {
        event.kind = turn == 0 ? AUDIT_LOGIN_FAILED : turn < 5 ? AUDIT_LOGIN : AUDIT_LOGOUT;
        event.sql = (struct rg_slice){0};
        event.class_name = (struct rg_slice){0};
        event.message = turn == 0 ? RG_SLICE("the token has expired") : event.message;
        event.tenant = turn == 0 ? (struct rg_slice){0} : event.tenant;
    } else if (turn < 11) {
        event.verdict = AUDIT_DENIED;
        event.sqlstate = RG_SLICE("42501");
        event.rule = RG_SLICE("no rule allows it");
    }
    return event;
}

static void submit(struct loop *loop, struct audit_client *client, const char *sql, uint64_t *ticket)
{
    char text[64];
    struct audit_event event =
        loop->options->is_mixed ? mixed(loop->options, *ticket, sql, text) : sample(loop->options, *ticket, sql);
    must(audit_submit(client, &event, ticket));
    loop->submitted_us[*ticket % loop->clients] = now_us();
}

static void *on_loop(void *context)
{
    struct loop *loop = context;
    struct audit_client *client = NULL;
    const char *sql = loop->sql;
    uint64_t ticket = 0;
    uint64_t got = 0;
    uint64_t seq = 0;
    must(audit_client_open(loop->door, 0, &client));
    for (size_t i = 0; i < loop->clients; i++) {
        submit(loop, client, sql, &ticket);
    }
    while (got < ticket) {
        struct pollfd waiting = {.fd = audit_wakeup_fd(client), .events = POLLIN};
        audit_flush(client);
        if (audit_wants_write(client)) {
            waiting.events = POLLIN | POLLOUT;
        }
        (void)poll(&waiting, 1, audit_has_taken(client) ? 0 : 1000); /* what the ring took wakes nobody */
        while (audit_take(client, &got, &seq)) {
            int64_t now = now_us();
            if (loop->sample_count < SAMPLES_MAX) {
                loop->samples[loop->sample_count++] = (uint32_t)(now - loop->submitted_us[got % loop->clients]);
            }
            loop->records++;
            loop->last_us = now;
            if (now < loop->end_us) {
                submit(loop, client, sql, &ticket);
            }
        }
        if (audit_client_is_faulted(client)) {
            die(audit_client_reason(client));
        }
    }
    audit_client_close(&client);
    loop->cpu_us = spent_us(RUSAGE_THREAD);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = 0;
    uint32_t y = 0;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static pid_t start_auditor(const struct options *options, int *out_control, int *out_door)
{
    int control[2];
    int door[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) != 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, door) != 0) {
        die("no sockets");
    }
    pid_t child = fork();
    if (child < 0) {
        die("no process");
    }
    if (child == 0) {
        (void)close(control[0]);
        (void)close(door[0]);
        (void)close(door[1]);
        rg_status status = auditor_run(control[1], NULL);
        if (!rg_is_ok(status)) {
            (void)fprintf(stderr, "audit_load: auditor: %s\n", status.error->text);
        }
        _exit(rg_is_ok(status) ? 0 : 1);
    }
    (void)close(control[1]);
    struct audit_control message = {.type = AUDIT_CONTROL_OPTIONS,
                                    .options = {.directory = rg_slice_of(options->directory),
                                                .origin = RG_SLICE("bench/audit/node-1/1"),
                                                .durability = options->durability}};
    must(audit_control_send(control[0], &message));
    message = (struct audit_control){.type = AUDIT_CONTROL_DOOR, .fd = door[1]};
    must(audit_control_send(control[0], &message));
    (void)close(door[1]);
    *out_control = control[0];
    *out_door = door[0];
    return child;
}

/* Until the auditor said `ready`: opening is not what is measured. */
static void await_ready(int control)
{
    static char memory[AUDIT_CONTROL_MAX];
    struct audit_control message = {0};
    while (message.type != AUDIT_CONTROL_READY) {
        struct pollfd waiting = {.fd = control, .events = POLLIN};
        bool has_message = false;
        (void)poll(&waiting, 1, 20 * 1000);
        must(audit_control_receive(control, memory, &message, &has_message));
        if (message.type == AUDIT_CONTROL_STATE && message.state == AUDIT_CLOSED) {
            (void)fprintf(stderr, "%.*s\n", RG_SLICE_ARGS(message.reason));
            die("the log is closed");
        }
    }
}

static void make_keys(const struct options *options)
{
    char root_file[1024];
    (void)snprintf(root_file, sizeof root_file, "%s.root.key", options->directory);
    const struct audit_keys_options keys = {.directory = rg_slice_of(options->directory),
                                            .origin = RG_SLICE("bench/audit/node-1/1"),
                                            .root_file = rg_slice_of(root_file),
                                            .epoch_count = 32};
    must(audit_keys_init(&keys));
}

static void parse(int argc, char **argv, struct options *options)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--json") == 0) {
            options->is_json = true;
            continue;
        }
        if (strcmp(argv[i], "--mixed") == 0) {
            options->is_mixed = true;
            continue;
        }
        i++;
        if (strcmp(argv[i - 1], "--directory") == 0) {
            options->directory = value;
        } else if (strcmp(argv[i - 1], "--clients") == 0) {
            options->clients = strtol(value, NULL, 10);
        } else if (strcmp(argv[i - 1], "--loops") == 0) {
            options->loops = strtol(value, NULL, 10);
        } else if (strcmp(argv[i - 1], "--seconds") == 0) {
            options->seconds = strtod(value, NULL);
        } else if (strcmp(argv[i - 1], "--bytes") == 0) {
            options->bytes = strtol(value, NULL, 10);
        } else if (strcmp(argv[i - 1], "--durability") == 0) {
            options->durability = strcmp(value, "written") == 0 ? AUDIT_WRITTEN : AUDIT_SYNCED;
        } else {
            die("unknown option");
        }
    }
    options->loops = options->loops > options->clients ? options->clients : options->loops;
    if (options->directory == NULL || options->clients < 1 || options->clients > CLIENTS_MAX || options->loops < 1 ||
        options->loops > LOOPS_MAX || options->bytes > 32 * 1024) {
        die("--directory DIR, 1 to 4096 clients, 1 to 64 loops, records up to 32 KiB");
    }
}

static void tell(const struct options *options, struct loop *loops, int64_t start_us, double auditor_us)
{
    uint64_t records = 0;
    size_t count = 0;
    double client_us = 0;
    int64_t last_us = start_us + 1;
    uint32_t *all = calloc(SAMPLES_MAX, sizeof *all);
    for (long i = 0; all != NULL && i < options->loops; i++) {
        records += loops[i].records;
        client_us += loops[i].cpu_us;
        last_us = loops[i].last_us > last_us ? loops[i].last_us : last_us;
        for (size_t k = 0; k < loops[i].sample_count && count < SAMPLES_MAX; k++) {
            all[count++] = loops[i].samples[k];
        }
    }
    if (all == NULL || count == 0) {
        die("nothing was measured");
    }
    qsort(all, count, sizeof *all, compare);
    double seconds = (double)(last_us - start_us) / 1e6;
    const char *form = options->is_json
                           ? "{\"records\": %" PRIu64 ", \"records_per_second\": %.0f, \"p50_us\": %" PRIu32
                             ", \"p99_us\": %" PRIu32 ", \"client_cpu_us\": %.2f, \"auditor_cpu_us\": %.2f}\n"
                           : "%" PRIu64 " records, %.0f/s, p50 %" PRIu32 " us, p99 %" PRIu32
                             " us, CPU us/record: client %.2f, auditor %.2f\n";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)printf(form, records, (double)records / seconds, all[count / 2], all[count * 99 / 100],
                 client_us / (double)records, auditor_us / (double)records);
#pragma GCC diagnostic pop
    free(all);
}

int main(int argc, char **argv)
{
    struct options options = {.clients = 64, .loops = 2, .seconds = 5, .bytes = 600};
    struct loop *loops = calloc(LOOPS_MAX, sizeof *loops);
    static char sql[64 * 1024];
    int control = -1;
    int door = -1;
    memset(sql, 'x', sizeof sql);
    memcpy(sql, "SELECT 1", 8);
    parse(argc, argv, &options);
    make_keys(&options);
    pid_t child = start_auditor(&options, &control, &door);
    await_ready(control);
    int64_t start_us = now_us();
    for (long i = 0; loops != NULL && i < options.loops; i++) {
        loops[i] = (struct loop){
            .options = &options,
            .sql = sql,
            .door = door,
            .clients = (size_t)(options.clients / options.loops + (i < options.clients % options.loops ? 1 : 0)),
            .end_us = start_us + (int64_t)(options.seconds * 1e6),
            .samples = calloc(SAMPLES_MAX, sizeof(uint32_t))};
        if (loops[i].samples == NULL || pthread_create(&loops[i].thread, NULL, on_loop, &loops[i]) != 0) {
            die("no thread");
        }
    }
    for (long i = 0; loops != NULL && i < options.loops; i++) {
        (void)pthread_join(loops[i].thread, NULL);
    }
    must(audit_control_send(control, &(struct audit_control){.type = AUDIT_CONTROL_STOP}));
    int status = 0;
    if (loops == NULL || waitpid(child, &status, 0) != child || status != 0) {
        die("the auditor did not end well");
    }
    tell(&options, loops, start_us, spent_us(RUSAGE_CHILDREN));
    for (long i = 0; i < options.loops; i++) {
        free(loops[i].samples);
    }
    free(loops);
    return 0;
}
