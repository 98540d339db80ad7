#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks the hash chain of a rowgate audit log with openssl and coreutils alone: for an auditor who
# wants to trust none of our programs. Slow (two processes a record); for samples and small logs.
# Usage: check-chain.sh DIR; exit status 0 = every record follows the one before, 1 = one does not.
set -eu
LC_ALL=C
export LC_ALL
cd "$1"

b64url() { base64 -w 0 | tr '+/' '-_' | tr -d '='; }
sha256() { openssl dgst -sha256 -binary; }

# The value that record 0 must hold as "prev".
expected=$({
    printf 'rowgate/audit/v1\n'
    cat origin # one line, with its LF
    printf '' | sha256
} | sha256 | b64url)

seq=0
for segment in seg/*.jsonl; do
    name=$(basename "$segment" .jsonl)
    if [ "$name" != "$(printf '%016d' "$seq")" ]; then
        echo "$segment: expected a segment that starts at record $seq" >&2
        exit 1
    fi
    # The newest segment may end in zeros: space written ahead.
    records=$(mktemp)
    tr -d '\000' <"$segment" >"$records"
    while IFS= read -r line; do
        start=$(printf '{"unmapped":{"rg":{"seq":"%016d","prev":"%s",' "$seq" "$expected")
        case $line in
        "$start"*) ;;
        *)
            echo "$segment: record $seq does not follow the one before, or that one was changed" >&2
            rm -f "$records"
            exit 1
            ;;
        esac
        expected=$({
            printf '\000'
            printf '%s' "$line"
        } | sha256 | b64url)
        seq=$((seq + 1))
    done <"$records"
    if [ -s "$records" ] && [ "$(tail -c 1 "$records" | od -An -tx1 | tr -d ' ')" != 0a ]; then
        echo "$segment: ends inside a record" >&2
        rm -f "$records"
        exit 1
    fi
    rm -f "$records"
done
echo "records 0 to $((seq - 1)) are chained; the newest hash is $expected"
