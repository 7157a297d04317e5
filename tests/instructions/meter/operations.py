"""The operations that have a budget.

Each step of an operation waits until the worker sleeps, so that no read finds more or less than in another run.
"""

import base64
import hashlib
import socket

from meter.backend import BODY, RESPONSE, connect, read_exactly, read_head
from meter.worker import Worker

REQUEST = b"GET / HTTP/1.1\r\nHost: meter.test\r\nUser-Agent: meter/1.0 (test)\r\n\r\n"

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = base64.b64encode(hashlib.sha1(KEY + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
UPGRADE = (
    b"GET /ws/echo HTTP/1.1\r\nHost: meter.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY + b"\r\n\r\n"
)
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: " + ACCEPT + b"\r\n\r\n"
)

# A frame of a client is masked: here with zeros, which change nothing.
MASKED, MASK = 0x80, bytes(4)
PAYLOAD = bytes(125)
MESSAGE_TO_BACKEND = bytes([0x82, MASKED | len(PAYLOAD)]) + MASK + PAYLOAD
MESSAGE_TO_CLIENT = bytes([0x82, len(PAYLOAD)]) + PAYLOAD
NORMAL_CLOSURE = (1000).to_bytes(2, "big")
CLOSE_TO_BACKEND = bytes([0x88, MASKED | 2]) + MASK + NORMAL_CLOSURE
CLOSE_TO_CLIENT = bytes([0x88, 2]) + NORMAL_CLOSURE


class Operation:
    """An operation that is repeated, to be used as a context manager."""

    WARM_UP = 30
    # The number of a round's first half. The second has twice as many.
    COUNT = 150

    def __init__(self, worker: Worker):
        self.worker, self.backend = worker, worker.backend

    def __enter__(self) -> "Operation":
        return self

    def __exit__(self, *_) -> None:
        pass

    def repeat(self, times: int) -> None:
        """Does the operation a number of times, one after the other."""
        for _ in range(times):
            self.once()

    def once(self) -> None:
        """Does the operation once. The worker sleeps before and after it."""
        raise NotImplementedError

    def rest(self) -> None:
        """Waits until the worker sleeps."""
        self.worker.wait_until_asleep()

    def open(self) -> tuple[socket.socket, socket.socket]:
        """Opens a WebSocket. Returns the connections of the client and of the backend."""
        client = connect(self.worker.listener)
        self.rest()
        client.sendall(UPGRADE)
        backend, _ = self.backend.next_request()
        self.rest()
        backend.sendall(SWITCHED)
        read_head(client)
        self.rest()
        return client, backend

    def close(self, client: socket.socket, backend: socket.socket) -> None:
        """Closes it: Close frames in both directions, then the backend's connection, then the client's."""
        client.sendall(CLOSE_TO_BACKEND)
        read_exactly(backend, len(CLOSE_TO_BACKEND))
        self.rest()
        backend.sendall(CLOSE_TO_CLIENT)
        read_exactly(client, len(CLOSE_TO_CLIENT))
        self.rest()
        self.backend.drop(backend)
        if client.recv(1):
            raise ConnectionError("the tunnel has more bytes than expected")
        self.rest()
        client.close()
        self.rest()


class SmallRequest(Operation):
    """A request without a body and a response of 12 bytes, over connections that are kept on both sides."""

    def __enter__(self) -> "SmallRequest":
        self.client = connect(self.worker.listener)
        return self

    def __exit__(self, *_) -> None:
        self.client.close()

    def once(self) -> None:
        self.client.sendall(REQUEST)
        backend, _ = self.backend.next_request()
        self.rest()
        backend.sendall(RESPONSE)
        read_head_and_body(self.client)
        self.rest()


class OpenAndClose(Operation):
    """A WebSocket over new connections on both sides, opened and closed."""

    COUNT = 40

    def once(self) -> None:
        self.close(*self.open())


class Echo(Operation):
    """A message of 125 bytes to the backend, and one back."""

    COUNT = 300

    def __enter__(self) -> "Echo":
        self.client, self.server = self.open()
        return self

    def __exit__(self, *_) -> None:
        self.close(self.client, self.server)

    def once(self) -> None:
        self.client.sendall(MESSAGE_TO_BACKEND)
        read_exactly(self.server, len(MESSAGE_TO_BACKEND))
        self.rest()
        self.server.sendall(MESSAGE_TO_CLIENT)
        read_exactly(self.client, len(MESSAGE_TO_CLIENT))
        self.rest()


KINDS = {
    "small request": SmallRequest,
    "WebSocket opened and closed": OpenAndClose,
    "message of 125 bytes and back": Echo,
}


def read_head_and_body(client: socket.socket) -> None:
    """Reads a response with the body of `RESPONSE`, which ends it."""
    data = b""
    while not data.endswith(BODY):
        part = client.recv(65536)
        if not part:
            raise ConnectionError("the worker has closed the connection of a client")
        data += part
