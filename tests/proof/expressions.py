# SPDX-License-Identifier: Apache-2.0
"""Typed random expressions for generate.py: a column of the type in reach, a constant, or a function, operator, cast, CASE,
sub-select over smaller ones. Types: int, num, text, bool, ts, date, json (jsonb), texts, ints, uuid, float."""

CONSTANTS = {
    "int": ("0", "1", "2", "3", "5", "7", "13", "-4", "40", "66600005", "55555"),
    "num": ("0.5", "1.25", "2.5", "10.0", "-3.75", "66600005.00", "0.0", "1e2"),
    "text": ("'new'", "'paid'", "'de'", "'acme note 7'", "'own event 3 event 3'", "'click'", "'sku-3'", "''", "'it''s'", "E'a\\\\b'",
             "'000002'", "'emea'", "$q$ZEBRA$q$", "U&'\\0061cme'", "'own order 9'", "'7'"),
    "bool": ("true", "false", "NULL::bool"),
    "ts": ("timestamptz '2026-01-05 00:00Z'", "timestamptz '2026-01-12 07:00Z'", "TIMESTAMP WITH TIME ZONE '2026-02-01'"),
    "date": ("date '2026-01-09'", "date '1991-02-05'", "CAST('2026-03-01' AS date)"),
    "json": ("'{\"n\": 3}'::jsonb", "'[1, 2, \"x\"]'::jsonb", "jsonb '\"zebra\"'", "jsonb_build_object('n', 4, 'b', null)"),
    "texts": ("ARRAY['a', 'b']", "'{l1,all}'::text[]", "ARRAY[]::text[]", "ARRAY['t1', null, 'zebra']"),
    "ints": ("ARRAY[1, 2, 3]", "'{0,2}'::int[]", "ARRAY[[1, 2], [3, 4]]"),
    "uuid": ("'11111111-1111-1111-1111-111111111111'::uuid", "'22222222-2222-2222-2222-222222222222'::uuid",
             "uuid '33333333-3333-3333-3333-333333333333'"),
    "float": ("0.25::float8", "2.0::double precision", "float8 '7.5'", "1e3::float8"),
}

# {int} and the like are smaller expressions of that type
FORMS = {
    "int": ("{int} + {int}", "{int} - {int}", "({int} * 2)", "abs({int})", "length({text})", "extract(year from {ts})::int",
            "position('e' in {text})", "coalesce({int}, {int})", "CASE WHEN {bool} THEN {int} ELSE {int} END", "nullif({int}, {int})",
            "greatest({int}, {int}, 3)", "char_length({text})", "cardinality({texts})", "array_length({ints}, 1)", "ascii({text})",
            "({int} % 7)", "mod({int}, 5)", "- {int}", "({int} & 6)", "{int} # 3", "({ints})[1]", "strpos({text}, 'n')", "{bool}::int",
            "date_part('dow', {date})::int", "({date} - date '2026-01-01')", "num_nulls({text}, {int})", "sign({num})::int",
            "jsonb_array_length(coalesce({json} -> 'tags', '[]'))", "CAST({num} AS int)", "octet_length({text})", "bit_length({text})",
            "CASE {int} WHEN 1 THEN 2 WHEN 3 THEN {int} END", "width_bucket({num}, 0, 50, 5)", "regexp_count({text}, 'e')"),
    "num": ("{num} + {num}", "{num} * 1.5", "round({num}, 1)", "{int}::numeric", "coalesce({num}, 0)", "abs({num})", "{num} - {int}",
            "ceil({num})", "trunc({num})", "CASE WHEN {bool} THEN {num} END", "least({num}, {num})", "floor({num})",
            "{num} / nullif({num}, 0)", "div({num}, 3)", "extract(epoch from {ts})", "mod({num}, 4)", "({num})::numeric(20, 1)",
            "to_number('12,3', '99D9')", "trim_scale({num})", "power({int} % 5, 2)::numeric"),
    "text": ("{text} || {text}", "lower({text})", "upper({text})", "left({text}, 4)", "substring({text} from 2 for 3)", "{int}::text",
             "coalesce({text}, 'none')", "CASE WHEN {bool} THEN {text} ELSE {text} END", "replace({text}, 'e', 'E')", "{json}::text",
             "{json} ->> 'who'", "concat({text}, {int}, {bool})", "trim(both ' ' from {text})", "to_char({ts}, 'YYYY-MM')", "md5({text})",
             "split_part({text}, ' ', 2)", "overlay({text} placing 'X' from 1 for 1)", "lpad({text}, 8, '*')", "nullif({text}, {text})",
             "regexp_replace({text}, '\\d+', '#')", "array_to_string({texts}, '-', '*')", "({texts})[1]", "substring({text} from 'o(.)e')",
             "format('%s-%I', {int}, {text})", "{text} COLLATE \"C\"", "initcap({text})", "reverse({text})", "quote_literal({text})",
             "{json} #>> '{{deep,0}}'", "concat_ws('|', {text}, {text})", "cast({date} as text)", "{num}::varchar(4)",
             "substring({text} similar '%#\"e%#\"' escape '#')", "translate({text}, 'abc', 'xyz')", "jsonb_typeof({json})",
             "encode(convert_to({text}, 'UTF8'), 'hex')", "{uuid}::text", "chr(65 + abs({int} % 26))", "normalize({text}, NFC)"),
    "bool": ("{int} = {int}", "{int} < {int}", "{num} >= {num}", "{text} = {text}", "{text} <> {text}", "{ts} < {ts}", "{date} = {date}",
             "({bool} AND {bool})", "({bool} OR {bool})", "NOT {bool}", "{text} IS NULL", "{int} IS NOT NULL", "{text} LIKE '%e%'",
             "{text} ILIKE 'OWN%'", "{text} ~ '^o.*\\d$'", "{text} !~* 'NOTE'", "{int} IN (1, 2, 3, 40)", "{text} NOT IN ('new', 'de')",
             "{int} BETWEEN {int} AND {int}", "{int} BETWEEN SYMMETRIC 9 AND {int}", "{text} IS DISTINCT FROM {text}", "{bool} IS TRUE",
             "{bool} IS NOT UNKNOWN", "{json} @> '{{\"n\": 3}}'", "{json} ? 'n'", "{text} = ANY ({texts})", "{int} = ANY ({ints})",
             "{texts} && {texts}", "{texts} @> ARRAY['all']", "{uuid} = {uuid}", "({int}, {text}) < (5, 'm')", "{text} SIMILAR TO '%(a|e)_'",
             "{int} <> ALL (ARRAY[1, 2])", "starts_with({text}, 'own')", "{text} ^@ 'own'", "({ts}, interval '1 hour') OVERLAPS ({ts}, {ts})",
             "ROW({int}, {text}) = ROW(3, {text})", "{float} > {float}", "{text} LIKE 'own\\_%' ESCAPE '\\'", "isfinite({date})",
             "jsonb_path_exists({json}, '$.n ? (@ > 3)')", "{int} OPERATOR(pg_catalog.=) {int}", "coalesce({bool}, false)",
             "{text} ~~ '%n%'", "{json} = {json}", "{ints} = {ints}", "{text} > {text} COLLATE \"C\"", "{text} IS NORMALIZED"),
    "ts": ("date_trunc('day', {ts})", "{ts} + interval '1 day'", "coalesce({ts}, {ts})", "{date}::timestamptz", "greatest({ts}, {ts})",
           "{ts} AT TIME ZONE 'UTC' AT TIME ZONE 'UTC'", "to_timestamp({int} % 1000)", "CASE WHEN {bool} THEN {ts} END"),
    "date": ("{ts}::date", "{date} + 3", "({date} + {int} % 9)", "coalesce({date}, {date})", "make_date(2026, 1 + abs({int} % 12), 2)",
             "CAST({ts} AS date)", "to_date('2026-03-0' || (1 + abs({int} % 9)), 'YYYY-MM-DD')"),
    "json": ("{json} -> 'n'", "to_jsonb({text})", "jsonb_build_array({int}, {text})", "{json} || jsonb '{{\"z\": 1}}'",
             "jsonb_build_object('k', {text})", "jsonb_set({json}, '{{m}}', '5')", "coalesce({json}, '{{}}')", "to_jsonb({texts})",
             "jsonb_path_query_array({json}, '$.deep[*]')", "{json} #> '{{deep,0}}'", "jsonb_strip_nulls({json})", "{json} - 'n'"),
    "texts": ("ARRAY[{text}, {text}]", "{texts} || {text}", "string_to_array({text}, ' ')", "array_remove({texts}, 'all')",
              "array_append({texts}, {text})", "({texts})[1:2]", "regexp_split_to_array({text}, 'e')", "array_cat({texts}, {texts})"),
    "ints": ("ARRAY[{int}, {int}]", "{ints} || {int}", "array_append({ints}, {int})", "array_positions({texts}, 'all')"),
    "uuid": ("coalesce({uuid}, {uuid})", "CASE WHEN {bool} THEN {uuid} END", "md5({text})::uuid"),
    "float": ("{int}::float8", "{float} * 2", "coalesce({float}, 0)", "sqrt(abs({int}))", "{num}::float8", "pi()", "abs({float})"),
}

AGGREGATES = {
    "int": ("count(*)", "count({text})", "count(DISTINCT {text})", "max({int})", "min({int})", "sum({int})", "count(*) FILTER (WHERE {bool})",
            "bit_or({int})", "regr_count({int}, {int})", "max({int}) + count(*)", "cardinality(array_agg({int}))"),
    "num": ("sum({num})", "avg({int})", "round(stddev({num}), 4)", "min({num})", "sum(DISTINCT {num})", "sum({num}) FILTER (WHERE {bool})",
            "percentile_disc(0.5) WITHIN GROUP (ORDER BY {num})"),
    "text": ("max({text})", "min({text})", "string_agg({text}, ';' ORDER BY {text})", "string_agg(DISTINCT {text}, ',')",
             "mode() WITHIN GROUP (ORDER BY {text})", "upper(max({text}))"),
    "bool": ("bool_and({bool})", "bool_or({bool})", "count(*) > 2", "max({int}) = min({int})", "every({bool})", "sum({num}) > 10"),
    "json": ("jsonb_agg({int} ORDER BY {int})", "jsonb_object_agg(DISTINCT 'k', 1)", "to_jsonb(max({text}))"),
    "texts": ("array_agg({text} ORDER BY {text})", "array_agg(DISTINCT 'a')"),
    "date": ("max({date})", "min({date})"),
}

# What shows that an expression saw a row: values of rows that the tenant may not see are in world.DIFFERENT.
ORACLES = {
    "bool": ("{text} LIKE 'ZEBRA\\'", "{text} LIKE 'OTTER event 1\\'", "{text} LIKE 'ZEBRA%\\'", "{text} LIKE ANY (ARRAY['ZEBRA\\'])",
             "1 / ({num} - 66600005) > 0", "1 / ({num} - 77700006) < 9", "{text}::int = 1", "{code}::int > 5", "({json} ->> 'n')::int = 3",
             "10 / ({ints})[1] > 1", "{float} * 10 > 4", "{text} ILIKE 'zebra\\'", "{text} ~ ('(' || left({text}, 1) || ')')",
             "{text} NOT LIKE '%t 3\\'", "jsonb_path_exists({json}, '$ ? (@.n == \"zebra\").n.double()')", "({date} - date '2026-01-01') > 5",
             "{text} SIMILAR TO 'ZEBRA\\'", "{code}::numeric > 1", "CASE WHEN {text} LIKE 'ZEBRA%' THEN 1 / 0 > 1 ELSE true END",
             "coalesce(1 / nullif({int} - 0, 1), 1) > 0", "chr({int} - 66600004) > 'a'", "({doc})::xml IS NOT NULL",
             "xml_is_well_formed({doc})", "repeat('x', {int}) > 'a'", "{text}::date > date '2026-01-01'", "sqrt({num} - 66600005) >= 0",
             "{code}::int = ANY (ARRAY[1, 2, 3])", "ln({int}) > 0", "{int}::int2 > 3", "{num}::int2 > 3", "{kind} LIKE 'zkind\\'",
             "{kind} LIKE 'z%\\'", "{kind} LIKE 'okind%\\'", "to_date({text}, 'YYYY') > date '2020-01-01'", "{kind}::bool",
             "mod({int}, {int}) = 0", "{text} ^@ 'ZEBRA'", "{kind} > 'y'", "{num} > 60000000", "{uuid} > '2fffffff-0000-0000-0000-000000000000'",
             "decode({code}, 'hex') IS NOT NULL", "to_number({kind}, '9') > 1", "{json} @> '{{\"n\": \"zebra\"}}'", "{kind} LIKE {code} || '\\'",
             "regexp_match({code}, 'z(' || '.') IS NULL", "format({code}) > ''", "substring({text}, 1, {int} - 5) > ''",
             "({kind} || '1')::int > 1", "to_timestamp({code}, 'HH24MI') IS NOT NULL", "{code}::json IS NOT NULL", "{code}::uuid IS NULL"),
}


class Expressions:
    def __init__(self, rng, flavour):
        self.random = rng
        self.flavour = flavour
        self.constants = []
        self.budget = 60

    def chance(self, share):
        return self.random.random() < share

    def pick(self, options):
        return options[self.random.randrange(len(options))]

    def shuffled(self, options):
        options = list(options)
        self.random.shuffle(options)
        return options

    def constant(self, kind):
        text = self.pick(CONSTANTS[kind])
        self.constants.append((text, kind))
        return text

    def leaf(self, kind, scope):
        columns = scope.columns(kind)
        if columns and self.chance(0.85):
            return self.pick(columns)
        return self.constant(kind)

    def named(self, name, scope):
        """A column of that name, for the oracles; any text otherwise."""
        found = [text for text in scope.columns("text") if text.rpartition(".")[2] == name]
        return self.pick(found) if found else self.leaf("text", scope)

    def fill(self, form, scope, depth):
        out, rest = "", form.replace("{{", "\1").replace("}}", "\2")
        while "{" in rest:
            before, _, rest = rest.partition("{")
            kind, _, rest = rest.partition("}")
            inner = self.named(kind, scope) if kind in ("code", "doc", "kind") else self.expression(kind, scope, depth)
            out += before + (f"({inner})" if " " in inner and not inner.startswith(("'", "(")) else inner)
        return (out + rest).replace("\1", "{").replace("\2", "}")

    def expression(self, kind, scope, depth):
        self.budget -= 1
        if kind not in FORMS or depth <= 0 or self.budget < 0 or self.chance(0.35):
            return self.leaf(kind if kind in CONSTANTS else "text", scope)
        if self.chance(0.12) and depth > 1:
            return self.sub_select(kind, scope, depth)
        if kind == "bool":
            return self.boolean(scope, depth)
        if self.chance(0.07):
            return self.whole_row(kind, scope, depth)
        return self.fill(self.pick(FORMS[kind]), scope, depth - 1)

    def boolean(self, scope, depth):
        self.budget -= 1
        if self.flavour == "oracle" and self.chance(0.6):
            return self.fill(self.pick(ORACLES["bool"]), scope, 0)
        if self.flavour == "equal" and self.chance(0.02):
            return self.fill(self.pick(ORACLES["bool"]), scope, 0)
        if depth > 0 and self.budget > 0 and self.chance(0.12):
            return self.sub_condition(scope, depth)
        return self.fill(self.pick(FORMS["bool"]), scope, max(0, depth - 1))

    def sub_select(self, kind, scope, depth):
        """One row for sure: an aggregate without GROUP BY."""
        if kind not in AGGREGATES:
            return self.leaf(kind, scope)
        inner, source = self.inner_scope(scope, depth)
        return f"(SELECT {self.aggregate(kind, inner, depth - 1)} FROM {source}{self.where(inner, depth - 1)})"

    def inner_scope(self, scope, depth):
        inner = type(scope)(scope)
        return inner, self.from_clause(inner, depth - 2)

    def sub_condition(self, scope, depth):
        inner, source = self.inner_scope(scope, depth)
        kind = self.pick(("int", "text", "num"))
        condition = self.where(inner, depth - 1)
        form = self.pick(("EXISTS", "NOT EXISTS", "IN", "NOT IN", "ANY", "ALL", "ROW"))
        if form.endswith("EXISTS"):
            return f"{form} (SELECT {self.pick(('', '1', '*'))} FROM {source}{condition})"
        column = self.expression(kind, inner, 0)
        if form == "ROW":
            return f"({self.expression(kind, scope, 0)}, 1) IN (SELECT {column}, 1 FROM {source}{condition})"
        operator = {"IN": "IN", "NOT IN": "NOT IN", "ANY": "= ANY", "ALL": ">= ALL"}[form]
        return f"{self.expression(kind, scope, 0)} {operator} (SELECT {column} FROM {source}{condition})"

    def whole_row(self, kind, scope, depth):
        rows = [each for each in scope.ranges if each.name and each.is_row and each.columns]
        if not rows:
            return self.leaf(kind, scope)
        each = self.pick(rows)
        columns = [name for name, its in each.columns.items() if its == kind]
        forms = {"json": (f"to_jsonb({each.name})", f"to_jsonb({each.name}.*) - 'x'", f"row_to_json({each.name})::jsonb"),
                 "text": (f"{each.name}::text", f"({each.name}.*)::text", f"ROW({each.name}.*)::text", f"concat({each.name})"),
                 "int": (f"num_nulls({each.name}.*)", f"length({each.name}::text)")}.get(kind, ())
        if columns and self.chance(0.4):
            return self.pick((f"({each.name}).{columns[0]}", f"{columns[0]}({each.name})", f"({each.name}.{columns[0]})"))
        return self.pick(forms) if forms else self.leaf(kind, scope)

    def aggregate(self, kind, scope, depth):
        if kind not in AGGREGATES:
            return f"NULL::{ {'ts': 'timestamptz', 'uuid': 'uuid', 'float': 'float8', 'ints': 'int[]'}.get(kind, 'text')}"
        form, self.budget = self.pick(AGGREGATES[kind]), self.budget - 1
        if "ORDER BY {" in form and not form.startswith(("percentile", "mode")):
            same = self.leaf("text" if "{text}" in form else "int", scope)
            return form.replace("{text}", same).replace("{int}", same)
        return self.fill(form, scope, 0)
