"""Certificates from vaults: from a Key Vault that the official client fills, and from a real OpenBao."""

import base64
import contextlib
import hashlib
import json
import os
import pathlib
import socket
import ssl
import subprocess
import time
import urllib.request

import certificates
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.keyvault.secrets import SecretClient
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from key_vault import KeyVault

URL = os.environ["TEST_URL"]
ADDRESS = os.environ["TEST_ADDRESS"]
PORT = 443
LISTENING = PORT + int(os.environ["TEST_PORT_OFFSET"])
WORK = pathlib.Path(os.environ["TEST_DIRECTORY"])
VAULTS = pathlib.Path(os.environ["TEST_VAULTS"])
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/vaults/providers/Microsoft.Network"
GATEWAY = f"{GROUP}/applicationGateways/gateway"
DEADLINE_SECONDS = 30
CLIENT, SECRET = "11111111-2222-3333-4444-555555555555", "a secret with ü & more"


class Issued:
    """A certificate of a new authority, in a directory of its own."""

    def __init__(self, name: str):
        self.directory = WORK / name
        self.directory.mkdir()
        certificates.main(self.directory)
        bag = pkcs12.load_pkcs12((self.directory / "server.pfx").read_bytes(), certificates.PASSWORD)
        self.key, self.certificate = bag.key, bag.cert.certificate
        self.others = [other.certificate for other in bag.additional_certs]

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.certificate.public_bytes(serialization.Encoding.DER)).hexdigest()

    def pfx(self) -> str:
        """Base64 of a PFX without a password, as Key Vault returns it."""
        plain = serialization.NoEncryption()
        bag = pkcs12.serialize_key_and_certificates(b"server", self.key, self.certificate, self.others, plain)
        return base64.b64encode(bag).decode()

    def pem(self) -> tuple[str, str]:
        """The chain and the key."""
        chain = [self.certificate, *self.others]
        texts = [one.public_bytes(serialization.Encoding.PEM).decode() for one in chain]
        form = serialization.PrivateFormat.PKCS8
        key = self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        return "".join(texts), key.decode()


def put_gateway(secret: str) -> str:
    """Puts a gateway whose listener has that secret as its certificate. Returns the warnings."""
    inner = lambda collection, name: {"id": f"{GATEWAY}/{collection}/{name}"}  # noqa: E731
    child = lambda name, **properties: [{"name": name, "properties": properties}]  # noqa: E731
    listener = {
        "frontendIPConfiguration": inner("frontendIPConfigurations", "frontend"),
        "frontendPort": inner("frontendPorts", "port"),
        "protocol": "Https",
        "sslCertificate": inner("sslCertificates", "certificate"),
    }
    rule = {
        "ruleType": "Basic",
        "priority": 1,
        "httpListener": inner("httpListeners", "listener"),
        "backendAddressPool": inner("backendAddressPools", "pool"),
        "backendHttpSettings": inner("backendHttpSettingsCollection", "settings"),
    }
    address = {"id": f"{GROUP}/publicIPAddresses/address"}
    document = {
        "location": "local",
        "properties": {
            "sku": {"name": "Standard_v2", "tier": "Standard_v2", "capacity": 1},
            "frontendIPConfigurations": child("frontend", publicIPAddress=address),
            "frontendPorts": child("port", port=PORT),
            "sslCertificates": child("certificate", keyVaultSecretId=secret),
            "backendAddressPools": child("pool", backendAddresses=[{"ipAddress": ADDRESS}]),
            "backendHttpSettingsCollection": child(
                "settings", port=int(os.environ["TEST_BACKEND_PORT"]), protocol="Http"
            ),
            "httpListeners": child("listener", **listener),
            "requestRoutingRules": child("rule", **rule),
        },
    }
    return put(GATEWAY, document)


def put(resource: str, document: dict) -> str:
    headers = {"Authorization": f"Bearer {os.environ['TEST_ADMIN_TOKEN']}", "Content-Type": "application/json"}
    target = f"{URL}{resource}?api-version=2025-05-01"
    request = urllib.request.Request(target, json.dumps(document).encode(), headers, method="PUT")
    context = ssl.create_default_context(cafile=os.environ["TEST_CA"])
    with urllib.request.urlopen(request, context=context, timeout=60) as response:
        return response.headers.get("x-tidegate-warnings", "")


def shown() -> str:
    """Returns the digest of the certificate that a new connection gets, or the alert."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((ADDRESS, LISTENING), timeout=5) as tcp:
            with context.wrap_socket(tcp, server_hostname="gateway.test") as tls:
                return hashlib.sha256(tls.getpeercert(binary_form=True)).hexdigest()
    except ConnectionError as error:
        return str(error)
    except ssl.SSLError as error:
        return f"alert: {error.reason}"


def until_shown(expected: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (seen := shown()) != expected:
        assert time.monotonic() < deadline, f"{seen}, not {expected}"
        time.sleep(0.1)


def write_credentials(host: str, **credentials) -> None:
    VAULTS.mkdir(exist_ok=True)
    file = VAULTS / f"{host}.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(credentials))


def from_key_vault() -> None:
    """The vault's own certificate is of a private authority, for 127.0.0.1."""
    own = WORK / "own"
    own.mkdir()
    certificates.main(own, address="127.0.0.1")
    bag = pkcs12.load_pkcs12((own / "server.pfx").read_bytes(), certificates.PASSWORD)
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (own / "server.key").write_bytes(bag.key.private_bytes(serialization.Encoding.PEM, form, plain))
    (own / "server.pem").write_bytes(bag.cert.certificate.public_bytes(serialization.Encoding.PEM))
    vault = KeyVault(own / "server.pem", own / "server.key", CLIENT, SECRET)
    authority = str(own / "authority.pem")

    credential = ClientSecretCredential(
        "tenant", CLIENT, SECRET, authority=vault.url, disable_instance_discovery=True, connection_verify=authority
    )
    # The client expects a vault below the domain of the resource, which an address cannot be.
    lenient = {"verify_challenge_resource": False, "connection_verify": authority, "api_version": "7.4"}
    client = SecretClient(vault.url, credential, **lenient)
    first, second = Issued("first"), Issued("second")
    pfx = first.pfx()
    made = client.set_secret("site", pfx, content_type="application/x-pkcs12")
    assert client.get_secret("site").value == pfx
    try:
        client.get_secret("other")
    except HttpResponseError as error:
        assert error.status_code == 404, error

    warnings = put_gateway(f"{vault.url}/secrets/site")
    assert "has no file" in warnings, warnings
    until_shown("alert: TLSV1_UNRECOGNIZED_NAME")
    write_credentials(vault.host, clientId=CLIENT, clientSecret=SECRET, caCertificate=authority)
    assert put_gateway(f"{vault.url}/secrets/site") == ""
    until_shown(first.digest)
    version = client.set_secret("site", "".join(second.pem()), content_type="application/x-pem-file")
    until_shown(second.digest)
    client.update_secret_properties("site", version.properties.version, enabled=False)
    until_shown("alert: TLSV1_UNRECOGNIZED_NAME")
    client.update_secret_properties("site", version.properties.version, enabled=True)
    until_shown(second.digest)
    assert put_gateway(f"{vault.url}/secrets/site/{made.properties.version}") == ""
    until_shown(first.digest)
    write_credentials(vault.host, clientId=CLIENT, clientSecret="wrong", caCertificate=authority)
    warnings = put_gateway(f"{vault.url}/secrets/site")
    assert "invalid_client" in warnings, warnings


@contextlib.contextmanager
def openbao():
    """Runs an OpenBao in memory. Yields its host, and a function that runs `bao`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        host = "127.0.0.1:%d" % free.getsockname()[1]
    variables = os.environ | {"BAO_ADDR": f"http://{host}", "BAO_TOKEN": "root", "HOME": str(WORK)}

    def bao(*arguments: str, **streams) -> str:
        done = subprocess.run(["bao", *arguments], env=variables, check=True, capture_output=True, text=True, **streams)
        return done.stdout.strip()

    log = (WORK / "bao.log").open("w")
    command = ["bao", "server", "-dev", "-dev-root-token-id=root", f"-dev-listen-address={host}", "-dev-no-store-token"]
    server = subprocess.Popen(command, env=variables, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while subprocess.run(["bao", "status"], env=variables, capture_output=True).returncode != 0:
            assert server.poll() is None and time.monotonic() < deadline, (WORK / "bao.log").read_text()
            time.sleep(0.2)
        yield host, bao
    finally:
        server.terminate()
        server.wait(20)


def from_openbao() -> None:
    third, fourth = Issued("third"), Issued("fourth")
    with openbao() as (host, bao):

        def keep(issued: Issued) -> None:
            chain, key = issued.pem()
            fields = json.dumps({"certificate": chain, "private_key": key})
            bao("kv", "put", "-mount=secret", "tls/site", "-", input=fields)

        keep(third)
        bao("policy", "write", "site", "-", input='path "secret/data/tls/*" { capabilities = ["read"] }')
        bao("auth", "enable", "approle")
        bao("write", "auth/approle/role/tidegate", "token_policies=site")
        role = bao("read", "-field=role_id", "auth/approle/role/tidegate/role-id")
        secret = bao("write", "-f", "-field=secret_id", "auth/approle/role/tidegate/secret-id")
        write_credentials(host, roleId=role, secretId=secret)
        reference = f"http://{host}/v1/secret/data/tls/site"
        assert put_gateway(reference) == ""
        until_shown(third.digest)
        keep(fourth)
        until_shown(fourth.digest)
        assert put_gateway(f"{reference}?version=1") == ""
        until_shown(third.digest)
        warnings = put_gateway(f"http://{host}/v1/secret/data/elsewhere")
        assert "refuses access" in warnings, warnings
        until_shown("alert: TLSV1_UNRECOGNIZED_NAME")
        token = bao("token", "create", "-policy=site", "-field=token")
        write_credentials(host, token=token)
        bao("kv", "delete", "-mount=secret", "tls/site")
        warnings = put_gateway(reference)
        assert "no such secret" in warnings, warnings
        keep(third)
        until_shown(third.digest)
    # Without the vault, what it has given stays.
    assert "stays in use" in put_gateway(reference)
    assert shown() == third.digest


put(f"{GROUP}/publicIPAddresses/address", {
    "location": "local",
    "sku": {"name": "Standard"},
    "properties": {"publicIPAllocationMethod": "Static"},
})  # fmt: skip
for step in (from_key_vault, from_openbao):
    print(f"   {step.__name__.replace('_', ' ')}", flush=True)
    step()
