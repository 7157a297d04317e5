"""Starts a `tidegate up` and an echo backend for each suite, and tells the suite their addresses and credentials.

Each suite has its own random loopback address and ports, so that suites do not affect each other. Only processes that
were started here are ended.
"""

import functools
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import time

from kit import installs

# Listeners have ports such as 80, which only root may bind.
PORT_OFFSET = 20000

BACKEND_PORT = 9100

# On an idle machine a start takes less than a second.
START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 20
LOG_TAIL_LINES = 60


class Failed(Exception):
    """Tidegate has not started, or not ended in order."""


def default_binary() -> pathlib.Path:
    """Returns the binary that the environment names, or the release build."""
    return pathlib.Path(os.environ.get("TIDEGATE_BINARY", installs.target_dir() / "release" / "tidegate"))


def environment() -> dict[str, str]:
    """Returns the environment without variables that would affect the suite: options of Tidegate, a cloud login."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEGATE_", "AZURE_"))}
    # No proxy on loopback, and no byte code in the source tree.
    return kept | {"NO_PROXY": "*", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}


class Tidegate:
    """A running Tidegate, to be used as a context manager."""

    def __init__(self, binary: pathlib.Path, access_log: str = "off"):
        """`access_log` is the name of a file in the directory of this run, or `off`."""
        self.binary = binary
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tidegate-clients-"))
        self.access_log = access_log if access_log == "off" else str(self.directory / access_log)
        self.data_dir = self.directory / "data"
        # The credentials for vaults, which a suite writes.
        self.vaults = self.directory / "vaults"
        # 127.0.0.0/8 is all loopback; 127.0.x.y is left to other tests.
        self.address = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
        self.processes: list[subprocess.Popen] = []

    def __enter__(self) -> "Tidegate":
        try:
            self._start("echo", "--listen", f"{self.address}:{BACKEND_PORT}")
            self._start(
                "up", "--data-dir", self.data_dir, "--management", "127.0.0.1:0", "--management-tls", "127.0.0.1:0",
                "--channel", "127.0.0.1:0", "--public-address", self.address, "--port-offset", str(PORT_OFFSET),
                "--public-pool", "none", "--drain-timeout", "1s", "--access-log", self.access_log,
                "--key-vault-credentials", self.vaults, "--key-vault-interval", "1s",
            )  # fmt: skip
            self.endpoints = self._endpoints()
        except Failed:
            self._end(failed=True)
            raise
        return self

    def __exit__(self, kind, _value, _traceback) -> None:
        self._end(failed=kind is not None)

    @property
    def url(self) -> str:
        """Returns the URL of the REST API over HTTPS."""
        return self.endpoints["managementTls"]

    @property
    def authority(self) -> pathlib.Path:
        """Returns the file with the certificate authority of the REST API."""
        return self.data_dir / "ca.pem"

    def facts(self) -> dict[str, str]:
        """Returns the environment variables for a suite."""
        client = self._client
        return {
            "TEST_URL": self.url,
            "TEST_CA": str(self.authority),
            "TEST_TENANT": client["tenant"],
            "TEST_CLIENT_ID": client["appId"],
            "TEST_CLIENT_SECRET": client["password"],
            "TEST_ADDRESS": self.address,
            "TEST_PORT_OFFSET": str(PORT_OFFSET),
            "TEST_BACKEND_PORT": str(BACKEND_PORT),
            "TEST_DIRECTORY": str(self.directory),
            "TEST_VAULTS": str(self.vaults),
        }

    def admin_token(self) -> str:
        """Returns the administrator's bearer token."""
        return (self.data_dir / "admin-token").read_text().strip()

    @functools.cached_property
    def _client(self) -> dict[str, str]:
        """Creates an API client as a user does."""
        command = [self.binary, "client", "create", "suite", "--role", "contributor", "--data-dir", self.data_dir]
        streams = {"capture_output": True, "text": True}
        made = subprocess.run(command, env=environment(), timeout=START_TIMEOUT_SECONDS, **streams)
        if made.returncode != 0:
            raise Failed(f"`tidegate client create`: {made.stderr}")
        return json.loads(made.stdout)

    def _start(self, name: str, *arguments) -> None:
        log = (self.directory / f"{name}.log").open("w")
        command = [self.binary, name, *arguments]
        streams = {"stdout": log, "stderr": log, "stdin": subprocess.DEVNULL}
        self.processes.append(subprocess.Popen(command, env=environment(), **streams))

    def _endpoints(self) -> dict[str, str]:
        file, deadline = self.data_dir / "endpoints.json", time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            if file.exists():
                return json.loads(file.read_text())
            if any(process.poll() is not None for process in self.processes):
                raise Failed("it has ended by itself")
            time.sleep(0.05)
        raise Failed("it has not become ready in time")

    def _end(self, failed: bool) -> None:
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self.processes):
            try:
                process.wait(STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                failed = True
        if failed:
            self._show_logs()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _show_logs(self) -> None:
        for log in sorted(self.directory.glob("*.log")):
            print(f"-- the end of {log.name}:")
            print("\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]), flush=True)
