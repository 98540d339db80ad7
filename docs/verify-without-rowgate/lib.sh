# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# What check.sh and trail.sh share: bytes, hashes, RFC 6962 trees, C2SP signed notes, the lists of keys. Read by them, not
# run; the caller sets $log, $origin and $root and works in an empty directory of its own.
altered=1 truncated=2 forked=3 incomplete=4 stale=5 usage=6
chunk=8192 # records or nodes that lie as files in $work at once

die() {
    echo "$(basename "$0"): $2" >&2
    exit "$1"
}

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

# The lists in $log/keys, each signed by the root key: all public keys, 32 bytes each, in the file keys; the root of the
# first list's tree in $genesis_root, and the log's start value in the file genesis.
load_keys() {
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
    {
        printf 'rowgate/audit/v1\n%s\n' "$origin"
        printf '%s' "$genesis_root" | unhex
    } | sha256 >genesis
}

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
