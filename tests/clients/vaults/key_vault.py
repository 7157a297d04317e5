"""A server with the REST API of Azure Key Vault, as far as secrets need it, and with an authority that grants tokens.

It keeps secrets in memory. The official clients accept it: see `life.py`.
"""

import http.server
import json
import ssl
import threading
import urllib.parse
import uuid

API_VERSION = "7.4"


class KeyVault:
    """A running server."""

    def __init__(self, certificate, key, client_id: str, client_secret: str):
        self.client_id, self.client_secret = client_id, client_secret
        self.token = uuid.uuid4().hex
        # The versions of each secret by name, the newest last.
        self.secrets: dict[str, list[dict]] = {}
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"https://{self.host}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, method: str, target: str, authorization: str | None, body: bytes) -> tuple[int, dict, dict]:
        """Returns status, headers and body of the response."""
        parts = urllib.parse.urlsplit(target)
        match parts.path.strip("/").split("/"):
            case [tenant, "v2.0", ".well-known", "openid-configuration"]:
                return 200, {}, self._authority(tenant)
            case [_, "oauth2", "v2.0", "token"]:
                return self._grant(dict(urllib.parse.parse_qsl(body.decode())))
            case ["secrets", name, *version]:
                if authorization != f"Bearer {self.token}":
                    challenge = f'Bearer authorization="{self.url}/tenant", resource="{self.url}"'
                    return 401, {"WWW-Authenticate": challenge}, _error("Unauthorized")
                if f"api-version={API_VERSION}" not in parts.query.split("&"):
                    return 400, {}, _error("BadParameter")
                return self._secret(method, name, "".join(version), json.loads(body or "{}"))
        return 404, {}, _error("NotFound")

    def _authority(self, tenant: str) -> dict:
        base = f"{self.url}/{tenant}"
        return {
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
        }

    def _grant(self, form: dict[str, str]) -> tuple[int, dict, dict]:
        known = (form.get("client_id"), form.get("client_secret")) == (self.client_id, self.client_secret)
        if not known or form.get("grant_type") != "client_credentials":
            return 401, {}, {"error": "invalid_client", "error_description": "unknown client"}
        if form.get("scope") != f"{self.url}/.default":
            return 400, {}, {"error": "invalid_scope", "error_description": form.get("scope")}
        return 200, {}, {"token_type": "Bearer", "expires_in": 3599, "access_token": self.token}

    def _secret(self, method: str, name: str, version: str, body: dict) -> tuple[int, dict, dict]:
        versions = self.secrets.setdefault(name, [])
        if method == "PUT":
            identifier = f"{self.url}/secrets/{name}/{uuid.uuid4().hex}"
            attributes = {"enabled": True, "recoveryLevel": "Recoverable", "created": 1, "updated": 1}
            kept = {key: body[key] for key in ("value", "contentType") if key in body}
            versions.append(kept | {"id": identifier, "attributes": attributes})
            return 200, {}, versions[-1]
        found = [one for one in versions if not version or one["id"].endswith(f"/{version}")]
        if not found:
            return 404, {}, _error("SecretNotFound")
        if method == "PATCH":
            found[-1]["attributes"] |= body.get("attributes", {})
            return 200, {}, {key: value for key, value in found[-1].items() if key != "value"}
        if not found[-1]["attributes"]["enabled"]:
            return 403, {}, _error("Forbidden", "SecretDisabled")
        return 200, {}, found[-1]


def _error(code: str, inner: str | None = None) -> dict:
    error = {"code": code, "message": f"The reason is {code}."}
    return {"error": error | ({"innererror": {"code": inner}} if inner else {})}


def _handler(vault: KeyVault) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            authorization = self.headers.get("Authorization")
            status, headers, document = vault.answer(self.command, self.path, authorization, body)
            content = json.dumps(document).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = respond

        def log_message(self, *_) -> None:
            pass

    return Handler
