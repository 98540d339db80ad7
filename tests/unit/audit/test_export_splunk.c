/* SPDX-License-Identifier: Apache-2.0 */
/* The webhook sink in Splunk's shape: events, and what counts as Splunk's yes. */
#include "audit/export/sink_webhook.h"

#include <jansson.h>

#include "base/rg_secret.h"
#include "tests/support/export_hook.h"

static void splunk_gets_an_event_a_line_and_its_token(void **state)
{
    (void)state;
    static const char *const script[] = {SPLUNK_ANSWER, NULL};
    struct hook_world world;
    memset(&world, 0, sizeof world);
    fill_hostile(&world.export);
    prepare(&world, EXPORT_WEBHOOK_SPLUNK, script);
    world.options.splunk_index = "in\"dex";
    make_task(&world);
    assert_ok(run(&world));
    assert_int_equal(confirmed(&world), world.export.turn.size);
    uint64_t seq = 0;
    for (size_t i = 0; i < peer.request_count; i++) {
        struct rg_slice rest = body_of(i);
        assert_true(has_header(i, "Authorization: Splunk key\r\n"));
        assert_false(has_header(i, "Rowgate-Signature"));
        while (rest.size > 0) {
            const char *end = memchr(rest.data, '\n', rest.size);
            assert_non_null(end);
            struct rg_slice line = rg_slice_cut(rest, 0, (size_t)(end - rest.data));
            rest = rg_slice_cut(rest, line.size + 1, SIZE_MAX);
            json_t *event = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES, NULL);
            const char *text[4] = {0};
            const char *number = NULL;
            double time = 0;
            json_int_t hlc = 0;
            assert_int_equal(json_unpack(event, "{s:F, s:s, s:s, s:s, s:s, s:{s:{s:{s:s, s:I}}}!}", "time", &time,
                                         "host", &text[0], "source", &text[1], "sourcetype", &text[2], "index",
                                         &text[3], "event", "unmapped", "rg", "seq", &number, "hlc", &hlc),
                             0);
            assert_string_equal(text[0], TEST_ORIGIN);
            assert_string_equal(text[1], "rowgate");
            assert_string_equal(text[2], "ocsf:json");
            assert_string_equal(text[3], "in\"dex");
            assert_int_equal(strtoull(number, NULL, 10), seq++);
            assert_true(time * 1e6 - (double)hlc < 1000 && (double)hlc - time * 1e6 < 1001);
            json_decref(event);
        }
    }
    assert_int_equal(seq, world.export.turn.size);
    done(&world);
}

static void only_splunk_s_own_word_confirms_a_batch(void **state)
{
    (void)state;
    static const char *const lies[] = {
        OK_ANSWER,
        "HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n<html>please log in</h",
        "HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\n{\"text\":\"No data\",\"code\":5}",
        "HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n{\"text\":\"Success\",\"code\":\"0\"}",
        "HTTP/1.1 200 OK\r\nContent-Length: 36\r\n\r\n{\"text\":\"Success\",\"code\":7,\"code\":0} ",
        "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 33\r\n\r\n{\"text\":\"Invalid token\",\"code\":4}\n",
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        const char *const script[] = {lies[i], NULL};
        struct hook_world world;
        make(&world, EXPORT_WEBHOOK_SPLUNK, script);
        rg_status status = run(&world);
        assert_fails(RG_UPSTREAM, status);
        assert_non_null(strstr(status.error->text, "HTTP status "));
        assert_non_null(strstr(status.error->text, "(records 0 to "));
        assert_int_equal(confirmed(&world), 0);
        done(&world);
    }
}

static void a_token_that_would_break_its_header_is_refused(void **state)
{
    (void)state;
    static const char *const tokens[] = {"a\r\nX: y", "a b", "\x01", "\xc3\xa9"};
    struct export_task task = {.name = "untouched"};
    struct export_webhook_options options = {
        .name = "sink", .shape = EXPORT_WEBHOOK_SPLUNK, .url = "https://h/", .ca_file = "", .splunk_index = ""};
    for (size_t i = 0; i < 4; i++) {
        options.secret = rg_slice_of(tokens[i]);
        assert_fails(RG_CONFIG, export_webhook_new(&options, &task));
    }
    options.secret = (struct rg_slice){0};
    assert_fails(RG_CONFIG, export_webhook_new(&options, &task));
    options.shape = EXPORT_WEBHOOK_SIGNED;
    assert_fails(RG_CONFIG, export_webhook_new(&options, &task));
    static char large[RG_SECRET_MAX_BYTES + 1];
    options.secret = rg_slice_make(large, sizeof large);
    assert_fails(RG_LIMIT, export_webhook_new(&options, &task));
    assert_string_equal(task.name, "untouched");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splunk_gets_an_event_a_line_and_its_token),
        cmocka_unit_test(only_splunk_s_own_word_confirms_a_batch),
        cmocka_unit_test(a_token_that_would_break_its_header_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
