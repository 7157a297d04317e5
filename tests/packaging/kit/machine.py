"""A fresh root as a machine: its mounts, its loopback device, and commands in it. It needs namespaces of its own."""

import pathlib
import shutil
import subprocess
import time

DEADLINE_SECONDS = 60
# Beside the root: what the started programs print.
LOG = "processes.log"
COMMAND_TIMEOUT_SECONDS = 120
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# By its path, because the search path is that of the program inside.
CHROOT = shutil.which("chroot", path=PATH)


class Failed(Exception):
    """A command has failed."""


def until(what: str, check) -> None:
    """Waits until the check returns something true."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not check():
        if time.monotonic() > deadline:
            raise Failed(f"not in {DEADLINE_SECONDS} s: {what}")
        time.sleep(0.05)


class Machine:
    """The root, with what every process expects: /proc, /dev and loopback."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        self.log = (root.parent / LOG).open("ab")
        for name in ("proc", "dev"):
            (root / name).mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "proc", "proc", root / "proc"], check=True)
        subprocess.run(["mount", "--rbind", "/dev", root / "dev"], check=True)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)

    def run(self, command: str, folder: str = "/", **options) -> str:
        """Runs a command of a shell to its end, and returns its output."""
        return self.execute(["/bin/sh", "-c", command], folder=folder, **options)

    def execute(self, arguments: list[str], **options) -> str:
        """Runs a program to its end, and returns its output."""
        command, variables = self._command(arguments, **options)
        done = subprocess.run(
            command, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=COMMAND_TIMEOUT_SECONDS,
        )  # fmt: skip
        if done.returncode != 0:
            raise Failed(f"{arguments} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def start(self, arguments: list[str], **options) -> subprocess.Popen:
        """Starts a program, which ends with the namespace of processes at the latest."""
        command, variables = self._command(arguments, **options)
        streams = {"stdin": subprocess.DEVNULL, "stdout": self.log, "stderr": self.log}
        return subprocess.Popen(command, env=variables, **streams)

    def _command(self, arguments, user: str | None = None, folder: str = "/", variables=None, confined: bool = False):
        """Returns the command line outside of the root, and the environment.

        `user` is `UID:GID`, by default root. `confined` leaves it CAP_NET_BIND_SERVICE and nothing else.
        """
        variables = {"PATH": PATH, "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"} | (variables or {})
        if confined:
            uid, gid = user.split(":")
            drop = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs"]
            caps = [f"--{kind}=-all,+net_bind_service" for kind in ("inh-caps", "ambient-caps", "bounding-set")]
            return [CHROOT, self.root, *drop, *caps, *arguments], variables
        # A folder other than / needs a shell, which an image may lack.
        if folder != "/":
            arguments = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', folder, *arguments]
        as_user = [f"--userspec={user}", "--groups="] if user else []
        return [CHROOT, *as_user, self.root, *arguments], variables
