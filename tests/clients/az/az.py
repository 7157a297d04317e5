"""Configures az for Tidegate, and runs its commands.

Every command is a process of its own, as at a prompt. A separate configuration leaves the user's unchanged.
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
    """A command has failed."""

    def __init__(self, command: str, code: int, error: str):
        shown = re.sub(r"--password=\S+", "--password=…", command)
        super().__init__(f"az {shown}: exit code {code}: {error}")
        self.code = code
        self.error = error


def az(command: str):
    """Runs a command, and returns its output."""
    arguments = ["az", *shlex.split(command), "--output", "json"]
    done = subprocess.run(
        arguments, env=os.environ | SETTINGS, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_SECONDS
    )
    if done.returncode != 0:
        raise Refused(command, done.returncode, done.stderr)
    return json.loads(done.stdout) if done.stdout.strip() else None


def ag(command: str):
    """Runs a command on the suite's gateway."""
    return az(f"network application-gateway {command} --resource-group {GROUP} --name {GATEWAY}")


def child(kind: str, verb: str, arguments: str = ""):
    """Runs a command on a sub-resource of the gateway."""
    names = f"--resource-group {GROUP} --gateway-name {GATEWAY}"
    return az(f"network application-gateway {kind} {verb} {names} {arguments}")


def refused(call) -> Refused:
    """Returns the error of a call that must be refused."""
    try:
        printed = call()
    except Refused as refusal:
        return refusal
    raise AssertionError(f"it was not refused, but answered {printed}")


def log_in():
    """Logs in as an API client. All endpoints that az needs are those of Tidegate."""
    az(f"cloud register --name {CLOUD} --endpoint-resource-manager {URL}")
    az(f"cloud set --name {CLOUD}")
    # Without this az would use the public cloud.
    assert az("cloud show")["name"] == CLOUD
    client = {name: os.environ[f"TEST_{name}"] for name in ("CLIENT_ID", "CLIENT_SECRET", "TENANT")}
    subscriptions = az(
        f"login --service-principal --username {client['CLIENT_ID']} --password={client['CLIENT_SECRET']}"
        f" --tenant {client['TENANT']}"
    )
    assert subscriptions[0]["state"] == "Enabled", subscriptions


def clean_up():
    """Removes the configuration with the credentials."""
    shutil.rmtree(CONFIGURATION, ignore_errors=True)
