/* SPDX-License-Identifier: Apache-2.0 */
/* [audit.retention] and [audit.personal]: how long what is kept, and where the keys of personal fields are. */
#include <limits.h>
#include <stdlib.h>

#include "base/rg_memory.h"
#include "proxy/config_audit_private.h"

/* ---- paths ---- */

/* The path with its links resolved as far as it exists; what does not is left as it is written. */
static void resolve(struct rg_slice path, char out[PATH_MAX])
{
    char *text = rg_memory_alloc(PATH_MAX);
    char *found = rg_memory_alloc(PATH_MAX);
    size_t size = path.size < PATH_MAX ? path.size : PATH_MAX - 1;
    out[0] = '\0';
    while (size > 0) {
        memcpy(text, path.data, size);
        text[size] = '\0';
        if (realpath(text, found) != NULL) {
            break;
        }
        while (size > 0 && path.data[size - 1] == '/') {
            size--;
        }
        while (size > 0 && path.data[size - 1] != '/') {
            size--;
        }
    }
    size_t head = size == 0 ? 0 : strnlen(found, PATH_MAX);
    struct rg_slice rest = rg_slice_cut(path, size, PATH_MAX - 2 - head);
    memcpy(out, found, head);
    out[head] = '/';
    bool has_slash = head > 0 && found[head - 1] == '/';
    size_t at = has_slash ? head : head + 1;
    while (rest.size > 0 && rest.data[0] == '/') {
        rest = rg_slice_cut(rest, 1, SIZE_MAX);
    }
    if (rest.size > 0) {
        memcpy(out + at, rest.data, rest.size);
    }
    at += rest.size;
    while (at > 1 && out[at - 1] == '/') {
        at--;
    }
    out[at] = '\0';
    rg_memory_free(text);
    rg_memory_free(found);
}

bool config_is_below(struct rg_slice path, struct rg_slice directory)
{
    if (path.size == 0 || directory.size == 0) {
        return false;
    }
    char *inner = rg_memory_alloc(PATH_MAX);
    char *outer = rg_memory_alloc(PATH_MAX);
    resolve(path, inner);
    resolve(directory, outer);
    size_t size = strlen(outer);
    bool is_root = size == 1;
    bool is_below = is_root || (strncmp(inner, outer, size) == 0 && (inner[size] == '/' || inner[size] == '\0'));
    rg_memory_free(inner);
    rg_memory_free(outer);
    return is_below;
}

/* ---- retention ---- */

static void check_keep(struct config_draft *draft, struct rg_place place, int64_t keep_us)
{
    const struct config_audit_s3 *s3 = &draft->config->audit.life.s3;
    if (s3->is_given && s3->lock != CONFIG_S3_LOCK_OFF && keep_us < s3->retain_us) {
        config_error(
            draft, place,
            "\"keep\" of %lld s is shorter than \"retain\" of [audit.s3], %lld s: the object lock does not let "
            "go earlier, so say at least as much here",
            (long long)(keep_us / 1000000), (long long)(s3->retain_us / 1000000));
    }
}

static rg_status make_rule(struct config_draft *draft, const struct config_raw_keep *raw,
                           struct config_audit_keep *rule)
{
    struct rg_slice *tenants = NULL;
    RG_TRY(rg_arena_array(draft->arena, raw->tenants.count, sizeof *tenants, (void **)&tenants));
    for (size_t i = 0; i < raw->tenants.count; i++) {
        tenants[i] = raw->tenants.items[i].text;
        config_refer_tenant(draft, &raw->tenants.items[i]);
    }
    if (!raw->classes.is_given && !raw->tenants.is_given) {
        config_error(draft, raw->head.place,
                     "a rule needs \"classes\" or \"tenants\"; \"keep\" of [audit.retention] "
                     "is for all");
    }
    *rule = (struct config_audit_keep){.classes = config_classes(&raw->classes),
                                       .tenant_count = raw->tenants.count,
                                       .tenants = tenants,
                                       .keep_us = raw->keep.value};
    if (raw->keep.is_given) {
        check_keep(draft, raw->keep.place, raw->keep.value);
    }
    return RG_OK;
}

static void check_local(struct config_draft *draft, const struct config_raw_retention *raw)
{
    if (!raw->local.is_given) {
        return;
    }
    if (!draft->config->audit.life.s3.is_given) {
        config_error(draft, raw->local.place,
                     "\"local\" is for records that [audit.s3] has, too; without it say \"keep\" alone");
    } else if (raw->local.value > raw->keep.value) {
        config_error(draft, raw->local.place, "\"local\" is longer than \"keep\"");
    }
}

rg_status config_make_audit_retention(struct config_draft *draft, struct config_audit_life *life)
{
    const struct config_raw_retention *raw = &draft->raw.audit.retention;
    const struct config_raw_keep *raws = raw->rules.items;
    struct config_audit_keep *rules = NULL;
    life->retention = (struct config_audit_retention){.keep_us = INT64_MAX, .local_us = INT64_MAX};
    if (!raw->head.is_given) {
        return RG_OK;
    }
    RG_TRY(rg_arena_array(draft->arena, raw->rules.count, sizeof *rules, (void **)&rules));
    for (size_t i = 0; i < raw->rules.count; i++) {
        RG_TRY(make_rule(draft, &raws[i], &rules[i]));
    }
    check_keep(draft, raw->keep.is_given ? raw->keep.place : raw->head.place, raw->keep.value);
    check_local(draft, raw);
    life->retention = (struct config_audit_retention){
        .is_given = true,
        .keep_us = raw->keep.value,
        .local_us = raw->local.is_given ? raw->local.value : INT64_MAX,
        .rule_count = raw->rules.count,
        .rules = rules,
    };
    return RG_OK;
}

/* ---- personal fields ---- */

rg_status config_make_audit_personal(struct config_draft *draft, struct config_audit_personal *personal)
{
    struct config_raw_personal raw = draft->raw.audit.personal;
    struct rg_slice directory = draft->config->audit.directory;
    if (!raw.head.is_given) {
        RG_TRY(rg_schema_defaults(&draft->context, &config_schema_personal, &raw));
    }
    *personal = (struct config_audit_personal){.is_encrypted = raw.mode.word == 1,
                                               .keys = raw.keys.text,
                                               .backups_us = raw.backups.value,
                                               .unverified_us = raw.unverified.value};
    while (directory.size > 1 && directory.data[directory.size - 1] == '/') {
        directory.size--;
    }
    if (!raw.keys.is_given) {
        return rg_arena_printf(draft->arena, &personal->keys, "%.*s-subjects", (int)directory.size,
                               directory.data == NULL ? "" : directory.data);
    }
    if (config_is_below(raw.keys.text, directory) || config_is_below(directory, raw.keys.text)) {
        config_error(draft, raw.keys.place,
                     "\"keys\" must be neither in the directory of the log nor above it: a copy of the log would be a "
                     "copy of the keys, and what was erased would come back");
    }
    return RG_OK;
}
