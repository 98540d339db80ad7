/* SPDX-License-Identifier: Apache-2.0 */
/* The index of a search is never believed: edited, lying, damaged, of another log, not writable, or built twice at
 * once. */
#include "tests/support/audit_search_world.h"

#include <sqlite3.h>
#include <sys/wait.h>

static void path_of(const struct audit_dir *dir, const char *name, char out_path[128])
{
    (void)snprintf(out_path, 128, "%s/idx/%.30s", dir->path, name);
}

/* Changes the index as somebody with sqlite3 would. */
static void edit(const struct audit_dir *dir, const char *sql)
{
    char path[128];
    sqlite3 *db = NULL;
    path_of(dir, "search.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The worse enemy also makes the stamp fit. */
static void forge_stamp(const struct audit_dir *dir)
{
    char path[128];
    char text[160];
    struct stat info;
    path_of(dir, "search.db", path);
    assert_int_equal(stat(path, &info), 0);
    (void)snprintf(text, sizeof text, "rowgate search 1 %ju %jd %jd.%09ld %jd.%09ld\n", (uintmax_t)info.st_ino,
                   (intmax_t)info.st_size, (intmax_t)info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                   (intmax_t)info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
    path_of(dir, "search.stamp", path);
    audit_file_write(path, text, strlen(text));
}

static void an_edited_index_is_built_again(void **state)
{
    (void)state;
    static const char *const edits[] = {
        "UPDATE record SET leaf = zeroblob(32)",
        "UPDATE record SET at = at + 7",
        "UPDATE record SET segment = 77",
        "UPDATE record SET leaf = x'00'",
        "DELETE FROM record",
        "DELETE FROM term",
        "UPDATE chain SET origin = 'another/log'",
        "DROP TABLE term",
        "UPDATE term SET name = CAST('tglobex' AS BLOB) WHERE name = CAST('tacme' AS BLOB)"};
    struct world w;
    make_world(&w);
    const uint64_t wanted[] = {w.denied, w.write};
    struct audit_criteria criteria = anything;
    struct found found;
    criteria.tenant = RG_SLICE("globex");
    assert_ok(search(&w.dir, &criteria, &found));
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        edit(&w.dir, edits[i]);
        assert_ok(search(&w.dir, &criteria, &found));
        assert_found(&found, wanted, 2, edits[i]);
        assert_ok(search(&w.dir, &criteria, &found));
        assert_found(&found, wanted, 2, "once more");
        assert_int_equal(found.note_count, 0);
    }
    audit_dir_remove(&w.dir);
}

static void an_index_that_says_what_the_log_does_not_is_built_again(void **state)
{
    (void)state;
    static const char *const edits[] = {
        "UPDATE record SET leaf = zeroblob(32)",
        "UPDATE record SET at = at + 7",
        "UPDATE record SET at = 99999999",
        "UPDATE record SET segment = 77",
        "UPDATE record SET leaf = x'00'",
        "UPDATE chain SET origin = 'another/log'",
        "DROP TABLE term",
        "UPDATE record SET seq = seq + 1000",
        "INSERT INTO record SELECT seq + 100, segment, at, leaf, hlc FROM record",
        "UPDATE term SET name = CAST('tglobex' AS BLOB) WHERE name = CAST('tacme' AS BLOB)",
        ("CREATE TRIGGER evil AFTER INSERT ON record BEGIN DELETE FROM term; END; UPDATE record SET leaf = "
         "zeroblob(32)")};
    struct world w;
    make_world(&w);
    const uint64_t wanted[] = {w.denied, w.write};
    struct audit_criteria criteria = anything;
    struct found found;
    criteria.tenant = RG_SLICE("globex");
    assert_ok(search(&w.dir, &criteria, &found));
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        edit(&w.dir, edits[i]);
        forge_stamp(&w.dir);
        assert_ok(search(&w.dir, &criteria, &found));
        assert_found(&found, wanted, 2, edits[i]);
        assert_null(strstr(found.note, "memory"));
        assert_ok(search(&w.dir, &criteria, &found));
        assert_found(&found, wanted, 2, "once more");
        assert_int_equal(found.note_count, 0);
    }
    audit_dir_remove(&w.dir);
}

static void damaged_index_bytes_never_show_what_is_not_there(void **state)
{
    (void)state;
    enum { STEPS = 60 };
    struct world w;
    struct audit_file file;
    struct found found;
    struct audit_criteria criteria = anything;
    make_world(&w);
    const uint64_t wanted[] = {w.denied, w.write};
    criteria.tenant = RG_SLICE("globex");
    criteria.text = RG_SLICE("events");
    assert_ok(search(&w.dir, &criteria, &found));
    audit_file_load(&w.dir, "idx/search.db", &file);
    for (size_t i = 0; i < STEPS; i++) {
        size_t at = file.size / STEPS * i + i * 7 % 100;
        audit_file_restore(&file);
        audit_file_poke(&file, at, (char)(file.bytes[at] ^ 0x41));
        forge_stamp(&w.dir);
        assert_ok(search(&w.dir, &criteria, &found));
        assert_true(found.count <= 2); /* without its stamp the damage could hide a record, never make one up */
        for (size_t k = 0; k < found.count; k++) {
            assert_true(found.seqs[k] == w.denied || found.seqs[k] == w.write);
        }
        audit_file_restore(&file);
        audit_file_poke(&file, at, (char)(file.bytes[at] ^ 0x41));
        assert_ok(search(&w.dir, &criteria, &found)); /* with it, it is seen at once */
        assert_found(&found, wanted, 2, "a flipped byte");
    }
    audit_file_write(file.path, "no database at all", 18);
    forge_stamp(&w.dir);
    assert_ok(search(&w.dir, &criteria, &found));
    assert_found(&found, wanted, 2, "no database");
    free(file.bytes);
    audit_dir_remove(&w.dir);
}

static void the_index_of_another_log_is_not_used(void **state)
{
    (void)state;
    struct world w;
    struct audit_dir other;
    struct found found;
    char from[128];
    char to[128];
    make_world(&w);
    audit_dir_make(&other); /* the same origin, other keys and records */
    audit_dir_fill(&other, 30);
    struct audit_criteria criteria = anything;
    criteria.tenant = RG_SLICE("globex");
    assert_ok(search(&other, &criteria, &found));
    (void)snprintf(from, sizeof from, "%s/idx", other.path);
    (void)snprintf(to, sizeof to, "%s/", w.dir.path);
    audit_dir_run("cp -a", from, to);
    forge_stamp(&w.dir);
    const uint64_t wanted[] = {w.denied, w.write};
    assert_ok(search(&w.dir, &criteria, &found));
    assert_found(&found, wanted, 2, "after the swap");
    assert_int_equal(found.note_count, 1);
    audit_dir_remove(&other);
    audit_dir_remove(&w.dir);
}

static void an_index_that_cannot_be_written_is_made_in_memory_and_said(void **state)
{
    (void)state;
    struct world w;
    struct found found;
    char path[128];
    make_world(&w);
    (void)snprintf(path, sizeof path, "%s/idx", w.dir.path);
    audit_file_write(path, "in the way", 10); /* root may write anywhere: so a file where the directory should be */
    const uint64_t wanted[] = {w.denied, w.write};
    struct audit_criteria criteria = anything;
    criteria.tenant = RG_SLICE("globex");
    assert_ok(search(&w.dir, &criteria, &found));
    assert_found(&found, wanted, 2, "in memory");
    assert_int_equal(found.note_count, 1);
    assert_non_null(strstr(found.note, "memory"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/tmp", path), 0);
    assert_ok(search(&w.dir, &criteria, &found));
    assert_found(&found, wanted, 2, "a symbolic link");
    assert_int_equal(found.note_count, 1);
    audit_dir_remove(&w.dir);
}

static void searches_at_the_same_time_agree(void **state)
{
    (void)state;
    enum { SEARCHES = 6 };
    struct world w;
    pid_t children[SEARCHES];
    make_world(&w);
    for (size_t i = 0; i < SEARCHES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            struct audit_criteria criteria = anything;
            struct found found;
            criteria.tenant = RG_SLICE("globex");
            bool is_good = true;
            for (size_t k = 0; k < 5; k++) {
                is_good =
                    rg_is_ok(search(&w.dir, &criteria, &found)) && found.count == 2 && found.note_count == 0 && is_good;
            }
            _exit(is_good ? 0 : 1);
        }
    }
    for (size_t i = 0; i < SEARCHES; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    audit_dir_remove(&w.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_edited_index_is_built_again),
        cmocka_unit_test(an_index_that_says_what_the_log_does_not_is_built_again),
        cmocka_unit_test(damaged_index_bytes_never_show_what_is_not_there),
        cmocka_unit_test(the_index_of_another_log_is_not_used),
        cmocka_unit_test(an_index_that_cannot_be_written_is_made_in_memory_and_said),
        cmocka_unit_test(searches_at_the_same_time_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
