# SPDX-License-Identifier: Apache-2.0
"""Random statements over the proof's world, typed, so that most of them mean something: statement(seed, index, flavour) is the
same text for ever. What they answer is determined by the statement: a LIMIT stands above an ORDER BY of all columns, an aggregate
that depends on order has one, a window either ranks peers alike or orders by a key.

flavour "equal": the whole grammar of SELECT, some writes. "oracle": expressions that would tell of rows they must not see."""

import dataclasses
import random

import expressions
from world import TABLES

DEPTH = 3
SET_TYPES = ("int", "num", "text", "date", "bool")
ALIASES = ("o", "e", "x", "y", "z", "t1", "t2", '"Mixed"', '"a b"', "q")
CONFUSING = ("sales", "shared", "orders", "events", "t_acme", "rg_r", "rg_m", "id", "note", "customers", "regional", "plain", '"order"',
             "pg_catalog", "public")
NAMES = ("c1", "c2", "c3", "id", "note", "amount", '"C 4"', "orders", "tenant_id")
KEYED = {"sales.customers", "sales.orders", "shared.events", "shared.orders", "shared.regional", "sales.sales", "shared.plain"}


@dataclasses.dataclass(frozen=True)
class Statement:
    text: str
    kind: str = "read"  # "read", "write", "parameters"
    types: tuple = ()  # of parameters
    values: tuple = ()  # literals


@dataclasses.dataclass
class Range:
    """One name of a FROM clause. name: None = its columns are named bare only."""
    name: str
    columns: dict
    is_row: bool = True  # may be named as a whole
    key: str = None  # a column that is unique
    relation: str = None


@dataclasses.dataclass
class Scope:
    outer: "Scope" = None
    ranges: list = dataclasses.field(default_factory=list)
    tables: dict = dataclasses.field(default_factory=dict)  # CTEs: name -> columns

    def all_tables(self):
        return (self.outer.all_tables() if self.outer else {}) | self.tables

    def names(self):
        return {each.name for each in self.ranges}

    def columns(self, kind, reach=True):
        """Texts of all columns of the type, those of outer queries too."""
        found = []
        for each in self.ranges:
            for name, its in each.columns.items():
                if its == kind:
                    found += self._spellings(each, name)
        if not found and reach and self.outer:
            return self.outer.columns(kind)
        return found

    def _spellings(self, owner, name):
        is_unique = sum(name in each.columns for each in self.ranges) == 1
        if owner.name is None:
            return [name] if is_unique else []
        found = [f"{owner.name}.{name}"]
        if is_unique and not any(name == each.name for each in self.ranges):
            found.append(name)
        if owner.relation and owner.relation.rpartition(".")[2] == owner.name and len(self.ranges) == 1:
            found.append(f"{owner.relation}.{name}")
        return found


class Generator(expressions.Expressions):
    def __init__(self, seed, index, flavour):
        super().__init__(random.Random(f"{seed}:{index}:{flavour}"), flavour)

    # ---- FROM ----

    def fresh_name(self, scope, share=0.2):
        pool = CONFUSING if self.chance(share) else ALIASES
        free = [name for name in pool if name not in scope.names()]
        return self.pick(free or [f"a{len(scope.ranges)}_{self.random.randrange(99)}"])

    def base_table(self, scope):
        with_names = scope.all_tables()
        if with_names and self.chance(0.4):
            table = self.pick(list(with_names))
            columns = with_names[table]
        else:
            table = self.pick(list(TABLES) if self.flavour == "equal" else [t for t in TABLES if t.startswith("shared.")])
            columns = TABLES[table]
            if table.startswith("sales.") and self.chance(0.3) and table.split(".", 1)[1] not in with_names:
                table = table.split(".", 1)[1]
        return table, dict(columns)

    def table_item(self, scope):
        table, columns = self.base_table(scope)
        is_cte = table in scope.all_tables()
        own_name = table.split(".", 1)[1] if table.startswith(("sales.", "shared.")) else table
        text, relation = table, None if is_cte else table
        if not is_cte and self.chance(0.06):
            text = self.pick(["ONLY {}", "{} *", "ONLY ({})"]).format(table)
        if self.chance(0.6) or own_name in scope.names():
            name = self.fresh_name(scope)
            text += self.pick([" AS ", " "]) + name if name[0] == '"' or self.chance(0.5) else f" AS {name}"
            relation = None
            if self.chance(0.1):
                renamed = {f"k{i}" if i < 2 else column: kind for i, (column, kind) in enumerate(columns.items())}
                text += f" ({', '.join(list(renamed)[:2])})"
                columns = renamed
        else:
            name = own_name
        if not is_cte and self.chance(0.04):
            text += self.pick([" TABLESAMPLE BERNOULLI (100)", " TABLESAMPLE SYSTEM (100)",
                               " TABLESAMPLE bernoulli (100) REPEATABLE (7)"])
        # The whole row of a fenced relation has the columns' new names, the whole row of a table its own: docs/proof.md.
        is_row = "k0" not in columns
        key = "id" if table in KEYED or "sales." + table in KEYED else None
        return text, Range(name, columns, is_row, key if key in columns else None, relation)

    def values_item(self, scope):
        kinds = [self.pick(("int", "text", "num")) for _ in range(self.random.randint(1, 3))]
        rows = [f"({', '.join(self.constant(kind) for kind in kinds)})" for _ in range(self.random.randint(1, 4))]
        name = self.fresh_name(scope)
        columns = {f"v{i}": kind for i, kind in enumerate(kinds)}
        return f"(VALUES {', '.join(rows)}) AS {name} ({', '.join(columns)})", Range(name, columns)

    def function_item(self, scope):
        name = self.fresh_name(scope, 0)
        text, kind = self.pick((
            (f"generate_series(1, {self.random.randint(1, 9)})", "int"), ("unnest(ARRAY['a', 'b', null, 'zebra'])", "text"),
            ("jsonb_array_elements('[1, \"a\", {\"n\": 2}]'::jsonb)", "json"),
            ("generate_series(date '2026-01-01', date '2026-01-04', interval '1 day')", "ts"),
            ("string_to_table('a,b,c', ',')", "text"), ("regexp_split_to_table('x y z', ' ')", "text")))
        if self.chance(0.3):
            return f"{text} WITH ORDINALITY AS {name} (f, nr)", Range(name, {"f": kind, "nr": "int"})
        return f"{text} AS {name} (f)", Range(name, {"f": kind})

    def sub_item(self, scope, depth, lateral=False):
        name = self.fresh_name(scope)
        text, columns = self.query(depth - 1, scope if lateral else Scope(scope.outer, [], scope.tables))
        renamed = {f"s{i}": kind for i, kind in enumerate(columns.values())}
        prefix = "LATERAL " if lateral else ""
        return f"{prefix}({text}) AS {name} ({', '.join(renamed)})" if renamed else f"{prefix}({text}) AS {name}", Range(name, renamed)

    def item(self, scope, depth):
        roll = self.random.random()
        if depth > 0 and roll < 0.18:
            return self.sub_item(scope, depth)
        if depth > 0 and scope.ranges and roll < 0.24:
            return self.sub_item(scope, depth, lateral=True)
        if roll < 0.30:
            return self.values_item(scope)
        if roll < 0.36:
            return self.function_item(scope)
        return self.table_item(scope)

    def join(self, scope, left_text, depth):
        """One more JOIN behind what stands there."""
        before = list(scope.ranges)
        text, right = self.item(scope, depth - 1)
        scope.ranges = [*before, right]
        kind = self.pick(("JOIN", "INNER JOIN", "LEFT JOIN", "RIGHT OUTER JOIN", "FULL JOIN", "CROSS JOIN", "NATURAL", "USING"))
        is_lateral = text.startswith("LATERAL")
        if is_lateral and kind in ("RIGHT OUTER JOIN", "FULL JOIN", "NATURAL", "USING"):
            kind = "LEFT JOIN"
        if kind in ("NATURAL", "USING"):
            return self.merged_join(scope, before, right, left_text, text, kind)
        if kind == "CROSS JOIN":
            return f"{left_text} CROSS JOIN {text}"
        condition = self.equality(Scope(None, before), Scope(None, [right])) if kind == "FULL JOIN" or self.chance(0.7) else None
        return f"{left_text} {kind} {text} ON {condition or ('1 = 1' if kind == 'FULL JOIN' else self.boolean(scope, 1))}"

    def equality(self, left, right):
        for kind in self.shuffled(("int", "text", "num", "date", "uuid")):
            one, other = left.columns(kind), right.columns(kind)
            if one and other:
                return f"{self.pick(one)} = {self.pick(other)}"
        return None

    def merged_join(self, scope, before, right, left_text, text, kind):
        left = {}
        for each in before:
            for name, its in each.columns.items():
                left[name] = None if name in left else its
        common = [name for name in right.columns if name in left]
        if not common or any(left[name] != right.columns[name] or left[name] == "json" for name in common):
            return f"{left_text} CROSS JOIN {text}"
        if kind == "NATURAL":
            return f"{left_text} NATURAL {self.pick(('', 'LEFT ', 'FULL ', 'INNER '))}JOIN {text}"
        alias = self.pick(("", "", f" AS u{len(before)}"))
        return f"{left_text} {self.pick(('', 'LEFT ', 'FULL '))}JOIN {text} USING ({self.pick(common)}){alias}"

    def from_clause(self, scope, depth):
        text, first = self.item(scope, depth)
        scope.ranges = [first]
        for _ in range(self.pick((0, 0, 0, 1, 1, 2) if depth > 0 else (0, 0, 1))):
            if self.chance(0.3):
                more, each = self.item(scope, depth - 1)
                scope.ranges.append(each)
                text += f", {more}"
            else:
                text = self.comma_join(scope, text, depth) if ", " in text else self.join(scope, text, depth)
        return text

    def comma_join(self, scope, text, depth):
        """A join behind a comma sees only itself."""
        own = Scope(None, [], scope.tables)
        own.ranges = []
        first_text, first = self.table_item(scope)
        own.ranges = [first]
        joined = self.join(own, first_text, depth)
        names = scope.names()
        if any(each.name in names for each in own.ranges):
            return text
        scope.ranges += own.ranges
        return f"{text}, {joined}"

    # ---- SELECT ----

    def with_clause(self, scope, depth):
        items = []
        for _ in range(self.pick((1, 1, 2))):
            name = self.pick(("w1", "w2", "orders", "events", "customers", "sales", '"W 3"', "rg_m", "regional"))
            if name in scope.tables:
                continue
            if self.chance(0.15):
                limit = self.random.randint(2, 6)
                items.append(f"{name} (n, label) AS (SELECT 1, 'a'::text UNION ALL SELECT n + 1, label || 'b' FROM {name} WHERE n < {limit})")
                scope.tables[name] = {"n": "int", "label": "text"}
                continue
            text, columns = self.query(depth - 1, Scope(scope.outer, [], dict(scope.tables)))
            columns = {f"w{i}": kind for i, kind in enumerate(columns.values())}
            how = self.pick(("", "", "MATERIALIZED ", "NOT MATERIALIZED "))
            heads = f" ({', '.join(columns)})" if columns else ""
            items.append(f"{name}{heads} AS {how}({text})")
            scope.tables[name] = columns
        recursive = "RECURSIVE " if any("UNION ALL SELECT n + 1" in item for item in items) else ""
        return f"WITH {recursive}{', '.join(items)} " if items else ""

    def query(self, depth, outer=None, kinds=None):
        """(text, {column: type})."""
        scope = Scope(outer, [], {})
        head = self.with_clause(scope, depth) if depth > 1 and self.chance(0.18) else ""
        if depth > 0 and self.chance(0.12):
            text, columns = self.set_operation(scope, depth, kinds)
        elif self.chance(0.25) and depth > 0:
            text, columns = self.grouped(scope, depth, kinds)
        else:
            text, columns = self.plain(scope, depth, kinds)
        return head + text, columns

    def set_operation(self, scope, depth, kinds):
        kinds = kinds or [self.pick(SET_TYPES) for _ in range(self.random.randint(1, 3))]
        inner = Scope(scope.outer, [], scope.tables)
        arms = []
        for _ in range(self.pick((2, 2, 3))):
            text, columns = self.plain(Scope(inner.outer, [], dict(scope.tables)), depth - 1, kinds, ordered=False)
            arms.append(f"({text})" if self.chance(0.3) else text)
        text = arms[0]
        for arm in arms[1:]:
            text += self.pick((" UNION ", " UNION ALL ", " INTERSECT ", " EXCEPT ", " EXCEPT ALL ")) + arm
        names = {f"u{i}": kind for i, kind in enumerate(kinds)}
        if self.chance(0.3):
            text += f" ORDER BY {', '.join(str(i + 1) for i in range(len(kinds)))}{self.limit()}"
        return text, names

    def where(self, scope, depth):
        return f" WHERE {self.boolean(scope, depth)}" if self.chance(0.65) else ""

    def targets(self, scope, depth, kinds):
        kinds = kinds or [self.pick(("int", "text", "num", "text", "bool", "ts", "date", "json", "texts", "ints", "float", "uuid"))
                          for _ in range(self.random.randint(1, 4))]
        texts = []
        for kind in kinds:
            text = self.expression(kind, scope, depth)
            texts.append(text + (f" AS {self.pick(NAMES)}" if self.chance(0.4) else ""))
        return texts, {f"c{i}": kind for i, kind in enumerate(kinds)}

    def plain(self, scope, depth, kinds=None, ordered=True):
        source = self.from_clause(scope, depth)
        if kinds is None and self.chance(0.08):
            return self.star(scope, source, depth)
        texts, columns = self.targets(scope, depth, kinds)
        condition = self.where(scope, depth)
        if kinds is None and self.chance(0.1):
            window = self.window(scope)
            if window:
                texts.append(window[0])
                columns[f"c{len(columns)}"] = window[1]
        distinct = self.pick(("DISTINCT ", "ALL ")) if self.chance(0.12) else ""
        numbers = [str(i + 1) for i in range(len(columns))]
        if distinct != "DISTINCT " and kinds is None and len(texts) > 1 and self.chance(0.06):
            return f"SELECT DISTINCT ON (1) {', '.join(texts)} FROM {source}{condition} ORDER BY {', '.join(numbers)}", columns
        text = f"SELECT {distinct}{', '.join(texts)} FROM {source}{condition}"
        if ordered and self.chance(0.25):
            text += " ORDER BY " + ", ".join(number + self.pick(("", " DESC", " NULLS FIRST", " ASC NULLS LAST")) for number in numbers)
            text += self.limit()
        if ordered and kinds is None and not distinct and " OVER " not in text and self.chance(0.02):
            text += self.pick((" FOR UPDATE", " FOR SHARE", " FOR NO KEY UPDATE", " FOR UPDATE NOWAIT", " FOR KEY SHARE SKIP LOCKED"))
        return text, columns

    def star(self, scope, source, depth):
        owner = self.pick(scope.ranges)
        star = "*" if owner.name is None or self.chance(0.5) else f"{owner.name}.*"
        if len({name for each in scope.ranges for name in each.columns}) != sum(len(each.columns) for each in scope.ranges):
            star = f"{owner.name}.*"
        columns = {name: kind for each in scope.ranges for name, kind in each.columns.items()} if star == "*" else owner.columns
        if star == "*" and (" USING " in source or "NATURAL" in source):
            star, columns = f"{owner.name}.*", owner.columns
        if self.chance(0.1):
            table = self.pick(list(TABLES))
            return f"TABLE {table}", dict(TABLES[table])
        return f"SELECT {star} FROM {source}{self.where(scope, depth)}", dict(columns)

    def limit(self):
        return self.pick(("", "", f" LIMIT {self.random.randint(0, 9)}", f" LIMIT {self.random.randint(1, 9)} OFFSET {self.random.randint(0, 4)}",
                          f" FETCH FIRST {self.random.randint(1, 5)} ROWS ONLY"))

    def window(self, scope):
        keyed = [each for each in scope.ranges if each.key and each.name]
        partition = self.expression("text", scope, 0) if self.chance(0.5) else None
        inner = f"PARTITION BY {partition} " if partition else ""
        if len(scope.ranges) == 1 and keyed and self.chance(0.5):
            order = f"ORDER BY {keyed[0].name}.{keyed[0].key}{self.pick(('', ' DESC'))}"
            call, kind = self.pick((("row_number()", "int"), (f"lag({self.expression('text', scope, 0)})", "text"),
                                    (f"first_value({self.expression('int', scope, 0)})", "int"), ("ntile(3)", "int"),
                                    (f"sum({self.expression('num', scope, 0)})", "num")))
            frame = self.pick(("", " ROWS BETWEEN 1 PRECEDING AND CURRENT ROW", " GROUPS 2 PRECEDING",
                               " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW"))
            return f"{call} OVER ({inner}{order}{frame if 'ntile' not in call else ''})", kind
        order = f"ORDER BY {self.expression(self.pick(('int', 'text', 'num')), scope, 0)}"
        call, kind = self.pick((("rank()", "int"), ("dense_rank()", "int"), ("count(*)", "int"), ("cume_dist()", "float"),
                                (f"max({self.expression('num', scope, 0)})", "num")))
        return f"{call} OVER ({inner}{order})", kind

    def grouped(self, scope, depth, kinds):
        source = self.from_clause(scope, depth)
        condition = self.where(scope, depth)
        keys = [self.expression(self.pick(("text", "int", "bool", "date")), scope, 0) for _ in range(self.pick((0, 1, 1, 2)))]
        keys = [key for key in keys if any(c.isalpha() for c in key)]
        keys = [key for key in keys if not key.strip("'").isdigit() and not key.startswith(("'", "date '", "true", "false"))]
        shown = [] if kinds else list(keys)
        aggregates = kinds or [self.pick(("int", "num", "text", "bool", "json", "texts")) for _ in range(self.random.randint(1, 3))]
        texts = shown + [self.aggregate(kind, scope, depth) for kind in aggregates]
        columns = {f"g{i}": "any" for i in range(len(shown))} | {f"c{i}": kind for i, kind in enumerate(aggregates)}
        text = f"SELECT {', '.join(texts)} FROM {source}{condition}"
        if keys:
            form = self.pick(("{}", "{}", "{}", "ROLLUP ({})", "CUBE ({})", "GROUPING SETS (({}), ())", "GROUPING SETS (ROLLUP ({}), ())"))
            text += f" GROUP BY {form.format(', '.join(keys))}"
        if self.chance(0.3):
            text += f" HAVING {self.aggregate('bool', scope, depth)}"
        return text, columns

    # ---- statements ----

    def write(self):
        scope = Scope()
        target = self.pick([name for name in TABLES if name.startswith("sales.") or self.chance(0.2)])
        columns = {name: kind for name, kind in TABLES[target].items()}
        name = target.split(".", 1)[1]
        returning = f" RETURNING {self.pick(list(columns))}" if self.chance(0.6) else ""
        roll = self.random.random()
        if roll < 0.35:
            names = list(columns)
            query, _ = self.plain(Scope(), 1, [columns[column] for column in names], ordered=False)
            prefix = f"INSERT INTO {target} ({', '.join(names)}) "
            return prefix + query + self.pick(("", " ON CONFLICT DO NOTHING")) + returning
        scope.ranges = [Range(name, columns, relation=target)]
        condition = f" WHERE {self.boolean(scope, 1)}" if self.chance(0.9) else ""
        if roll < 0.7:
            column = self.pick(list(columns))
            return f"UPDATE {target} SET {column} = {self.expression(columns[column], scope, 1)}{condition}{returning}"
        return f"DELETE FROM {target}{condition}{returning}"

    def parameters(self):
        text, _ = self.query(DEPTH - 1)
        values, types = [], []
        for constant, kind in list(self.constants)[:2]:
            if kind in ("int", "text", "num") and constant in text:
                text = text.replace(constant, f"${len(values) + 1}::{ {'int': 'int', 'text': 'text', 'num': 'numeric'}[kind]}", 1)
                values.append(constant)
                types.append(kind)
        return Statement(text, "parameters", tuple(types), tuple(values)) if values else Statement(text)

    def broken(self):
        """A statement with a token too many, too few or in the wrong place."""
        words = self.query(DEPTH - 1)[0].split(" ")
        at = self.random.randrange(len(words))
        roll = self.random.random()
        if roll < 0.35:
            del words[at]
        elif roll < 0.6:
            words.insert(at, self.pick(words))
        elif roll < 0.8:
            other = self.random.randrange(len(words))
            words[at], words[other] = words[other], words[at]
        else:
            words[at] = self.pick((*CONFUSING, "NULL", "*", "shared.events", "sales.orders", "(SELECT 1)", "$1", "''", "LATERAL", "ONLY"))
        return " ".join(words)

    def statement(self):
        roll = self.random.random()
        if self.flavour == "equal":
            if roll < 0.03:
                return Statement(self.write(), "write")
            if roll < 0.07:
                return Statement(self.broken())
        if roll < 0.12:
            return self.parameters()
        if roll < 0.14:
            rows = [f"({self.constant('int')}, {self.constant('text')})" for _ in range(self.random.randint(1, 3))]
            return Statement(f"VALUES {', '.join(rows)}")
        return Statement(self.query(self.pick((1, 2, 2, DEPTH)))[0])


def statement(seed, index, flavour="equal"):
    return Generator(seed, index, flavour).statement()
