"""Requests and WebSockets through a gateway's listeners, with the standard library only."""

import base64
import http.client
import os
import socket
import time

ADDRESS = os.environ["TEST_ADDRESS"]
PORT_OFFSET = int(os.environ["TEST_PORT_OFFSET"])
BACKEND_PORT = int(os.environ["TEST_BACKEND_PORT"])
DEADLINE_SECONDS = 20

TEXT_FRAME, MASKED, FINAL = 0x1, 0x80, 0x80


def status(port: int) -> int | None:
    """Returns the status of a GET, or None if no listener accepts."""
    connection = http.client.HTTPConnection(ADDRESS, port + PORT_OFFSET, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    except ConnectionError:
        return None
    finally:
        connection.close()


def until_status(expected: int | None, port: int) -> None:
    """Waits for this status: sockets close a little later than the operation ends."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (seen := status(port)) != expected:
        assert time.monotonic() < deadline, f"port {port} answers {seen}, not {expected}"
        time.sleep(0.05)


def echo(port: int) -> None:
    """Checks that a message is echoed over a WebSocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET /echo HTTP/1.1",
        "Host: gateway.test",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
    ]
    with socket.create_connection((ADDRESS, port + PORT_OFFSET), timeout=5) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        answer = connection.makefile("rb")
        assert answer.readline().startswith(b"HTTP/1.1 101")
        while answer.readline() != b"\r\n":
            pass
        message = b"there and back"
        # A mask of zeros leaves the message unchanged.
        connection.sendall(bytes([FINAL | TEXT_FRAME, MASKED | len(message)]) + bytes(4) + message)
        assert answer.read(2 + len(message)) == bytes([FINAL | TEXT_FRAME, len(message)]) + message
