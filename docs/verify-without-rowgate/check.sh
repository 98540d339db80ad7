#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks a rowgate audit log with openssl, coreutils (8.31 or later), sed and awk alone: for an auditor who wants to
# trust none of our programs. The chain, the tenants' chains, the tree, each checkpoint's signature by the key of its
# epoch and its root, the lists of keys, the tiles. Needs temporary space of about 300 bytes a record. Work on a copy.
# usage: check.sh [--root VKEY|FILE] DIR
#   --root  the root key you were given; without it the log's own copy is believed
# exit status: 0 intact, 1 altered, 2 truncated or rolled back, 3 forked, 4 evidence is missing, 5 stale, 6 usage or I/O
set -eu
LC_ALL=C
export LC_ALL

. "$(dirname "$0")/lib.sh"

root=
if [ "${1:-}" = --root ]; then
    root=${2:-}
    shift 2
fi
[ $# -eq 1 ] && [ -f "$1/origin" ] || die $usage 'usage: check.sh [--root VKEY|FILE] DIR'
[ -z "$root" ] || [ ! -f "$root" ] || root=$(cat "$root")
log=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
[ "$(awk 'BEGIN { printf "%c", 0 }' | od -An -tx1 | tr -d ' ')" = 00 ] || die $usage 'this awk cannot write a zero byte'

# ---- the keys: each list is signed by the root key ----
origin=$(cat "$log/origin")
[ -n "$root" ] || { [ -f "$log/keys/root.vkey" ] && root=$(cat "$log/keys/root.vkey"); } || die $incomplete 'no root key'
load_keys

# ---- a pruned beginning: the tiles hold the hashes of what is gone, pruned/ where its tenants stood ----
# tile_name INDEX: the path of a tile of level 0 (C2SP tlog-tiles).
tile_name() {
    name=$(printf '%03d' $(($1 % 1000))) above=$(($1 / 1000))
    while [ "$above" -gt 0 ]; do
        name=$(printf 'x%03d/%s' $((above % 1000)) "$name") above=$((above / 1000))
    done
    echo "tile/0/$name"
}
: >leaves
: >base_tenants
: >opens
base=0 base_epoch=0
for segment in "$log"/seg/*.jsonl; do
    base=$(basename "$segment" .jsonl | sed 's/^0*\(.\)/\1/')
    break
done
case $base in *[!0-9]*) base=0 ;; esac
index=0
while [ $((256 * index)) -lt "$base" ]; do
    tile=$(tile_name $index) width=$((base - 256 * index))
    [ "$width" -le 256 ] || width=256
    [ -f "$log/$tile" ] || tile=$(cd "$log" && find "$tile.p" -type f 2>/dev/null | sort -t / -k 4 | tail -n 1)
    { [ -n "$tile" ] && [ "$(size_of "$log/$tile")" -ge $((32 * width)) ]; } ||
        die $incomplete "$base records are missing, and so are their hashes in tile/"
    head -c $((32 * width)) "$log/$tile" >>leaves
    index=$((index + 1))
done
if [ "$base" -gt 0 ]; then
    file=$log/pruned/$(printf '%016d' "$base").base
    [ -f "$file" ] || die $incomplete "$base records are missing, and $(basename "$file") too"
    sed '$d' "$file" >text
    { cat text; echo "check $(sha256 <text | hex)"; } | cmp -s - "$file" || die $altered "$file is damaged"
    [ "$(sed -n 's/^prev //p;s/^size //p;s/^origin //p' text | tr '\n' ' ')" = \
        "$origin $base $(digest_at leaves $((base - 1)) | hex) " ] || die $altered "$file is not what this log goes on from"
    base_epoch=$(sed -n 's/^epoch //p' text)
    awk -v n="$base_epoch" 'BEGIN { while (n-- > 0) print -1 }' >opens
    sed '1,/^tenants /d' text >rows
    cut -d ' ' -f 3 rows | unhex | b64url_lines >rows.b64
    paste -d ' ' rows.b64 rows | awk '{ tenant = $0; sub(/^[^ ]* [^ ]* [^ ]* [^ ]* /, "", tenant); print $2 + 0, $1, tenant }' >base_tenants
fi

# ---- the records: one hash each ----
seq=$base
: >records
gap=
for segment in "$log"/seg/*.jsonl; do
    name=$(basename "$segment" .jsonl)
    wanted=$(printf '%016d' "$seq")
    [ ! -s open_end ] || die $altered "$(cat open_end)" # only the newest may have one
    if [ "$name" != "$wanted" ]; then # told when what is before it is known to be right
        gap=$altered
        [ "$(printf '%s\n%s\n' "$name" "$wanted" | sort | head -n 1)" = "$name" ] || gap=$incomplete
        break
    fi
    bytes=$(tr -d '\000' <"$segment" | wc -c)
    [ "$bytes" -eq "$(size_of "$segment")" ] || echo "seg/$name.jsonl holds zeros, but is not the newest" >open_end
    head -c "$bytes" "$segment" >part
    [ "$(tr -d '\000' <part | wc -c)" -eq "$bytes" ] || die $altered "seg/$name.jsonl holds zeros among its records"
    complete=$(wc -l <part)
    if [ -s part ] && [ "$(tail -c 1 part | hex)" != 0a ]; then
        echo "seg/$name.jsonl: record $((seq + complete)) is not complete" >open_end
        touch torn
    fi
    head -n "$complete" part >whole
    rm -rf lines
    mkdir lines
    split -l $chunk -a 6 -d whole lines/
    for lines in lines/*; do
        [ -s "$lines" ] || continue
        mkdir block
        awk 'BEGIN { ORS = "" } { f = sprintf("block/%05d", NR); printf "%c", 0 >f; print >f; close(f) }' "$lines"
        hash_files leaves
    done
    seq=$((seq + complete))
    cat whole >>records # for the chain below
done

# ---- the chain, the tenants' chains, the epochs ----
b64url_lines <genesis >genesis.b64
tail -c +$((32 * base + 1)) leaves | b64url_lines >leaves.b64
[ "$base" -eq 0 ] || digest_at leaves $((base - 1)) | b64url_lines >first.b64
[ "$base" -gt 0 ] || cp genesis.b64 first.b64
awk -v genesis="$(cat genesis.b64)" -v first="$(cat first.b64)" -v base="$base" '
    function bad(text) { print "record " seq " " text; failed = 1; exit 1 }
    BEGIN {
        prev = first; seq = base + 0; hlc = -1
        while ((getline row <"base_tenants") > 0) {
            split(row, part, " ")
            name = row; sub(/^[^ ]* [^ ]* /, "", name)
            tenant = "\"tenant\":\"" name "\","
            count[tenant] = part[1]; last[tenant] = part[2]
        }
    }
    {
        start = sprintf("{\"unmapped\":{\"rg\":{\"seq\":\"%016d\",\"prev\":\"%s\",", seq, prev)
        if (substr($0, 1, length(start)) != start) bad("does not follow the one before it, or that one was changed")
        if ((getline prev <"leaves.b64") != 1) bad("has no hash")
        rest = substr($0, length(start) + 1, 4096)
        if (rest ~ /^"tenant":"/) {
            if (!match(rest, /^"tenant":"([^"\\]|\\.)+",/)) bad("has a malformed head")
            tenant = substr(rest, 1, RLENGTH)
            rest = substr(rest, RLENGTH + 1)
            start = sprintf("\"tseq\":\"%016d\",\"tprev\":\"%s\",", count[tenant], tenant in last ? last[tenant] : genesis)
            if (substr(rest, 1, length(start)) != start) bad("does not follow the one before it of its tenant")
            rest = substr(rest, length(start) + 1)
            count[tenant]++
            last[tenant] = prev
        }
        if (!match(rest, /^"hlc":[0-9]+,"boot":"[0-9a-f]+","mono_us":[0-9]+,"kind":"[a-z.]+"/)) bad("has a malformed head")
        now = substr(rest, 7) + 0
        if (now <= hlc) bad("is earlier than the one before it")
        hlc = now
        split(substr(rest, 1, RLENGTH), part, "\"") # 6: boot, 9: mono_us, 12: kind
        if (part[6] != boot) {
            if (part[12] != "log.started" && part[12] != "log.recovered" && (run || !base)) bad("begins a run without log.started")
            boot = part[6]
            run++
        }
        print seq, run, substr(part[9], 2) + 0, part[12] !~ /^(log|epoch|clock|disk|key|process)[.]|^part$/ >"runs"
        if (part[12] == "epoch.open") print seq >>"opens"
        if (part[12] == "retention.prune") {
            if (!match($0, /"last_seq":[0-9]+/)) bad("declares no prune")
            end = substr($0, RSTART + 11, RLENGTH - 11) + 1
            if (end > seq || !match($0, /"digest":"[0-9a-f]+"/)) bad("declares no prune of records before it")
            print seq, end, substr($0, RSTART + 10, RLENGTH - 11) >"prunes"
        }
        seq++
    }' records >problem || die $altered "$(cat problem)"
touch prunes
[ -z "$gap" ] || die "$gap" "seg/$name.jsonl: expected the segment that begins with record $seq"

# ---- the tree, and every checkpoint: its signature by the key of its epoch, its root ----
build_tree leaves tree
newest=0
: >signed
for note in "$log"/ckpt/*.note "$log/head.note"; do
    [ -f "$note" ] || continue
    size=$(sed -n 2p "$note")
    case $size in '' | *[!0-9]* | 0?* | ???????????????????*) die $altered "$note is not a checkpoint" ;; esac
    epoch=$(awk -v size="$size" '$1 + 2 <= size + 0 { n++ } END { print n + 0 }' opens)
    [ "$(size_of keys)" -ge $((32 * (epoch + 1))) ] || die $altered "$note: there is no key for epoch $epoch"
    if [ "$size" -gt "$seq" ]; then epoch=$(signer_of "$note" "$epoch"); fi
    if [ "$size" -le "$base" ]; then # of which epoch a record was is gone with it, but not of a later one
        epoch=$(signer_of "$note" 0)
        [ "$epoch" -le "$base_epoch" ] || die $altered "$note is signed by the key of a later epoch"
    fi
    note_text "$note" "$origin" "$(digest_at keys "$epoch" | hex)"
    root64=$(sed -n 3p text)
    printf '%s\n%s\n%s\n' "$origin" "$size" "$root64" | cmp -s - text || die $altered "$note is not a checkpoint of this log"
    case $note in */ckpt/*) [ "$(basename "$note")" = "$(printf '%016d.note' "$size")" ] || die $altered "$note: another checkpoint's name" ;; esac
    awk -v size="$size" -v root="$root64" '$1 == size && $2 != root { exit 1 }' signed || die $forked "$note: two roots of $size records were signed"
    echo "$size $root64" >>signed
    if [ "$size" -le "$seq" ]; then
        [ "$(root_of tree "$size" | unhex | base64 -w 0)" = "$root64" ] || die $altered "the first $size records are not those signed in $note"
    fi
    [ "$size" -le "$newest" ] || newest=$size
done
[ "$newest" -le "$seq" ] || die $truncated "$newest records were signed, $seq are there"
[ ! -f torn ] || die $truncated "$(cat open_end)"
[ -s signed ] || die $incomplete 'nothing is signed: there is no checkpoint'
awk -v newest="$newest" 'FILENAME == "signed" { has[$1] = 1; next } $1 >= 0 && $1 + 1 < newest + 0 && !(($1 + 1) in has) { print $1 + 1; exit 1 }' \
    signed opens >problem || die $incomplete "the checkpoint of $(cat problem) records, the last of its epoch, is missing"

# ---- what is missing was declared by a record that is signed, with its root ----
declared=$base
while read -r at end root; do
    [ "$(root_of tree "$end")" = "$root" ] || die $altered "record $at declares another root than its $end records have"
    if [ "$end" -eq "$base" ] && [ "$at" -lt "$newest" ]; then declared=0; fi
done <prunes
[ "$declared" -eq 0 ] || die $incomplete "$base records are missing, and no signed record declares that they were pruned"

# ---- what no checkpoint covers proves nothing: there may be no more of it than a crash leaves ----
[ "$(awk -v newest="$newest" '$1 >= newest + 0' opens | wc -l)" -le 1 ] || die $incomplete 'two epochs were opened behind the newest checkpoint'
awk -v newest="$newest" '
    $1 >= newest + 0 {
        if (!($2 in first)) first[$2] = $3
        if ($3 - first[$2] > 60000000) failed = 1
        if ($4 && !($2 in wrote)) { wrote[$2] = 1; writers++ }
    }
    END { exit failed || writers > 1 }' runs || die $stale 'the log goes on behind the newest checkpoint for too long'

# ---- the tiles (C2SP tlog-tiles) ----
tiles=0
for tile in $(cd "$log" && [ ! -d tile ] || find "$log/tile" -type f ! -name '.*' | sed "s|^$log/||"); do
    level=$(echo "$tile" | cut -d / -f 2)
    width=256
    case $tile in *.p/*) width=${tile##*.p/} ;; esac
    index=$(echo "${tile%.p/*}" | cut -d / -f 3- | tr -d x/ | sed 's/^0*//')
    tree=tree.$((8 * level))
    [ -f "$tree" ] && digest_count=$(($(size_of "$tree") / 32)) || digest_count=0
    [ $((256 * ${index:-0} + width)) -le "$digest_count" ] &&
        tail -c +$((8192 * ${index:-0} + 1)) "$tree" | head -c $((32 * width)) | cmp -s - "$log/$tile" ||
        die $altered "$tile is not the tile of these records"
    tiles=$((tiles + 1))
    [ "$width" -ne 256 ] || echo "$level" >>full
done
touch full
level=0
while [ $((newest >> (8 * level + 8))) -gt 0 ]; do
    [ "$(grep -cx "$level" full)" -ge $((newest >> (8 * level + 8))) ] || die $incomplete "a tile of level $level is missing"
    level=$((level + 1))
done
# ---- the manifests of sealed segments ----
for manifest in "$log"/seg/*.manifest; do
    [ -f "$manifest" ] || continue
    segment=${manifest%.manifest}.jsonl
    name=$(basename "$segment" .jsonl)
    if [ ! -f "$segment" ] && [ "$(echo "$name" | sed 's/^0*\(.\)/\1/')" -lt "$base" ]; then # all that is left of a pruned one
        sed '$d' "$manifest" >wanted
        read -r end root <<END
$(sed -n 's/^tree //p' wanted)
END
        { { cat wanted; echo "check $(sha256 <wanted | hex)"; } | cmp -s - "$manifest" && [ "$end" -le "$base" ] &&
            [ "$(root_of tree "$end")" = "$root" ]; } || die $altered "$manifest is not of a segment that was pruned"
        continue
    fi
    [ -f "$segment" ] || die $altered "seg/$name.manifest has no segment"
    first=$(echo "$name" | sed 's/^0*\(.\)/\1/') count=$(wc -l <"$segment")
    printf 'rowgate/audit/manifest/v1\norigin %s\nfirst %d\nrecords %d\nbytes %d\nsha256 %s\ntree %d %s\n' "$origin" "$first" \
        "$count" "$(size_of "$segment")" "$(sha256 <"$segment" | hex)" $((first + count)) "$(root_of tree $((first + count)))" >wanted
    { cat wanted; echo "check $(sha256 <wanted | hex)"; } | cmp -s - "$manifest" || die $altered "seg/$name.manifest does not describe its segment"
done
echo "intact: $seq records, $(($(wc -l <opens) + 1)) epochs, $tiles tiles; signed up to record $((newest - 1)), the $((seq - newest)) behind it are only chained"
