"""Unpacks an OCI image without a container engine."""

import dataclasses
import json
import pathlib
import subprocess
import tempfile


@dataclasses.dataclass(frozen=True)
class Process:
    """What a container of the image runs."""

    arguments: list[str]
    uid: int
    gid: int
    folder: str
    variables: dict[str, str]


def unpack(package: pathlib.Path, root: pathlib.Path) -> Process:
    """Makes the root from the image's layers, and returns what a container would run in it."""
    with tempfile.TemporaryDirectory(dir=root.parent) as folder:
        layout, bundle = pathlib.Path(folder) / "layout", pathlib.Path(folder) / "bundle"
        layout.mkdir()
        subprocess.run(["tar", "-xf", package, "-C", layout], check=True)
        (image,) = json.loads((layout / "index.json").read_text())["manifests"]
        name = image["annotations"]["org.opencontainers.image.ref.name"]
        subprocess.run(["umoci", "unpack", "--image", f"{layout}:{name}", bundle], check=True, timeout=120)
        process = json.loads((bundle / "config.json").read_text())["process"]
        (bundle / "rootfs").rename(root)
    variables = dict(variable.split("=", 1) for variable in process["env"])
    return Process(process["args"], process["user"]["uid"], process["user"]["gid"], process["cwd"], variables)
