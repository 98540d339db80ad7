/* SPDX-License-Identifier: Apache-2.0 */
/* The known ways to make two readers of one connection disagree (tests/vectors/http/connections.txt): each is refused,
 * with its status and rule, however the bytes are cut; and what honest clients send passes. */
#include <stdio.h>
#include <stdlib.h>

#include "proxy/http/wire.h"
#include "tests/support/rg_test.h"

enum { LINE_MAX_BYTES = 4096, HEAD_MAX = 8192, BODY_MAX = 1 << 20 };

struct vector {
    char name[128];
    unsigned heads;
    int status;
    char rule[64];
    char bytes[LINE_MAX_BYTES];
    size_t size;
};

struct outcome {
    bool is_refused;
    uint64_t heads;
    struct http_refusal refusal;
};

static unsigned hex_pair(const char *text)
{
    char digits[3] = {text[0], text[1], '\0'};
    return (unsigned)strtoul(digits, NULL, 16);
}

static size_t unescape(const char *text, char *out)
{
    size_t size = 0;
    for (; *text != '\0'; text++) {
        if (*text != '\\') {
            out[size++] = *text;
            continue;
        }
        text++;
        switch (*text) {
        case 'r':
            out[size++] = '\r';
            break;
        case 'n':
            out[size++] = '\n';
            break;
        case 't':
            out[size++] = '\t';
            break;
        case 'x':
            out[size++] = (char)hex_pair(text + 1);
            text += 2;
            break;
        case '\\':
            out[size++] = '\\';
            break;
        default:
            fail_msg("unknown escape \\%c", *text);
        }
    }
    return size;
}

/* The next column of a line; no blank is skipped. */
static const char *next_column(char **rest)
{
    const char *column = strsep(rest, "\t");
    if (column == NULL) {
        fail_msg("not a vector");
        return "";
    }
    return column;
}

static bool read_vector(FILE *file, struct vector *vector)
{
    static char line[LINE_MAX_BYTES];
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[0] == '#') {
            continue;
        }
        line[strcspn(line, "\n")] = '\0';
        char *rest = line;
        (void)snprintf(vector->name, sizeof vector->name, "%s", next_column(&rest));
        vector->heads = (unsigned)strtoul(next_column(&rest), NULL, 10);
        vector->status = (int)strtol(next_column(&rest), NULL, 10);
        (void)snprintf(vector->rule, sizeof vector->rule, "%s", next_column(&rest));
        vector->size = unescape(next_column(&rest), vector->bytes);
        return true;
    }
    return false;
}

/* Gives the bytes in steps, as a socket would; what is not taken is given again with more behind it. */
static struct outcome play(struct rg_slice bytes, size_t step)
{
    struct http_head_limits limits = http_head_limits_of(HEAD_MAX, BODY_MAX);
    struct http_wire wire = {0};
    struct outcome outcome = {0};
    http_wire_init(&wire, &limits);
    size_t at = 0;
    for (size_t come = 0; come < bytes.size && !outcome.is_refused;) {
        come = come + step < bytes.size ? come + step : bytes.size;
        struct http_wire_piece piece = {.size = 1};
        while (piece.size > 0 && !outcome.is_refused) {
            outcome.is_refused = !http_wire_take(&wire, rg_slice_cut(bytes, at, come - at), &piece, &outcome.refusal);
            at += piece.size;
        }
    }
    outcome.heads = wire.heads;
    return outcome;
}

static void check(const struct vector *vector, size_t step)
{
    struct outcome outcome = play(rg_slice_make(vector->bytes, vector->size), step);
    if (outcome.heads != vector->heads) {
        fail_msg("%s, %zu at a time: %u heads passed, expected %u", vector->name, step, (unsigned)outcome.heads,
                 vector->heads);
    }
    if (outcome.is_refused != (vector->status != 0)) {
        fail_msg("%s, %zu at a time: %s", vector->name, step,
                 outcome.is_refused ? outcome.refusal.text : "not refused");
    }
    if (outcome.is_refused &&
        (outcome.refusal.status != vector->status || strcmp(outcome.refusal.rule, vector->rule) != 0)) {
        fail_msg("%s, %zu at a time: %d %s (%s), expected %d %s", vector->name, step, outcome.refusal.status,
                 outcome.refusal.rule, outcome.refusal.text, vector->status, vector->rule);
    }
}

static void each_connection_ends_as_written_however_its_bytes_are_cut(void **state)
{
    (void)state;
    static struct vector vector;
    size_t count = 0;
    FILE *file = fopen("tests/vectors/http/connections.txt", "r");
    assert_non_null(file);
    while (read_vector(file, &vector)) {
        static const size_t steps[] = {LINE_MAX_BYTES, 1, 2, 3, 7};
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            check(&vector, steps[i]);
        }
        count++;
    }
    (void)fclose(file);
    assert_true(count > 200);
}

/* A refused connection stays so: the bytes behind an attack are never served. */
static void nothing_passes_behind_a_refusal(void **state)
{
    (void)state;
    struct http_head_limits limits = http_head_limits_of(HEAD_MAX, BODY_MAX);
    struct http_wire wire = {0};
    struct http_refusal refusal = {0};
    struct http_wire_piece piece = {.size = 99, .head.size = 7};
    http_wire_init(&wire, &limits);
    assert_false(http_wire_take(&wire, RG_SLICE("GET / HTTP/1.1\nHost: a\n\n"), &piece, &refusal));
    assert_int_equal(refusal.status, 400);
    assert_int_equal(piece.size, 0);
    assert_int_equal(piece.head.size, 0);
    assert_false(http_wire_take(&wire, RG_SLICE("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), &piece, &refusal));
    assert_false(http_wire_take(&wire, RG_SLICE(""), &piece, &refusal));
    assert_int_equal(piece.size, 0);
    http_wire_settle(&wire, true);
    assert_false(http_wire_take(&wire, RG_SLICE("x"), &piece, &refusal));
}

static void the_zero_wire_refuses(void **state)
{
    (void)state;
    struct http_wire wire = {0};
    struct http_refusal refusal = {0};
    struct http_wire_piece piece = {.size = 99};
    assert_false(http_wire_take(&wire, RG_SLICE("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), &piece, &refusal));
    assert_int_equal(piece.size, 0);
}

/* The data of a body, whatever its frame and however it is cut. */
static void a_body_is_taken_out_of_its_frame(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello worldGET /next",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nGET "
        "/next",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t step = 1; step < 80; step++) {
            struct http_head_limits limits = http_head_limits_of(HEAD_MAX, BODY_MAX);
            struct http_wire wire = {0};
            struct http_refusal refusal = {0};
            struct rg_slice bytes = rg_slice_of(texts[i]);
            char body[64] = "";
            size_t at = 0;
            http_wire_init(&wire, &limits);
            for (size_t come = 0; come < bytes.size;) {
                struct http_wire_piece piece = {.size = 1};
                come = come + step < bytes.size ? come + step : bytes.size;
                while (piece.size > 0) {
                    assert_true(http_wire_take(&wire, rg_slice_cut(bytes, at, come - at), &piece, &refusal));
                    strncat(body, piece.data.size == 0 ? "" : piece.data.data, piece.data.size);
                    at += piece.size;
                }
            }
            assert_string_equal(body, "hello world");
            assert_true(rg_slice_is_equal(rg_slice_cut(bytes, at, bytes.size), RG_SLICE("GET /next")));
        }
    }
}

#define UPGRADE                                                                                                        \
    "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"        \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

/* Without the hold, a refused upgrade would let the client talk to the upstream past every judge. */
static void bytes_behind_an_upgrade_wait_for_its_answer(void **state)
{
    (void)state;
    for (int is_upgraded = 0; is_upgraded < 2; is_upgraded++) {
        struct http_head_limits limits = http_head_limits_of(HEAD_MAX, BODY_MAX);
        struct http_wire wire = {0};
        struct http_refusal refusal = {0};
        struct http_wire_piece piece = {0};
        http_wire_init(&wire, &limits);
        assert_true(http_wire_take(&wire, RG_SLICE(UPGRADE "\x81\x85"), &piece, &refusal));
        assert_int_equal(piece.size, sizeof UPGRADE - 1);
        assert_true(piece.head.is_websocket);
        assert_true(http_wire_take(&wire, RG_SLICE("\x81\x85"), &piece, &refusal));
        assert_int_equal(piece.size, 0);
        assert_int_equal(piece.head.size, 0);
        http_wire_settle(&wire, is_upgraded != 0);
        bool is_taken = http_wire_take(&wire, RG_SLICE("\x81\x85GET\n"), &piece, &refusal);
        assert_int_equal(is_taken, is_upgraded);
        assert_int_equal(piece.size, is_upgraded ? 6 : 0);
    }
}

static void a_request_is_amid_until_its_last_byte(void **state)
{
    (void)state;
    struct http_head_limits limits = http_head_limits_of(HEAD_MAX, BODY_MAX);
    struct http_wire wire = {0};
    struct http_refusal refusal = {0};
    struct http_wire_piece piece = {0};
    http_wire_init(&wire, &limits);
    assert_false(http_wire_is_amid(&wire, 0));
    assert_true(http_wire_is_amid(&wire, 1));
    struct rg_slice request = RG_SLICE("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab");
    assert_true(http_wire_take(&wire, request, &piece, &refusal));
    assert_true(http_wire_is_amid(&wire, 0));
    assert_true(http_wire_take(&wire, RG_SLICE("ab"), &piece, &refusal));
    assert_int_equal(piece.size, 2);
    assert_false(http_wire_is_amid(&wire, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_connection_ends_as_written_however_its_bytes_are_cut),
        cmocka_unit_test(nothing_passes_behind_a_refusal),
        cmocka_unit_test(a_body_is_taken_out_of_its_frame),
        cmocka_unit_test(the_zero_wire_refuses),
        cmocka_unit_test(bytes_behind_an_upgrade_wait_for_its_answer),
        cmocka_unit_test(a_request_is_amid_until_its_last_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
