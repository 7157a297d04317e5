"""How az is pointed at Tidegate, and how this suite runs its commands.

Every command is a process of its own, as at a prompt, with a configuration of its own, so that the user's is left
alone.
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile

URL = os.environ["TEST_URL"]
CLOUD = "tidegate"
GROUP = "az"
GATEWAY = "gateway"

NOT_FOUND = 3
COMMAND_TIMEOUT_SECONDS = 180

CONFIGURATION = pathlib.Path(tempfile.mkdtemp(prefix="tidegate-az-"))
SETTINGS = {
    "AZURE_CONFIG_DIR": str(CONFIGURATION),
    "AZURE_CORE_COLLECT_TELEMETRY": "0",
    "AZURE_CORE_INSTANCE_DISCOVERY": "false",
    "AZURE_CORE_NO_COLOR": "true",
    "AZURE_CORE_ONLY_SHOW_ERRORS": "true",
    "AZURE_CORE_SURVEY_MESSAGE": "false",
    "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
    "REQUESTS_CA_BUNDLE": os.environ["TEST_CA"],
}


class Refused(Exception):
    """A command ended with another code than 0."""

    def __init__(self, command: str, code: int, error: str):
        shown = re.sub(r"--password=\S+", "--password=…", command)
        super().__init__(f"az {shown}: exit code {code}: {error}")
        self.code = code
        self.error = error


def az(command: str):
    """Runs a command, and returns what it prints."""
    arguments = ["az", *shlex.split(command), "--output", "json"]
    done = subprocess.run(
        arguments, env=os.environ | SETTINGS, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_SECONDS
    )
    if done.returncode != 0:
        raise Refused(command, done.returncode, done.stderr)
    return json.loads(done.stdout) if done.stdout.strip() else None


def ag(command: str):
    """Runs a command that is about the suite's gateway itself."""
    return az(f"network application-gateway {command} --resource-group {GROUP} --name {GATEWAY}")


def child(kind: str, verb: str, arguments: str = ""):
    """Runs a command that is about a sub-resource of the gateway."""
    names = f"--resource-group {GROUP} --gateway-name {GATEWAY}"
    return az(f"network application-gateway {kind} {verb} {names} {arguments}")


def refused(call) -> Refused:
    """How the call is refused, which it must be."""
    try:
        printed = call()
    except Refused as refusal:
        return refusal
    raise AssertionError(f"it was not refused, but answered {printed}")


def log_in():
    """As an API client, with everything that az wants to know found at the one endpoint."""
    az(f"cloud register --name {CLOUD} --endpoint-resource-manager {URL}")
    az(f"cloud set --name {CLOUD}")
    # Without this az would go on to the public cloud.
    assert az("cloud show")["name"] == CLOUD
    client = {name: os.environ[f"TEST_{name}"] for name in ("CLIENT_ID", "CLIENT_SECRET", "TENANT")}
    subscriptions = az(
        f"login --service-principal --username {client['CLIENT_ID']} --password={client['CLIENT_SECRET']}"
        f" --tenant {client['TENANT']}"
    )
    assert subscriptions[0]["state"] == "Enabled", subscriptions


def clean_up():
    """Removes the configuration, and with it the credentials."""
    shutil.rmtree(CONFIGURATION, ignore_errors=True)
