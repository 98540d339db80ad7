/* SPDX-License-Identifier: Apache-2.0 */
/* The one C++ file of proxy/: simdjson steps through an answer and over its rows. What it does not step into it does
 * not judge either: that is the browser's to refuse. Exceptions end here. */
#include "proxy/http/cache_answer.h"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <string_view>
#include <vector>

#include <simdjson.h>

namespace
{

namespace ondemand = simdjson::ondemand;

constexpr size_t DEPTH_MAX = 256; /* below what it steps into; simdjson's own bound */

/* What is wrong: goes up to the one who catches it. */
struct refusal {
    const char *what;
};

/* A member that may come once. */
void see(bool &is_seen)
{
    if (is_seen) {
        throw refusal{"a member stands twice"};
    }
    is_seen = true;
}

} // namespace

struct http_cache_reader {
    ondemand::parser parser;
    std::vector<char> text; /* with the padding that simdjson reads over */
    char keys[HTTP_CACHE_RESULTS_MAX][HTTP_CACHE_KEY_MAX];
    http_cache_result results[HTTP_CACHE_RESULTS_MAX];
    size_t count;
};

namespace
{

/* The members of one result, as far as they were met. */
struct result {
    bool has_key_member = false;
    bool has_cached_member = false;
    bool has_time_member = false;
    bool has_key = false;
    bool is_cached = false;
    std::string_view key;
};

bool is_null(ondemand::value &value)
{
    return value.type().value() == ondemand::json_type::null;
}

void take_key(ondemand::value value, result &into)
{
    see(into.has_key_member);
    if (is_null(value)) {
        return;
    }
    into.key = value.get_string().value();
    into.has_key = true;
    if (into.key.empty() || into.key.size() > HTTP_CACHE_KEY_MAX) {
        throw refusal{"a key of the cache is empty or too long"};
    }
}

/* true, false or null. */
void take_cached(ondemand::value value, result &into)
{
    see(into.has_cached_member);
    if (!is_null(value)) {
        into.is_cached = value.get_bool().value() || into.is_cached;
    }
}

/* When it was put into the cache: null when it was made just now. */
void take_time(ondemand::value value, result &into)
{
    see(into.has_time_member);
    into.is_cached = !is_null(value) || into.is_cached;
}

/* false: the member is none of a result's. */
bool take_member(std::string_view name, ondemand::value value, result &into)
{
    if (name == "cache_key") {
        take_key(value, into);
    } else if (name == "is_cached") {
        take_cached(value, into);
    } else if (name == "cached_dttm") {
        take_time(value, into);
    } else {
        return false;
    }
    return true;
}

void keep(http_cache_reader &reader, const result &found)
{
    if (!found.has_key) {
        return;
    }
    if (reader.count == HTTP_CACHE_RESULTS_MAX) {
        throw refusal{"too many results"};
    }
    char *key = reader.keys[reader.count];
    std::memcpy(key, found.key.data(), found.key.size());
    reader.results[reader.count++] = {key, found.key.size(), found.is_cached};
}

void read_result(http_cache_reader &reader, ondemand::object object)
{
    result found;
    for (auto member : object) {
        std::string_view name = member.unescaped_key().value();
        (void)take_member(name, member.value().value(), found);
    }
    keep(reader, found);
}

void read_results(http_cache_reader &reader, ondemand::value value)
{
    ondemand::json_type type = value.type().value();
    if (type == ondemand::json_type::object) {
        read_result(reader, value.get_object().value());
    } else if (type == ondemand::json_type::array) {
        ondemand::array elements = value.get_array().value();
        for (auto element : elements) {
            read_result(reader, element.get_object().value());
        }
    } else if (type != ondemand::json_type::null) {
        throw refusal{"\"result\" is neither object nor list"};
    }
}

void read_answer(http_cache_reader &reader, size_t size)
{
    ondemand::document document = reader.parser.iterate(reader.text.data(), size, reader.text.size()).value();
    result found;
    bool has_result = false;
    ondemand::object answer = document.get_object().value();
    for (auto member : answer) {
        std::string_view name = member.unescaped_key().value();
        if (name == "result") {
            see(has_result);
            read_results(reader, member.value().value());
        } else {
            (void)take_member(name, member.value().value(), found);
        }
    }
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
        throw refusal{"something stands behind the object"};
    }
    keep(reader, found);
}

/* Large answers are rare: what they needed is given back. */
void shrink(http_cache_reader &reader)
{
    if (reader.text.capacity() > HTTP_CACHE_KEPT_BYTES + simdjson::SIMDJSON_PADDING) {
        reader.text = std::vector<char>();
        reader.parser = ondemand::parser();
    }
}

const char *parse(http_cache_reader &reader, const char *text, size_t size)
{
    reader.count = 0;
    try {
        reader.text.resize(size + simdjson::SIMDJSON_PADDING);
        std::memcpy(reader.text.data(), text, size);
        std::memset(reader.text.data() + size, ' ', simdjson::SIMDJSON_PADDING);
        if (size > reader.parser.capacity() && reader.parser.allocate(size, DEPTH_MAX) != simdjson::SUCCESS) {
            std::abort(); /* no memory */
        }
        read_answer(reader, size);
    } catch (const refusal &wrong) {
        return wrong.what;
    } catch (const std::bad_alloc &) {
        std::abort();
    } catch (const std::exception &) {
        return "not the JSON of an answer";
    }
    return nullptr;
}

} // namespace

http_cache_reader *http_cache_reader_new(void)
{
    auto *reader = new (std::nothrow) http_cache_reader();
    if (reader == nullptr) {
        std::abort();
    }
    return reader;
}

void http_cache_reader_free(http_cache_reader **reader)
{
    delete *reader;
    *reader = nullptr;
}

const char *http_cache_answer_parse(http_cache_reader *reader, const char *text, size_t size,
                                    http_cache_result out_results[HTTP_CACHE_RESULTS_MAX], size_t *out_count)
{
    if (size == 0) {
        return "empty";
    }
    const char *wrong = parse(*reader, text, size);
    if (wrong == nullptr) {
        std::memcpy(out_results, reader->results, reader->count * sizeof reader->results[0]);
        *out_count = reader->count;
    }
    shrink(*reader);
    return wrong;
}
