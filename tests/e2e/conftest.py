# SPDX-License-Identifier: Apache-2.0
"""Fixtures: one stack a module and upstream kind; ROWGATE_BIN names the binary."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import faults as fault_module  # noqa: E402
import stack as stack_module  # noqa: E402


# These files wait longest for clocks, disks and restarts: they begin first, so that no worker runs one alone at the end.
LONG = ["test_oidc_keycloak.py", "test_audit_faults.py", "test_two_locks.py", "test_drivers.py", "test_audit_moved.py", "test_verifiers.py",
        "test_audit_damage.py", "test_bad_upstream.py", "test_equal_rows.py", "test_attacks.py", "test_catalogue.py"]


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


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


@pytest.fixture(scope="session")
def keycloak():
    """One server a worker; each module makes realms of its own."""
    import keycloak as keycloak_module
    with keycloak_module.Keycloak() as running:
        yield running
