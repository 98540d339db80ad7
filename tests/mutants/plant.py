# SPDX-License-Identifier: Apache-2.0
"""Plants mutants into a copy of the rewriter: each place gets `RG_MUTANT(n) ? changed : original`, so that one build holds them
all and an environment variable chooses. Our own style (one statement a line, braces everywhere) makes text enough."""

import dataclasses
import re

HEAD = """extern int rg_mutant_active;
#define RG_MUTANT(n) (rg_mutant_active == (n))
"""
SWITCH = """
int rg_mutant_active;
__attribute__((constructor)) static void rg_mutant_read(void)
{
    const char *text = getenv("RG_MUTANT");
    rg_mutant_active = text == NULL ? 0 : (int)strtol(text, NULL, 10);
}
"""


@dataclasses.dataclass(frozen=True)
class Mutant:
    number: int
    file: str
    line: int
    what: str
    was: str

    def __str__(self):
        return f"#{self.number} {self.file}:{self.line}: {self.what}: {self.was}"


def close_of(text, at):
    """Index of the parenthesis that closes the one at `at`."""
    depth = 0
    while at < len(text):
        char = text[at]
        if char in "\"'":
            at += 1
            while text[at] != char:
                at += 2 if text[at] == "\\" else 1
        elif text.startswith("/*", at):
            at = text.index("*/", at) + 1
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    raise ValueError("no closing parenthesis")


def parts_of(condition):
    """Its operands, when && or || joins them at the top, and the operator; else none."""
    found, start, at, operators = [], 0, 0, set()
    while at < len(condition):
        char = condition[at]
        if char in "([{":
            at = close_of(condition, at)
        elif char in "\"'":
            at += 1
            while condition[at] != char:
                at += 2 if condition[at] == "\\" else 1
        elif condition[at:at + 2] in ("&&", "||"):
            operators.add(condition[at:at + 2])
            found.append(condition[start:at].strip())
            start, at = at + 2, at + 1
        elif char == "?":
            return [], None
        at += 1
    found.append(condition[start:].strip())
    return (found, operators.pop()) if len(operators) == 1 else ([], None)


class Planter:
    def __init__(self):
        self.mutants = []

    def add(self, file, text, at, what, was):
        line = text.count("\n", 0, at) + 1
        self.mutants.append(Mutant(len(self.mutants) + 1, file, line, what, " ".join(was.split())[:100]))
        return len(self.mutants)

    def choice(self, file, text, at, condition):
        """The condition with its mutants around it."""
        number = self.add(file, text, at, "negated", condition)
        changed = f"RG_MUTANT({number}) ? !({condition}) : "
        parts, operator = parts_of(condition)
        for i, part in enumerate(parts):
            rest = f" {operator} ".join(parts[:i] + parts[i + 1:])
            number = self.add(file, text, at, f"without an operand of {operator}", part)
            changed += f"RG_MUTANT({number}) ? ({rest}) : "
        return f"({changed}({condition}))"

    def plant(self, file, text):
        edits = []  # (at, end, replacement) in text
        for found in re.finditer(r"^ *(?:\} else )?if \(", text, re.M):
            open_at = found.end() - 1
            close = close_of(text, open_at)
            edits.append((open_at, close + 1, f"({self.choice(file, text, open_at, text[open_at + 1:close])})"))
        for found in re.finditer(r"^ *(RG_TRY\()", text, re.M):
            close = close_of(text, found.end() - 1)
            call = text[found.start(1):close + 2]
            number = self.add(file, text, found.start(1), "call left out", call)
            edits.append((found.start(1), close + 2, f"if (!RG_MUTANT({number})) {{ {call} }}"))
        for found in re.finditer(r"\breturn (sql_deny(?:_\w+)?|deny_\w+)\(", text):
            close = close_of(text, found.end() - 1)
            if text[close + 1] == ";":
                call = text[found.start(1):close + 1]
                number = self.add(file, text, found.start(1), "allowed instead of", call)
                edits.append((found.start(1), close + 1, f"(RG_MUTANT({number}) ? RG_OK : {call})"))
        for function in re.finditer(r"^(?:static )?(?:inline )?bool \w+\([^{;]*\)\n\{\n(.*?)^\}", text, re.M | re.S):
            for found in re.finditer(r"""\breturn ((?:[^;"']|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')+);""", function.group(1)):
                at = function.start(1) + found.start(1)
                if found.group(1) not in ("true", "false") and not any(a <= at < e for a, e, _ in edits):
                    edits.append((at, at + len(found.group(1)), self.choice(file, text, at, found.group(1))))
        edits.sort()
        out, at = [], 0
        for start, end, replacement in edits:
            if start >= at:  # not inside another one
                out += [text[at:start], replacement]
                at = end
        return "".join(out) + text[at:]

    def plant_walk(self, file, text, table):
        """A child field that is not visited, one mutant each."""
        rows = re.sub(r"/\*.*?\*/", "", table, flags=re.S)
        skips = []
        for node, rest in re.findall(r"SQL_NODE\((\w+)((?:[^()]|\([^()]*\))*)\)", rows):
            for i, member in enumerate(re.findall(r"F\(\w+, (\w+)\)", rest)):
                number = self.add(file, text, 0, "child not visited", f"{node}.{member}")
                skips.append(f"        if (nodeTag(node) == T_{node} && i == {i} && RG_MUTANT({number})) {{ continue; }}\n")
        mark = "for (size_t i = 0; i < info->count; i++) {\n"
        assert text.count(mark) == 1
        return text.replace(mark, mark + "".join(skips))

    def plant_handlers(self, file, text):
        """A handler that is not called."""
        rows = re.findall(r"\[T_(\w+)\] = \{\w+, (?:true|false)\}", text)
        mark = "    size_t tag = (size_t)nodeTag(*slot);\n"
        assert text.count(mark) == 1 and len(rows) > 20
        skips = ""
        for node in rows:
            number = self.add(file, text, 0, "handler not called", node)
            skips += f"    if (tag == T_{node} && RG_MUTANT({number})) {{ return RG_OK; }}\n"
        return text.replace(mark, mark + skips)
