# SPDX-License-Identifier: Apache-2.0
"""Non-interference: the same rewritten text in two databases that differ only in rows which the identity may not see. Columns, rows
and their order, command tag, notices and every field of an error must be identical."""

import driver

FINDING = "FINDING "
CLASSES = {
    "identical": "columns, rows and their order, tag, notices",
    "identical error": "every field of it",
    "refused": "refused by rowgate",
    "order": "the same rows in another order: the planner chose another plan",
    "timeout": "more than the time that one side gets",
}


class Interference:
    def __init__(self, worlds):
        self.worlds = worlds

    def judge(self, statement, identity, plan):
        if "text" not in plan:
            return "refused", plan["rule"]
        one = self.worlds.side("ours", identity).run(statement, plan["text"])
        other = self.worlds.side("twin", identity).run(statement, plan["text"])
        verdict = compare(one, other)
        return verdict, shown(one, other) if verdict.startswith(FINDING) else one.error


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
