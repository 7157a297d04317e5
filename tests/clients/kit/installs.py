"""Installs the clients from the package registries, once for each set of pinned versions.

Each environment is a directory under the build's target directory whose name holds a digest of the files that pin
the versions. It is made whole or not at all: only a directory with the mark in it is ever used. Must not write
anywhere else.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

CLIENTS = pathlib.Path(__file__).resolve().parent.parent
REPOSITORY = CLIENTS.parent.parent

# Written last, so that what an interrupted run left behind is not taken for an environment.
MARK = ".complete"

# Installing the largest of them, azure-cli, takes about three minutes.
INSTALL_TIMEOUT_SECONDS = 1800


class Failed(Exception):
    """Something could not be installed."""


def target_dir() -> pathlib.Path:
    """Where the build keeps what it makes."""
    return REPOSITORY / os.environ.get("CARGO_TARGET_DIR", "target")


def python(name: str, home: pathlib.Path | None = None) -> pathlib.Path:
    """The directory with the programs of the suite's Python packages: `python` itself, `az`, and so on.

    `home` holds the requirements; it is the suite's own directory where it is not named.
    """
    requirements = (home or CLIENTS / name) / "requirements.txt"

    def make(directory: pathlib.Path) -> None:
        _run([sys.executable, "-m", "venv", directory])
        pip = [directory / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--requirement", requirements])

    return _environment(name, [requirements], sys.version, make) / "bin"


def javascript(name: str) -> pathlib.Path:
    """A directory with the suite's `node_modules`. Node itself comes as a Python package, see `node`."""
    files = [CLIENTS / name / "package.json", CLIENTS / name / "package-lock.json"]
    programs = node()

    def make(directory: pathlib.Path) -> None:
        directory.mkdir(parents=True)
        for file in files:
            shutil.copy(file, directory)
        _run([programs / "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=directory)

    return _environment(name, files, str(programs), make)


def node() -> pathlib.Path:
    """The directory with `node` and `npm`.

    Distributions come with versions of Node that the clients no longer support, and the wheel is the same everywhere.
    """
    return python("node")


def path_with(*directories: pathlib.Path) -> str:
    """The search path for programs, with these before all others."""
    return os.pathsep.join([*map(str, directories), os.environ["PATH"]])


def _environment(name, files, salt, make) -> pathlib.Path:
    digest = hashlib.sha256(salt.encode())
    for file in files:
        digest.update(file.read_bytes())
    cache = target_dir() / "clients"
    directory = cache / f"{name}-{digest.hexdigest()[:12]}"
    if (directory / MARK).exists():
        return directory
    for outdated in cache.glob(f"{name}-*"):
        shutil.rmtree(outdated)
    print(f"   installing {name}", flush=True)
    make(directory)
    (directory / MARK).touch()
    return directory


def _run(command, cwd=None) -> None:
    # npm starts the `node` that it finds first.
    environment = os.environ | {"PATH": path_with(pathlib.Path(command[0]).parent)}
    try:
        subprocess.run(command, cwd=cwd, env=environment, check=True, timeout=INSTALL_TIMEOUT_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError) as error:
        raise Failed(f"{' '.join(map(str, command))}: {error}") from error
