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

altered=1 truncated=2 forked=3 incomplete=4 stale=5 usage=6
chunk=8192 # records or nodes that lie as files in $work at once

die() {
    echo "check.sh: $2" >&2
    exit "$1"
}

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

# Bytes as hexadecimal and back.
hex() { basenc --base16 -w 0 | tr A-F a-f; }
unhex() { tr -d '\n' | tr a-f A-F | basenc -d --base16; }
sha256() { openssl dgst -sha256 -binary; }
# Digests of 32 bytes each, as one base64url line each: a 33rd byte of zeros keeps the lines in step.
b64url_lines() { basenc --base16 -w 64 | sed 's/$/00/' | basenc -d -i --base16 | basenc --base64url -w 44 | cut -c 1-43; }
# The n-th (from 0) 32 bytes of a file.
digest_at() { tail -c +$((32 * $2 + 1)) "$1" | head -c 32; }
size_of() { wc -c <"$1" | tr -d ' '; }

# Digests of all files in block/, in order, appended to $1.
hash_files() {
    (cd block && openssl dgst -sha256 -r -- * | cut -c 1-64) | unhex >>"$1"
    rm -rf block
}

# $1: file of messages of $2 bytes each; their digests go to $3.
hash_blocks() {
    : >"$3"
    rm -rf blocks
    mkdir blocks
    split -b $(($2 * chunk)) -a 5 -d "$1" blocks/
    for part in blocks/*; do
        [ -s "$part" ] || continue
        mkdir block
        split -b "$2" -a 5 -d "$part" block/
        hash_files "$3"
    done
}

# $1: file of digests, the leaves of an RFC 6962 tree. $2.0, $2.1, ... become the roots of all complete subtrees.
build_tree() {
    cp "$1" "$2.0"
    level=0
    while [ "$(size_of "$2.$level")" -ge 64 ]; do
        pairs=$(($(size_of "$2.$level") / 64))
        head -c $((64 * pairs)) "$2.$level" | basenc --base16 -w 128 | sed 's/^/01/' | unhex >nodes
        level=$((level + 1))
        hash_blocks nodes 65 "$2.$level"
    done
}

# The root of the first $2 leaves of the tree $1, in hexadecimal.
root_of() {
    [ "$2" -gt 0 ] || { sha256 </dev/null | hex; return; }
    rest=$2 level=0 found=
    while [ "$rest" -gt 0 ]; do
        if [ $((rest % 2)) -eq 1 ]; then
            left=$(digest_at "$1.$level" $((rest - 1)) | hex)
            if [ -z "$found" ]; then found=$left; else found=$(printf '01%s%s' "$left" "$found" | unhex | sha256 | hex); fi
        fi
        rest=$((rest / 2)) level=$((level + 1))
    done
    echo "$found"
}

# note_text FILE NAME PUBLIC: checks the signature of the key (hexadecimal) under this name on a C2SP signed note.
# The signed text is left in text.
note_text() {
    sed '/^$/,$d' "$1" >text
    sed '1,/^$/d' "$1" >signatures
    { cat text; echo; cat signatures; } | cmp -s - "$1" || die $altered "$1 is not a signed note"
    key_id=$({ printf '%s\n' "$2"; printf '01%s' "$3" | unhex; } | sha256 | head -c 4 | hex)
    signed=no
    while read -r dash name blob; do
        if [ "$dash" != "$(printf '\342\200\224')" ]; then die $altered "$1 has a malformed signature line"; fi
        [ "$name" = "$2" ] || continue
        printf '%s' "$blob" | base64 -d >signature 2>/dev/null || die $altered "$1 has a malformed signature"
        [ "$(head -c 4 signature | hex)" = "$key_id" ] || continue
        [ "$(base64 -w 0 signature)" = "$blob" ] || die $altered "$1 has a malformed signature"
        tail -c +5 signature >bare
        printf '302a300506032b6570032100%s' "$3" | unhex >public.der # RFC 8410: an Ed25519 key
        openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey public.der -in text -sigfile bare >/dev/null 2>&1 ||
            die $altered "$1: the signature does not hold"
        signed=yes
    done <signatures
    [ $signed = yes ] || die $altered "$1 is not signed by the key that it must be signed by"
}

# ---- the keys: each list is signed by the root key ----
origin=$(cat "$log/origin")
[ -n "$root" ] || { [ -f "$log/keys/root.vkey" ] && root=$(cat "$log/keys/root.vkey"); } || die $incomplete 'no root key'
root_name=${root%%+*}
root_key=$(printf '%s' "${root#*+*+}" | base64 -d 2>/dev/null | hex)
root_id=$({ printf '%s\n' "$root_name"; printf '%s' "$root_key" | unhex; } | sha256 | head -c 4 | hex)
case $root_key in 01????????????????????????????????????????????????????????????????) ;; *) die $usage 'the root key is no vkey' ;; esac
[ "$root" = "$root_name+$root_id+${root#*+*+}" ] || die $usage 'the root key is no vkey'
: >keys
genesis_root=
for list in "$log"/keys/list-*.note; do
    [ -f "$list" ] || die $incomplete 'there is no list of keys'
    note_text "$list" "$root_name" "${root_key#01}"
    read -r first count seconds <<END
$(sed -n 3p text)
END
    printf 'rowgate/audit/keys/v1\n%s\n%d %d %d\n' "$origin" "$first" "$count" "$seconds" >head
    head -n 3 text | cmp -s - head || die $altered "$list is not a list of this log's keys"
    tail -n +4 text | base64 -d >list # each line ends in "=", so the lines decode one by one
    { [ "$(size_of list)" -eq $((32 * count)) ] && [ "$first" -le $(($(size_of keys) / 32)) ] &&
        [ "$(basename "$list")" = "$(printf 'list-%08d.note' "$first")" ]; } || die $altered "$list does not follow the lists before it"
    { head -c $((32 * first)) keys; cat list; } >keys.new
    mv keys.new keys
    [ -n "$genesis_root" ] && continue
    [ "$first" -eq 0 ] || die $incomplete 'the first list of keys is missing'
    basenc --base16 -w 64 list | sed 's/^/00/' | unhex >messages
    hash_blocks messages 33 key_leaves
    build_tree key_leaves key_tree
    genesis_root=$(root_of key_tree "$count")
done

# ---- the records: one hash each ----
seq=0
: >leaves
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
{
    printf 'rowgate/audit/v1\n%s\n' "$origin"
    printf '%s' "$genesis_root" | unhex
} | sha256 >genesis
b64url_lines <genesis >genesis.b64
b64url_lines <leaves >leaves.b64
awk -v genesis="$(cat genesis.b64)" '
    function bad(text) { print "record " seq " " text; failed = 1; exit 1 }
    BEGIN { prev = genesis; seq = 0; hlc = -1 }
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
            if (part[12] != "log.started" && part[12] != "log.recovered") bad("begins a run without log.started")
            boot = part[6]
            run++
        }
        print seq, run, substr(part[9], 2) + 0, part[12] !~ /^(log|epoch|clock|disk|key|process)[.]|^part$/ >"runs"
        if (part[12] == "epoch.open") print seq >"opens"
        seq++
    }' records >problem || die $altered "$(cat problem)"
touch opens
[ -z "$gap" ] || die "$gap" "seg/$name.jsonl: expected the segment that begins with record $seq"

# ---- the tree, and every checkpoint: its signature by the key of its epoch, its root ----
# signer_of NOTE EPOCH: the first epoch from this one on whose key id the note names, for a checkpoint of more records
# than are there: how many epochs the missing ones opened is not known.
signer_of() {
    name_hex=$(printf '%s\n' "$origin" | hex)
    basenc --base16 -w 64 keys | sed "s/^/${name_hex}01/" | unhex >messages
    hash_blocks messages $((${#name_hex} / 2 + 33)) ids
    basenc --base16 -w 64 ids | cut -c 1-8 | tr A-F a-f >ids.hex
    sed '1,/^$/d' "$1" | cut -d ' ' -f 3 | while read -r blob; do
        printf '%s' "$blob" | base64 -d 2>/dev/null | head -c 4 | hex
        echo
    done >named
    awk -v epoch="$2" 'FILENAME == "named" { is[$1] = 1; next } FNR > epoch && ($1 in is) { epoch = FNR - 1; exit }
        END { print epoch + 0 }' named ids.hex
}

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
awk -v newest="$newest" 'FILENAME == "signed" { has[$1] = 1; next } $1 + 1 < newest + 0 && !(($1 + 1) in has) { print $1 + 1; exit 1 }' \
    signed opens >problem || die $incomplete "the checkpoint of $(cat problem) records, the last of its epoch, is missing"

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
    [ -f "$segment" ] || die $altered "seg/$name.manifest has no segment"
    first=$(echo "$name" | sed 's/^0*\(.\)/\1/') count=$(wc -l <"$segment")
    printf 'rowgate/audit/manifest/v1\norigin %s\nfirst %d\nrecords %d\nbytes %d\nsha256 %s\ntree %d %s\n' "$origin" "$first" \
        "$count" "$(size_of "$segment")" "$(sha256 <"$segment" | hex)" $((first + count)) "$(root_of tree $((first + count)))" >wanted
    { cat wanted; echo "check $(sha256 <wanted | hex)"; } | cmp -s - "$manifest" || die $altered "seg/$name.manifest does not describe its segment"
done
echo "intact: $seq records, $(($(wc -l <opens) + 1)) epochs, $tiles tiles; signed up to record $((newest - 1)), the $((seq - newest)) behind it are only chained"
