# SPDX-License-Identifier: Apache-2.0
"""Fixtures: one stack a module and upstream kind; ROWGATE_BIN names the binary."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import faults as fault_module  # noqa: E402
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


@pytest.fixture(scope="session")
def fault_stack():
    with fault_module.FaultStack(fill=fault_module.TABLE) as running:
        yield running


@pytest.fixture
def faulty(fault_stack):
    """Starts with faulty.renew(): each test has a log of its own."""
    yield fault_stack
    print(fault_stack.rowgate.log_path.read_text()[-8000:])  # shown when the test fails
    fault_stack.stop_rowgate()
