"""How the SDK is pointed at Tidegate: an endpoint, a file with its authority, and credentials."""

import os
import pathlib

from azure.identity import ClientSecretCredential
from azure.mgmt.network import NetworkManagementClient

URL = os.environ["TEST_URL"]
CA_FILE = os.environ["TEST_CA"]
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"

# Frontends with a public address bind to this one, and every frontend port is moved up by the offset.
ADDRESS = os.environ["TEST_ADDRESS"]
PORT_OFFSET = int(os.environ["TEST_PORT_OFFSET"])
BACKEND_PORT = int(os.environ["TEST_BACKEND_PORT"])

CERTIFICATES = pathlib.Path(os.environ["TEST_CERTIFICATES"])


def credential() -> ClientSecretCredential:
    """The API client that `tidegate client create` made; its tokens come from Tidegate itself."""
    return ClientSecretCredential(
        os.environ["TEST_TENANT"],
        os.environ["TEST_CLIENT_ID"],
        os.environ["TEST_CLIENT_SECRET"],
        authority=URL,
        disable_instance_discovery=True,
        connection_verify=CA_FILE,
    )


def connect(credential) -> NetworkManagementClient:
    """The SDK's client, for our endpoint instead of the public one."""
    return NetworkManagementClient(
        credential,
        SUBSCRIPTION,
        base_url=URL,
        credential_scopes=[URL + "/.default"],
        connection_verify=CA_FILE,
    )
