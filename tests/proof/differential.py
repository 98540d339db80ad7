# SPDX-License-Identifier: Apache-2.0
"""Equal rows or both refuse: the rewritten text as rowgate's login, beside the client's own text under PostgreSQL's row-level
security. judge() says the class of one statement; classes that begin with FINDING must not occur."""

import driver

FINDING = "FINDING "
# What the comparison has, in the order of the report.
CLASSES = {
    "equal": "the same columns, types and rows, and the same command tag",
    "both refuse": "an error there, and here an error or a refusal",
    "refused": "refused here, answered there: what a client loses",
    "lost": "answered there; here the database does not find what pg_catalog. was put before",
    "order": "the native answer changes with the physical order of rows or the plan: nothing to compare",
    "data error": "one side met a row on which an expression fails, the other did not look at it",
    "timeout": "more than the time that one side gets",
}


class Differential:
    def __init__(self, worlds):
        self.worlds = worlds

    def judge(self, statement, identity, plan):
        """(class, what was seen)."""
        native = self.worlds.side("native", identity).run(statement, statement.text)
        if "text" not in plan:
            return ("both refuse" if native.is_error else "refused"), plan["rule"]
        ours = self.worlds.side("ours", identity).run(statement, plan["text"])
        verdict = compare(ours, native)
        if verdict.startswith(FINDING) and self._is_unstable(statement, identity, ours, native):
            return "order", verdict
        return verdict, shown(ours, native)

    def _is_unstable(self, statement, identity, ours, native):
        shuffled = self.worlds.side("shuffled", identity).run(statement, statement.text)
        return compare(shuffled, native) not in ("equal", "both refuse") or compare(ours, shuffled) in ("equal", "both refuse")


def compare(ours, native):
    if driver.TIMEOUT in (ours.error, native.error):
        return "timeout"
    if ours.is_error and native.is_error:
        return "both refuse"
    if ours.is_error or native.is_error:
        if driver.is_of_data(ours.error or native.error):
            return "data error"
        if ours.error == "42883" and "function pg_catalog." in (ours.fields[0] or ""):
            return "lost"
        return FINDING + ("the rewritten text fails" if ours.is_error else "native refuses")
    if not driver.same_columns(ours.columns, native.columns):
        return FINDING + "columns"
    if ours.rows is not None and ours.rows != native.rows and ours.bag() != native.bag():
        return FINDING + "rows"
    return "equal" if ours.tag == native.tag else FINDING + "tag"


def shown(ours, native):
    if ours.is_error or native.is_error:
        return f"ours: {ours.error} {ours.fields[:1]}  native: {native.error} {native.fields[:1]}"
    if ours.rows is None or native.rows is None or ours.columns != native.columns and ours.rows == native.rows:
        return f"ours: {ours.columns} {ours.tag}  native: {native.columns} {native.tag}"
    extra, missing = ours.bag() - native.bag(), native.bag() - ours.bag()
    return f"only ours: {list(extra)[:3]}  only native: {list(missing)[:3]}"
