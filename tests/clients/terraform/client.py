"""HTTPS as `go-azure-sdk` speaks it: its headers, how it reads bodies and errors, and a log."""

import dataclasses
import http.client
import json
import os
import ssl
import urllib.parse

URL = os.environ["TEST_URL"]

# Those of the SDK's base client and of its OData layer.
HEADERS = {
    "Accept": "application/json; charset=utf-8; IEEE754Compatible=false",
    "Content-Type": "application/json; charset=utf-8",
    "Odata-Maxversion": "4.0",
    "Odata-Version": "4.0",
    "User-Agent": "HashiCorp Terraform/1.11.4 terraform-provider-azurerm (replay)",
    "X-Ms-Correlation-Request-Id": "7b9b2b1e-0c3c-4d7e-9f0a-52b7b0a3d0c1",
}


class Refused(AssertionError):
    """A status that the provider does not expect, with the error that it shows."""


@dataclasses.dataclass
class Answer:
    method: str
    url: str
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        """Returns the body as the SDK decodes it: only with a JSON content type, and not if it is empty."""
        media_type = self.headers.get("content-type", "").lower()
        if not self.body:
            return None
        assert "application/json" in media_type, f"{self.url}: the SDK cannot decode {media_type!r}"
        return json.loads(self.body)

    def expect(self, *statuses: int) -> "Answer":
        if self.status not in statuses:
            text = self.body.decode(errors="replace")
            raise Refused(f"{self.method} {self.url}: unexpected status {self.status}: {text}")
        return self


class Client:
    """One connection that is kept open, with a bearer token once there is one."""

    def __init__(self):
        self.origin = urllib.parse.urlsplit(URL)
        context = ssl.create_default_context(cafile=os.environ["TEST_CA"])
        self.connection = http.client.HTTPSConnection(self.origin.netloc, context=context, timeout=60)
        self.token: str | None = None
        self.log: list[Answer] = []

    def send(self, method: str, url: str, body=None, headers: dict[str, str] = HEADERS) -> Answer:
        """Sends a request to a path, or to an absolute URL of the same origin, as the SDKs demand."""
        parts = urllib.parse.urlsplit(url)
        assert not parts.netloc or parts[:2] == self.origin[:2], f"{url} is not on {URL}"
        path = urllib.parse.urlunsplit(("", "", parts.path, parts.query, ""))
        data = body if isinstance(body, (str, type(None))) else json.dumps(body)
        headers = dict(headers)
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        self.connection.request(method, path, data, headers)
        response = self.connection.getresponse()
        answer = Answer(method, path, response.status, response.headers, response.read())
        self.log.append(answer)
        return answer

    def form(self, url: str, fields: dict[str, str]) -> Answer:
        """Posts a form, as the endpoints of OAuth 2 take it."""
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        return self.send("POST", url, urllib.parse.urlencode(fields), headers)

    def resource(self, method: str, identifier: str, version: str, body=None) -> Answer:
        """Sends a request to a resource."""
        return self.send(method, f"{identifier}?api-version={version}", body)
