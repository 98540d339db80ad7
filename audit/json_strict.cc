/* SPDX-License-Identifier: Apache-2.0 */
/* The one C++ file of audit/: simdjson parses into its tape, and this walks it for what a parser lets pass. It knows
 * nothing of records. Exceptions end here. */
#include "audit/json_strict.h"

#include <algorithm>
#include <bitset>
#include <cstdlib>
#include <cstring>
#include <endian.h>
#include <exception>
#include <string_view>
#include <vector>

#include <simdjson.h>

namespace
{

namespace dom = simdjson::dom;

constexpr size_t SMALL = 64;                            /* keys that are compared pair by pair; more are sorted */
constexpr size_t TEXT_MAX = 256 * 1024;                 /* more than a record has */
constexpr size_t MEMBERS_MAX = 1024;                    /* bytes */
constexpr size_t DEPTH_ROOM = AUDIT_JSON_DEPTH_MAX + 2; /* the parser's own bound; the walk's is exact */

/* An escaped lone low surrogate leaves the parser as a code point of its own, three bytes from ED A0 80 on. */
bool has_surrogate(std::string_view text)
{
    for (size_t at = text.find('\xed'); at != std::string_view::npos; at = text.find('\xed', at + 1)) {
        if (at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) >= 0xa0) {
            return true;
        }
    }
    return false;
}

} // namespace

struct audit_json {
    dom::parser parser;
    std::vector<char> text; /* members and text in one piece, with the padding that simdjson reads over */
    std::vector<std::string_view> keys[AUDIT_JSON_DEPTH_MAX + 1];
    uint64_t marks[AUDIT_JSON_DEPTH_MAX + 1][SMALL]; /* of the first keys: equal keys have equal ones */
    dom::object last;
    bool has_last = false;
    bool has_escapes = false;
};

namespace
{

const char *check_value(audit_json &json, dom::element value, size_t depth);

/* The first bytes, and the size: tells the keys of a record apart without looking at them again. The parser keeps its
 * strings in one buffer with padding behind, so that eight bytes may be read from any of them. */
uint64_t mark_of(std::string_view key)
{
    static_assert(simdjson::SIMDJSON_PADDING >= sizeof(uint64_t));
    uint64_t mark = 0;
    std::memcpy(&mark, key.data(), sizeof mark);
    mark = le64toh(mark);
    if (key.size() < sizeof mark) {
        mark &= (uint64_t{1} << 8 * key.size()) - 1;
    }
    return mark ^ (static_cast<uint64_t>(key.size()) << 56);
}

/* The keys of one object as they come. */
class key_set
{
  public:
    key_set(audit_json &json, size_t depth) : keys(json.keys[depth]), marks(json.marks[depth])
    {
        keys.clear();
    }

    /* False: it stands there already. Of an object with many keys only the first are compared at once. */
    bool add(std::string_view key)
    {
        const size_t count = keys.size();
        keys.push_back(key);
        return count >= SMALL || add_small(key, count);
    }

    /* The rest of the comparing. */
    bool is_unique()
    {
        if (keys.size() <= SMALL) {
            return true;
        }
        std::sort(keys.begin(), keys.end());
        return std::adjacent_find(keys.begin(), keys.end()) == keys.end();
    }

  private:
    bool add_small(std::string_view key, size_t count)
    {
        const uint64_t mark = mark_of(key);
        const size_t slot = (mark * 0x9e3779b97f4a7c15U) >> 56;
        for (size_t k = 0; seen[slot] && k < count; k++) {
            if (marks[k] == mark && key == keys[k]) {
                return false;
            }
        }
        seen.set(slot);
        marks[count] = mark;
        return true;
    }

    std::vector<std::string_view> &keys;
    uint64_t *marks;
    std::bitset<256> seen; /* of the marks' hashes: most keys are the first of theirs */
};

const char *check_object(audit_json &json, dom::object object, size_t depth)
{
    key_set keys(json, depth);
    for (const dom::key_value_pair field : object) {
        if (json.has_escapes && (has_surrogate(field.key) || field.key.find('\0') != std::string_view::npos)) {
            return "NUL or half of a surrogate pair in a key";
        }
        if (!keys.add(field.key)) {
            return "a key stands twice in an object";
        }
        if (const char *problem = check_value(json, field.value, depth)) {
            return problem;
        }
    }
    return keys.is_unique() ? nullptr : "a key stands twice in an object";
}

const char *check_array(audit_json &json, dom::array array, size_t depth)
{
    for (const dom::element value : array) {
        if (const char *problem = check_value(json, value, depth)) {
            return problem;
        }
    }
    return nullptr;
}

/* depth: of the object or array that the value stands in. */
const char *check_value(audit_json &json, dom::element value, size_t depth)
{
    const dom::element_type type = value.type();
    if (type == dom::element_type::OBJECT || type == dom::element_type::ARRAY) {
        if (depth == AUDIT_JSON_DEPTH_MAX) {
            return "nested too deeply";
        }
        return type == dom::element_type::OBJECT ? check_object(json, dom::object(value), depth + 1)
                                                 : check_array(json, dom::array(value), depth + 1);
    }
    if (type == dom::element_type::STRING && json.has_escapes && has_surrogate(std::string_view(value))) {
        return "half of a surrogate pair";
    }
    return type == dom::element_type::UINT64 ? "an integer beyond 64 bits with sign" : nullptr;
}

/* '{' members, then the text behind its own '{'. */
void compose(audit_json &json, const char *members, size_t members_size, const char *text, size_t size)
{
    const size_t needed = members_size + size + simdjson::SIMDJSON_PADDING;
    if (json.text.size() < needed) {
        json.text.resize(std::max(needed, static_cast<size_t>(4096)));
    }
    char *at = json.text.data();
    *at = '{';
    std::memcpy(at + 1, members, members_size);
    std::memcpy(at + 1 + members_size, text + 1, size - 1);
    std::memset(at + members_size + size, ' ', simdjson::SIMDJSON_PADDING);
}

const char *check(audit_json &json, const char *members, const char *text, size_t size, bool is_walked)
{
    const size_t members_size = std::strlen(members);
    json.has_last = false;
    if (size < 2 || text[0] != '{') {
        return "not a JSON object";
    }
    if (size > TEXT_MAX || members_size > MEMBERS_MAX) {
        return "longer than any record";
    }
    compose(json, members, members_size, text, size);
    json.has_escapes = std::memchr(text, '\\', size) != nullptr;
    dom::element root;
    const auto error = json.parser.parse(json.text.data(), members_size + size, false).get(root);
    if (error != simdjson::SUCCESS) {
        return simdjson::error_message(error);
    }
    dom::object object;
    if (root.get(object) != simdjson::SUCCESS) {
        return "not a JSON object";
    }
    const char *problem = is_walked ? check_object(json, object, 1) : nullptr;
    json.last = object;
    json.has_last = problem == nullptr;
    return problem;
}

bool find(const audit_json *json, const char *key, dom::element &out_value)
{
    return json->has_last && json->last.at_key(key).get(out_value) == simdjson::SUCCESS;
}

bool find_at(const audit_json *json, std::string_view path, dom::element &out_value)
{
    if (!json->has_last) {
        return false;
    }
    dom::object object = json->last;
    for (size_t dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.')) {
        dom::object inner;
        if (object.at_key(path.substr(0, dot)).get(inner) != simdjson::SUCCESS) {
            return false;
        }
        object = inner;
        path.remove_prefix(dot + 1);
    }
    return object.at_key(path).get(out_value) == simdjson::SUCCESS;
}

} // namespace

extern "C" struct audit_json *audit_json_new(void)
{
    try {
        auto *json = new audit_json();
        if (json->parser.allocate(TEXT_MAX + MEMBERS_MAX, DEPTH_ROOM) != simdjson::SUCCESS) {
            std::abort();
        }
        return json;
    } catch (...) {
        std::abort();
    }
}

extern "C" void audit_json_free(struct audit_json **json)
{
    delete *json;
    *json = nullptr;
}

extern "C" const char *audit_json_check(struct audit_json *json, const char *members, const char *text, size_t size)
{
    try {
        return check(*json, members, text, size, true);
    } catch (const std::exception &) {
        return "simdjson failed";
    }
}

extern "C" const char *audit_json_read(struct audit_json *json, const char *text, size_t size)
{
    try {
        return check(*json, "", text, size, false);
    } catch (const std::exception &) {
        return "simdjson failed";
    }
}

extern "C" bool audit_json_is_integer(const struct audit_json *json, const char *key)
{
    dom::element value;
    return find(json, key, value) && value.is_int64();
}

extern "C" bool audit_json_is_object(const struct audit_json *json, const char *key)
{
    dom::element value;
    return find(json, key, value) && value.is_object();
}

extern "C" bool audit_json_has(const struct audit_json *json, const char *key)
{
    dom::element value;
    return find(json, key, value);
}

extern "C" bool audit_json_string(const struct audit_json *json, const char *key, const char **out_text,
                                  size_t *out_size)
{
    dom::element value;
    std::string_view text;
    if (!find(json, key, value) || value.get(text) != simdjson::SUCCESS) {
        return false;
    }
    *out_text = text.data();
    *out_size = text.size();
    return true;
}

extern "C" bool audit_json_string_at(const struct audit_json *json, const char *path, const char **out_text,
                                     size_t *out_size)
{
    dom::element value;
    std::string_view text;
    if (!find_at(json, path, value) || value.get(text) != simdjson::SUCCESS) {
        return false;
    }
    *out_text = text.data();
    *out_size = text.size();
    return true;
}

extern "C" bool audit_json_integer_at(const struct audit_json *json, const char *path, int64_t *out_value)
{
    dom::element value;
    return find_at(json, path, value) && value.get(*out_value) == simdjson::SUCCESS;
}
