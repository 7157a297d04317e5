"""Reads the commands of docs/install.md, so that the page and the test cannot differ."""

import pathlib
import re

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "install.md"


def _blocks(heading: str) -> list[str]:
    sections = re.split(r"^##+ ", PAGE.read_text(), flags=re.MULTILINE)
    (section,) = [section for section in sections if section.startswith(heading + "\n")]
    return re.findall(r"^```console\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def commands(heading: str) -> list[str]:
    """Returns the commands of the first block under the heading."""
    return _blocks(heading)[0].splitlines()


def all_commands(heading: str) -> list[str]:
    """Returns the commands of all blocks under the heading."""
    return [command for block in _blocks(heading) for command in block.splitlines()]


def look(heading: str) -> str:
    """Returns the command of the second block under the heading, which shows the messages of a WebSocket."""
    (command,) = _blocks(heading)[1].splitlines()
    return command
