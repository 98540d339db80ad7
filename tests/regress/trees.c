/* SPDX-License-Identifier: Apache-2.0 */
/* The raw parse tree of a text as libpg_query writes it in JSON, for a third opinion that shares nothing with policy/:
 * lines of JSON strings in, lines of JSON out (null = no valid SQL). A test program: no part of rowgate calls it. */
#include <jansson.h>
#include <pg_query.h>
#include <stdio.h>
#include <stdlib.h>

static void answer(const char *text)
{
    PgQueryParseResult result = pg_query_parse(text);
    (void)puts(result.error != NULL || result.parse_tree == NULL ? "null" : result.parse_tree);
    pg_query_free_parse_result(result);
}

int main(void)
{
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, stdin) > 0) {
        json_t *text = json_loads(line, JSON_DECODE_ANY, NULL);
        if (json_is_string(text)) {
            answer(json_string_value(text));
        } else {
            (void)puts("null");
        }
        json_decref(text);
        if (fflush(stdout) != 0) {
            break;
        }
    }
    free(line);
    return feof(stdin) != 0 ? 0 : 1;
}
