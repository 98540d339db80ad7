/* SPDX-License-Identifier: Apache-2.0 */
/* The one C++ file: toml++ parses, and this walks the result as calls into rg_toml.c. It decides nothing but
 * the order (toml++ sorts keys by name; we want the file's own). Exceptions end here. */
#include "base/rg_toml_private.h"

#include <algorithm>
#include <exception>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

namespace
{

/* The values of enum rg_toml_type, which C++ cannot include; rg_toml.c checks that they agree. */
enum type { NONE, STRING, INTEGER, FLOAT, BOOL, ARRAY, TABLE };

constexpr int max_depth = 34; /* beyond what rg_toml.c accepts: it says so with the place */

struct entry {
    const toml::key *key;
    const toml::node *node;
};

toml::source_position place_of(const entry &item)
{
    return item.key->source().begin;
}

bool walk_node(const toml::node &node, const toml::key *key, const rg_toml_visitor &visitor, int depth);

std::vector<entry> in_file_order(const toml::table &table)
{
    std::vector<entry> entries;
    entries.reserve(table.size());
    for (auto &&[key, node] : table) {
        entries.push_back({&key, &node});
    }
    std::stable_sort(entries.begin(), entries.end(),
                     [](const entry &a, const entry &b) { return place_of(a) < place_of(b); });
    return entries;
}

bool walk_children(const toml::node &node, const rg_toml_visitor &visitor, int depth)
{
    if (const toml::table *table = node.as_table()) {
        for (const entry &item : in_file_order(*table)) {
            if (!walk_node(*item.node, item.key, visitor, depth + 1)) {
                return false;
            }
        }
    } else if (const toml::array *array = node.as_array()) {
        for (const toml::node &item : *array) {
            if (!walk_node(item, nullptr, visitor, depth + 1)) {
                return false;
            }
        }
    }
    return true;
}

void fill_value(const toml::node &node, rg_toml_event &event)
{
    if (const auto *text = node.as_string()) {
        event.type = STRING;
        event.text = text->get().data();
        event.text_size = text->get().size();
    } else if (const auto *integer = node.as_integer()) {
        event.type = INTEGER;
        event.integer = integer->get();
    } else if (const auto *number = node.as_floating_point()) {
        event.type = FLOAT;
        event.number = number->get();
    } else if (const auto *boolean = node.as_boolean()) {
        event.type = BOOL;
        event.boolean = boolean->get();
    } else if (node.is_array()) {
        event.type = ARRAY;
    } else if (node.is_table()) {
        event.type = TABLE;
    }
}

bool walk_node(const toml::node &node, const toml::key *key, const rg_toml_visitor &visitor, int depth)
{
    rg_toml_event event{};
    const auto begin = node.source().begin;
    event.line = begin.line;
    event.column = begin.column;
    if (key != nullptr) {
        event.key = key->data();
        event.key_size = key->length();
        event.key_line = key->source().begin.line;
        event.key_column = key->source().begin.column;
    }
    fill_value(node, event);
    if (!visitor.on_node(visitor.context, &event) || depth >= max_depth) {
        return false;
    }
    if (event.type != ARRAY && event.type != TABLE) {
        return true;
    }
    const bool goes_on = walk_children(node, visitor, depth);
    visitor.on_close(visitor.context);
    return goes_on;
}

void mistake(const rg_toml_visitor &visitor, std::string_view text, unsigned line, unsigned column)
{
    visitor.on_mistake(visitor.context, text.data(), text.size(), line, column);
}

} // namespace

extern "C" void rg_toml_walk(const char *text, size_t size, const struct rg_toml_visitor *visitor)
{
    try {
        const toml::table document = toml::parse(std::string_view(text, size), std::string_view());
        (void)walk_node(document, nullptr, *visitor, 0);
    } catch (const toml::parse_error &error) {
        mistake(*visitor, error.description(), error.source().begin.line, error.source().begin.column);
    } catch (const std::exception &error) {
        mistake(*visitor, error.what(), 0, 0);
    } catch (...) {
        mistake(*visitor, "toml++ failed", 0, 0);
    }
}
