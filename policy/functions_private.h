/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_FUNCTIONS_PRIVATE_H
#define RG_POLICY_FUNCTIONS_PRIVATE_H

/* The templates that policy/functions.def names; each is defined in policy/functions_guards.c or functions_types.c. */
extern const char function_constant_database[];
extern const char function_constant_false[];
extern const char function_constant_no_oid[];
extern const char function_constant_no_text[];
extern const char function_constant_pid[];
extern const char function_constant_schema[];
extern const char function_constant_user[];
extern const char function_constant_user_text[];
extern const char function_guard_built_in_is_visible[];
extern const char function_guard_col_description[];
extern const char function_guard_constraintdef[];
extern const char function_guard_constraintdef_pretty[];
extern const char function_guard_expr[];
extern const char function_guard_expr_pretty[];
extern const char function_guard_format_type[];
extern const char function_guard_function_arguments[];
extern const char function_guard_function_identity_arguments[];
extern const char function_guard_function_result[];
extern const char function_guard_indexdef[];
extern const char function_guard_indexdef_column[];
extern const char function_guard_json_to_tsvector[];
extern const char function_guard_json_to_tsvector_config[];
extern const char function_guard_jsonb_to_tsvector[];
extern const char function_guard_jsonb_to_tsvector_config[];
extern const char function_guard_obj_description[];
extern const char function_guard_partition_ancestors[];
extern const char function_guard_partkeydef[];
extern const char function_guard_phraseto_tsquery[];
extern const char function_guard_phraseto_tsquery_config[];
extern const char function_guard_plainto_tsquery[];
extern const char function_guard_plainto_tsquery_config[];
extern const char function_guard_regclass[];
extern const char function_guard_regclass_name[];
extern const char function_guard_regclass_oid[];
extern const char function_guard_regnamespace[];
extern const char function_guard_regproc[];
extern const char function_guard_regproc_name[];
extern const char function_guard_regtype[];
extern const char function_guard_relation_description[];
extern const char function_guard_schemas[];
extern const char function_guard_serial_sequence[];
extern const char function_guard_serial_sequence_oid[];
extern const char function_guard_setting[];
extern const char function_guard_table_is_visible[];
extern const char function_guard_to_tsquery[];
extern const char function_guard_to_tsquery_config[];
extern const char function_guard_to_tsvector[];
extern const char function_guard_to_tsvector_config[];
extern const char function_guard_ts_headline[];
extern const char function_guard_type_is_visible[];
extern const char function_guard_typeof[];
extern const char function_guard_websearch_to_tsquery[];
extern const char function_guard_websearch_to_tsquery_config[];

#endif
