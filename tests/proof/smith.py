# SPDX-License-Identifier: Apache-2.0
"""Statements of sqlsmith (Debian's package), which reads the native side's catalogue: much that nobody writes."""

import re
import subprocess

import generate

TENANT = "acme"
# What makes two right answers differ, and what would take too long.
LIMIT = re.compile(r"\s+limit \d+|\s+tablesample \w+ \([\d.e+-]+\)")

# sqlsmith does not quote names.
QUOTED = ((re.compile(r"\bOdd Table\b"), '"Odd Table"'), (re.compile(r"\bMixed Case\b"), '"Mixed Case"'), (re.compile(r"\ba\.b\b"), '"a.b"'),
          (re.compile(r"\.select\b"), '."select"'), (re.compile(r"\bselect select\b"), 'select "select"'),
          (re.compile(r"\bset select ="), 'set "select" ='))


def repaired(text):
    text = LIMIT.sub("", text).strip()
    for pattern, name in QUOTED:
        text = pattern.sub(name, text)
    return text


def statements(running, count, seed):
    """As many texts as sqlsmith prints, without LIMIT above rows in no order and without samples."""
    target = f"host={running.server.host} port={running.server.port} dbname=native_{TENANT} user=rls_{TENANT} password=native"
    done = subprocess.run(["sqlsmith", f"--target={target}", "--dry-run", "--exclude-catalog", f"--max-queries={count}",
                           f"--seed={sum(seed.encode()) % 2**31}"], text=True, capture_output=True)
    texts = [repaired(text) for text in re.split(r";\s*\n", done.stdout)]
    return [text for text in texts if text and not text.startswith("--")][:count]


def statement(texts, index):
    text = texts[index]
    head = text.lstrip().split(None, 1)[0].lower() if text.strip() else ""
    return generate.Statement(text, "read" if head in ("select", "with", "values") and not writes(text) else "write")


def writes(text):
    return re.search(r"\b(insert into|update|delete from|merge into)\b", text, re.I) is not None
