# SPDX-License-Identifier: Apache-2.0
"""psql's scripts into statements: quotes, dollar quotes, comments and parentheses hide a semicolon, a line that starts with a
backslash is psql's own, and data behind COPY ... FROM stdin is no SQL. No parser: what it cuts wrongly is a syntax error later,
and counted as one."""

import re

TOKEN = re.compile(
    r"""--[^\n]*
      | (?P<comment>/\*)
      | (?P<string>\b[eE]'(?:[^'\\]|''|\\.)*' | '(?:[^']|'')*')
      | "(?:[^"]|"")*"
      | (?P<dollar>\$(?:[A-Za-z_\x80-\uffff][A-Za-z0-9_\x80-\uffff]*)?\$)
      | (?P<word>[A-Za-z_][A-Za-z0-9_$]*)
      | (?P<meta>\\[^\n]*)
      | (?P<mark>[;()])
    """, re.X | re.S)


def comment_end(text, at):
    depth = 1
    for found in re.finditer(r"/\*|\*/", text[at:]):
        depth += 1 if found.group() == "/*" else -1
        if depth == 0:
            return at + found.end()
    return len(text)


def copy_data_end(text, at):
    found = re.compile(r"^\\\.\s*$", re.M).search(text, at)
    return found.end() if found else len(text)


def statements(text):
    """Yields each statement's text without its semicolon."""
    start = at = depth = bodies = 0
    words = []
    while True:
        found = TOKEN.search(text, at)
        if found is None:
            break
        at = found.end()
        if found["comment"]:
            at = comment_end(text, at)
        elif found["dollar"]:
            end = text.find(found["dollar"], at)
            at = len(text) if end < 0 else end + len(found["dollar"])
        elif found["word"]:
            word = found["word"].lower()
            bodies += word == "atomic" and words[-1:] == ["begin"] or (bodies > 0 and word == "case")
            bodies -= bodies > 0 and word == "end"
            words.append(word)
        elif found["meta"]:
            # \gset, \gexec and the like send what stands before them; any other command stands alone.
            before = text[start:found.start()]
            if before.strip() and re.match(r"\\(g|crosstabview)", found["meta"]):
                yield before.strip()
            elif before.strip() and words:
                text = text[:found.start()] + text[at:]
                at = found.start()
                continue
            start, words, depth, bodies = at, [], 0, 0
        elif found["mark"] == "(":
            depth += 1
        elif found["mark"] == ")":
            depth = max(0, depth - 1)
        elif found["mark"] == ";" and depth == 0 and bodies == 0:
            statement = text[start:found.start()].strip()
            if words:
                yield statement
            if words[:1] == ["copy"] and re.search(r"\bfrom\s+stdin\b", statement, re.I):
                at = copy_data_end(text, at)
            start, words = at, []
    if words:
        yield text[start:].strip()
