"""The suites: for each client, the packages to install and the program to run.

A suite is a program that exits with 0 if it succeeds. Environment variables tell it the address of Tidegate (see
`server.Tidegate.facts`). It prints each step.
"""

import dataclasses
import pathlib
import shutil
import subprocess
import sys
from typing import Callable

from kit import installs
from kit.server import Tidegate, environment

CLIENTS = installs.CLIENTS

# Shared by the suites of several clients.
COMMON = CLIENTS / "common"

# The description that clients are generated from.
DOCUMENT = installs.REPOSITORY / "openapi" / "tidegate.json"

# Far more than any suite takes, including az with its seconds for each command.
SUITE_TIMEOUT_SECONDS = 1500


@dataclasses.dataclass(frozen=True)
class Suite:
    """The requirements of a suite, by the names of directories beside this one, and the function that runs it."""

    python: tuple[str, ...]
    javascript: tuple[str, ...]
    run: Callable[[pathlib.Path], None]

    def install(self) -> None:
        """Installs everything, so that no run waits for it."""
        for name in self.python:
            installs.python(name)
        for name in self.javascript:
            installs.javascript(name)


def _against_fresh(live: Callable[[Tidegate], None]) -> Callable[[pathlib.Path], None]:
    """A suite with its own Tidegate."""

    def run(binary: pathlib.Path) -> None:
        with Tidegate(binary) as tidegate:
            live(tidegate)

    return run


def _python(tidegate: Tidegate) -> None:
    _run([installs.python("python") / "python", "life.py"], CLIENTS / "python", tidegate)


def _az(tidegate: Tidegate) -> None:
    programs = installs.python("az")
    variables = {"PATH": installs.path_with(programs), "PYTHONPATH": COMMON}
    _run([programs / "python", "life.py"], CLIENTS / "az", tidegate, **variables)


def _javascript(tidegate: Tidegate) -> None:
    work = _beside_modules("javascript", tidegate)
    _run([installs.node() / "node", "life.js"], work, tidegate, NODE_EXTRA_CA_CERTS=tidegate.authority)


def _terraform(tidegate: Tidegate) -> None:
    """Uses the standard library only: the provider is replayed, not run."""
    _run([sys.executable, "life.py"], CLIENTS / "terraform", tidegate)


def _generated_python(tidegate: Tidegate) -> None:
    """Generates the client, then runs the suite with it."""
    programs, work = installs.python("generated_python"), tidegate.directory / "generated_python"
    shutil.copytree(CLIENTS / "generated_python", work)
    # The generator looks for its formatter on the path.
    variables = {"PATH": installs.path_with(programs), "PYTHONPATH": COMMON}
    generate = [programs / "openapi-python-client", "generate", "--path", DOCUMENT, "--meta", "none"]
    strictly = ["--config", "generator.yml", "--fail-on-warning"]
    _run([*generate, "--output-path", "tidegate_client", *strictly], work, tidegate, **variables)
    _run([programs / "python", "life.py"], work, tidegate, **variables)


def _generated_typescript(tidegate: Tidegate) -> None:
    """Generates the types, compiles the suite with them, and runs it."""
    work = _beside_modules("generated_typescript", tidegate)
    programs, node = work / "node_modules" / ".bin", installs.node()
    variables = {"PATH": installs.path_with(node), "NODE_EXTRA_CA_CERTS": tidegate.authority}
    generate = [programs / "openapi-typescript", DOCUMENT, "--default-non-nullable=false"]
    _run([*generate, "--output", "tidegate.d.ts"], work, tidegate, **variables)
    _run([programs / "tsc", "--project", "."], work, tidegate, **variables)
    _run([node / "node", "life.ts"], work, tidegate, **variables)


def _schemathesis(tidegate: Tidegate) -> None:
    variables = {
        "PATH": installs.path_with(installs.python("schemathesis")),
        "TEST_DOCUMENT": DOCUMENT,
        "TEST_ADMIN_TOKEN": tidegate.admin_token(),
    }
    _run([CLIENTS / "schemathesis" / "run"], tidegate.directory, tidegate, **variables)


def _vaults(tidegate: Tidegate) -> None:
    """Runs a Key Vault and an OpenBao beside Tidegate."""
    programs = installs.python("vaults")
    variables = {
        "PATH": installs.path_with(programs),
        "PYTHONPATH": CLIENTS / "kit",
        "TEST_ADMIN_TOKEN": tidegate.admin_token(),
    }
    _run([programs / "python", "life.py"], CLIENTS / "vaults", tidegate, **variables)


def _readme(binary: pathlib.Path) -> None:
    """Runs the blocks of README and docs, which start Tidegate themselves at fixed ports."""
    variables = {
        "PATH": installs.path_with(installs.python("python"), installs.node(), installs.python("az")),
        "TEST_BINARY": str(binary),
        "TEST_NODE_MODULES": str(installs.javascript("javascript") / "node_modules"),
    }
    _call([CLIENTS / "readme" / "run"], CLIENTS, variables)


def _beside_modules(name: str, tidegate: Tidegate) -> pathlib.Path:
    """Copies the suite next to its `node_modules`, where Node looks for them."""
    work = tidegate.directory / name
    shutil.copytree(CLIENTS / name, work)
    shutil.copy(COMMON / "traffic.js", work)
    (work / "node_modules").symlink_to(installs.javascript(name) / "node_modules")
    return work


def _run(command: list, directory: pathlib.Path, tidegate: Tidegate, **variables) -> None:
    facts = tidegate.facts() | {"TEST_CERTIFICATES": str(_certificates(tidegate))}
    _call(command, directory, facts | {name: str(value) for name, value in variables.items()})


def _call(command: list, directory: pathlib.Path, variables: dict[str, str]) -> None:
    whole = environment() | variables
    subprocess.run(command, cwd=directory, env=whole, check=True, timeout=SUITE_TIMEOUT_SECONDS)


def _certificates(tidegate: Tidegate) -> pathlib.Path:
    """Creates a directory with the certificates for documents."""
    directory = tidegate.directory / "certificates"
    if not directory.exists():
        directory.mkdir()
        maker = [installs.python("python") / "python", CLIENTS / "kit" / "certificates.py", directory]
        _call(maker, CLIENTS, {})
    return directory


# The `python` suite's packages create the certificates.
SUITES: dict[str, Suite] = {
    "python": Suite(("python",), (), _against_fresh(_python)),
    "javascript": Suite(("python",), ("javascript",), _against_fresh(_javascript)),
    "az": Suite(("python", "az"), (), _against_fresh(_az)),
    "terraform": Suite(("python",), (), _against_fresh(_terraform)),
    "generated_python": Suite(("python", "generated_python"), (), _against_fresh(_generated_python)),
    "generated_typescript": Suite(("python",), ("generated_typescript",), _against_fresh(_generated_typescript)),
    "schemathesis": Suite(("python", "schemathesis"), (), _against_fresh(_schemathesis)),
    "vaults": Suite(("python", "vaults"), (), _against_fresh(_vaults)),
    "readme": Suite(("python", "az"), ("javascript",), _readme),
}
