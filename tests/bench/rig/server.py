"""Tidegate with two workers and two backends that echo, all on loopback, and a client of its REST API."""

import contextlib
import json
import multiprocessing
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

GATEWAY = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/bench/providers/Microsoft.Network"
    "/applicationGateways/bench"
)
EXTENSIONS = f"{GATEWAY}/providers/Tidegate.Network"

# Children begin with the modules of this process, whatever the default of this version of Python is.
FORK = multiprocessing.get_context("fork")


class Server:
    """Everything that was started. Leaving the context ends it."""

    def __init__(self, binary):
        self.binary, self.started, self.stack = str(binary), [], contextlib.ExitStack()

    def __enter__(self):
        self.directory = pathlib.Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-bench-")))
        self.stack.callback(self.end)
        try:
            self.start()
        except BaseException:
            self.stack.close()
            raise
        return self

    def __exit__(self, *_):
        self.stack.close()

    def start(self):
        self.http, self.other, management, tls, channel, self.backend = ports(6)
        for number in (1, 2):
            self.spawn(f"echo{number}", "echo", "--listen", f"127.0.0.{number}:{self.backend}")
        arguments = ["up", "--data-dir", str(self.directory / "data"), "--management", f"127.0.0.1:{management}"]
        arguments += ["--management-tls", f"127.0.0.1:{tls}", "--channel", f"127.0.0.1:{channel}"]
        arguments += ["--workers", "2", "--threads", "2", "--access-log", "off", "--drain-timeout", "1s"]
        arguments += ["--metrics", "off", "--connections-per-address", "0"]
        self.up = self.spawn("tidegate", *arguments)
        self.api = Api(management, self.directory / "data" / "admin-token")
        self.api.apply(GATEWAY, document(self.http, self.other, self.backend))

    def spawn(self, name, *arguments):
        log = self.stack.enter_context(open(self.directory / f"{name}.log", "w"))
        process = subprocess.Popen([self.binary, *arguments], stdout=log, stderr=log)
        self.started.append(process)
        return process

    def fork(self, function, *arguments):
        """Runs a function in a process of its own."""
        process = FORK.Process(target=function, args=arguments)
        process.start()
        self.started.append(process)
        return process

    def check(self):
        """Ends the program if a process has failed."""
        for one in self.started:
            code = one.poll() if isinstance(one, subprocess.Popen) else one.exitcode
            if code:
                sys.exit(f"{one} has failed; not all tunnels could be opened, or one was closed")

    def end(self):
        for process in reversed(self.started):
            process.terminate()
        for process in self.started:
            process.wait() if isinstance(process, subprocess.Popen) else process.join()

    def memory(self):
        """The resident memory of the control plane and of each worker, in MiB."""
        locks = sorted((self.directory / "data" / "workers").glob("*/lock"))
        processes = [self.up.pid, *(int(lock.read_text().split()[0]) for lock in locks)]
        return [resident(process) for process in processes]


def resident(process):
    for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    found = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return found


class Api:
    """A client of the management API."""

    def __init__(self, port, token_file):
        self.base, self.token_file = f"http://127.0.0.1:{port}", token_file

    def call(self, method, url, body=None):
        token = self.token_file.read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        url = url if url.startswith("http") else self.base + url
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=30) as answer:
            return json.load(answer), answer.headers

    def put(self, place, body):
        version = "2026-12-01" if "/providers/Tidegate.Network/" in place else "2024-05-01"
        return self.call("PUT", f"{place}?api-version={version}", body)[1]

    def apply(self, place, body) -> None:
        """Puts a document, and waits until the workers have it."""
        deadline = time.monotonic() + 60
        while True:
            try:
                headers = self.put(place, body)
                break
            except urllib.error.HTTPError as error:
                sys.exit(f"{place}: {error.code} {error.read().decode()}")
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        while (state := self.call("GET", headers["Azure-AsyncOperation"])[0])["status"] == "InProgress":
            time.sleep(0.05)
        if state["status"] != "Succeeded":
            sys.exit(json.dumps(state))

    def page(self, query):
        query = urllib.parse.urlencode({"api-version": "2026-12-01", **query})
        page = self.call("GET", f"{EXTENSIONS}/tunnels?{query}")[0]
        if page["missingWorkers"]:
            sys.exit(f"workers are missing: {page['missingWorkers']}")
        return page


def pool(*addresses):
    return {"properties": {"backendAddresses": [{"ipAddress": address} for address in addresses]}}


def document(http, other, backend):
    """A gateway with two listeners: `a` is for the tunnels, `b` for writes that do not concern them."""
    ref = lambda collection, name: {"id": f"{GATEWAY}/{collection}/{name}"}
    network = GATEWAY.rsplit("/", 2)[0] + "/virtualNetworks/v/subnets/s"
    private = {"privateIPAddress": "127.0.0.1", "privateIPAllocationMethod": "Static", "subnet": {"id": network}}
    draining = {"connectionDraining": {"enabled": True, "drainTimeoutInSec": 10}}
    settings = {"port": backend, "protocol": "Http", "requestTimeout": 3600} | draining
    listener = lambda name: {
        "protocol": "Http",
        "frontendIPConfiguration": ref("frontendIPConfigurations", "a"),
        "frontendPort": ref("frontendPorts", name),
    }
    rule = lambda name, priority: {
        "ruleType": "Basic",
        "priority": priority,
        "httpListener": ref("httpListeners", name),
        "backendAddressPool": ref("backendAddressPools", name),
        "backendHttpSettings": ref("backendHttpSettingsCollection", "a"),
    }
    named = lambda **members: [{"name": name, "properties": properties} for name, properties in members.items()]
    both = pool("127.0.0.1", "127.0.0.2")["properties"]
    return {
        "location": "local",
        "properties": {
            "sku": {"name": "Standard_v2", "tier": "Standard_v2", "capacity": 1},
            "gatewayIPConfigurations": named(a={"subnet": {"id": network}}),
            "frontendIPConfigurations": named(a=private),
            "frontendPorts": named(a={"port": http}, b={"port": other}),
            "backendAddressPools": named(a=both, b=both),
            "backendHttpSettingsCollection": named(a=settings),
            "httpListeners": named(a=listener("a"), b=listener("b")),
            "requestRoutingRules": named(a=rule("a", 1), b=rule("b", 2)),
        },
    }
