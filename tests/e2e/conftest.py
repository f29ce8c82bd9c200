# SPDX-License-Identifier: Apache-2.0
import contextlib
import pathlib
import subprocess

import pytest

import harness

NAMES = ["shop.example.test", "blog.example.test", "*.api.example.test"]


def pytest_configure(config):
    config.addinivalue_line("markers", "release: looks at the program of a release build")
    config.addinivalue_line("markers", "long: grows to its full size with SIGNET_LONG_TESTS=1, which tools/test --long sets")


@pytest.fixture(scope="session")
def certs(tmp_path_factory):
    """A folder with a CA (ca.crt) and, for each name, an RSA and an ECDSA certificate."""
    folder = tmp_path_factory.mktemp("certs")
    subprocess.run([str(harness.ROOT / "tools/issue-certs"), "--out", str(folder), *NAMES], check=True,
                   stdout=subprocess.DEVNULL)
    return pathlib.Path(folder)


@pytest.fixture
def cleanup():
    """cleanup(thing) ends a thing with close() or kill() after the test, whatever the others do; returns it."""
    with contextlib.ExitStack() as things:
        def remember(thing):
            things.callback(thing.close if hasattr(thing, "close") else thing.kill)
            return thing

        yield remember


@pytest.fixture
def signet(tmp_path, certs, cleanup):
    """signet(config, **values) starts one, as `wrapper` executes it. At the end it is stopped in order, and must have leaked nothing."""
    started = []

    def start(config, env=None, wrapper=(), **values):
        values.setdefault("port", harness.free_port())
        instance = harness.Signet(tmp_path / f"signet{len(started)}", config, certs=certs, env=env, **values)
        instance.port = values["port"]
        started.append(cleanup(instance))
        return instance.start(wrapper=wrapper)

    yield start
    for instance in started:
        if instance.process is not None and instance.process.poll() is None:
            instance.stop()


@pytest.fixture
def origin(cleanup):
    """origin(script) starts a raw origin."""
    return lambda *args, **kwargs: cleanup(harness.RawOrigin(*args, **kwargs))


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """One Node origin for the whole run: it keeps no state."""
    started = harness.node_origin(tmp_path_factory.mktemp("node"))
    yield started
    started.close()


@pytest.fixture
def fronted(signet):
    """fronted(port) is a signet with one worker that proxies shop.example.test to one origin; more text for pool and host on wish."""
    def start(port, top="", pool="", listen="", host="", **values):
        return signet("""
workers 1
{top}
pool app {
    server 127.0.0.1:{origin}
    {pool}
}
listen 127.0.0.1:{port} {
    {listen}
    host shop.example.test {
        certificate {certs}/shop.example.test.rsa.crt key={certs}/shop.example.test.rsa.key
        certificate {certs}/shop.example.test.ecdsa.crt key={certs}/shop.example.test.ecdsa.key
        {host}
        proxy app
    }
}
""", origin=port, top=top, pool=pool, listen=listen, host=host, **values)
    return start
