/* SPDX-License-Identifier: Apache-2.0 */
/* From the scanner's pieces to a text with placeholders and the list of what they stand for. Called once for each
 * statement that the cache keeps, and for each text that is refused; reads no tree. */
#include "policy/sql_literals.h"

#include <stdio.h>

#include "policy/sql_literals_private.h"

enum {
    PLACEHOLDER_MAX = 14,       /* " $2147483648 " */
    PARAMETER_MAX = 2000000000, /* a number above it is nobody's parameter */
    SECRET_PART_MIN = 3,        /* bytes; shorter parts of a secret are everywhere */
};

#define HIDDEN RG_SLICE("'***'")
#define HIDDEN_COMMENT RG_SLICE("/* *** */")

struct separation {
    const struct sql_pieces *pieces;
    struct rg_arena *arena;
    struct sql_literals result;
    struct rg_buf list;
    rg_status status;
    struct rg_slice *secrets;
    uint32_t *parameters;
    uint32_t next; /* placeholder */
    char *out;
    size_t out_size;
};

static uint32_t parameter_number(struct rg_slice token)
{
    uint32_t number = 0;
    for (size_t i = 1; i < token.size && number <= PARAMETER_MAX; i++) {
        unsigned digit = (unsigned char)token.data[i] - (unsigned)'0';
        number = digit > 9 ? number : number > PARAMETER_MAX / 10 ? PARAMETER_MAX + 1u : number * 10 + digit;
    }
    return number;
}

static bool is_literal(const struct sql_piece *piece)
{
    return piece->kind == SQL_PIECE_STRING || piece->kind == SQL_PIECE_NUMBER || piece->kind == SQL_PIECE_REST;
}

/* A secret comment stays a comment and a secret parameter a parameter; any other secret token is a literal now. */
static bool is_taken_out(const struct sql_piece *piece)
{
    return is_literal(piece) ||
           (piece->is_secret && piece->kind != SQL_PIECE_COMMENT && piece->kind != SQL_PIECE_PARAMETER);
}

struct counts {
    size_t literals, secrets, parameters, comments;
    uint32_t highest;
};

static struct counts count_pieces(const struct sql_pieces *pieces)
{
    struct counts counts = {0};
    for (size_t i = 0; i < pieces->count; i++) {
        const struct sql_piece *piece = &pieces->pieces[i];
        counts.literals += is_taken_out(piece);
        counts.secrets += piece->is_secret;
        counts.comments += piece->is_secret && piece->kind == SQL_PIECE_COMMENT;
        if (piece->kind == SQL_PIECE_PARAMETER) {
            uint32_t number = parameter_number(sql_piece_text(pieces, i));
            counts.highest = number > counts.highest ? number : counts.highest;
            counts.parameters += piece->is_secret;
        }
    }
    return counts;
}

static void put(struct separation *work, struct rg_slice bytes)
{
    if (bytes.size > 0) {
        memcpy(work->out + work->out_size, bytes.data, bytes.size);
        work->out_size += bytes.size;
    }
}

static bool is_name_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '_' || byte == '$' || ((unsigned char)byte & 0x80) != 0;
}

/* With a space where the placeholder would otherwise grow together with what stands next to it: 'a'b, a.1. */
static void put_literal(struct separation *work, struct rg_slice text, size_t end)
{
    struct rg_slice source = work->pieces->text;
    char number[PLACEHOLDER_MAX];
    char *at = number + sizeof number;
    if (end < source.size && is_name_byte(source.data[end])) {
        *--at = ' ';
    }
    for (uint32_t left = work->next; left > 0; left /= 10) {
        *--at = (char)('0' + left % 10);
    }
    *--at = '$';
    if (work->out_size > 0 && is_name_byte(work->out[work->out_size - 1])) {
        *--at = ' ';
    }
    struct rg_slice placeholder = rg_slice_make(at, (size_t)(number + sizeof number - at));
    struct rg_literal literal = {.at = work->out_size, .size = placeholder.size, .text = text};
    work->status = rg_is_ok(work->status) ? rg_literal_put(&work->list, &literal) : work->status;
    work->result.count++;
    put(work, placeholder);
    work->next++;
}

static void put_secret(struct separation *work, const struct sql_piece *piece, struct rg_slice text, size_t end)
{
    if (piece->kind == SQL_PIECE_PARAMETER) {
        work->parameters[work->result.secret_parameter_count++] = parameter_number(text);
        put(work, text);
        return;
    }
    work->result.is_redacted = true;
    work->secrets[work->result.secret_count++] = text;
    if (piece->kind == SQL_PIECE_COMMENT) {
        put(work, HIDDEN_COMMENT);
    } else {
        put_literal(work, HIDDEN, end);
    }
}

/* Several tokens from `index` on that are one secret: what was meant as one value, without its quotes. */
static size_t join_run(const struct sql_pieces *pieces, size_t index)
{
    size_t end = index + 1;
    while (end < pieces->count && pieces->pieces[end].is_secret && pieces->pieces[end].kind != SQL_PIECE_PARAMETER &&
           pieces->pieces[end].kind != SQL_PIECE_COMMENT && pieces->pieces[index].kind != SQL_PIECE_COMMENT &&
           pieces->pieces[index].kind != SQL_PIECE_PARAMETER) {
        end++;
    }
    return end;
}

/* More literals than anybody would read: what is left of the text is one. */
static void put_all_else(struct separation *work, size_t index)
{
    const struct sql_pieces *pieces = work->pieces;
    bool is_secret = false;
    for (size_t i = index; i < pieces->count; i++) {
        is_secret |= pieces->pieces[i].is_secret;
    }
    struct sql_piece rest = {.at = pieces->pieces[index].at, .kind = SQL_PIECE_REST};
    struct rg_slice text = rg_slice_cut(pieces->text, rest.at, SIZE_MAX);
    if (is_secret) {
        put_secret(work, &rest, text, pieces->text.size);
    } else {
        put_literal(work, text, pieces->text.size);
    }
}

/* Puts what stands for the piece at index; returns the index behind it, and in *out_end the byte. */
static size_t put_piece(struct separation *work, size_t index, size_t *out_end)
{
    const struct sql_pieces *pieces = work->pieces;
    const struct sql_piece *piece = &pieces->pieces[index];
    if (is_taken_out(piece) && work->result.count + 1 == SQL_LITERALS_MAX) {
        put_all_else(work, index);
        *out_end = pieces->text.size;
        return pieces->count;
    }
    size_t next = piece->is_secret ? join_run(pieces, index) : index + 1;
    size_t end = pieces->pieces[next - 1].end;
    struct rg_slice text = rg_slice_cut(pieces->text, piece->at, end - piece->at);
    if (piece->is_secret) {
        put_secret(work, piece, text, end);
    } else {
        put_literal(work, text, end);
    }
    *out_end = end;
    return next;
}

static void separate(struct separation *work)
{
    const struct sql_pieces *pieces = work->pieces;
    size_t from = 0;
    for (size_t i = 0; i < pieces->count;) {
        const struct sql_piece *piece = &pieces->pieces[i];
        if (!piece->is_secret && !is_literal(piece)) {
            i++;
            continue;
        }
        put(work, rg_slice_cut(pieces->text, from, piece->at - from));
        i = put_piece(work, i, &from);
    }
    put(work, rg_slice_cut(pieces->text, from, SIZE_MAX));
}

static rg_status make_room(struct separation *work, const struct counts *counts)
{
    struct rg_arena *arena = work->arena;
    size_t room = work->pieces->text.size + counts->literals * PLACEHOLDER_MAX + counts->comments * HIDDEN_COMMENT.size;
    RG_TRY(rg_arena_array(arena, counts->secrets, sizeof *work->secrets, (void **)&work->secrets));
    RG_TRY(rg_arena_array(arena, counts->parameters, sizeof *work->parameters, (void **)&work->parameters));
    return rg_arena_alloc(arena, room, (void **)&work->out);
}

static rg_status finish(struct separation *work)
{
    RG_TRY(work->status);
    RG_TRY(rg_arena_copy(work->arena, rg_buf_slice(&work->list), &work->result.literals));
    work->result.text = rg_slice_make(work->out, work->out_size);
    work->result.secrets = work->secrets;
    work->result.secret_parameters = work->parameters;
    return RG_OK;
}

rg_status sql_literals_separate(struct rg_slice text, struct rg_arena *scratch, struct rg_arena *arena,
                                struct sql_literals *out_literals)
{
    struct sql_pieces pieces = {0};
    RG_TRY(sql_scan(text, scratch, &pieces));
    (void)sql_secrets_mark(&pieces);
    struct counts counts = count_pieces(&pieces);
    struct separation work = {.pieces = &pieces, .arena = arena, .next = counts.highest + 1};
    RG_TRY(make_room(&work, &counts));
    rg_buf_init(&work.list, SIZE_MAX / 2);
    separate(&work);
    rg_status status = finish(&work);
    rg_buf_done(&work.list);
    RG_TRY(status);
    *out_literals = work.result;
    return RG_OK;
}

bool sql_secret_parameter(const struct sql_literals *literals, uint32_t number)
{
    for (size_t i = 0; i < literals->secret_parameter_count; i++) {
        if (literals->secret_parameters[i] == number) {
            return true;
        }
    }
    return false;
}

/* ---- messages ---- */

/* The next part of a secret: what a scanner would take for one word. A message quotes single ones of them. */
static struct rg_slice next_part(struct rg_slice *rest)
{
    size_t start = 0;
    while (start < rest->size && !is_name_byte(rest->data[start])) {
        start++;
    }
    size_t end = start;
    while (end < rest->size && is_name_byte(rest->data[end])) {
        end++;
    }
    struct rg_slice part = rg_slice_cut(*rest, start, end - start);
    *rest = rg_slice_cut(*rest, end, SIZE_MAX);
    return part;
}

/* Overwrites in place: no longer than before, so *size only shrinks. */
static void cover(char *message, size_t *size, struct rg_slice part)
{
    static const char stars[] = "***";
    size_t at = 0;
    while (*size - at >= part.size) {
        const char *found = memmem(message + at, *size - at, part.data, part.size);
        if (found == NULL) {
            return;
        }
        at = (size_t)(found - message);
        size_t behind = at + part.size;
        memcpy(message + at, stars, SECRET_PART_MIN);
        memmove(message + at + SECRET_PART_MIN, message + behind, *size - behind);
        *size -= part.size - SECRET_PART_MIN;
        at += SECRET_PART_MIN;
    }
}

/* Hostile texts: so many parts in so long a message that looking for them takes too long. */
static bool is_costly(const struct sql_literals *literals, struct rg_slice message)
{
    enum { COST_MAX = 64 << 20 };
    size_t cost = 0;
    for (size_t i = 0; i < literals->secret_count; i++) {
        cost += literals->secrets[i].size;
    }
    return cost > COST_MAX / message.size;
}

/* Are all parts of the secret too short to be looked for? Then nothing of the message is believed. */
static bool is_short(struct rg_slice secret)
{
    bool is_any = false;
    while (secret.size > 0) {
        struct rg_slice part = next_part(&secret);
        is_any |= part.size >= SECRET_PART_MIN;
    }
    return !is_any;
}

rg_status sql_secrets_hide(const struct sql_literals *literals, struct rg_slice message, struct rg_arena *arena,
                           struct rg_slice *out_message)
{
    if (literals->secret_count == 0 || message.size == 0) {
        *out_message = message;
        return RG_OK;
    }
    bool is_covered = is_costly(literals, message);
    for (size_t i = 0; i < literals->secret_count && !is_covered; i++) {
        is_covered = is_short(literals->secrets[i]);
    }
    if (is_covered) {
        *out_message = RG_SLICE("***");
        return RG_OK;
    }
    char *bytes = NULL;
    size_t size = message.size;
    RG_TRY(rg_arena_alloc(arena, size, (void **)&bytes));
    memcpy(bytes, message.data, size);
    for (size_t i = 0; i < literals->secret_count; i++) {
        struct rg_slice rest = literals->secrets[i];
        while (rest.size > 0) {
            struct rg_slice part = next_part(&rest);
            if (part.size >= SECRET_PART_MIN) {
                cover(bytes, &size, part);
            }
        }
    }
    *out_message = rg_slice_make(bytes, size);
    return RG_OK;
}
