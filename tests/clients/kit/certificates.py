"""Creates the certificates for the suites' documents; runs with the `python` suite's interpreter.

It writes to the directory that is its argument: `server.pfx` (password `secret`, for `gateway.test`), `authority.cer`
(the authority that issued it, DER) and `authority.pem`.
"""

import datetime
import ipaddress
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

PASSWORD = b"secret"
SERVER_NAME = "gateway.test"


def name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


def builder(subject: x509.Name, issuer: x509.Name, key) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=90))
    )


def main(directory: pathlib.Path, address: str | None = None) -> None:
    """Writes the files. The certificate is for `address` in place of `gateway.test`, if one is given."""
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name, server_name = name("Suite authority"), name(SERVER_NAME)
    authority = (
        builder(authority_name, authority_name, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    subject = x509.IPAddress(ipaddress.ip_address(address)) if address else x509.DNSName(SERVER_NAME)
    server = (
        builder(server_name, authority_name, server_key)
        .add_extension(x509.SubjectAlternativeName([subject]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    encryption = serialization.BestAvailableEncryption(PASSWORD)
    pfx = pkcs12.serialize_key_and_certificates(b"server", server_key, server, [authority], encryption)
    (directory / "server.pfx").write_bytes(pfx)
    (directory / "authority.cer").write_bytes(authority.public_bytes(serialization.Encoding.DER))
    (directory / "authority.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
