"""Independent HTTP servers as backends, each with a journal of one line per request that it has read.

A line is `status TAB method TAB target TAB host`; the method is empty if the backend could not parse the request. Each
backend listens at its own loopback address. Only processes that were started here are ended.
"""

import collections
import dataclasses
import grp
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess
import time
from typing import Callable

from kit import installs

SOURCES = pathlib.Path(__file__).resolve().parent.parent / "backends"
START_TIMEOUT_SECONDS = 30
STOP_TIMEOUT_SECONDS = 10
BUILD_TIMEOUT_SECONDS = 300

# The directories of Apache's modules in Debian, Fedora and Arch.
APACHE_MODULES = ["/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules"]


class Unavailable(Exception):
    """The backend's program is not installed."""


@dataclasses.dataclass(frozen=True)
class Read:
    """A request as a server has parsed it."""

    method: str
    target: str
    host: str

    @staticmethod
    def of(method: str, target: str, host: str) -> "Read":
        # Some servers drop an empty query, and no server distinguishes hosts by case.
        return Read(method, target.removesuffix("?"), host.lower())


@dataclasses.dataclass
class Backend:
    """A running backend."""

    name: str
    address: str
    port: int
    journal: pathlib.Path
    process: subprocess.Popen

    def read(self) -> tuple[collections.Counter, int]:
        """Returns the requests that it has read, and the number of those that it could not parse."""
        requests, refused = collections.Counter(), 0
        for line in self.journal.read_text(encoding="latin-1").splitlines():
            status, method, target, host = (line.split("\t") + ["", "", ""])[:4]
            # Apache logs the whole request line.
            target = target.split(" ")[1] if target.count(" ") == 2 else target
            if method in ("", "-") or status == "400":
                refused += 1
            else:
                requests[Read.of(method, _unescaped(target), _unescaped(host))] += 1
        return requests, refused

    def stop(self) -> None:
        """Stops the backend."""
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _unescaped(text: str) -> str:
    """Decodes a log field: nginx and Apache escape bytes as `\\x22`, and Apache a quote as `\\"`."""
    return re.sub(r'\\x([0-9A-Fa-f]{2})|\\(["\\])', lambda m: chr(int(m[1], 16)) if m[1] else m[2], text)


def start(name: str, address: str, port: int, directory: pathlib.Path) -> Backend:
    """Starts the backend with this name, and waits until it accepts connections."""
    directory = directory / name
    directory.mkdir()
    journal = directory / "journal"
    journal.touch()
    command, variables = STARTERS[name](address, port, directory, journal)
    with (directory / "output").open("w") as output:
        streams = {"stdout": output, "stderr": output, "stdin": subprocess.DEVNULL}
        process = subprocess.Popen(command, env=os.environ | variables, cwd=directory, **streams)
    backend = Backend(name, address, port, journal, process)
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection((address, port), timeout=1).close()
            return backend
        except OSError:
            time.sleep(0.05)
    backend.stop()
    raise RuntimeError(f"{name} does not start: {(directory / 'output').read_text()}")


def _program(*names: str) -> str:
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/usr/lib/go/bin"])
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    raise Unavailable(f"{names[0]} is not installed")


def _node(address, port, _directory, journal):
    return [installs.node() / "node", SOURCES / "server.js", address, str(port), journal], {}


def _gunicorn(address, port, _directory, journal):
    program = installs.python("differential", SOURCES.parent) / "gunicorn"
    command = [program, "--bind", f"{address}:{port}", "--threads", "16", "--keep-alive", "75", "--chdir", SOURCES, "app"]
    return command, {"JOURNAL": str(journal), "PYTHONDONTWRITEBYTECODE": "1"}


def _go(address, port, directory, journal):
    built = directory / "backend"
    variables = {"GOCACHE": str(installs.target_dir().resolve() / "go"), "GOFLAGS": "-mod=mod", "GO111MODULE": "off"}
    build = [_program("go"), "build", "-o", built, SOURCES / "main.go"]
    subprocess.run(build, env=os.environ | variables, check=True, timeout=BUILD_TIMEOUT_SECONDS)
    return [built, f"{address}:{port}", journal], {}


def _configured(template: str, directory: pathlib.Path, **values) -> pathlib.Path:
    file = directory / template
    file.write_text((SOURCES / template).read_text().format(directory=directory, **values))
    return file


def _nginx(address, port, directory, journal):
    file = _configured("nginx.conf", directory, address=address, port=port, journal=journal)
    return [_program("nginx"), "-c", file, "-e", directory / "nginx-error.log"], {}


def _apache(address, port, directory, journal):
    program = _program("apache2", "httpd")
    modules = next((path for path in APACHE_MODULES if os.path.isdir(path)), None)
    if modules is None:
        raise Unavailable("the modules of Apache are not where they are known to be")
    user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(os.getegid())
    # Apache drops root privileges, to an account that every system has.
    names = ("nobody", grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name) if os.geteuid() == 0 else (user.pw_name, group.gr_name)
    values = {"modules": modules, "user": names[0], "group": names[1]}
    file = _configured("apache.conf", directory, address=address, port=port, journal=journal, **values)
    return [program, "-f", file, "-D", "FOREGROUND"], {}


STARTERS: dict[str, Callable] = {"node": _node, "nginx": _nginx, "apache": _apache, "gunicorn": _gunicorn, "go": _go}
