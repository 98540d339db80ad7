#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks a tenant's trail or the proof of one record (docs/audit-trail.md) with openssl, coreutils (8.31 or later), sed,
# grep and awk alone. Lies beside lib.sh. Needs temporary space of the file's size.
# usage: trail.sh --root VKEY|FILE [--keys LIST] FILE
#   --root  the log's root key as you were given it
#   --keys  the list of keys (keys/list-00000000.note), when the file holds none
# exit status: as check.sh's
set -eu
LC_ALL=C
export LC_ALL

. "$(dirname "$0")/lib.sh"

root='' brought=''
while [ $# -gt 1 ]; do
    case $1 in
    --root) root=$2 ;;
    --keys) brought=$(cd "$(dirname "$2")" && pwd)/$(basename "$2") ;;
    *) break ;;
    esac
    shift 2
done
[ $# -eq 1 ] && [ -f "$1" ] && [ -n "$root" ] || die $usage 'usage: trail.sh --root VKEY|FILE [--keys LIST] FILE'
[ ! -f "$root" ] || root=$(cat "$root")
file=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p log/keys
log=$work/log

kind=$(head -c 22 "$file" | tr -d '\000')
case $kind in
rowgate/audit/trail/v1 | rowgate/audit/proof/v1) ;;
*) die $usage "$file is neither a tenant's trail nor the proof of a record" ;;
esac
[ "$(tail -c 1 "$file" | hex)" = 0a ] || die $truncated 'the file ends inside a line'
tr -d '\000\015' <"$file" | cmp -s - "$file" || die $altered 'the file holds NUL or CR'
[ "$(head -n 1 "$file")" = "$kind" ] || die $altered 'the first line is not that of version 1'
total=$(wc -l <"$file")
at=1
number='(0|[1-9][0-9]{0,15})'

# The next line in $line.
next() {
    at=$((at + 1))
    [ $at -le "$total" ] || die $truncated 'the file ends here, and more must follow'
    line=$(sed -n "$at{p;q}" "$file")
}
# The next $1 lines go to the file $2.
take() {
    [ $((total - at)) -ge "$1" ] || die $truncated 'the file ends here, and more must follow'
    tail -n +$((at + 1)) "$file" | head -n "$1" >"$2"
    at=$((at + $1))
}
# $line is the word $1 and $2 numbers.
words() {
    printf '%s\n' "$line" | grep -Eqx "$1( $number){$2}" || die $altered "line $at: expected $1 and $2 numbers"
}
path() {
    [ "$1" -le 64 ] || die $altered "line $at: a proof of more than 64 hashes"
    take "$1" path
}
leaf_of() { { printf '\000'; printf '%s' "$1"; } | sha256 | hex; }
unhash() {
    printf '%s' "$1" | base64 -d >hash 2>/dev/null && [ "$(size_of hash)" -eq 32 ] && [ "$(base64 -w 0 hash)" = "$1" ] ||
        die $altered "line $at: not the base64 of a hash"
    hex <hash
}

# included LEAF INDEX SIZE ROOT: RFC 9162 2.1.3.2 with the file path; digests in hexadecimal.
included() {
    node=$1 fn=$2 sn=$(($3 - 1)) wanted=$4
    [ "$fn" -le "$sn" ] || return 1
    while read -r other; do
        other=$(unhash "$other") || exit $?
        [ $sn -gt 0 ] || return 1
        if [ $((fn & 1)) -eq 1 ] || [ "$fn" -eq $sn ]; then
            node=$(printf '01%s%s' "$other" "$node" | unhex | sha256 | hex)
            while [ $((fn & 1)) -eq 0 ] && [ "$fn" -gt 0 ]; do fn=$((fn >> 1)) sn=$((sn >> 1)); done
        else
            node=$(printf '01%s%s' "$node" "$other" | unhex | sha256 | hex)
        fi
        fn=$((fn >> 1)) sn=$((sn >> 1))
    done <path
    [ $sn -eq 0 ] && [ "$node" = "$wanted" ]
}
prove() {
    included "$1" "$2" "$size" "$tree_root" || die $altered "line $at: the proof does not show record $2 among those that were signed"
}

# The lists of keys: each a file of $log/keys, named by its first epoch.
read_lists() {
    lists=0
    next
    while [ "${line%% *}" = list ]; do
        words list 1
        take "${line#list }" list.note
        name=$(printf 'list-%08d.note' "$(sed -n '3s/^\([0-9]\{1,8\}\) .*/\1/p' list.note | sed 's/^0*\(.\)/\1/')")
        [ ! -f "log/keys/$name" ] || die $altered "line $at: a list of keys that is there already"
        mv list.note "log/keys/$name"
        lists=$((lists + 1))
        next
    done
    if [ -n "$brought" ]; then
        rm -f log/keys/*
        cp "$brought" log/keys/list-00000000.note
    elif [ $lists -eq 0 ]; then
        die $incomplete 'the file holds no list of keys, and none was brought (--keys)'
    fi
    origin=$(sed -n 2p "$(find log/keys -type f | sort | head -n 1)")
    load_keys
}

# read_checkpoint NOTE EPOCH: $size and $tree_root, signed by that epoch's key.
read_checkpoint() {
    [ "$(size_of keys)" -ge $((32 * ($2 + 1))) ] || die $altered 'a checkpoint of an epoch that has no key'
    note_text "$1" "$origin" "$(digest_at keys "$2" | hex)"
    size=$(sed -n 2p text)
    printf '%s\n' "$size" | grep -Eqx '[1-9][0-9]{0,16}' || die $altered 'a checkpoint of no number of records'
    tree_root64=$(sed -n 3p text)
    tree_root=$(unhash "$tree_root64") || exit $?
    printf '%s\n%s\n%s\n' "$origin" "$size" "$tree_root64" | cmp -s - text || die $altered 'no checkpoint of this log'
}

# The next line is a log.checkpoint record: state="seq hlc epoch tenants heads_root", and its hash in $leaf.
read_state() {
    next
    state=$(printf '%s\n' "$line" | sed -En 's/^\{"unmapped":\{"rg":\{"seq":"0*([0-9]+)","prev":"[A-Za-z0-9_-]{43}","hlc":([0-9]+),"boot":"[0-9a-f]{32}","mono_us":[0-9]+,"kind":"log\.checkpoint",.*"epoch":([0-9]+),"records":([0-9]+),"tenants":([0-9]+),"heads_root":"([0-9a-f]{64})".*/\1 \4 \2 \3 \5 \6/p')
    [ -n "$state" ] || die $altered "line $at: no log.checkpoint record"
    set -- $state
    [ "$1" -eq "$2" ] || die $altered "line $at: no log.checkpoint record"
    state="$1 $3 $4 $5 $6"
    leaf=$(leaf_of "$line")
}

# read_mark WORD: mark="seq hlc records", and the hash of the tenant's newest in $head.
read_mark() {
    words "$1" 2
    set -- $line
    hashes=$2 heads=$3
    read_state
    path "$hashes"
    set -- $state
    prove "$leaf" "$1"
    mark="$1 $2" tenants=$4 heads_root=$5
    next
    head64=${line##* }
    head=$(unhash "$head64") || exit $?
    line=${line% *}
    words head 2
    set -- $line
    place=$2 records=$3
    path "$heads"
    leaf=$(printf '00%s%s%s' "$id" "$(printf '%016d' "$records" | hex)" "$head" | unhex | sha256 | hex)
    [ "$records" -gt 0 ] && included "$leaf" "$place" "$tenants" "$heads_root" ||
        die $altered "line $at: the head is not that of this tenant"
    mark="$mark $records"
}

# check_records COUNT TSEQ HEAD SEQ HLC CUT: the lines in the file records, behind that state. Leaves "first last hlc
# tseq hash" in the file ends, and the hashes in leaves.
check_records() {
    rm -rf lines
    mkdir lines
    : >leaves
    split -l $chunk -a 6 -d records lines/
    for lines in lines/*; do
        [ -s "$lines" ] || continue
        mkdir block
        awk 'BEGIN { ORS = "" } { f = sprintf("block/%05d", NR); printf "%c", 0 >f; print >f; close(f) }' "$lines"
        hash_files leaves
    done
    b64url_lines <leaves >leaves.b64
    unhex <head.hex | b64url_lines >head.b64
    printf '%s' "$tenant" >tenant
    awk -v tseq="$2" -v prev="$(cat head.b64)" -v seq="$4" -v hlc="$5" -v cut="$6" '
        function bad(status, text) { print "record " NR " here: " text; failed = 1; exit status }
        BEGIN { getline tenant <"tenant"; first = "-" }
        {
            if ($0 !~ /^\{"unmapped":\{"rg":\{"seq":"[0-9]+","prev":"[A-Za-z0-9_-]+",/ || $0 ~ /[^ -\177]/ || length($0) > 61440) bad(1, "no record as rowgate writes it")
            now = substr($0, 27, 16) + 0
            rest = substr($0, 98)
            if (substr(rest, 1, length(tenant) + 20) != "\"tenant\":\"" tenant "\",\"tseq\":\"") bad(1, "not of this tenant")
            rest = substr(rest, length(tenant) + 21)
            if (rest !~ /^[0-9]+","tprev":"[A-Za-z0-9_-]+","hlc":[0-9]+,"boot":"[0-9a-f]+","mono_us":[0-9]+,"kind":"[a-z.]+"/) bad(1, "a malformed head")
            number = substr(rest, 1, 16) + 0
            time = substr(rest, 79) + 0
            if (number > tseq) bad(4, "the record " tseq " of the tenant is missing")
            if (number < tseq || (substr(rest, 28, 43) != prev && !(cut && NR == 1)) || now <= seq + 0 || time <= hlc + 0)
                bad(1, "does not follow the one before it, or that one was changed")
            if ((getline prev <"leaves.b64") != 1) bad(1, "has no hash")
            tseq++
            seq = now
            hlc = time
            if (first == "-") first = seq
        }
        END { if (!failed) printf "%s %.0f %.0f %.0f %s\n", first, seq, hlc, tseq, prev }' records >ends || die $? "$(cat ends)"
    [ "$(wc -l <records)" -eq "$1" ] || die $truncated 'the file ends among the records'
}

check_trail() {
    next
    named=${line#origin }
    [ "$line" = "origin $named" ] || die $altered "line $at: expected origin"
    next
    tenant=${line#tenant }
    printf '%s\n' "$line" | grep -Eqx 'tenant [ -~]{1,1024}' || die $altered "line $at: expected tenant"
    next
    salt=${line#salt }
    [ "$line" = "salt $salt" ] || die $altered "line $at: expected salt"
    salt=$(unhash "$salt") || exit $?
    read_lists
    [ "$named" = "$origin" ] || die $altered 'the origin is not that of the keys'
    id=$({ cat genesis; printf '%s' "$salt" | unhex; printf '%s' "$tenant"; } | sha256 | hex)
    words checkpoint 1
    take "${line#checkpoint }" note
    next
    words top 1
    hashes=${line#top }
    read_state
    path "$hashes"
    set -- $state
    top=$1
    read_checkpoint note "$3"
    prove "$leaf" "$top"
    [ $((size - top)) -le 2 ] || die $altered "line $at: not the record that the checkpoint ends with"
    next
    begin='-1 -1 0' cut=''
    hex <genesis >head.hex
    case $line in
    "begin "*)
        read_mark begin
        begin=$mark
        printf '%s' "$head" >head.hex
        next
        ;;
    "cut "*)
        words cut 1
        cut=${line#cut }
        [ "$cut" -gt 0 ] || die $altered "line $at: a cut of nothing"
        begin="-1 -1 $cut"
        next
        ;;
    esac
    read_mark end
    end_head=$head
    set -- $mark $begin
    end_seq=$1 end_hlc=$2 end_count=$3
    [ "$end_seq" -le "$top" ] && [ "$4" -lt "$end_seq" ] || die $altered 'begin, end and top are not in order'
    next
    words records 1
    count=${line#records }
    there=$((total - at))
    if [ "$count" -lt $there ]; then there=$count; fi
    take $there records
    check_records "$count" "$6" "" "$4" "$5" "$cut"
    read -r first last hlc tseq prev <ends
    [ "$tseq" -ge "$end_count" ] || die $truncated "the tenant had $end_count records by then: the newest are missing"
    newest=$(printf '%s' "$end_head" | unhex | b64url_lines)
    { [ "$tseq" -eq "$end_count" ] && [ "$prev" = "$newest" ] && [ "$last" -lt "$end_seq" ] && [ "$hlc" -lt "$end_hlc" ] &&
        { [ "$count" -gt 0 ] || [ "$4" -ge 0 ]; }; } || die $altered 'the last record is not the newest of the tenant by then'
    if [ "$6" -eq 0 ]; then
        first_line=$(head -n 1 records)
        [ "$({ printf '\002'; printf '%s' "$first_line"; } | sha256 | hex)" = "$salt" ] ||
            die $altered "the salt is not that of the tenant's first record"
    fi
    if [ "$count" -gt 0 ]; then
        next
        words first 1
        path "${line#first }"
        prove "$(digest_at leaves 0 | hex)" "$first"
        next
        words last 1
        path "${line#last }"
        prove "$(digest_at leaves $((count - 1)) | hex)" "$last"
    fi
    told="these $count records are all of tenant $tenant up to record $end_seq, of $size that were signed"
}

check_proof() {
    read_lists
    words records 1
    count=${line#records }
    [ "$count" -gt 0 ] || die $altered 'no record'
    part=0 before='' leaf=
    while [ $part -lt "$count" ]; do
        part=$((part + 1))
        next
        printf '%s\n' "$line" | grep -Eqx '\{"unmapped":\{"rg":\{"seq":"[0-9]{16}","prev":"[A-Za-z0-9_-]{43}",("tenant":"([^"\\]|\\.)+","tseq":"[0-9]{16}","tprev":"[A-Za-z0-9_-]{43}",)?"hlc":[0-9]+,"boot":"[0-9a-f]{32}","mono_us":[0-9]+,"kind":"[a-z.]+"[ -~]*' ||
            die $altered "line $at: no record as rowgate writes it"
        seq=$(printf '%s' "$line" | cut -c 27-42 | sed 's/^0*\(.\)/\1/')
        named=$(printf '%s\n' "$line" | sed -n 's/.*,"part":"\([0-9]*\/[0-9]*\)".*/\1/p')
        if [ -n "$named" ] && { [ "${named%/*}" -ne $part ] || [ "${named#*/}" -gt "$count" ]; }; then
            die $incomplete "line $at: not all continuation records are here"
        fi
        [ "${named:-1/1}" = "$part/$count" ] || die $altered "line $at: does not belong to the record before it"
        if [ -n "$before" ]; then
            [ "$seq" -eq $((before + 1)) ] &&
                [ "$(printf '%s' "$line" | cut -c 53-95)" = "$(printf '%s' "$leaf" | unhex | b64url_lines)" ] ||
                die $altered "line $at: does not follow the record before it, or that one was changed"
        fi
        before=$seq
        leaf=$(leaf_of "$line")
    done
    next
    [ "$line" = c2sp.org/tlog-proof@v1 ] || die $altered "line $at: expected c2sp.org/tlog-proof@v1"
    next
    words index 1
    index=${line#index }
    : >hashes
    next
    while [ -n "$line" ]; do
        printf '%s\n' "$line" >>hashes
        next
    done
    take $((total - at)) note
    grep -q . note || die $altered 'no checkpoint follows'
    read_checkpoint note "$(signer_of note 0)"
    mv hashes path
    [ "$index" -eq "$before" ] && [ "$(wc -l <path)" -le 64 ] || die $altered "the proof is of record $index"
    prove "$leaf" "$index"
    told="record $index stands in the log as here, of $size that were signed"
}

case $kind in
*/trail/*) check_trail ;;
*) check_proof ;;
esac
[ $at -eq "$total" ] || die $altered "line $((at + 1)): nothing may follow here"
echo "intact: $told"
