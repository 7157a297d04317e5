"""Configures the SDK for Tidegate: an endpoint, a file with its certificate authority, and credentials."""

import os
import pathlib

from azure.identity import ClientSecretCredential
from azure.mgmt.network import NetworkManagementClient

URL = os.environ["TEST_URL"]
CA_FILE = os.environ["TEST_CA"]
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"

# Public frontends listen at this address, and the offset is added to every frontend port.
ADDRESS = os.environ["TEST_ADDRESS"]
PORT_OFFSET = int(os.environ["TEST_PORT_OFFSET"])
BACKEND_PORT = int(os.environ["TEST_BACKEND_PORT"])

CERTIFICATES = pathlib.Path(os.environ["TEST_CERTIFICATES"])


def credential() -> ClientSecretCredential:
    """The credentials of the API client that `tidegate client create` has created; Tidegate issues its tokens."""
    return ClientSecretCredential(
        os.environ["TEST_TENANT"],
        os.environ["TEST_CLIENT_ID"],
        os.environ["TEST_CLIENT_SECRET"],
        authority=URL,
        disable_instance_discovery=True,
        connection_verify=CA_FILE,
    )


def connect(credential) -> NetworkManagementClient:
    """Returns the SDK's client for Tidegate's endpoint."""
    return NetworkManagementClient(
        credential,
        SUBSCRIPTION,
        base_url=URL,
        credential_scopes=[URL + "/.default"],
        connection_verify=CA_FILE,
    )
