/* SPDX-License-Identifier: Apache-2.0 */
/* An answer with charts' data: whatever it holds, it is read or refused, alike each time, with keys of a bounded size;
 * what jansson takes for the same answer has the keys that were found. */
#include "proxy/http/cache_answer.h"

#include <jansson.h>

#include "base/rg_slice.h"
#include "base/rg_status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *key_at(json_t *object)
{
    return json_string_value(json_object_get(object, "cache_key"));
}

/* Only of lists: the usual form. */
static void compare(const uint8_t *data, size_t size, const struct http_cache_result *results, size_t count)
{
    json_t *answer = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    json_t *list = json_object_get(answer, "result");
    json_t *element = NULL;
    size_t i = 0;
    size_t at = 0;
    if (json_is_array(list) && json_object_get(answer, "cache_key") == NULL) {
        json_array_foreach(list, i, element)
        {
            json_t *key = json_object_get(element, "cache_key");
            if (json_is_string(key)) {
                RG_ASSERT(at < count && json_string_length(key) == results[at].key_size);
                RG_ASSERT(memcmp(key_at(element), results[at].key, results[at].key_size) == 0);
                RG_ASSERT(results[at].is_cached == (json_is_true(json_object_get(element, "is_cached")) ||
                                                    (json_object_get(element, "cached_dttm") != NULL &&
                                                     !json_is_null(json_object_get(element, "cached_dttm")))));
                at++;
            }
        }
        RG_ASSERT(at == count);
    }
    json_decref(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_cache_reader *reader;
    struct http_cache_result results[HTTP_CACHE_RESULTS_MAX];
    size_t count = 0;
    size_t again = 0;
    if (reader == NULL) {
        reader = http_cache_reader_new();
    }
    const char *wrong = http_cache_answer_parse(reader, (const char *)data, size, results, &count);
    RG_ASSERT(count <= HTTP_CACHE_RESULTS_MAX);
    for (size_t i = 0; wrong == NULL && i < count; i++) {
        RG_ASSERT(results[i].key_size > 0 && results[i].key_size <= HTTP_CACHE_KEY_MAX);
    }
    if (wrong == NULL) {
        compare(data, size, results, count);
    }
    const char *second = http_cache_answer_parse(reader, (const char *)data, size, results, &again);
    RG_ASSERT((wrong == NULL) == (second == NULL) && (wrong != NULL || count == again));
    return 0;
}
