# SPDX-License-Identifier: Apache-2.0
"""Makes a statement that shows something shorter, as long as it shows the same."""

import dataclasses
import re
import time

import driver
import generate

TOKEN = re.compile(r"(?:[eE]|[uU]&)?'(?:[^']|'')*'|\"[^\"]*\"|\$q\$.*?\$q\$|::|[-+*/<>=~!@#%^&|?]+|[A-Za-z_][\w$]*|\d[\w.]*|\s+|.", re.S)
TRIALS, KEPT, SECONDS = 400, 6, 20


def tokens(text):
    return [token for token in TOKEN.findall(text) if not token.isspace()]


def pieces(words):
    """(from, to) of what may go together: parenthesised groups first, then runs of tokens, longest first."""
    opened, found = [], []
    for at, word in enumerate(words):
        if word == "(":
            opened.append(at)
        elif word == ")" and opened:
            start = opened.pop()
            found += [(start, at + 1), (max(0, start - 1), at + 1)]
    size = len(words) // 2
    while size > 0:
        found += [(at, min(len(words), at + size)) for at in range(0, len(words), max(1, size // 2))]
        size //= 2
    return sorted(set(found), key=lambda piece: piece[0] - piece[1])


def shortened(text, still_shows):
    words, trials, progress = tokens(text), 0, True
    deadline = time.monotonic() + SECONDS
    while progress and trials < TRIALS and time.monotonic() < deadline:
        progress = False
        for start, end in pieces(words):
            candidate = words[:start] + words[end:]
            trials += 1
            if candidate and trials < TRIALS and time.monotonic() < deadline and still_shows(" ".join(candidate)):
                words, progress = candidate, True
                break
    return " ".join(words)


def shorten(findings, proofs, running, change):
    """Adds "short" to the first findings of each class."""
    seen = {}
    for finding in findings:
        if finding["proof"] not in proofs or seen.setdefault(finding["class"], 0) >= KEPT:
            continue
        seen[finding["class"]] += 1
        worlds = driver.Worlds(running, seconds=0.3)
        judge = proofs[finding["proof"]][0](worlds)
        original = generate.Statement(finding["sql"], "write" if finding["kind"] == "write" else "read")

        def still_shows(text):
            statement = dataclasses.replace(original, text=text)
            plan = worlds.rewriter.plans([[worlds.identities.index(finding["identity"]), "simple", text]])[0]
            if "text" in plan:
                plan["text"] = change(plan["text"])
            return judge.judge(statement, finding["identity"], plan)[0] == finding["class"]

        if still_shows(finding["sql"]):
            finding["short"] = shortened(finding["sql"], still_shows)
        worlds.close()
