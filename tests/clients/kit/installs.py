"""Installs the clients from the package registries, once for each set of pinned versions.

Each environment is a directory under the build's target directory. Its name contains a digest of the files that pin
the versions. A directory is only used if it contains the mark of a complete installation. This module must not write
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

# Written last, so that the remains of an interrupted run are not used.
MARK = ".complete"

# The largest installation, azure-cli, takes about three minutes.
INSTALL_TIMEOUT_SECONDS = 1800


class Failed(Exception):
    """An installation has failed."""


def target_dir() -> pathlib.Path:
    """Returns the target directory of the build."""
    return REPOSITORY / os.environ.get("CARGO_TARGET_DIR", "target")


def python(name: str, home: pathlib.Path | None = None) -> pathlib.Path:
    """Returns the directory with the programs of the suite's Python packages: `python` itself, `az`, and so on.

    `home` is the directory with the requirements; by default that of the suite.
    """
    requirements = (home or CLIENTS / name) / "requirements.txt"

    def make(directory: pathlib.Path) -> None:
        _run([sys.executable, "-m", "venv", directory])
        pip = [directory / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--requirement", requirements])

    return _environment(name, [requirements], sys.version, make) / "bin"


def javascript(name: str) -> pathlib.Path:
    """Returns a directory with the suite's `node_modules`. Node itself is a Python package, see `node`."""
    files = [CLIENTS / name / "package.json", CLIENTS / name / "package-lock.json"]
    programs = node()

    def make(directory: pathlib.Path) -> None:
        directory.mkdir(parents=True)
        for file in files:
            shutil.copy(file, directory)
        _run([programs / "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=directory)

    return _environment(name, files, str(programs), make)


def node() -> pathlib.Path:
    """Returns the directory with `node` and `npm`.

    Distributions have versions of Node that the clients no longer support; the wheel is the same everywhere.
    """
    return python("node")


def path_with(*directories: pathlib.Path) -> str:
    """Returns the search path for programs, with these directories first."""
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
    # npm starts the first `node` on the path.
    environment = os.environ | {"PATH": path_with(pathlib.Path(command[0]).parent)}
    try:
        subprocess.run(command, cwd=cwd, env=environment, check=True, timeout=INSTALL_TIMEOUT_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError) as error:
        raise Failed(f"{' '.join(map(str, command))}: {error}") from error
