/* SPDX-License-Identifier: Apache-2.0 */
/* Literals apart from their text: together again they are the text, byte for byte, whatever it is; and no secret is
 * left in what is recorded of it. */
#include "policy/sql_literals.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/rg_test.h"

enum { ARENA_BYTES = 512 << 20, PREFIX_FILE_MAX = 8 << 10 };

struct separated {
    struct rg_arena scratch, arena;
    struct sql_literals literals;
};

static void separated_done(struct separated *one)
{
    rg_arena_done(&one->scratch);
    rg_arena_done(&one->arena);
}

static void separate(struct rg_slice text, struct separated *out)
{
    *out = (struct separated){0};
    rg_arena_init(&out->scratch, ARENA_BYTES);
    rg_arena_init(&out->arena, ARENA_BYTES);
    assert_ok(sql_literals_separate(text, &out->scratch, &out->arena, &out->literals));
}

static void join(const struct sql_literals *literals, struct rg_buf *out)
{
    rg_buf_init(out, ARENA_BYTES);
    assert_ok(rg_literals_join(literals->text, literals->literals, out));
}

static bool holds(struct rg_slice text, struct rg_slice part)
{
    return text.size >= part.size && memmem(text.data, text.size, part.data, part.size) != NULL;
}

/* ---- what is separated ---- */

static void takes_every_kind_of_literal_out(void **state)
{
    static const struct {
        const char *text, *normalised;
        const char *literals[6];
    } rows[] = {
        {"SELECT 1", "SELECT $1", {"1"}},
        {"SELECT 'a', 1.5e-3, 0, .5", "SELECT $1, $2, $3, $4", {"'a'", "1.5e-3", "0", ".5"}},
        {"SELECT $2, 'x', $1", "SELECT $2, $3, $1", {"'x'"}},
        {"SELECT E'it\\'s' , 'it''s'", "SELECT $1 , $2", {"E'it\\'s'", "'it''s'"}},
        {"SELECT B'01', X'ff', N'n'", "SELECT $1, $2, N $3", {"B'01'", "X'ff'", "'n'"}},
        {"SELECT U&'d!0061t' UESCAPE '!'", "SELECT $1 UESCAPE $2", {"U&'d!0061t'", "'!'"}},
        {"SELECT $$a ' b$$, $x$ $$ $x$", "SELECT $1, $2", {"$$a ' b$$", "$x$ $$ $x$"}},
        {"SELECT 'a'\n  'b' || 'c'", "SELECT $1 || $2", {"'a'\n  'b'", "'c'"}},
        {"SELECT 'a' -- 'no'\n, /* 'nor 1 */ 2", "SELECT $1 -- 'no'\n, /* 'nor 1 */ $2", {"'a'", "2"}},
        {"SELECT \"a'1\", U&\"b'2\"", "SELECT \"a'1\", U&\"b'2\"", {0}},
        {"SELECT a1, _2 FROM t3", "SELECT a1, _2 FROM t3", {0}},
        {"SELECT 'a'b, c.1", "SELECT $1 b, c $2", {"'a'", ".1"}},
        {"SELECT -1 - -2", "SELECT -$1 - -$2", {"1", "2"}},
        {"SELECT 'a;", "SELECT $1", {"'a;"}},
        {"SELECT 1, $$ never", "SELECT $1, $2", {"1", "$$ never"}},
        {"SELECT 'x' /* open 'y'", "SELECT $1 $2", {"'x'", "/* open 'y'"}},
        {"SELECT E'\\u00zz', 'b'", "SELECT $1", {"E'\\u00zz', 'b'"}},
        {"SELECT E'\\ud800 \\u0020', 'b'", "SELECT $1", {"E'\\ud800 \\u0020', 'b'"}},
        {"SELECT 'x', 12ab, 'b'", "SELECT $1, $2", {"'x'", "12ab, 'b'"}},
        {"", "", {0}},
        {" \n", " \n", {0}},
        {"'", "$1", {"'"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RG_AUTO(separated_done) struct separated one;
        separate(rg_slice_of(rows[i].text), &one);
        print_message("%s\n", rows[i].text);
        assert_slice(one.literals.text, rows[i].normalised);
        struct rg_slice list = one.literals.literals;
        struct rg_literal literal;
        size_t count = 0;
        for (; count < 6 && rows[i].literals[count] != NULL; count++) {
            assert_true(rg_literal_get(&list, &literal));
            assert_slice(literal.text, rows[i].literals[count]);
        }
        assert_int_equal(one.literals.count, count);
        assert_int_equal(list.size, 0);
        assert_false(one.literals.is_redacted);
    }
}

static void numbers_behind_a_parameter_that_no_client_can_have(void **state)
{
    (void)state;
    RG_AUTO(separated_done) struct separated one;
    separate(RG_SLICE("SELECT $99999999999999999999, 1"), &one);
    assert_slice(one.literals.text, "SELECT $99999999999999999999, $2000000002");
    RG_AUTO(separated_done) struct separated widest; /* a blank on both sides */
    separate(RG_SLICE("SELECT $99999999999999999999, 1'a'b"), &widest);
    assert_slice(widest.literals.text, "SELECT $99999999999999999999, $2000000002 $2000000003 b");
}

static void keeps_a_NUL_and_what_follows_it_as_a_literal(void **state)
{
    (void)state;
    RG_AUTO(separated_done) struct separated one;
    separate(RG_SLICE("SELECT 'a' \0 'b'"), &one);
    assert_slice(one.literals.text, "SELECT $1 $2");
    struct rg_slice list = one.literals.literals;
    struct rg_literal literal;
    assert_true(rg_literal_get(&list, &literal) && rg_literal_get(&list, &literal));
    assert_true(rg_slice_is_equal(literal.text, RG_SLICE("\0 'b'")));
}

static void takes_what_is_left_for_the_last_of_many(void **state)
{
    enum { SIZE = 200000 };
    static char text[SIZE];
    (void)state;
    for (size_t at = 0; at + 2 <= SIZE; at += 2) {
        memcpy(text + at, "1,", 2);
    }
    for (int is_secret = 0; is_secret < 2; is_secret++) {
        RG_AUTO(separated_done) struct separated one;
        RG_AUTO(rg_buf_done) struct rg_buf joined;
        if (is_secret == 1) {
            memcpy(text + SIZE - 30, "ALTER ROLE b PASSWORD 'hunter2'", 30);
        }
        separate(rg_slice_make(text, SIZE), &one);
        join(&one.literals, &joined);
        assert_int_equal(one.literals.count, SQL_LITERALS_MAX);
        assert_int_equal(one.literals.is_redacted, is_secret);
        assert_false(holds(rg_buf_slice(&joined), RG_SLICE("hunter")));
        assert_true(is_secret == 1 || rg_slice_is_equal(rg_buf_slice(&joined), rg_slice_make(text, SIZE)));
    }
}

/* ---- byte for byte ---- */

static void check_text(struct rg_slice text)
{
    RG_AUTO(separated_done) struct separated one;
    RG_AUTO(rg_buf_done) struct rg_buf joined;
    separate(text, &one);
    join(&one.literals, &joined);
    if (!one.literals.is_redacted && !rg_slice_is_equal(rg_buf_slice(&joined), text)) {
        fail_msg("not the text again: %.*s", rg_slice_shown(text), text.data);
    }
    if (one.literals.is_redacted && !holds(rg_buf_slice(&joined), RG_SLICE("***"))) {
        fail_msg("redacted without a trace: %.*s", rg_slice_shown(text), text.data);
    }
    RG_AUTO(separated_done) struct separated again;
    separate(one.literals.text, &again);
    if (again.literals.count != 0) {
        fail_msg("a literal is left: %.*s", rg_slice_shown(one.literals.text), one.literals.text.data);
    }
}

static size_t check_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    static char bytes[4 << 20];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    struct rg_slice text = rg_slice_make(bytes, size);
    check_text(text);
    size_t checked = 1;
    for (size_t at = 0; at < size; checked++) {
        const char *newline = memchr(bytes + at, '\n', size - at);
        size_t line = newline == NULL ? size - at : (size_t)(newline - bytes) - at + 1;
        check_text(rg_slice_cut(text, at, line));
        at += line;
    }
    for (size_t at = 0; size <= PREFIX_FILE_MAX && at < size; at += 17, checked++) {
        check_text(rg_slice_cut(text, 0, at));
        check_text(rg_slice_cut(text, at, SIZE_MAX));
    }
    return checked;
}

static size_t check_folder(const char *path)
{
    DIR *folder = opendir(path);
    size_t checked = 0;
    for (const struct dirent *entry = folder == NULL ? NULL : readdir(folder); entry != NULL; entry = readdir(folder)) {
        char name[600];
        if (strstr(entry->d_name, ".sql") != NULL) {
            (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
            checked += check_file(name);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return checked;
}

static void gives_every_vector_back_byte_for_byte(void **state)
{
    (void)state;
    assert_true(check_folder("tests/vectors/rewrite") > 1000);
    assert_true(check_folder("tests/vectors/advisories") > 100);
}

static void gives_postgresqls_own_suite_back_byte_for_byte(void **state)
{
    (void)state;
    size_t checked = check_folder("build/pgsource");
    print_message("%zu texts of PostgreSQL's suite\n", checked);
    if (checked == 0) {
        skip(); /* scripts/deps --all fetches it */
    }
}

static void gives_any_bytes_back(void **state)
{
    static const char alphabet[] = "'\"$\\EeUu&xXbB19.;-*/ \n\tpassword=role create\xc3\xa4\xff()";
    char text[64];
    (void)state;
    srandom(4);
    for (size_t round = 0; round < 20000; round++) {
        size_t size = (size_t)random() % sizeof text;
        for (size_t i = 0; i < size; i++) {
            text[i] = alphabet[(size_t)random() % sizeof alphabet];
        }
        check_text(rg_slice_make(text, size));
    }
}

static void leaves_its_output_alone_when_the_arena_is_full(void **state)
{
    (void)state;
    struct rg_slice text = RG_SLICE("SELECT 1, 'two', 3 FROM t");
    for (size_t limit = 0; limit < 400; limit++) {
        struct sql_literals untouched = {.count = 77};
        struct rg_arena scratch, arena;
        rg_arena_init(&scratch, limit);
        rg_arena_init(&arena, 10000);
        rg_status status = sql_literals_separate(text, &scratch, &arena, &untouched);
        assert_true(rg_is_ok(status) || (status.error->kind == RG_LIMIT && untouched.count == 77));
        rg_arena_done(&scratch);
        rg_arena_init(&scratch, 10000);
        rg_arena_done(&arena);
        rg_arena_init(&arena, limit);
        untouched.count = 77;
        status = sql_literals_separate(text, &scratch, &arena, &untouched);
        assert_true(rg_is_ok(status) || (status.error->kind == RG_LIMIT && untouched.count == 77));
        rg_arena_done(&scratch);
        rg_arena_done(&arena);
    }
}

/* ---- secrets ---- */

#define SECRET "hunter2"

static void leaves_no_secret_in_any_record(void **state)
{
    static const char *const texts[] = {
        "CREATE ROLE bob PASSWORD 'hunter2'",
        "create role bob login encrypted password 'hunter2' valid until 'infinity'",
        "ALTER USER bob WITH PASSWORD E'hunter2'",
        "ALTER USER bob WITH PASSWORD $$hunter2$$",
        "ALTER USER bob WITH PASSWORD $q$hunter2$q$",
        "ALTER USER bob WITH PASSWORD U&'hunter2' UESCAPE '!'",
        "ALTER/**/ROLE/**/bob/**/PASSWORD/**/'hunter2'",
        "/* now */ ALTER ROLE bob -- why\n PASSWORD -- this\n 'hunter2'",
        "ALTER ROLE bob PASSWORD /* hunter2 */ 'x'",
        "CREATE GROUP g PASSWORD 'hunter2'",
        "SELECT 1; ALTER ROLE bob PASSWORD 'hunter2'; SELECT 2",
        "ALTER ROLE bob PASWORD 'hunter2'",
        "ALTR ROLE bob PASSWORD 'hunter2'",
        "ALTER ROLE bob PASSWORD = 'hunter2'",
        "ALTER ROLE bob PASSWORD hunter2",
        "ALTER ROLE bob PASSWORD hunter2$!x; SELECT 1",
        "ALTER ROLE bob PASSWORD \"hunter2\"",
        "ALTER ROLE bob PASSWORD 'hunter2",
        "ALTER ROLE bob PASSWORD $$hunter2",
        "ALTER ROLE bob PASSWORD E'\\u00zz hunter2'",
        "ALTER ROLE bob \"PASSWORD\" 'hunter2'",
        "SELECT 'abc; ALTER ROLE bob PASSWORD 'hunter2'",
        "SELECT 'it's', 1; ALTER ROLE bob PASSWORD 'hunter2'",
        "PASSWORD 'hunter2'",
        "CREATE OR REPLACE USER bob PASSWORD 'hunter2'",
        "CREATE USER IF NOT EXISTS bob IDENTIFIED BY 'hunter2'",
        "CREATE SUBSCRIPTION s CONNECTION 'host=h password=hunter2' PUBLICATION p",
        "ALTER SUBSCRIPTION s CONNECTION 'hunter2'",
        "ALTER SUBSCRIPTION s CONNECTION host=h password=hunter2",
        "CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host 'h', token 'hunter2')",
        "ALTER SERVER s OPTIONS (SET token 'hunter2')",
        "CREATE USER MAPPING FOR bob SERVER s OPTIONS (user 'u', password 'hunter2')",
        "ALTER USER MAPPING FOR bob SERVER s OPTIONS (SET password 'hunter2')",
        "CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (secret 'hunter2')",
        "ALTER FOREIGN TABLE t OPTIONS (ADD secret 'hunter2')",
        "ALTER FOREIGN DATA WRAPPER w OPTIONS (secret 'hunter2')",
        "IMPORT FOREIGN SCHEMA s FROM SERVER x INTO y OPTIONS (secret 'hunter2')",
        "SELECT dblink_connect('host=h password=hunter2 user=u')",
        "SELECT dblink_connect('c', 'host=h PASSWORD = hunter2')",
        "SELECT dblink_connect('postgresql://u:hunter2@h/db')",
        "ALTER SYSTEM SET primary_conninfo = 'host=h password=hunter2'",
        "COPY t FROM PROGRAM 'PGPASSWORD=hunter2 psql'",
        "DO $$ BEGIN EXECUTE 'ALTER ROLE bob PASSWORD ''hunter2'''; END $$",
        "DO $$ BEGIN ALTER ROLE bob PASSWORD 'hunter2'; END $$",
        "SELECT '{\"password\": \"hunter2\"}'::json",
        "SELECT 1 /* password=hunter2 */",
        "SELECT * FROM accounts WHERE password = 'hunter2'",
        "SET PASSWORD TO 'hunter2'",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        RG_AUTO(separated_done) struct separated one;
        RG_AUTO(rg_buf_done) struct rg_buf joined;
        separate(rg_slice_of(texts[i]), &one);
        join(&one.literals, &joined);
        print_message("%s -> %.*s\n", texts[i], (int)rg_buf_size(&joined), rg_buf_slice(&joined).data);
        assert_false(holds(rg_buf_slice(&joined), RG_SLICE(SECRET)));
        assert_true(one.literals.is_redacted);
    }
}

static void hides_nothing_of_other_statements(void **state)
{
    static const char *const texts[] = {
        "SELECT password, 'victim' FROM accounts",
        "SELECT 'password' AS a, 'victim'",
        "SELECT * FROM t WHERE note LIKE '%password%' AND name = 'victim'",
        "SELECT current_setting('password_encryption'), 'victim'",
        "SELECT 'role user password', 'x' WHERE 'victim' = 'a' || 'the password '",
        "SELECT $q$password$q$, 'victim' WHERE E'password' = U&'passwort'",
        "CREATE TABLE t AS SELECT user, 'victim' AS x FROM role",
        "CREATE VIEW v AS SELECT 'victim' FROM server",
        "SELECT 1 AS password; SELECT 'victim'",
        "ALTER TABLE t ALTER user SET DEFAULT 'victim'",
        "ALTER ROLE bob PASSWORD 'x'; SELECT 'victim'",
        "ALTER ROLE bob PASSWORD NULL; SELECT 'victim'",
        "SELECT 'http://victim/a@b'",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        RG_AUTO(separated_done) struct separated one;
        RG_AUTO(rg_buf_done) struct rg_buf joined;
        separate(rg_slice_of(texts[i]), &one);
        join(&one.literals, &joined);
        print_message("%s -> %.*s\n", texts[i], (int)rg_buf_size(&joined), rg_buf_slice(&joined).data);
        assert_true(holds(rg_buf_slice(&joined), RG_SLICE("victim")));
        bool is_about_roles = strncmp(texts[i], "ALTER ROLE", 10) == 0;
        assert_int_equal(one.literals.is_redacted, is_about_roles && strstr(texts[i], "NULL") == NULL);
    }
}

static void says_which_parameters_are_secrets(void **state)
{
    (void)state;
    RG_AUTO(separated_done) struct separated one;
    separate(RG_SLICE("SELECT $1 FROM accounts WHERE password = $3 AND name = $2"), &one);
    assert_false(one.literals.is_redacted);
    assert_false(sql_secret_parameter(&one.literals, 1));
    assert_false(sql_secret_parameter(&one.literals, 2));
    assert_true(sql_secret_parameter(&one.literals, 3));
    assert_true(sql_secret_is_in(RG_SLICE("host=h password=x")));
    assert_true(sql_secret_is_in(RG_SLICE("PGPASSWORD=x")));
    assert_true(sql_secret_is_in(RG_SLICE("Server=h;Pwd=x")));
    assert_false(sql_secret_is_in(RG_SLICE("password")));
    assert_false(sql_secret_is_in(RG_SLICE("")));
    assert_false(sql_secret_is_in((struct rg_slice){0}));
}

static void hides_secrets_in_messages(void **state)
{
    static const struct {
        const char *text, *message, *shown;
    } rows[] = {
        {"ALTER ROLE bob PASSWORD 'hunter2", "unterminated quoted string at or near \"'hunter2\"",
         "unterminated quoted string at or near \"'***\""},
        {"ALTER ROLE bob PASSWORD hunter2", "syntax error at or near \"hunter2\"", "syntax error at or near \"***\""},
        {"ALTER ROLE bob PASSWORD hunter2-more!", "syntax error at or near \"hunter2\"",
         "syntax error at or near \"***\""},
        {"ALTER ROLE bob PASSWORD hunter2", "hunter2hunter2 and hunter", "****** and hunter"},
        {"CREATE SUBSCRIPTION s CONNECTION 'host=h pass hunter2' PUBLICATION p",
         "missing \"=\" after \"hunter2\" in connection info string",
         "missing \"=\" after \"***\" in connection info string"},
        {"ALTER ROLE bob PASSWORD 'x'", "anything at all", "***"},
        {"SELECT 'hunter2'", "invalid input: \"hunter2\"", "invalid input: \"hunter2\""},
        {"ALTER ROLE bob PASSWORD 'hunter2'", "", ""},
        {"ALTER ROLE bob PASSWORD 'hunter2'", "permission denied", "permission denied"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RG_AUTO(separated_done) struct separated one;
        struct rg_slice shown = {0};
        separate(rg_slice_of(rows[i].text), &one);
        assert_ok(sql_secrets_hide(&one.literals, rg_slice_of(rows[i].message), &one.arena, &shown));
        assert_slice(shown, rows[i].shown);
    }
    RG_AUTO(separated_done) struct separated one;
    struct rg_slice untouched = RG_SLICE("untouched");
    separate(RG_SLICE("ALTER ROLE bob PASSWORD 'hunter2'"), &one);
    struct rg_arena full;
    rg_arena_init(&full, 3);
    assert_fails(RG_LIMIT, sql_secrets_hide(&one.literals, RG_SLICE("some message"), &full, &untouched));
    assert_slice(untouched, "untouched");
    rg_arena_done(&full);
}

/* ---- cost ---- */

static double seconds_for(struct rg_slice text)
{
    struct timespec from, to;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    RG_AUTO(separated_done) struct separated one;
    separate(text, &one);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

static void hostile_texts_cost_no_more_than_their_size(void **state)
{
    static const char *const units[] = {"passw",
                                        "'password ' ",
                                        "PASSWORD ",
                                        "/**/",
                                        "CREATE ROLE PASSWORD x;",
                                        "'",
                                        "$$",
                                        "$a$",
                                        "ALTER ROLE PASSWORD '';",
                                        "1 ",
                                        "(",
                                        "'role password '",
                                        "://:@ ",
                                        "\"",
                                        "E'\\"};
    (void)state;
    enum { TEXT_BYTES = 1 << 20 };
    static char text[TEXT_BYTES];
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t size = strlen(units[i]);
        for (size_t at = 0; at + size <= TEXT_BYTES; at += size) {
            memcpy(text + at, units[i], size);
        }
        double seconds = seconds_for(rg_slice_make(text, TEXT_BYTES / size * size));
        print_message("%-24s %.3f s\n", units[i], seconds);
        assert_true(seconds < 8);
    }
}

static void says_nothing_to_stderr(void **state)
{
    (void)state;
    int saved = dup(STDERR_FILENO);
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    RG_AUTO(separated_done) struct separated one;
    separate(RG_SLICE("ALTER ROLE a123456789012345678901234567890123456789012345678901234567890123456789 PASSWORD "
                      "E'\\u0000hunter2' 'x"),
             &one);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
    assert_int_equal(lseek(fileno(file), 0, SEEK_END), 0);
    (void)fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_every_kind_of_literal_out),
        cmocka_unit_test(numbers_behind_a_parameter_that_no_client_can_have),
        cmocka_unit_test(keeps_a_NUL_and_what_follows_it_as_a_literal),
        cmocka_unit_test(takes_what_is_left_for_the_last_of_many),
        cmocka_unit_test(gives_every_vector_back_byte_for_byte),
        cmocka_unit_test(gives_postgresqls_own_suite_back_byte_for_byte),
        cmocka_unit_test(gives_any_bytes_back),
        cmocka_unit_test(leaves_its_output_alone_when_the_arena_is_full),
        cmocka_unit_test(leaves_no_secret_in_any_record),
        cmocka_unit_test(hides_nothing_of_other_statements),
        cmocka_unit_test(says_which_parameters_are_secrets),
        cmocka_unit_test(hides_secrets_in_messages),
        cmocka_unit_test(hostile_texts_cost_no_more_than_their_size),
        cmocka_unit_test(says_nothing_to_stderr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
