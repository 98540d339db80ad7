#!/usr/bin/env bash
# Who may include whom (STYLE.md 2), and which third-party header stays behind which fence.
set -u
cd "$(dirname "$0")/../.."
bad=0
complain() { echo "layers: $*" >&2; bad=1; }
allowed() { # folder -> folders it may include
    case $1 in
    base) echo base ;; auth) echo base auth ;; tenants) echo base auth tenants ;;
    policy) echo base auth tenants policy ;; audit) echo base audit ;;
    proxy) echo base auth tenants policy audit proxy ;;
    cli) echo base auth tenants policy audit proxy cli ;;
    esac
}
for folder in base auth tenants policy audit proxy cli; do
    while IFS=: read -r file _ line; do
        path=${line#*\"}; path=${path%%\"*}; other=${path%%/*}
        [[ " base auth tenants policy audit proxy cli " == *" $other "* ]] || continue # a library's own: fenced below
        [[ " $(allowed $folder) " == *" $other "* ]] || complain "$file includes $path"
        [[ $path == *_private.h && $(dirname "$path") != "$(dirname "$file")" ]] && complain "$file includes private $path"
        [[ $file == proxy/pgwire/* && $path == proxy/* && $path != proxy/pgwire/* ]] && complain "$file includes $path"
    done < <(grep -rnE '^#include "' --include='*.c' --include='*.h' --include='*.cc' $folder)
done
fence() { # pattern, files allowed (regex), what
    grep -rnlE "$1" --include='*.c' --include='*.h' --include='*.cc' base auth tenants policy audit proxy cli |
        grep -vE "$2" | while read -r file; do echo "$file"; done | sed "s|^|layers: $3 outside its fence: |" >&2 | grep . && bad=1
    [ -z "$(grep -rlE "$1" --include='*.c' --include='*.h' --include='*.cc' base auth tenants policy audit proxy cli | grep -vE "$2")" ] || bad=1
}
fence '#include [<"](pg_query|postgres\.h|nodes/|parser/)' '^policy/sql_[a-z_]*\.[ch]$' 'libpg_query'
fence '#include [<"]h2o' '^proxy/(http|net)/' 'h2o'
fence '#include [<"]openssl/' '^(base/rg_(aead|crypto|sign)\.c|auth/|proxy/net/)' 'OpenSSL'
fence '#include [<"]libpq-fe' '^(proxy/net/|auth/state[a-z_]*\.c)' 'libpq'
fence '#include [<"]toml\+\+' '^base/rg_toml\.cc$' 'toml++'
fence '#include [<"]simdjson' '^(audit/json_strict|proxy/http/cache_answer)\.cc$' 'simdjson'
fence '#include [<"]sqlite3' '^audit/(index[a-z_]*|keep/subject[a-z_]*)\.[ch]$|^auth/state[a-z_]*\.c$' 'SQLite'
fence '#include [<"]curl/' '^(auth|audit/export)/' 'libcurl'
fence '#include [<"](libxml|xmlsec)/' '^(audit/export|auth/saml[a-z_]*\.c)' 'libxml2 and xmlsec'
fence '#include [<"]zlib' '^audit/(export|trail)/|^auth/saml_redirect\.c$' 'zlib'
exit $bad
