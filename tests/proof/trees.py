# SPDX-License-Identifier: Apache-2.0
"""A third opinion, PostgreSQL's own: the rewritten text becomes a view, and what analysis made of it is read from pg_rewrite.ev_action,
where no name is left to be resolved. Every relation must be one that the identity may reach, every function of pg_catalog and listed
in policy/functions.def (or what an operator, cast or SQL syntax of pg_catalog stands for), no value of a reg* type."""

import re

import driver

FINDING = "FINDING "
CLASSES = {
    "covered": "every relation, function and type of the analysed tree is allowed",
    "refused": "refused by rowgate",
    "no view": "PostgreSQL does not accept the rewritten text, or not as a view",
}
FUNCTIONS = re.compile(r'(ALLOWED|GUARDED|CONSTANT)\("([^"]+)"')
# A call by its name has :funcformat 0; casts 1 and 2 and SQL's own syntax 3 name their functions themselves.
CALLED = re.compile(r"\{FUNCEXPR :funcid (\d+) :funcresulttype (\d+) :funcretset \w+ :funcvariadic \w+ :funcformat (\d)")
AGGREGATED = re.compile(r":(?:aggfnoid|winfnoid) (\d+)")
OPERATED = re.compile(r":opno (\d+) :opfuncid (\d+)")
RELATION = re.compile(r":relid ([1-9]\d*)")
TYPED = re.compile(r":(?:consttype|vartype|resulttype|funcresulttype|opresulttype|aggtype|wintype|casetype|coalescetype|minmaxtype|"
                   r"array_typeid|element_typeid|row_typeid|paramtype|refelemtype|refrestype) (\d+)")
TYPED_LISTS = re.compile(r":(?:coltypes|ctecoltypes|colTypes|funccoltypes) \(o ([\d ]+)\)")
# Functions that SQL's own syntax calls, beside the listed ones: EXTRACT, POSITION, OVERLAPS, AT TIME ZONE, IS NORMALIZED, ...
SYNTAX = {"pg_collation_for", "is_normalized", "normalize", "overlaps", "timezone", "system_user"}
# rowgate's own question whether the columns of a relation with masks are still what it knows.
GUARD = {"pg_identify_object_as_address"}


def listed():
    text = (driver.ROOT / "policy/functions.def").read_text()
    return {name.split("(")[0] for _, name in FUNCTIONS.findall(text)}


class Trees:
    def __init__(self, worlds):
        self.worlds = worlds
        self.known = {}

    def _catalogue(self, identity):
        if identity not in self.known:
            ask = lambda sql: self.worlds.side("tree", identity).answer(sql).rows
            allowed = set(listed())
            is_masked = identity[1] == "masked"
            allowed |= GUARD if is_masked else set()
            self.known[identity] = {
                "relations": {oid for oid, in ask(
                    "select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace where "
                    f"n.nspname = 't_{identity[0]}' or n.nspname = 'shared' and c.relname in ('events', 'orders', 'regional', 'plain')"
                    # of the guard
                    f" or {is_masked} and c.oid in ('pg_catalog.pg_attribute'::regclass, 'pg_catalog.pg_type'::regclass)")},
                "functions": {oid: f"{schema}.{name}" for oid, schema, name in ask(
                    "select p.oid, n.nspname, p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace")},
                "allowed": {oid for oid, schema, name in ask(
                    "select p.oid, n.nspname, p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace")
                    if schema == "pg_catalog" and name in allowed | SYNTAX},
                "operators": set(ask("select o.oid, o.oprcode::oid from pg_operator o where oprnamespace = 'pg_catalog'::regnamespace")),
                "casts": {oid for oid, in ask("select castfunc from pg_cast where oid < 16384 union select oid from pg_proc where "
                                              "pronamespace = 'pg_catalog'::regnamespace and proname = any (array[" + ", ".join(
                                                  f"'{name}'" for name in LENGTH_COERCIONS) + "])")},
                "types": {oid: name for oid, name in ask(
                    "select oid, typname from pg_type where typname ~ '^_?reg' and typnamespace = 'pg_catalog'::regnamespace "
                    f"and not ({is_masked} and typname in ('regclass', 'regnamespace', 'regproc'))")},
            }
        return self.known[identity]

    def judge(self, statement, identity, plan):
        if "text" not in plan:
            return "refused", plan["rule"]
        side = self.worlds.side("tree", identity)
        with side.cleaning("rollback"):
            made = side.answer("begin", f"create temp view rg_proof as select 1 as one from ({plan['text']}\n) as rg_x")
            if made.is_error:
                return "no view", made.error
            tree = side.answer("select ev_action::text from pg_rewrite where ev_class = 'rg_proof'::regclass").rows[0][0]
        problem = self.problem(tree, identity)
        return (FINDING + problem.split(":")[0], problem) if problem else ("covered", "")

    def problem(self, tree, identity):
        """What of the tree is not allowed, "" when nothing."""
        known = self._catalogue(identity)
        # the view's own OLD and NEW are range table entries too
        strange = set(RELATION.findall(tree)) - known["relations"] - set(RELATION.findall(tree)[:1])
        if strange:
            return f"relation: {sorted(strange)}"
        for funcid, _, form in CALLED.findall(tree):
            if funcid not in known["allowed"] and not (form in "123" and funcid in known["casts"]):
                return f"function: {known['functions'].get(funcid)} form {form}"
        for funcid in AGGREGATED.findall(tree):
            if funcid not in known["allowed"]:
                return f"aggregate: {known['functions'].get(funcid)}"
        for pair in OPERATED.findall(tree):
            if pair not in known["operators"] and (pair[0], pair[1]) not in known["operators"]:
                return f"operator: {pair}"
        types = set(TYPED.findall(tree))
        for each in TYPED_LISTS.findall(tree):
            types |= set(each.split())
        lent = types & set(known["types"])
        return f"type: {sorted(known['types'][oid] for oid in lent)}" if lent else ""


# A length or precision makes analysis call these by themselves: varchar(4), numeric(20, 1), timestamp(3), bit(2).
LENGTH_COERCIONS = ("varchar", "bpchar", "numeric", "timestamptz", "timestamp", "time", "timetz", "interval", "bit", "varbit")
