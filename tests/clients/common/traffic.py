"""What clients of a gateway see, for suites whose client brings no WebSocket: with the standard library alone."""

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
    """The status of the answer to a GET, or nothing where no listener is."""
    connection = http.client.HTTPConnection(ADDRESS, port + PORT_OFFSET, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    except ConnectionError:
        return None
    finally:
        connection.close()


def until_status(expected: int | None, port: int) -> None:
    """Waits for that answer: operations end when workers have applied a change, but sockets close a little later."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (seen := status(port)) != expected:
        assert time.monotonic() < deadline, f"port {port} answers {seen}, not {expected}"
        time.sleep(0.05)


def echo(port: int) -> None:
    """A message goes through a WebSocket and comes back as it was."""
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
        # A mask of zeros leaves the message as it is.
        connection.sendall(bytes([FINAL | TEXT_FRAME, MASKED | len(message)]) + bytes(4) + message)
        assert answer.read(2 + len(message)) == bytes([FINAL | TEXT_FRAME, len(message)]) + message
