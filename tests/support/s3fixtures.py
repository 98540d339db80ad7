# SPDX-License-Identifier: Apache-2.0
"""Fixtures for tests of one log in one bucket: a server and a rowgate for the module, a bucket and a running rowgate for the test.
A module imports them by name."""
import itertools

import pytest

import s3
import s3stack

buckets = itertools.count(1)


@pytest.fixture(scope="module")
def server():
    with s3.Seaweed() as running:
        yield running


@pytest.fixture(scope="module")
def one_stack(server):
    with s3stack.S3Stack(server) as running:
        yield running


@pytest.fixture
def stack(one_stack):
    yield one_stack
    print(one_stack.rowgate.log_path.read_text()[-6000:])  # shown when the test fails
    one_stack.stop_rowgate()
    if one_stack.storage.process is None:
        one_stack.storage.start()


@pytest.fixture
def bucket(server):
    return server.make_bucket(f"bucket-{next(buckets)}")
