#!/usr/bin/env bash
# Every rule that a client can be refused by stands in docs/errors.md.
set -euo pipefail
missing=0
# "SQLSTATE", "rule"  or  refusal_from_status(status, "rule")
rules=$(cat policy/*.c proxy/*.c | tr '\n' ' ' |
    grep -oE '("[0-9A-Z]{5}",|refusal_from_status\([a-z]+,|refuse_status\([a-z]+, status,) +"[a-z]+\.[a-z_]+"' |
    grep -oE '"[a-z]+\.[a-z_]+"' | tr -d '"' | sort -u)
edge=$(grep -oE '"http(\.[a-z_]+)+"' proxy/http/refusals.def | tr -d '"' | sort -u)
for rule in $rules $edge; do
    if ! grep -qF "\`$rule\`" docs/errors.md; then
        echo "docs/errors.md lacks the rule $rule"
        missing=1
    fi
done
[ -n "$rules" ] && [ -n "$edge" ] || { echo "no rules found: has their spelling in the sources changed?"; missing=1; }
exit "$missing"
