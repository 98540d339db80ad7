# SPDX-License-Identifier: Apache-2.0
"""Fixtures: one stack a module and upstream kind; ROWGATE_BIN names the binary."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import stack as stack_module  # noqa: E402


@pytest.fixture(scope="session", params=["postgres", "pgbouncer"])
def stack(request):
    """Both roads: directly to PostgreSQL, and through PgBouncer in transaction mode."""
    with stack_module.Stack(kind=request.param) as running:
        yield running


@pytest.fixture(scope="session")
def direct():
    with stack_module.Stack(kind="postgres", own_kinds='["select", "insert", "update", "delete"]') as running:
        yield running
