# SPDX-License-Identifier: Apache-2.0
"""Non-interference: the same rewritten text in two databases that differ only in rows which the identity may not see. Columns, rows
and their order, command tag, notices and every field of an error must be identical."""

import driver

FINDING = "FINDING "
CLASSES = {
    "identical": "columns, rows and their order, tag, notices",
    "identical error": "every field of it",
    "refused": "refused by rowgate",
    "plan": "an error that the identity's own rows alone can raise: the planner's estimates decided whether it was met",
    "order": "the same rows in another order: the planner chose another plan",
    "timeout": "more than the time that one side gets",
}
# Ways to make the planner choose otherwise.
PLANS = ({"join_collapse_limit": "1", "from_collapse_limit": "1"}, {"enable_hashjoin": "off"}, {"enable_nestloop": "off"},
         {"enable_material": "off"}, {"enable_hashjoin": "off", "enable_mergejoin": "off"}, {"enable_hashagg": "off"},
         {"enable_nestloop": "off", "join_collapse_limit": "1"}, {"enable_material": "off", "enable_hashjoin": "off"},
         {"cpu_tuple_cost": "100"}, {"cpu_operator_cost": "10"}, {"enable_material": "off", "join_collapse_limit": "1"})


class Interference:
    def __init__(self, worlds):
        self.worlds = worlds

    def judge(self, statement, identity, plan):
        if "text" not in plan:
            return "refused", plan["rule"]
        one = self.worlds.side("ours", identity).run(statement, plan["text"])
        other = self.worlds.side("twin", identity).run(statement, plan["text"])
        verdict = compare(one, other)
        if verdict.startswith(FINDING) and self._is_own(statement, identity, plan, [each for each in (one, other) if each.is_error]):
            verdict = "plan"
        return verdict, shown(one, other) if verdict.startswith(FINDING) else one.error

    def _is_own(self, statement, identity, plan, errors):
        """Does each error arise, word for word, where there are no rows but the identity's own, under one plan or another?"""
        side = self.worlds.side("alone", identity)
        own = [side.run(statement, plan["text"])]
        for settings in PLANS:
            side.answer("; ".join(f"set {name} = {value}" for name, value in settings.items()))
            own.append(side.run(statement, plan["text"]))
            side.answer("reset all")
        known = {(each.error, each.fields) for each in own}
        return bool(errors) and all(driver.is_of_data(each.error) and (each.error, each.fields) in known for each in errors)


def compare(one, other):
    if driver.TIMEOUT in (one.error, other.error):
        return "timeout"
    if one == other:
        return "identical error" if one.is_error else "identical"
    if one.is_error != other.is_error:
        return FINDING + "an error tells"
    if one.is_error:
        return FINDING + "errors differ"
    if one.notices != other.notices:
        return FINDING + "notices differ"
    same = (one.columns, one.tag) == (other.columns, other.tag) and one.bag() == other.bag()
    return "order" if same else FINDING + "rows differ"


def shown(one, other):
    if one.is_error or other.is_error:
        return f"one: {one.error} {one.fields}  other: {other.error} {other.fields}"
    return f"only one: {list(one.bag() - other.bag())[:3]}  only other: {list(other.bag() - one.bag())[:3]} {one.notices} {other.notices}"
