#!/usr/bin/env bash
# Calls that STYLE.md bans in our sources.
set -u
cd "$(dirname "$0")/../.."
bad=0
ban() { # pattern, allowed files (regex or empty), reason, more folders
    hits=$(grep -rnE "$1" --include='*.c' --include='*.h' base auth tenants policy audit proxy cli ${4:-} | grep -vE "${2:-^$}")
    [ -z "$hits" ] || { echo "$hits" | sed "s|$| ($3)|" >&2; bad=1; }
}
ban '\b(strcpy|strcat|sprintf|vsprintf|gets|atoi|strtok)\(' '' 'banned call' tests
ban '\b(malloc|calloc|realloc|strdup|strndup|asprintf)\(' '^base/rg_memory\.c:' 'the heap is reached through base/rg_memory.h'
ban '\bgoto\b' '' 'no goto'
ban '[^:]//[^*]*$' '"|https?:' 'only /* */ comments'
exit $bad
