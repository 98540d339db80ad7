/* SPDX-License-Identifier: Apache-2.0 */
/* What a sound configuration becomes: the example, includes, defaults, equality after a reload, secrets that
 * stay secret; and the manual, compared with the tables of keys. */
#include "proxy/config_private.h"
#include "tests/support/config_chunks.h"
#include "tests/support/config_test.h"

static void write_from(const struct config_files *files, const char *name, enum chunk first, const char *top,
                       const char *extra)
{
    static char text[16384];
    size_t size = (size_t)snprintf(text, sizeof text, "%s", top);
    for (size_t i = first; i < CHUNK_EXTRA; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "%s", sound_chunks[i]);
    }
    size += (size_t)snprintf(text + size, sizeof text - size, "%s", extra);
    config_files_write(files, name, text, size);
}

static void write_sound(const struct config_files *files, const char *name, const char *top, const char *extra)
{
    write_from(files, name, CHUNK_SERVER, top, extra);
}

static void print_findings(const struct config_files *files)
{
    for (const struct rg_finding *finding = files->diag.first; finding != NULL; finding = finding->next) {
        print_error("%s:%u:%u: %s\n", finding->place.file == NULL ? "" : finding->place.file, finding->place.line,
                    finding->place.column, finding->text.data);
    }
}

static void assert_loads(struct config_files *files, const char *name)
{
    rg_status status = config_files_load(files, name);
    print_findings(files);
    assert_ok(status);
    assert_int_equal(files->diag.error_count, 0);
    assert_int_equal(files->diag.warning_count, 0);
    assert_non_null(files->config);
}

static void set_from_file(const char *name, const char *path)
{
    static char text[8192];
    memset(text, 0, sizeof text);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(setenv(name, text, 1), 0);
}

static void the_example_loads_without_a_finding(void **state)
{
    (void)state;
    struct config_files files;
    config_files_init(&files);
    set_from_file("ROWGATE_CERTIFICATE", "tests/data/config/cert.pem");
    set_from_file("ROWGATE_PRIVATE_KEY", "tests/data/config/key.pem");
    assert_int_equal(setenv("ROWGATE_POOL_PASSWORD", "a pool's password", 1), 0);
    assert_int_equal(setenv("ROWGATE_GLOBEX_VERIFIER", VERIFIER, 1), 0);
    assert_int_equal(setenv("ROWGATE_MASK_SALT", "a salt of enough bytes", 1), 0);
    config_files_copy(&files, "policies.example.toml", "main.toml");
    assert_loads(&files, "main.toml");
    assert_int_equal(files.config->test_count, 2);
    assert_true(files.config->server.strict_reload);
    assert_int_equal(files.config->registry.static_count, 2);
    assert_int_equal(files.config->registry.pattern_count, 1);
    assert_int_equal(files.config->trust_count, 2);
    assert_slice(files.config->audit.origin, "example/audit/node1/1");
    assert_true(config_is_break_glass(files.config, RG_SLICE("dba"), RG_SLICE("acme")));
    assert_false(config_is_break_glass(files.config, RG_SLICE("dba"), RG_SLICE("globex")));
    assert_false(config_is_break_glass(files.config, RG_SLICE("db"), RG_SLICE("acme")));
    config_files_done(&files);
}

static void proxies_are_trusted_only_when_they_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *section;
        bool is_trusted;
    } rows[] = {
        {"version = 1\n", false},
        {"version = 1\n[server]\ntrusted_proxies = [\"192.0.2.7\", \"11.0.0.0/8\"]\n", false},
        {"version = 1\n[server]\ntrusted_proxies = [\"192.0.2.7\", \"10.0.0.0/8\"]\n", true},
    };
    struct http_address proxy = {0};
    assert_true(http_address_parse(RG_SLICE("10.1.2.3"), &proxy));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config_files files;
        config_files_init(&files);
        write_from(&files, "main.toml", CHUNK_TLS, rows[i].section, "");
        assert_loads(&files, "main.toml");
        assert_int_equal(http_networks_has(&files.config->server.trusted_proxies, &proxy), rows[i].is_trusted);
        config_files_done(&files);
    }
}

static void the_sound_configuration_becomes_a_snapshot(void **state)
{
    (void)state;
    struct config_files files;
    char directory[128];
    config_files_init(&files);
    write_sound(&files, "main.toml", "version = 1\n", "");
    assert_loads(&files, "main.toml");
    const struct config *config = files.config;
    assert_int_equal(config->server.workers, 2);
    assert_int_equal(config->server.drain_timeout_us, 30000000);
    assert_int_equal(config->listener_count, 1);
    assert_slice(config->listeners[0].address, "127.0.0.1:0");
    assert_ptr_equal(config->listeners[0].tls, &config->tls[0]);
    assert_non_null(config->tls[0].server);
    assert_true(config->listeners[0].allows_oidc && config->listeners[0].allows_scram);
    assert_slice(config_upstream_find(config, RG_SLICE("pool"))->database, "bi");
    assert_null(config_upstream_find(config, RG_SLICE("poo")));
    assert_slice(config->trusts[0].issuer, "https://login.example.com/bi");
    assert_int_equal(config->trusts[0].claim_count, 2);
    assert_true(config->trusts[0].algorithm_count >= 6);
    assert_slice(config->registry.statics[0].route.database, "bi");
    assert_slice(config->registry.statics[0].match.value, "acme");
    assert_int_equal(config->audit.segment_bytes, 256U << 20);
    (void)snprintf(directory, sizeof directory, "%s/audit", files.directory);
    assert_slice(config->audit.directory, directory); /* relative to the file that says it */
    assert_int_equal(config->audit.reserve_bytes, 64U << 20);
    assert_int_equal(config->audit.low_space_bytes, 1U << 30);
    assert_false(config_is_break_glass(config, RG_SLICE("etl"), RG_SLICE("acme"))); /* nobody unless named */
    config_files_done(&files);
}

/* Its login and orphans in a file that is otherwise whole. */
static void assert_listener(const char *keys, bool allows_oidc, bool allows_capsule, enum config_orphans orphans)
{
    char text[1024];
    struct config_files files;
    config_files_init(&files);
    int size =
        snprintf(text, sizeof text,
                 "version = 1\n[audit]\ndirectory = \"audit\"\n[state]\nurl = \"sqlite:/tmp/rowgate-test/state.db\"\n"
                 "[tls.public]\ncertificate = \"cert.pem\"\nprivate_key = \"key.pem\"\n"
                 "[idp.main]\ntype = \"oidc\"\nissuer = \"https://login.example.com\"\naudience = [\"rowgate\"]\n"
                 "[[listeners]]\nname = \"sql\"\nplane = \"sql\"\nlisten = \"127.0.0.1:0\"\ntls = \"public\"\n%s",
                 keys);
    config_files_write(&files, "main.toml", text, (size_t)size);
    assert_ok(config_files_load(&files, "main.toml"));
    const struct config_listener *listener = &files.config->listeners[0];
    assert_int_equal(listener->allows_oidc, allows_oidc);
    assert_int_equal(listener->allows_capsule, allows_capsule);
    assert_int_equal(listener->orphans, orphans);
    config_files_done(&files);
}

/* Nobody gets in by a capsule, and nobody is told of, where the file does not say so. */
static void a_listener_takes_capsules_where_its_login_says_so(void **state)
{
    (void)state;
    assert_listener("", true, false, CONFIG_ORPHANS_ALLOW);
    assert_listener("login = [\"oidc\"]\n", true, false, CONFIG_ORPHANS_ALLOW);
    assert_listener("login = [\"capsule\"]\n", false, true, CONFIG_ORPHANS_ALERT);
    assert_listener("login = [\"oidc\", \"capsule\"]\norphans = \"refuse\"\n", true, true, CONFIG_ORPHANS_REFUSE);
    assert_listener("login = [\"capsule\"]\norphans = \"allow\"\n", false, true, CONFIG_ORPHANS_ALLOW);
}

/* Only an http listener, and only what it needs. */
static void a_listener_of_the_http_plane_knows_its_names_and_its_upstream(void **state)
{
    (void)state;
    static const char text[] =
        "version = 1\n[audit]\ndirectory = \"audit\"\n[state]\nurl = \"sqlite:/tmp/rowgate-test/state.db\"\n"
        "[tls.public]\ncertificate = \"cert.pem\"\nprivate_key = \"key.pem\"\n"
        "[upstreams.bi]\nkind = \"superset\"\nurl = \"https://[::1]:8088\"\nca_file = \"cert.pem\"\n"
        "[[listeners]]\nname = \"web\"\nplane = \"http\"\nlisten = \"127.0.0.1:0\"\n"
        "tls = [\"public\", \"public\"]\nupstream = \"bi\"\npublic_url = \"https://localhost:8443\"\n"
        "names = [\"127.0.0.1\"]\nidle_timeout = \"5s\"\n";
    struct config_files files;
    config_files_init(&files);
    config_files_write(&files, "main.toml", text, sizeof text - 1);
    assert_ok(config_files_load(&files, "main.toml"));
    const struct config_listener *listener = &files.config->listeners[0];
    const struct config_http_listener *http = listener->http;
    assert_non_null(http);
    assert_false(listener->allows_oidc || listener->allows_scram);
    assert_int_equal(http->tls_count, 2);
    assert_non_null(http->server);
    assert_slice(http->public_authority, "localhost:8443");
    assert_slice(http->public_host, "localhost");
    assert_int_equal(http->public_port, 8443);
    assert_int_equal(http->name_count, 1);
    assert_int_equal(http->login_count, 0);
    assert_false(http->has_http2 || http->has_proxy_protocol);
    assert_int_equal(http->max_head, 32 << 10);
    assert_int_equal(http->max_body, 32 << 20);
    assert_int_equal(http->idle_timeout_us, 5000000);
    const struct config_superset *superset = http->upstream->superset;
    assert_int_equal(superset->capsule_lifetime_us, INT64_C(900) * 1000000);
    assert_slice(superset->host, "::1");
    assert_slice(superset->authority, "[::1]:8088");
    assert_true(superset->is_tls && superset->tls != NULL);
    assert_int_equal(superset->response_timeout_us, 120000000);
    assert_int_equal(superset->cache_guard, CONFIG_CACHE_GUARD_REFUSE);
    assert_int_equal(superset->cache_guard_max, 16 << 20);
    assert_null(http->upstream->conninfo);
    config_files_done(&files);
}

static void a_service_account_has_its_verifier_and_claims(void **state)
{
    (void)state;
    struct config_files files;
    config_files_init(&files);
    write_sound(&files, "main.toml", "version = 1\n", "");
    assert_loads(&files, "main.toml");
    const struct config_account *account = config_account_find(files.config, RG_SLICE("etl"));
    assert_non_null(account);
    assert_int_equal(account->verifier.iterations, 4096);
    assert_int_equal(account->verifier.salt_size, 16);
    assert_slice(account->claims[0].elements[0], "acme");
    assert_false(account->claims[1].is_present);
    assert_null(config_account_find(files.config, RG_SLICE("ETL")));
    config_files_done(&files);
}

static void limits_are_never_absent_or_zero(void **state)
{
    (void)state;
    struct config_files files;
    config_files_init(&files);
    write_sound(&files, "main.toml", "version = 1\n", "");
    assert_loads(&files, "main.toml");
    const struct tenant_route bare = {0};
    const struct tenant_route unknown = {.limits = RG_SLICE("gone")};
    const struct config_limits small = config_limits_find(files.config, &files.config->registry.statics[0].route);
    assert_int_equal(small.values[CONFIG_LIMIT_ROWS], 1000);
    assert_int_equal(small.values[CONFIG_LIMIT_CONCURRENCY], 8);
    assert_int_equal(small.values[CONFIG_LIMIT_IDLE_TIMEOUT],
                     3600000000U); /* the default of a key that it leaves out */
    const struct config_limits all[] = {small, config_limits_find(files.config, &bare),
                                        config_limits_find(files.config, &unknown), files.config->default_limits};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        for (size_t limit = 0; limit < CONFIG_LIMIT_COUNT; limit++) {
            assert_true(all[i].values[limit] > 0);
        }
    }
    assert_memory_equal(&all[1], &files.config->default_limits, sizeof all[1]);
    config_files_done(&files);
}

static void the_files_own_default_limits_win(void **state)
{
    (void)state;
    struct config_files files;
    config_files_init(&files);
    write_sound(&files, "main.toml", "version = 1\n", "[limits.default]\nrows = 7\n");
    assert_loads(&files, "main.toml");
    assert_int_equal(files.config->default_limits.values[CONFIG_LIMIT_ROWS], 7);
    config_files_done(&files);
}

/* default says 100 rows; big says 1000 rows and what default does not; the tenant's own and a route's hold together. */
static void the_smallest_of_what_is_written_wins(void **state)
{
    (void)state;
    struct config_files files;
    config_files_init(&files);
    write_sound(&files, "main.toml", "version = 1\n",
                "[limits.default]\nrows = 100\nstatement_timeout = \"90s\"\n"
                "[limits.big]\nrows = 1_000\nbytes = \"2GiB\"\nconcurrency = 70\n"
                "[limits.tight]\nstatement_timeout = \"1500ms\"\nconcurrency = 60\nbytes = \"3GiB\"\n");
    assert_loads(&files, "main.toml");
    const struct config *config = files.config;
    const struct tenant_route routes[] = {{.limits = RG_SLICE("big")},
                                          {.limits = RG_SLICE("tight"), .own = RG_SLICE("big")},
                                          {.limits = RG_SLICE("tight")}};
    static const struct {
        size_t route;
        enum config_limit limit;
        uint64_t value;
        const char *words;
    } rows[] = {
        {0, CONFIG_LIMIT_ROWS, 100, "rows = 100 of tenant \"acme\", from [limits.default]"},
        {0, CONFIG_LIMIT_BYTES, UINT64_C(2) << 30, "bytes = 2GiB of tenant \"acme\", from [limits.big]"},
        {0, CONFIG_LIMIT_STATEMENT_TIMEOUT, 90000000,
         "statement_timeout = 90s of tenant \"acme\", from [limits.default]"},
        {0, CONFIG_LIMIT_QUEUE, 1000, "queue = 1000 of tenant \"acme\", by default"},
        {1, CONFIG_LIMIT_CONCURRENCY, 60, "concurrency = 60 of tenant \"acme\", from [limits.tight]"},
        {1, CONFIG_LIMIT_BYTES, UINT64_C(2) << 30, "bytes = 2GiB of tenant \"acme\", from [limits.big]"},
        {1, CONFIG_LIMIT_STATEMENT_TIMEOUT, 1500000,
         "statement_timeout = 1500ms of tenant \"acme\", from [limits.tight]"},
        {2, CONFIG_LIMIT_BYTES, UINT64_C(3) << 30, "bytes = 3GiB of tenant \"acme\", from [limits.tight]"},
        {2, CONFIG_LIMIT_IDLE_TIMEOUT, 3600000000U, "idle_timeout = 1h of tenant \"acme\", by default"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char words[CONFIG_LIMIT_WORDS];
        struct config_limits limits = config_limits_find(config, &routes[rows[i].route]);
        assert_int_equal(limits.values[rows[i].limit], rows[i].value);
        config_limit_say(&limits, rows[i].limit, RG_SLICE("acme"), words);
        assert_string_equal(words, rows[i].words);
    }
    config_files_done(&files);
}

static void included_files_are_one_configuration(void **state)
{
    (void)state;
    struct config_files files;
    config_files_init(&files);
    static const char extra[] =
        "[limits.more]\nrows = 3\n[[tenants]]\nid = \"globex\"\n"
        "match = { service_account = \"etl\" }\n"
        "route = { upstream = \"pool\", schemas = { sales = \"t_globex\" }, limits = \"more\" }\n";
    config_files_write(&files, "b-extra.toml", extra, sizeof extra - 1);
    config_files_write(&files, "a-empty.toml", "", 0);
    write_sound(&files, "main.toml", "version = 1\ninclude = [\"?-*.toml\", \"b-extra.toml\", \"main.toml\"]\n", "");
    assert_loads(&files, "main.toml");
    assert_int_equal(files.config->file_count, 3); /* none twice */
    assert_non_null(strstr(files.config->files[1].data, "a-empty.toml"));
    assert_int_equal(files.config->registry.static_count, 2);
    struct config_limits more = config_limits_find(files.config, &files.config->registry.statics[1].route);
    assert_int_equal(more.values[CONFIG_LIMIT_ROWS], 3);
    config_files_done(&files);
}

static void mistakes_of_all_files_are_reported_in_one_run(void **state)
{
    (void)state;
    static const char *const wanted[] = {"one.toml", "two.toml", "three.toml"};
    struct config_files files;
    config_files_init(&files);
    config_files_write(&files, "one.toml", "[server]\nworkers = 3\n", 21);      /* [server] again */
    config_files_write(&files, "two.toml", "x = [\n", 6);                       /* no TOML */
    config_files_write(&files, "three.toml", "include = [\"one.toml\"]\n", 23); /* nested */
    write_sound(&files, "main.toml", "version = 1\ninclude = [\"one.toml\", \"two.toml\", \"three.toml\"]\n",
                "[limits.bad]\nrows = 0\n");
    assert_fails(RG_CONFIG, config_files_load(&files, "main.toml"));
    assert_int_equal(files.diag.error_count, 4);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        bool is_found = false;
        for (const struct rg_finding *finding = files.diag.first; finding != NULL; finding = finding->next) {
            is_found = is_found || strstr(finding->place.file, wanted[i]) != NULL;
        }
        assert_true(is_found);
    }
    assert_null(files.config);
    config_files_done(&files);
}

static void a_reload_of_the_same_bytes_has_the_same_digest(void **state)
{
    (void)state;
    struct config_files files;
    config_files_init(&files);
    write_sound(&files, "main.toml", "version = 1\n", "");
    assert_loads(&files, "main.toml");
    struct config *first = config_ref(files.config);
    assert_loads(&files, "main.toml");
    assert_ptr_not_equal(first, files.config);
    assert_memory_equal(&first->digest, &files.config->digest, sizeof first->digest);
    write_sound(&files, "main.toml", "version = 1 #\n", "");
    assert_loads(&files, "main.toml");
    assert_memory_not_equal(&first->digest, &files.config->digest, sizeof first->digest);
    assert_slice(first->registry.statics[0].id, "acme"); /* the old one lives on while it is held */
    config_free(&first);
    assert_null(first);
    config_free(&first);
    config_files_done(&files);
}

static void moving_bytes_between_files_changes_the_digest(void **state)
{
    (void)state;
    struct config_files files;
    config_files_init(&files);
    config_files_write(&files, "a.toml", "# x\n", 4);
    config_files_write(&files, "b.toml", "", 0);
    write_sound(&files, "main.toml", "version = 1\ninclude = [\"a.toml\", \"b.toml\"]\n", "");
    assert_loads(&files, "main.toml");
    struct config *first = config_ref(files.config);
    config_files_write(&files, "a.toml", "", 0);
    config_files_write(&files, "b.toml", "# x\n", 4);
    assert_loads(&files, "main.toml");
    assert_memory_not_equal(&first->digest, &files.config->digest, sizeof first->digest);
    config_free(&first);
    config_files_done(&files);
}

static void a_bad_reload_leaves_the_old_snapshot_alone(void **state)
{
    (void)state;
    struct config_files files;
    config_files_init(&files);
    write_sound(&files, "main.toml", "version = 1\n", "");
    assert_loads(&files, "main.toml");
    struct config *old = config_ref(files.config);
    write_sound(&files, "main.toml", "version = 1\n", "[nonsense]\n");
    assert_fails(RG_CONFIG, config_files_load(&files, "main.toml"));
    assert_null(files.config);
    assert_slice(old->listeners[0].name, "sql");
    config_free(&old);
    config_files_done(&files);
}

static void an_absent_file_is_trouble_and_not_a_finding(void **state)
{
    (void)state;
    struct config_files files;
    config_files_init(&files);
    assert_fails(RG_STORAGE, config_files_load(&files, "absent.toml"));
    assert_int_equal(files.diag.error_count, 0);
    assert_fails(RG_STORAGE, config_files_load(&files, "."));
    config_files_done(&files);
}

static void a_file_of_five_megabytes_is_refused(void **state)
{
    (void)state;
    struct config_files files;
    config_files_init(&files);
    char *text = test_malloc(5 << 20);
    memset(text, '#', 5 << 20);
    config_files_write(&files, "main.toml", text, 5 << 20);
    assert_fails(RG_LIMIT, config_files_load(&files, "main.toml"));
    config_files_write(&files, "big.toml", text, 5 << 20);
    write_sound(&files, "main.toml", "version = 1\ninclude = [\"big.toml\"]\n", "");
    assert_fails(RG_CONFIG, config_files_load(&files, "main.toml"));
    test_free(text);
    config_files_done(&files);
}

static void no_finding_ever_shows_a_secret(void **state)
{
    (void)state;
    struct config_files files;
    config_files_init(&files);
    write_sound(&files, "main.toml", "version = 1\n",
                "[upstreams.a]\nkind = \"postgres\"\ndsn = \"host=h password=HUNTER2 hunter2\"\n"
                "[upstreams.b]\nkind = \"postgres\"\ndsn = \"host=h dbname=d\"\npassword = \"HUNTER2\"\n"
                "[upstreams.c]\nkind = \"postgres\"\ndsn = \"host=h dbname=d\"\npassword = [\"HUNTER2\"]\n"
                "[[service_accounts]]\nname = \"x\"\nverifier = \"HUNTER2\"\nclaims = { tenant_id = \"acme\" }\n"
                "[tls.x]\ncertificate = \"cert.pem\"\nprivate_key = \"-----BEGIN HUNTER2\"\n");
    assert_fails(RG_CONFIG, config_files_load(&files, "main.toml"));
    assert_true(files.diag.error_count >= 4);
    for (const struct rg_finding *finding = files.diag.first; finding != NULL; finding = finding->next) {
        assert_null(strcasestr(finding->text.data, "hunter2"));
    }
    config_files_done(&files);
}

static void one_schema_name_in_two_databases_is_no_collision(void **state)
{
    (void)state;
    struct config_files files;
    config_files_init(&files);
    write_sound(&files, "main.toml", "version = 1\n",
                "[upstreams.other]\nkind = \"postgres\"\ndsn = \"host=127.0.0.1 dbname=other\"\n[[tenants]]\n"
                "id = \"globex\"\nmatch = { service_account = \"etl\" }\n"
                "route = { upstream = \"other\", schemas = { sales = \"t_acme\" } }\n");
    assert_loads(&files, "main.toml");
    config_files_done(&files);
}

/* ---- the manual ---- */

static const char *default_of(const struct rg_schema_key *key)
{
    if (key->is_required) {
        return "required";
    }
    return key->default_text != NULL ? key->default_text : key->default_note;
}

static size_t count_undocumented(const char *manual, const struct rg_schema *schema)
{
    size_t missing = 0;
    for (size_t i = 0; i < schema->key_count; i++) {
        const struct rg_schema_key *key = &schema->keys[i];
        char row[256];
        if (key->type == RG_SCHEMA_UNSUPPORTED) {
            continue;
        }
        assert_true(key->is_required || default_of(key) != NULL);
        (void)snprintf(row, sizeof row, "| `%s` | %s | %s%s%s |", key->name, rg_schema_type_name(key->type),
                       key->default_text != NULL ? "`" : "", default_of(key), key->default_text != NULL ? "`" : "");
        const char *title = strstr(manual, schema->title);
        if (title == NULL || strstr(title, row) == NULL) {
            print_error("docs/configuration.md lacks, under \"%s\": %s\n", schema->title, row);
            missing += 1;
        }
    }
    return missing;
}

static void the_manual_knows_every_key_with_type_and_default(void **state)
{
    (void)state;
    static char manual[65536];
    const struct rg_schema *inner[] = {
        &config_schema_top,  &config_schema_match,     &config_schema_route,        &config_schema_pattern_id,
        &config_schema_from, &config_schema_mask_with, &config_schema_mask_partial, &config_schema_as,
        &config_schema_s3,   &config_schema_sink,      &config_schema_witness,      &config_schema_cluster,
        &config_schema_peer, &config_schema_retention, &config_schema_keep,         &config_schema_personal};
    size_t missing = 0;
    FILE *file = fopen("docs/configuration.md", "rb");
    assert_non_null(file);
    assert_true(fread(manual, 1, sizeof manual - 1, file) > 1000);
    assert_int_equal(fclose(file), 0);
    for (size_t i = 0; i < config_section_count; i++) {
        if (config_sections[i].shape != CONFIG_SHAPE_UNSUPPORTED) {
            missing += count_undocumented(manual, config_sections[i].schema);
        }
    }
    for (size_t i = 0; i < sizeof inner / sizeof inner[0]; i++) {
        missing += count_undocumented(manual, inner[i]);
    }
    assert_int_equal(missing, 0);
}

static int set_environment(void **state)
{
    (void)state;
    return setenv("CONFIG_TEST_VERIFIER", VERIFIER, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_loads_without_a_finding),
        cmocka_unit_test(proxies_are_trusted_only_when_they_are_named),
        cmocka_unit_test(the_sound_configuration_becomes_a_snapshot),
        cmocka_unit_test(a_listener_takes_capsules_where_its_login_says_so),
        cmocka_unit_test(a_listener_of_the_http_plane_knows_its_names_and_its_upstream),
        cmocka_unit_test(a_service_account_has_its_verifier_and_claims),
        cmocka_unit_test(limits_are_never_absent_or_zero),
        cmocka_unit_test(the_files_own_default_limits_win),
        cmocka_unit_test(the_smallest_of_what_is_written_wins),
        cmocka_unit_test(included_files_are_one_configuration),
        cmocka_unit_test(mistakes_of_all_files_are_reported_in_one_run),
        cmocka_unit_test(a_reload_of_the_same_bytes_has_the_same_digest),
        cmocka_unit_test(moving_bytes_between_files_changes_the_digest),
        cmocka_unit_test(a_bad_reload_leaves_the_old_snapshot_alone),
        cmocka_unit_test(an_absent_file_is_trouble_and_not_a_finding),
        cmocka_unit_test(a_file_of_five_megabytes_is_refused),
        cmocka_unit_test(no_finding_ever_shows_a_secret),
        cmocka_unit_test(one_schema_name_in_two_databases_is_no_collision),
        cmocka_unit_test(the_manual_knows_every_key_with_type_and_default),
    };
    return cmocka_run_group_tests(tests, set_environment, NULL);
}
