"""A worker under Callgrind, with a control plane beside it that configures one gateway.

The control plane is not measured. Only processes that were started here are ended.
"""

import json
import pathlib
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from typing import Callable

from kit.server import LOG_TAIL_LINES, environment

from meter import backend

PORT_OFFSET = 20000
FRONTEND_PORT = 1000
SCOPE = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/meter/providers/Microsoft.Network"
GATEWAY = f"{SCOPE}/applicationGateways/meter"
SUBNET = {"id": f"{SCOPE}/virtualNetworks/meter/subnets/meter"}

# Under Callgrind a start takes about 5 s on an idle machine.
TIMEOUT_SECONDS = 120

# The lengths of the two pauses whose difference tells what an idle worker executes.
IDLE_SECONDS = (1, 9)


class Failed(Exception):
    """The worker or the control plane does not do what was expected in time."""


class Worker:
    """A running worker with one data thread, to be used as a context manager."""

    def __init__(self, binary: pathlib.Path):
        self.binary = binary
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tidegate-instructions-"))
        # 127.0.0.0/8 is all loopback; 127.0.x.y is left to other tests. The text is as long in every run, because the
        # worker writes it into requests.
        self.address = ".".join(["127", *(str(random.randint(100, 254)) for _ in range(3))])
        self.backend = backend.Backend(self.address)
        self.processes: list[subprocess.Popen] = []
        self.dumps = 0
        # Callgrind's number of the data thread.
        self.data_thread = ""
        # What the data thread executes in a second without traffic: it looks for deadlines that have passed.
        self.idle_rate = 0.0

    @property
    def listener(self) -> tuple[str, int]:
        """Returns the address at which the gateway listens."""
        return self.address, PORT_OFFSET + FRONTEND_PORT

    def __enter__(self) -> "Worker":
        try:
            self._start_control_plane()
            self._start_worker()
            self._configure()
            # The probe's request is the first; the next is a day away.
            self.backend.next_request()[0].sendall(backend.RESPONSE)
            self.wait_until_asleep()
        except BaseException:
            self.__exit__(Failed, None, None)
            raise
        return self

    def __exit__(self, kind, _value, _traceback) -> None:
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.backend.close()
        if kind is not None:
            for log in sorted(self.directory.glob("*.log")):
                print(f"-- the end of {log.name}:", *log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:], sep="\n")
        shutil.rmtree(self.directory, ignore_errors=True)

    def calibrate(self, work: Callable[[], None]) -> None:
        """Finds the data thread by the work that it does, and measures what it executes without work."""
        self._dump()
        work()
        executed = self._dump()
        self.data_thread = max(executed, key=executed.get)
        shorter, longer = (self._executed(lambda s=seconds: time.sleep(s))[0] for seconds in IDLE_SECONDS)
        self.idle_rate = (longer - shorter) / (IDLE_SECONDS[1] - IDLE_SECONDS[0])

    def instructions(self, work: Callable[[], None]) -> float:
        """Returns the number of instructions that the data thread executes for the work.

        What it does by time alone is subtracted, because the work takes longer on a machine with other work. The other
        threads are not counted: they talk with the control plane, resolve names and so on.
        """
        executed, seconds = self._executed(work)
        return executed - seconds * self.idle_rate

    def _executed(self, work: Callable[[], None]) -> tuple[int, float]:
        """Returns the instructions of the data thread during the work, and the seconds that it took."""
        self._dump()
        began = time.monotonic()
        work()
        executed = self._dump()[self.data_thread]
        return executed, time.monotonic() - began

    def wait_until_asleep(self) -> None:
        """Waits until no thread of the worker has anything to do.

        Each thread sleeps, and none has run between two looks. One look is not enough, because the threads are not
        read at the same time.
        """
        last, deadline = None, time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            now = self._threads()
            if now == last and all(state == "S" for state, *_ in now.values()):
                return
            last = now
        raise Failed("the worker does not come to rest")

    def _threads(self) -> dict[str, tuple[str, ...]]:
        """Returns the state of each thread and how often it was switched."""
        found = {}
        for thread in pathlib.Path(f"/proc/{self.processes[1].pid}/task").iterdir():
            try:
                lines = dict(line.split(":", 1) for line in (thread / "status").read_text().splitlines())
            except (FileNotFoundError, ProcessLookupError):
                continue
            switches = (lines[f"{kind}_ctxt_switches"].strip() for kind in ("voluntary", "nonvoluntary"))
            found[thread.name] = (lines["State"].split()[0], *switches)
        return found

    def _dump(self) -> dict[str, int]:
        """Makes Callgrind write its counters and set them to zero. Returns them by its numbers of the threads."""
        self.wait_until_asleep()
        self.dumps += 1
        pid = self.processes[1].pid
        command = ["vgdb", f"--pid={pid}", f"--vgdb-prefix={self.directory}/vgdb", "dump"]
        subprocess.run(command, check=True, timeout=TIMEOUT_SECONDS, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait_until_asleep()
        files = {path.name.rpartition("-")[2]: path for path in self.directory.glob(f"callgrind.{pid}.{self.dumps}-*")}
        return {thread: int(re.search(r"(?m)^totals: (\d+)$", path.read_text())[1]) for thread, path in files.items()}

    def _start_control_plane(self) -> None:
        self.data_dir = self.directory / "control-plane"
        any_port = [argument for name in ("management", "management-tls", "channel") for argument in (f"--{name}", "127.0.0.1:0")]
        self._start("control-plane", [self.binary, "control-plane", "--data-dir", self.data_dir, *any_port])
        self._wait_for(lambda: (self.data_dir / "endpoints.json").exists(), "the control plane does not start")
        self.endpoints = json.loads((self.data_dir / "endpoints.json").read_text())

    def _start_worker(self) -> None:
        token = self.directory / "token"
        command = [self.binary, "worker", "token", "--data-dir", self.data_dir]
        token.write_bytes(subprocess.run(command, env=environment(), check=True, timeout=TIMEOUT_SECONDS, stdout=subprocess.PIPE).stdout)
        callgrind = [
            "valgrind", "--tool=callgrind", "--separate-threads=yes", f"--vgdb-prefix={self.directory}/vgdb",
            f"--callgrind-out-file={self.directory}/callgrind.%p",
        ]  # fmt: skip
        options = [
            "--control-plane", self.endpoints["channel"], "--token-file", token, "--data-dir", self.directory / "worker",
            "--public-address", self.address, "--port-offset", str(PORT_OFFSET), "--drain-timeout", "1s",
            "--threads", "1", "--access-log", "off", "--metrics", "off",
        ]  # fmt: skip
        self._start("worker", [*callgrind, self.binary, "data-plane", *options])

    def _start(self, name: str, command: list) -> None:
        log = (self.directory / f"{name}.log").open("w")
        self.processes.append(subprocess.Popen(command, env=environment(), stdout=log, stderr=log, stdin=subprocess.DEVNULL))

    def _configure(self) -> None:
        """Puts a gateway with one listener and one backend, and waits until the worker serves it."""
        url = f"{self.endpoints['management']}{GATEWAY}?api-version=2025-05-01"
        self._call("PUT", url, document(self.address))
        state = lambda: self._call("GET", url)["properties"]["provisioningState"]  # noqa: E731
        self._wait_for(lambda: state() == "Succeeded", "the gateway is not applied")

    def _call(self, method: str, url: str, body=None) -> dict:
        token = (self.data_dir / "admin-token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, method=method, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Failed(f"{method} {url}: {error.code} {error.read().decode()}") from error

    def _wait_for(self, state: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not state():
            if time.monotonic() > deadline or any(process.poll() is not None for process in self.processes):
                raise Failed(otherwise)
            time.sleep(0.05)


def document(address: str) -> dict:
    """Returns a gateway whose health probe is sent once a day, so that a measurement is free of probes."""
    ref = lambda collection, name: {"id": f"{GATEWAY}/{collection}/{name}"}  # noqa: E731
    named = lambda name, **properties: {"name": name, "properties": properties}  # noqa: E731
    probe = named("p", protocol="Http", host="probe.test", path="/", interval=86400, timeout=5, unhealthyThreshold=20)
    settings = named("s", port=backend.PORT, protocol="Http", requestTimeout=600, probe=ref("probes", "p"))
    listener = named(
        "l", frontendIPConfiguration=ref("frontendIPConfigurations", "f"), frontendPort=ref("frontendPorts", "f"), protocol="Http"
    )
    rule = named(
        "r", ruleType="Basic", priority=1, httpListener=ref("httpListeners", "l"),
        backendAddressPool=ref("backendAddressPools", "b"), backendHttpSettings=ref("backendHttpSettingsCollection", "s"),
    )  # fmt: skip
    properties = {
        "sku": {"name": "Standard_v2", "tier": "Standard_v2", "capacity": 1},
        "gatewayIPConfigurations": [named("g", subnet=SUBNET)],
        "frontendIPConfigurations": [named("f", privateIPAddress=address, privateIPAllocationMethod="Static", subnet=SUBNET)],
        "frontendPorts": [named("f", port=FRONTEND_PORT)],
        "backendAddressPools": [named("b", backendAddresses=[{"ipAddress": address}])],
        "probes": [probe],
        "backendHttpSettingsCollection": [settings],
        "httpListeners": [listener],
        "requestRoutingRules": [rule],
    }
    return {"location": "local", "properties": properties}
