# SPDX-License-Identifier: Apache-2.0
"""The five origins and Signet's forwarder, once for all tests of this folder."""
import asyncio
import contextlib

import pytest
from forwarder import Forwarder
from origins import Origins, harness


@pytest.fixture(scope="session")
def loop():
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        yield loop


@pytest.fixture(scope="session")
def origins():
    with contextlib.closing(Origins()) as started:
        yield started


@pytest.fixture(scope="session")
def forwarder(loop):
    program = harness.BUILD / "tests/loop/forwarder"
    started = loop.run_until_complete(Forwarder.start(program, env=harness.environment()))
    yield started
    assert loop.run_until_complete(started.stop()), "the forwarder has leaked, or a sanitizer has spoken"
