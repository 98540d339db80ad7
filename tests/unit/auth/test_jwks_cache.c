/* SPDX-License-Identifier: Apache-2.0 */
/* The key cache against a real HTTPS provider (tests/support/idp.py) on loopback, with a clock that the
 * test moves: fetch, rotation, cool-down, cancellation, and a provider that misbehaves. */
#include "auth/jwks_cache.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/oidc.h"
#include "base/rg_buf.h"
#include "tests/support/rg_test.h"

static char directory[64];
static char issuer[128];
static pid_t server;
static atomic_llong extra_us; /* the test's clock runs ahead of the machine's by this */

static int64_t moved_monotonic_us(void *context)
{
    (void)context;
    return rg_clock_monotonic_us(rg_clock_system()) + atomic_load(&extra_us);
}

static int64_t machine_wall_us(void *context)
{
    (void)context;
    return rg_clock_wall_us(rg_clock_system());
}

static const struct rg_clock moved_clock = {.wall_us = machine_wall_us, .monotonic_us = moved_monotonic_us};

static void path_of(const char *name, char *out_path, size_t size)
{
    assert_true(snprintf(out_path, size, "%s/%s", directory, name) < (int)size);
}

static pid_t start_idp(const char *const *arguments, const char *out_path)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* a crashed test leaves no server behind */
        const char *argv[16] = {"/usr/bin/python3", "tests/support/idp.py"};
        for (size_t i = 0; arguments[i] != NULL; i++) {
            argv[i + 2] = arguments[i];
        }
        int out = open(out_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        char *const *unconst = NULL;
        memcpy(&unconst, &(const char *const *){argv}, sizeof unconst);
        if (out >= 0 && dup2(out, STDOUT_FILENO) >= 0) {
            (void)execv(argv[0], unconst);
        }
        _exit(127);
    }
    return pid;
}

static void run_idp(const char *const *arguments, char *out_text, size_t size)
{
    char path[128];
    int status = 0;
    path_of("out", path, sizeof path);
    pid_t pid = start_idp(arguments, path);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t count = fread(out_text, 1, size - 1, file);
    out_text[count] = '\0';
    out_text[strcspn(out_text, "\n")] = '\0';
    (void)fclose(file);
}

static int start_server(void **state)
{
    (void)state;
    char path[128];
    (void)snprintf(directory, sizeof directory, "/tmp/rg_test_jwks_XXXXXX");
    assert_non_null(mkdtemp(directory));
    path_of("ready", path, sizeof path);
    const char *const arguments[] = {"serve", "--dir", directory, "--ready-file", path, NULL};
    server = start_idp(arguments, "/dev/null");
    for (int i = 0; i < 1500 && access(path, R_OK) != 0; i++) {
        (void)usleep(20000);
    }
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(issuer, sizeof issuer, file));
    issuer[strcspn(issuer, "\n")] = '\0';
    (void)fclose(file);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    static const char *const names[] = {"ca.pem", "tls.pem",      "tls.key", "keys.json", "issuer",
                                        "ready",  "requests.log", "out",     "fault"};
    char path[128];
    (void)kill(server, SIGTERM);
    (void)waitpid(server, NULL, 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        path_of(names[i], path, sizeof path);
        (void)unlink(path);
    }
    return rmdir(directory);
}

static void set_fault(const char *fault)
{
    char path[128];
    path_of("fault", path, sizeof path);
    (void)unlink(path);
    if (fault != NULL) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        (void)fputs(fault, file);
        (void)fclose(file);
    }
}

static size_t count_requests(const char *wanted)
{
    char path[128];
    char line[256];
    size_t count = 0;
    path_of("requests.log", path, sizeof path);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        count += strstr(line, wanted) != NULL ? 1 : 0;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return count;
}

/* What the cache reports, counted. */
struct reports {
    pthread_mutex_t lock;
    unsigned ok;
    unsigned failed;
    char text[512];
};

static void on_event(void *context, const struct auth_jwks_event *event)
{
    struct reports *reports = context;
    (void)pthread_mutex_lock(&reports->lock);
    reports->ok += event->is_ok ? 1 : 0;
    reports->failed += event->is_ok ? 0 : 1;
    (void)snprintf(reports->text, sizeof reports->text, "%.*s", RG_SLICE_ARGS(event->text));
    (void)pthread_mutex_unlock(&reports->lock);
}

static bool has_reported(struct reports *reports, unsigned ok, unsigned failed)
{
    (void)pthread_mutex_lock(&reports->lock);
    bool has = reports->ok >= ok && reports->failed >= failed;
    (void)pthread_mutex_unlock(&reports->lock);
    return has;
}

static void wait_for(struct reports *reports, unsigned ok, unsigned failed)
{
    for (int i = 0; i < 2000 && !has_reported(reports, ok, failed); i++) {
        (void)usleep(10000);
    }
    assert_true(has_reported(reports, ok, failed));
}

struct fixture {
    struct reports reports;
    struct auth_trust trust;
    struct auth_jwks_cache *cache;
    char ca_file[128];
};

static const struct rg_slice audiences[] = {{"api://rowgate", 13}};

static void open_cache(struct fixture *fixture)
{
    (void)pthread_mutex_init(&fixture->reports.lock, NULL);
    if (fixture->trust.issuer.size == 0) {
        path_of("ca.pem", fixture->ca_file, sizeof fixture->ca_file);
        fixture->trust = auth_trust_default();
        fixture->trust.name = RG_SLICE("main");
        fixture->trust.issuer = rg_slice_of(issuer);
        fixture->trust.audiences = audiences;
        fixture->trust.audience_count = 1;
        fixture->trust.ca_file = rg_slice_of(fixture->ca_file);
    }
    struct auth_jwks_log log = {on_event, &fixture->reports};
    assert_ok(auth_jwks_cache_new(&fixture->trust, 1, &moved_clock, log, &fixture->cache));
}

static void close_cache(struct fixture *fixture)
{
    auth_jwks_cache_free(&fixture->cache);
    assert_null(fixture->cache);
    (void)pthread_mutex_destroy(&fixture->reports.lock);
    set_fault(NULL);
}

static void count_call(void *context)
{
    (void)atomic_fetch_add((atomic_uint *)context, 1);
}

static void wait_for_calls(const atomic_uint *calls, unsigned wanted)
{
    for (int i = 0; i < 2000 && atomic_load(calls) < wanted; i++) {
        (void)usleep(10000);
    }
    assert_int_equal(atomic_load(calls), wanted);
}

static void verify(struct fixture *fixture, const char *token, enum auth_verify_hint wanted_hint)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, (size_t)1 << 20);
    struct auth_jwks *jwks = auth_jwks_cache_find(fixture->cache, 0);
    struct auth_identity identity = {0};
    enum auth_verify_hint hint = AUTH_HINT_NONE;
    rg_status status = auth_oidc_verify(&fixture->trust, jwks, rg_slice_of(token), rg_clock_wall_us(rg_clock_system()),
                                        &arena, &identity, &hint);
    auth_jwks_free(&jwks);
    if (wanted_hint == AUTH_HINT_NONE) {
        assert_ok(status);
        assert_slice(identity.subject, "alice");
    } else {
        assert_fails(RG_DENIED, status);
    }
    assert_int_equal(hint, wanted_hint);
}

static void make_token(const char *alg, const char *typ, char *out_token, size_t size)
{
    const char *const arguments[] = {"token", "--dir", directory, "--sub", "alice", "--alg", alg, "--typ", typ, NULL};
    run_idp(arguments, out_token, size);
}

static void prefetches_by_discovery_and_verifies_real_tokens(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    char token[2048];
    open_cache(&fixture);
    wait_for(&fixture.reports, 1, 0);
    make_token("ES256", "JWT", token, sizeof token);
    verify(&fixture, token, AUTH_HINT_NONE);
    make_token("RS256", "at+jwt", token, sizeof token);
    verify(&fixture, token, AUTH_HINT_NONE);
    close_cache(&fixture);
}

static void refetches_for_an_unknown_kid_after_the_cool_down_only(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    char token[2048];
    char ignored[64];
    atomic_uint calls = 0;
    open_cache(&fixture);
    wait_for(&fixture.reports, 1, 0);
    const char *const rotate[] = {"rotate", "--dir", directory, "--drop-old", NULL};
    run_idp(rotate, ignored, sizeof ignored);
    make_token("ES256", "JWT", token, sizeof token);
    verify(&fixture, token, AUTH_HINT_UNKNOWN_KEY);
    assert_int_equal(auth_jwks_cache_request(fixture.cache, 0, RG_SLICE("new"), count_call, &calls),
                     AUTH_REFETCH_COOLING_DOWN);
    (void)atomic_fetch_add(&extra_us, fixture.trust.jwks_cooldown_us);
    size_t before = count_requests("/jwks");
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(auth_jwks_cache_request(fixture.cache, 0, RG_SLICE("new"), count_call, &calls),
                         AUTH_REFETCH_STARTED);
    }
    wait_for_calls(&calls, 50);
    assert_int_equal(count_requests("/jwks"), before + 1);
    verify(&fixture, token, AUTH_HINT_NONE);
    assert_int_equal(auth_jwks_cache_request(fixture.cache, 0, RG_SLICE("new"), count_call, &calls),
                     AUTH_REFETCH_COOLING_DOWN);
    close_cache(&fixture);
    assert_int_equal(atomic_load(&calls), 50);
}

/* The kid in a token's header, by way of the library itself. */
static void a_kid_learnt_meanwhile_needs_no_fetch(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    char token[2048];
    atomic_uint calls = 0;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, (size_t)1 << 16);
    open_cache(&fixture);
    wait_for(&fixture.reports, 1, 0);
    make_token("ES384", "JWT", token, sizeof token);
    struct rg_slice kid = {0};
    assert_ok(auth_oidc_peek_kid(rg_slice_of(token), &arena, &kid));
    size_t before = count_requests("/jwks");
    assert_int_equal(auth_jwks_cache_request(fixture.cache, 0, kid, count_call, &calls), AUTH_REFETCH_STARTED);
    wait_for_calls(&calls, 1);
    assert_int_equal(count_requests("/jwks"), before);
    close_cache(&fixture);
}

static void refreshes_by_itself_and_keeps_old_keys_when_that_fails(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    char token[2048];
    open_cache(&fixture);
    wait_for(&fixture.reports, 1, 0);
    make_token("ES256", "JWT", token, sizeof token);
    set_fault("status");
    (void)atomic_fetch_add(&extra_us, fixture.trust.jwks_refresh_us);
    wait_for(&fixture.reports, 1, 1);
    verify(&fixture, token, AUTH_HINT_NONE);
    set_fault(NULL);
    wait_for(&fixture.reports, 2, 1); /* by its own back-off */
    close_cache(&fixture);
}

static void refuses_what_a_misbehaving_provider_answers(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"status", "discovery document: HTTP status 500"},
        {"garbage", "discovery document: invalid JSON"},
        {"issuer", "its issuer is not the configured one"},
        {"http-jwks", "jwks_uri is not an https URL"},
        {"redirect", "discovery document: HTTP status 302"},
        {"huge", "discovery document: more than 262144 bytes"},
        {"empty", "none of its 0 keys"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture fixture = {0};
        atomic_uint calls = 0;
        set_fault(rows[i][0]);
        open_cache(&fixture);
        /* A request during the first fetch shares it and hears of its failure. */
        enum auth_refetch answer = auth_jwks_cache_request(fixture.cache, 0, RG_SLICE("x"), count_call, &calls);
        wait_for(&fixture.reports, 0, 1);
        if (answer == AUTH_REFETCH_STARTED) {
            wait_for_calls(&calls, 1);
        }
        if (strstr(fixture.reports.text, rows[i][1]) == NULL) {
            fail_msg("%s: \"%s\"", rows[i][0], fixture.reports.text);
        }
        assert_null(auth_jwks_cache_find(fixture.cache, 0));
        close_cache(&fixture);
    }
}

static void does_not_trust_a_certificate_of_another_authority(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    open_cache(&fixture); /* fills the trust */
    close_cache(&fixture);
    fixture.reports = (struct reports){0};
    fixture.trust.ca_file = (struct rg_slice){0};
    open_cache(&fixture);
    wait_for(&fixture.reports, 0, 1);
    assert_non_null(strstr(fixture.reports.text, "certificate"));
    assert_null(auth_jwks_cache_find(fixture.cache, 0));
    close_cache(&fixture);
}

/* libcurl takes every name under .localhost for the loopback; the certificate is not for this one. */
static void does_not_trust_a_certificate_for_another_name(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    char other[160];
    open_cache(&fixture);
    close_cache(&fixture);
    fixture.reports = (struct reports){0};
    (void)snprintf(other, sizeof other, "https://other.localhost%s", strrchr(issuer, ':'));
    fixture.trust.issuer = rg_slice_of(other);
    open_cache(&fixture);
    wait_for(&fixture.reports, 0, 1);
    if (strstr(fixture.reports.text, "no alternative certificate subject name") == NULL) {
        fail_msg("\"%s\"", fixture.reports.text);
    }
    close_cache(&fixture);
}

static void reports_a_provider_that_is_not_there(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    open_cache(&fixture);
    close_cache(&fixture);
    fixture.reports = (struct reports){0};
    fixture.trust.issuer = RG_SLICE("https://127.0.0.1:1/realm/");
    open_cache(&fixture);
    wait_for(&fixture.reports, 0, 2); /* and tries again */
    assert_null(auth_jwks_cache_find(fixture.cache, 0));
    close_cache(&fixture);
}

static void a_cancelled_request_is_never_called(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    atomic_uint calls = 0;
    atomic_uint kept = 0;
    open_cache(&fixture);
    wait_for(&fixture.reports, 1, 0);
    (void)atomic_fetch_add(&extra_us, fixture.trust.jwks_cooldown_us);
    assert_int_equal(auth_jwks_cache_request(fixture.cache, 0, RG_SLICE("a"), count_call, &kept), AUTH_REFETCH_STARTED);
    for (int i = 0; i < 10; i++) {
        (void)auth_jwks_cache_request(fixture.cache, 0, RG_SLICE("a"), count_call, &calls);
    }
    auth_jwks_cache_cancel(fixture.cache, &calls);
    unsigned at_cancel = atomic_load(&calls);
    wait_for_calls(&kept, 1);
    assert_int_equal(atomic_load(&calls), at_cancel);
    auth_jwks_cache_cancel(fixture.cache, &calls);
    auth_jwks_cache_cancel(fixture.cache, NULL);
    close_cache(&fixture);
}

static void ends_at_once_while_a_provider_hangs(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    atomic_uint calls = 0;
    size_t before = count_requests("openid-configuration");
    set_fault("slow");
    open_cache(&fixture);
    assert_int_equal(auth_jwks_cache_request(fixture.cache, 0, RG_SLICE("x"), count_call, &calls),
                     AUTH_REFETCH_STARTED);
    for (int i = 0; i < 500 && count_requests("openid-configuration") == before; i++) {
        (void)usleep(10000);
    }
    int64_t start_us = rg_clock_monotonic_us(rg_clock_system());
    close_cache(&fixture);
    assert_true(rg_clock_monotonic_us(rg_clock_system()) - start_us < 3000000);
    assert_int_equal(atomic_load(&calls), 0);
}

static void refuses_a_trust_that_cannot_work(void **state)
{
    (void)state;
    struct auth_trust trust = {0};
    struct auth_jwks_cache *cache = NULL;
    struct auth_jwks_log log = {0};
    assert_fails(RG_CONFIG, auth_jwks_cache_new(&trust, 1, &moved_clock, log, &cache));
    assert_null(cache);
    auth_jwks_cache_free(&cache);
    assert_ok(auth_jwks_cache_new(NULL, 0, &moved_clock, log, &cache));
    auth_jwks_cache_free(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefetches_by_discovery_and_verifies_real_tokens),
        cmocka_unit_test(refetches_for_an_unknown_kid_after_the_cool_down_only),
        cmocka_unit_test(a_kid_learnt_meanwhile_needs_no_fetch),
        cmocka_unit_test(refreshes_by_itself_and_keeps_old_keys_when_that_fails),
        cmocka_unit_test(refuses_what_a_misbehaving_provider_answers),
        cmocka_unit_test(does_not_trust_a_certificate_of_another_authority),
        cmocka_unit_test(does_not_trust_a_certificate_for_another_name),
        cmocka_unit_test(reports_a_provider_that_is_not_there),
        cmocka_unit_test(a_cancelled_request_is_never_called),
        cmocka_unit_test(ends_at_once_while_a_provider_hangs),
        cmocka_unit_test(refuses_a_trust_that_cannot_work),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
