/* SPDX-License-Identifier: Apache-2.0 */
/* The strict look at a client's JSON against a second opinion: what it accepts, jansson must accept too, because that
 * is what verify reads lines with. */
#include <jansson.h>

#include "audit/json_strict.h"
#include "base/rg_status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct audit_json *json; /* once: its memory is large */
    const char *text = size == 0 ? "" : (const char *)data;
    json_error_t error;
    if (json == NULL) {
        json = audit_json_new();
    }
    bool is_strict = audit_json_check(json, "", text, size) == NULL;
    if (is_strict) {
        json_t *value = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
        RG_ASSERT(json_is_object(value));
        json_decref(value);
    }
    /* With members before it: never more, and only refused for having one of their keys, or no key at all. */
    bool is_member = audit_json_check(json, "\"seq\":0,", text, size) == NULL;
    RG_ASSERT(!is_member || is_strict);
    RG_ASSERT(!is_member || audit_json_is_integer(json, "seq"));
    return 0;
}
