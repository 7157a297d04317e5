"""Does what systemd does with the units of the package: users, directories, variables, readiness, reload and stop.

It knows only the settings that these units have, and leaves out the hardening, which needs systemd itself.
"""

import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess

from kit.machine import Failed, Machine, until

UNITS = "usr/lib/systemd/system"
NOBODY = (65534, 65534)
NOTIFY_TIMEOUT_SECONDS = 60


class Manager:
    """The services of a machine."""

    def __init__(self, machine: Machine):
        self.machine = machine
        self.services: dict[str, Service] = {}

    def start(self, name: str) -> None:
        """Starts the service, and waits until it is ready."""
        service = self.services[name] = Service(self.machine, name)
        service.start()
        print(f"   the service {name} runs", flush=True)

    def reload(self, name: str) -> None:
        """Reloads the service, and waits until it is ready again."""
        self.services[name].reload()
        print(f"   the service {name} has taken over from itself", flush=True)

    def stop(self, name: str) -> None:
        """Stops the service, and waits for its end."""
        self.services[name].stop()

    def check_user(self, name: str) -> None:
        """Checks that the service runs as the user that its unit names, with one capability."""
        service = self.services[name]
        status = pathlib.Path(f"/proc/{service.main}/status").read_text()
        uids = re.search(r"^Uid:\s+(.*)$", status, re.MULTILINE).group(1).split()
        assert set(uids) == {str(service.uid)} and service.uid != 0, status
        capabilities = re.search(r"^CapBnd:\s+(\w+)$", status, re.MULTILINE).group(1)
        assert int(capabilities, 16) == 1 << 10, f"not CAP_NET_BIND_SERVICE alone: {capabilities}"


class Service:
    """One service, from its unit."""

    def __init__(self, machine: Machine, name: str):
        self.machine, self.name = machine, name
        self.settings: dict[str, str] = {}
        for line in (machine.root / UNITS / f"{name}.service").read_text().splitlines():
            key, is_setting, value = line.partition("=")
            if is_setting and not line.startswith("#"):
                self.settings[key] = value
        self.uid, self.gid = self._user()
        self.main: int | None = None

    def start(self) -> None:
        """Starts the main process."""
        variables = self._variables()
        if directory := self.settings.get("StateDirectory"):
            self._make_directory("var/lib", directory, self.settings["StateDirectoryMode"])
        if directory := self.settings.get("LogsDirectory"):
            self._make_directory("var/log", directory, self.settings["LogsDirectoryMode"])
        if self.settings["Type"] == "notify":
            inside = f"/run/{self.name}.notify"
            variables["NOTIFY_SOCKET"] = inside
            self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.notices.settimeout(NOTIFY_TIMEOUT_SECONDS)
            # A path of at most 108 bytes, whatever the root's is.
            folder = os.open(self.machine.root / "run", os.O_PATH)
            self.notices.bind(f"/proc/self/fd/{folder}/{self.name}.notify")
            os.close(folder)
            (self.machine.root / inside[1:]).chmod(0o666)
        self.process = self.machine.start(
            shlex.split(self.settings["ExecStart"]),
            user=f"{self.uid}:{self.gid}",
            variables=variables,
            confined=True,
        )
        # chroot and setpriv become the program.
        self.main = self.process.pid
        self._wait_until_ready()

    def reload(self) -> None:
        """Runs ExecReload, and waits for the new main process."""
        before = self.main
        command = self.settings["ExecReload"].replace("$MAINPID", str(self.main))
        subprocess.run(shlex.split(command), check=True)
        self._wait_until_ready()
        assert self.main != before, "the new process has not named itself"

    def stop(self) -> None:
        """Sends SIGTERM, and waits for the end."""
        os.kill(self.main, signal.SIGTERM)
        # This process inherits orphans, which it must reap.
        until(f"{self.name} ends", self._has_ended)

    def _has_ended(self) -> bool:
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return True
        return not pathlib.Path(f"/proc/{self.main}").exists()

    def _user(self) -> tuple[int, int]:
        if self.settings.get("DynamicUser") == "yes":
            return NOBODY
        for line in (self.machine.root / "etc/passwd").read_text().splitlines():
            name, _, uid, gid, *_ = line.split(":")
            if name == self.settings["User"]:
                return int(uid), int(gid)
        raise Failed(f"the package has not created the user {self.settings['User']}")

    def _variables(self) -> dict[str, str]:
        file = self.settings.get("EnvironmentFile")
        if not file:
            return {}
        assert file.startswith("-/"), file
        lines = (self.machine.root / file[2:]).read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))

    def _make_directory(self, parent: str, name: str, mode: str) -> None:
        directory = self.machine.root / parent / name
        directory.mkdir(exist_ok=True)
        directory.chmod(int(mode, 8))
        os.chown(directory, self.uid, self.gid)

    def _wait_until_ready(self) -> None:
        if self.settings["Type"] != "notify":
            return
        while True:
            try:
                words = self.notices.recv(4096).decode().splitlines()
            except TimeoutError:
                raise Failed(f"{self.name} has not said that it is ready") from None
            for word in words:
                if word.startswith("MAINPID="):
                    self.main = int(word.removeprefix("MAINPID="))
            if "READY=1" in words:
                return
