/* SPDX-License-Identifier: Apache-2.0 */
/* Which bucket, by which way, by whose credentials: what is taken and what is refused before anything is sent. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/export/depot.h"
#include "audit/export/s3_private.h"
#include "tests/support/rg_test.h"

static void urls(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *bucket; /* NULL = refused */
        const char *prefix;
    } rows[] = {
        {"s3://evidence", "evidence", ""},
        {"s3://evidence/", "evidence", ""},
        {"s3://evidence/a/b", "evidence", "a/b/"},
        {"s3://my.bucket-1/a/", "my.bucket-1", "a/"},
        {"https://evidence/", NULL, NULL},
        {"s3://", NULL, NULL},
        {"s3://ab", NULL, NULL},
        {"s3://UPPER", NULL, NULL},
        {"s3://under_score", NULL, NULL},
        {"s3://-dash", NULL, NULL},
        {"s3://bucket//a", NULL, NULL},
        {"s3://bucket/a//b", NULL, NULL},
        {"s3://bucket/a b", NULL, NULL},
        {"s3://bucket/a\nb", NULL, NULL},
        {"s3://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rg_arena arena;
        struct rg_slice bucket = RG_SLICE("untouched");
        struct rg_slice prefix = RG_SLICE("untouched");
        rg_arena_init(&arena, 4096);
        rg_status status = s3_url_parse(rg_slice_of(rows[i].url), &arena, &bucket, &prefix);
        if (rg_is_ok(status) != (rows[i].bucket != NULL)) {
            fail_msg("%s", rows[i].url);
        }
        assert_slice(bucket, rows[i].bucket == NULL ? "untouched" : rows[i].bucket);
        assert_slice(prefix, rows[i].bucket == NULL ? "untouched" : rows[i].prefix);
        rg_arena_done(&arena);
    }
}

static struct s3_options options(void)
{
    return (struct s3_options){
        .bucket = RG_SLICE("evidence"), .endpoint = RG_SLICE("https://s3.example"), .region = RG_SLICE("us-east-1")};
}

static void endpoints_and_regions(void **state)
{
    (void)state;
    static const struct {
        const char *endpoint;
        const char *region;
        bool is_good;
    } rows[] = {
        {"https://s3.example", "us-east-1", true},
        {"https://s3.example:8443", "eu-central-1", true},
        {"http://127.0.0.1:9000", "us-east-1", true},
        {"http://localhost:9000", "us-east-1", true},
        {"http://[::1]:9000", "us-east-1", true},
        {"http://s3.example", "us-east-1", false}, /* cleartext leaves the machine */
        {"http://127.example", "us-east-1", false},
        {"https://s3.example/", "us-east-1", false},
        {"https://s3.example/path", "us-east-1", false},
        {"ftp://s3.example", "us-east-1", false},
        {"s3.example", "us-east-1", false},
        {"", "us-east-1", false},
        {"https://s3.example", "", false},
        {"https://s3.example", "us:east", false}, /* it would be another service's signature */
        {"https://s3.example", "us east", false},
    };
    assert_int_equal(setenv("AWS_ACCESS_KEY_ID", "a", 1), 0);
    assert_int_equal(setenv("AWS_SECRET_ACCESS_KEY", "b", 1), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct s3 *s3 = NULL;
        struct s3_options made = options();
        made.endpoint = rg_slice_of(rows[i].endpoint);
        made.region = rg_slice_of(rows[i].region);
        rg_status status = s3_open(&made, &s3);
        if (rg_is_ok(status) != rows[i].is_good || (s3 != NULL) != rows[i].is_good) {
            fail_msg("%s %s", rows[i].endpoint, rows[i].region);
        }
        assert_true(rows[i].is_good || status.error->kind == RG_CONFIG);
        s3_close(&s3);
        assert_null(s3);
    }
}

static void credentials_of_the_environment_must_be_there_and_plain(void **state)
{
    (void)state;
    struct s3_options made = options();
    struct s3 *s3 = NULL;
    (void)unsetenv("AWS_SECRET_ACCESS_KEY");
    assert_fails(RG_CONFIG, s3_open(&made, &s3));
    assert_int_equal(setenv("AWS_SECRET_ACCESS_KEY", "", 1), 0);
    assert_fails(RG_CONFIG, s3_open(&made, &s3));
    assert_int_equal(setenv("AWS_SECRET_ACCESS_KEY", "b", 1), 0);
    assert_int_equal(setenv("AWS_SESSION_TOKEN", "good\r\nx-evil: header", 1), 0);
    rg_status status = s3_open(&made, &s3);
    assert_false(rg_is_ok(status));
    assert_null(strstr(status.error->text, "evil"));
    assert_null(s3);
    (void)unsetenv("AWS_SESSION_TOKEN");
    assert_ok(s3_open(&made, &s3));
    s3_close(&s3);
}

static void a_file_of_credentials(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_good;
    } rows[] = {
        {"access_key = \"A\"\nsecret_key = \"very-secret\"\n", true},
        {"access_key = \"A\"\nsecret_key = \"very-secret\"\nsession_token = \"T\"\n", true},
        {"access_key = \"A\"\n", false},
        {"secret_key = \"very-secret\"\n", false},
        {"access_key = \"\"\nsecret_key = \"very-secret\"\n", false},
        {"access_key = \"A\"\nsecret_key = \"very-secret\"\nmore = \"x\"\n", false},
        {"access_key = \"A\"\nsecret_key = 17\n", false},
        {"access_key = \"A\"\nsecret_key = \"very-secret\\nx: y\"\n", false},
        {"[default]\naws_access_key_id = A\naws_secret_access_key = very-secret\n", false}, /* no TOML */
        {"access_key = \"A\"\nsecret_key = \"very-secret", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct s3_credentials credentials = {0};
        rg_status status = s3_credentials_parse(rg_slice_of(rows[i].text), "the-file", &credentials);
        if (rg_is_ok(status) != rows[i].is_good) {
            fail_msg("%s", rows[i].text);
        }
        if (!rg_is_ok(status)) {
            assert_int_equal(status.error->kind, RG_CONFIG);
            assert_null(strstr(status.error->text, "very-secret"));
            assert_non_null(strstr(status.error->text, "the-file"));
            assert_null(credentials.secret_key);
        } else {
            assert_slice(rg_secret_slice(credentials.secret_key), "very-secret");
        }
        s3_credentials_done(&credentials);
    }
}

static void what_the_metadata_service_answers(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool is_good;
    } rows[] = {
        {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\",\"Token\":\"T\",\"Expiration\":\"2026-11-23T10:00:00Z\"}",
         true},
        {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\",\"Expiration\":\"2026-11-23T10:00:00Z\"}", true},
        {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\"}", false},
        {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\",\"Expiration\":\"soon\"}", false},
        {"{\"AccessKeyId\":\"A\\r\\nX: y\",\"SecretAccessKey\":\"S\",\"Expiration\":\"2026-11-23T10:00:00Z\"}", false},
        {"{\"AccessKeyId\":\"A\",\"AccessKeyId\":\"B\",\"SecretAccessKey\":\"S\",\"Expiration\":\"2026-11-23T10:00:"
         "00Z\"}",
         false},
        {"{\"Code\":\"Failed\"}", false},
        {"[]", false},
        {"<html>", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct s3_credentials credentials = {0};
        rg_status status = s3_instance_parse(rg_slice_of(rows[i].json), &credentials);
        if (rg_is_ok(status) != rows[i].is_good) {
            fail_msg("%s", rows[i].json);
        }
        assert_true(rows[i].is_good == (credentials.secret_key != NULL));
        s3_credentials_done(&credentials);
    }
}

static void times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us; /* -1 = refused */
    } rows[] = {
        {"1970-01-01T00:00:01Z", 1000000},
        {"2026-11-23T02:31:04Z", INT64_C(1795401064000000)},
        {"2026-11-23T02:31:04.999Z", INT64_C(1795401064000000)},
        {"2026-11-23T02:31:04+00:00", INT64_C(1795401064000000)},
        {"Mon, 23 Nov 2026 02:31:04 GMT", INT64_C(1795401064000000)},
        {"2026-11-23T02:31:04", -1},
        {"2026-11-23T02:31:04+01:00", -1},
        {"2026-11-23 02:31:04Z", -1},
        {"2026-13-23T02:31:04Z", -1},
        {" 2026-11-23T02:31:04Z", -1},
        {"Mon, 23 Nov 2026 02:31:04 CET", -1},
        {"", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t us = -1;
        if (s3_time_parse(rg_slice_of(rows[i].text), &us) != (rows[i].us >= 0) || us != rows[i].us) {
            fail_msg("%s gives %lld", rows[i].text, (long long)us);
        }
    }
    char text[S3_TIME_SIZE];
    s3_time_format(INT64_C(1795401064999999), text);
    assert_string_equal(text, "2026-11-23T02:31:04Z");
}

static void names_in_the_bucket_go_there_and_back(void **state)
{
    (void)state;
    struct rg_arena arena;
    struct rg_slice origin = {0};
    char node[DEPOT_NODE_MAX];
    char key[S3_KEY_MAX + 1];
    uint64_t first = 0;
    uint64_t last = 0;
    rg_arena_init(&arena, 4096);
    assert_ok(depot_node(RG_SLICE("test/audit/n 1~.-_=%"), node));
    assert_string_equal(node, "test%2Faudit%2Fn%201~.-_%3D%25");
    assert_true(depot_origin(rg_slice_of(node), &arena, &origin));
    assert_slice(origin, "test/audit/n 1~.-_=%");
    static const char *const bad[] = {"", "a%2", "a%2f", "a%zz", "a/b", "a%41", "a b", "%00"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (depot_origin(rg_slice_of(bad[i]), &arena, &origin)) {
            fail_msg("%s", bad[i]);
        }
    }
    assert_fails(RG_LIMIT, depot_node((struct rg_slice){0}, node));
    const struct depot_segment segment = {.first_seq = 0, .last_seq = 45, .hlc_us = INT64_C(1795401064000000)};
    assert_ok(depot_segment_key("n", &segment, ".jsonl.gz", key));
    assert_string_equal(key, "raw/v1/node=n/dt=2026-11-23/hour=02/0000000000000000-0000000000000045.jsonl.gz");
    assert_true(depot_segment_name_parse(RG_SLICE("0000000000000007-0000000000000045.manifest"), RG_SLICE(".manifest"),
                                         &first, &last));
    assert_true(first == 7 && last == 45);
    assert_false(depot_segment_name_parse(RG_SLICE("0000000000000046-0000000000000045.manifest"), RG_SLICE(".manifest"),
                                          &first, &last));
    assert_false(depot_segment_name_parse(RG_SLICE("0000000000000007_0000000000000045.manifest"), RG_SLICE(".manifest"),
                                          &first, &last));
    assert_false(depot_anchor_name_parse(RG_SLICE("0000000000000000.note"), &first));
    assert_false(depot_anchor_name_parse(RG_SLICE("46.note"), &first));
    assert_true(depot_anchor_name_parse(RG_SLICE("0000000000000046.note"), &first));
    rg_arena_done(&arena);
}

static void a_task_without_a_sensible_lock_is_refused(void **state)
{
    (void)state;
    struct export_task task = {0};
    struct depot_options made = {.s3 = options(), .lock = S3_LOCK_COMPLIANCE, .retain_us = 1000000};
    assert_fails(RG_CONFIG, upload_task_new(&made, &task));
    assert_fails(RG_CONFIG, anchor_task_new(&made, &task));
    assert_null(task.context);
    made.lock = S3_LOCK_OFF;
    assert_ok(upload_task_new(&made, &task));
    task.free(task.context);
    assert_ok(anchor_task_new(&made, &task));
    task.free(task.context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),
        cmocka_unit_test(endpoints_and_regions),
        cmocka_unit_test(credentials_of_the_environment_must_be_there_and_plain),
        cmocka_unit_test(a_file_of_credentials),
        cmocka_unit_test(what_the_metadata_service_answers),
        cmocka_unit_test(times),
        cmocka_unit_test(names_in_the_bucket_go_there_and_back),
        cmocka_unit_test(a_task_without_a_sensible_lock_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
