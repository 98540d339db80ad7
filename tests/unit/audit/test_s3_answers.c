/* SPDX-License-Identifier: Apache-2.0 */
/* What an S3 server says, and what it must not be able to do by saying it. */
#include "audit/export/s3_private.h"
#include "tests/support/rg_test.h"

enum { ARENA = 1024 * 1024 };

#define ENTRY(key, more)                                                                                               \
    "<Contents><Key>" key "</Key><LastModified>2026-11-23T02:31:04.000Z</LastModified><ETag>\"e\"</ETag>"              \
    "<Size>5</Size>" more "</Contents>"
#define LISTING(inside) "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"x\">" inside "</ListBucketResult>"

static void a_listing_is_read_as_it_stands(void **state)
{
    (void)state;
    struct rg_arena arena;
    struct s3_page page = {0};
    rg_arena_init(&arena, ARENA);
    assert_ok(s3_xml_page(
        RG_SLICE(LISTING("<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>" ENTRY(
            "a/b&amp;c", "") ENTRY("d%41", ""))),
        &arena, &page));
    assert_int_equal(page.count, 2);
    assert_slice(page.entries[0].key, "a/b&c");
    assert_slice(page.entries[1].key, "d%41"); /* not encoded unless the answer says so */
    assert_int_equal(page.entries[0].size, 5);
    assert_int_equal(page.entries[0].modified_us, INT64_C(1795401064000000));
    assert_true(page.is_truncated);
    assert_slice(page.next, "t");
    assert_ok(s3_xml_page(RG_SLICE(LISTING("<EncodingType>url</EncodingType>" ENTRY("d%41+%2", ""))), &arena, &page));
    assert_slice(page.entries[0].key, "dA %2");
    rg_arena_done(&arena);
}

static void versions_and_markers_are_told_apart(void **state)
{
    (void)state;
    struct rg_arena arena;
    struct s3_page page = {0};
    rg_arena_init(&arena, ARENA);
    assert_ok(s3_xml_page(
        RG_SLICE("<ListVersionsResult><IsTruncated>false</IsTruncated>"
                 "<DeleteMarker><Key>k</Key><VersionId>m</VersionId><IsLatest>true</IsLatest>"
                 "<LastModified>2026-11-23T02:31:04Z</LastModified></DeleteMarker>"
                 "<Version><Key>k</Key><VersionId>v</VersionId><IsLatest>false</IsLatest>"
                 "<LastModified>2026-11-23T02:31:03Z</LastModified><Size>7</Size></Version></ListVersionsResult>"),
        &arena, &page));
    assert_int_equal(page.count, 2);
    assert_true(page.entries[0].is_marker && page.entries[0].is_newest);
    assert_false(page.entries[1].is_marker || page.entries[1].is_newest);
    assert_slice(page.entries[1].version, "v");
    rg_arena_done(&arena);
}

static void what_is_no_listing_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "no xml",
        "<ListBucketResult>",
        "<Error><Code>x</Code></Error>",
        LISTING("<Contents></Contents>"),
        LISTING("<Contents><Key>k</Key><Size>1</Size></Contents>"),                                    /* no time */
        LISTING("<Contents><Key>k</Key><LastModified>2026-11-23T02:31:04Z</LastModified></Contents>"), /* no size */
        LISTING("<Contents><Key></Key><LastModified>2026-11-23T02:31:04Z</LastModified><Size>1</Size></Contents>"),
        LISTING("<Contents><Key><b/></Key><LastModified>2026-11-23T02:31:04Z</LastModified><Size>1</Size></Contents>"),
        LISTING("<Contents><Key>k</Key><LastModified>yesterday</LastModified><Size>1</Size></Contents>"),
        LISTING("<Contents><Key>k</Key><LastModified>2026-11-23T02:31:04Z</LastModified><Size>-1</Size></Contents>"),
        LISTING("<Contents><Key>k</Key><LastModified>2026-11-23T02:31:04Z</LastModified>"
                "<Size>99999999999999999999</Size></Contents>"),
        LISTING("<EncodingType>url</EncodingType>" ENTRY("a%00b", "")), /* NUL in a name */
        LISTING("<IsTruncated>true</IsTruncated>"),                     /* goes on nowhere */
        "<!DOCTYPE x><ListBucketResult></ListBucketResult>",
        "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"b\">]><ListBucketResult>&a;</ListBucketResult>",
        "<?xml version=\"1.0\"?><!DOCTYPE x SYSTEM \"file:///etc/passwd\"><ListBucketResult></ListBucketResult>",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct rg_arena arena;
        struct s3_page page = {.count = 77};
        rg_arena_init(&arena, ARENA);
        rg_status status = s3_xml_page(rg_slice_of(texts[i]), &arena, &page);
        if (rg_is_ok(status)) {
            fail_msg("accepted: %s", texts[i]);
        }
        assert_int_equal(status.error->kind, RG_PROTOCOL);
        assert_int_equal(page.count, 77);
        rg_arena_done(&arena);
    }
}

static void names_that_are_too_long_are_refused(void **state)
{
    (void)state;
    struct rg_arena arena;
    struct s3_page page = {0};
    struct rg_slice text = {0};
    rg_arena_init(&arena, ARENA);
    assert_ok(rg_arena_printf(&arena, &text, LISTING(ENTRY("%01025d", "")), 7));
    assert_fails(RG_PROTOCOL, s3_xml_page(text, &arena, &page));
    assert_ok(rg_arena_printf(&arena, &text, LISTING(ENTRY("%01024d", "")), 7));
    assert_ok(s3_xml_page(text, &arena, &page));
    rg_arena_done(&arena);
}

static void an_arena_that_is_full_is_a_limit(void **state)
{
    (void)state;
    struct rg_arena arena;
    struct s3_page page = {.count = 77};
    rg_arena_init(&arena, 64);
    assert_fails(RG_LIMIT, s3_xml_page(RG_SLICE(LISTING(ENTRY("a", "") ENTRY("b", ""))), &arena, &page));
    assert_int_equal(page.count, 77);
    rg_arena_done(&arena);
}

static void a_bucket_promises_only_what_it_says(void **state)
{
    (void)state;
    bool is_on = true;
    assert_ok(s3_xml_versioned(RG_SLICE("<VersioningConfiguration/>"), &is_on));
    assert_false(is_on);
    assert_ok(s3_xml_versioned(
        RG_SLICE("<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"), &is_on));
    assert_false(is_on);
    assert_ok(s3_xml_versioned(RG_SLICE("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"),
                               &is_on));
    assert_true(is_on);
    assert_fails(RG_PROTOCOL, s3_xml_lockable(RG_SLICE("<html>Enabled</html>"), &is_on));
    assert_true(is_on); /* untouched */
    assert_ok(s3_xml_lockable(RG_SLICE("<ObjectLockConfiguration><ObjectLockEnabled>no</ObjectLockEnabled>"
                                       "</ObjectLockConfiguration>"),
                              &is_on));
    assert_false(is_on);
}

static void an_error_shows_printable_text_only(void **state)
{
    (void)state;
    char code[S3_CODE_MAX + 1];
    char message[S3_MESSAGE_MAX + 1];
    char text[1024];
    s3_xml_error(RG_SLICE("<Error><Code>AccessDenied</Code><Message>no\n\t\xc3\xa9 way</Message></Error>"), code,
                 message);
    assert_string_equal(code, "AccessDenied");
    assert_string_equal(message, "no???? way");
    s3_xml_error(RG_SLICE("<html>503</html>"), code, message);
    assert_string_equal(code, "");
    (void)snprintf(text, sizeof text, "<Error><Code>%0500d</Code></Error>", 1);
    s3_xml_error(rg_slice_of(text), code, message);
    assert_int_equal(strlen(code), S3_CODE_MAX);
}

static void each_failure_says_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        long status;
        const char *code;
        enum rg_kind kind;
        const char *advice;
    } rows[] = {
        {"PUT", 403, "SignatureDoesNotMatch", RG_DENIED, "secret key"},
        {"GET", 403, "RequestTimeTooSkewed", RG_DENIED, "clock"},
        {"PUT", 403, "AccessDenied", RG_DENIED, "s3:PutObjectRetention"},
        {"GET", 403, "AccessDenied", RG_DENIED, "s3:ListBucketVersions"},
        {"HEAD", 403, "", RG_DENIED, "s3:GetObject"},
        {"GET", 404, "NoSuchBucket", RG_CONFIG, "create the bucket"},
        {"PUT", 400, "InvalidRequest", RG_CONFIG, "no Object Lock"},
        {"GET", 301, "PermanentRedirect", RG_CONFIG, "region"},
        {"PUT", 503, "SlowDown", RG_UPSTREAM, "too many"},
        {"PUT", 500, "InternalError", RG_UPSTREAM, "trouble"},
        {"GET", 502, "", RG_UPSTREAM, "trouble"},
        {"GET", 302, "", RG_PROTOCOL, "302"},
    };
    char name[] = "s3://bucket/";
    const struct s3 s3 = {.name = name};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct s3_request request = {.method = rows[i].method, .key = "the/key"};
        struct s3_answer answer = {.status = rows[i].status};
        (void)snprintf(answer.code, sizeof answer.code, "%s", rows[i].code);
        rg_status status = s3_fail(&s3, &request, &answer);
        assert_int_equal(status.error->kind, rows[i].kind);
        if (strstr(status.error->text, rows[i].advice) == NULL ||
            strstr(status.error->text, "s3://bucket/the/key") == NULL) {
            fail_msg("%s %ld %s: \"%s\"", rows[i].method, rows[i].status, rows[i].code, status.error->text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listing_is_read_as_it_stands),     cmocka_unit_test(versions_and_markers_are_told_apart),
        cmocka_unit_test(what_is_no_listing_is_refused),      cmocka_unit_test(names_that_are_too_long_are_refused),
        cmocka_unit_test(an_arena_that_is_full_is_a_limit),   cmocka_unit_test(a_bucket_promises_only_what_it_says),
        cmocka_unit_test(an_error_shows_printable_text_only), cmocka_unit_test(each_failure_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
