"""Requests and WebSockets through a gateway's listeners."""

import http.client
import time

from websockets.sync.client import connect

DEADLINE_SECONDS = 20


def status(address: str, port: int, path: str = "/") -> int | None:
    """Returns the status of a GET, or None if no listener accepts."""
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": "gateway.test"})
        return connection.getresponse().status
    except ConnectionError:
        return None
    finally:
        connection.close()


def answer(address: str, port: int, path: str) -> tuple[int, dict[str, str], str]:
    """Returns status, headers (names in lower case) and body of a GET."""
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": "gateway.test"})
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, headers, response.read().decode()
    finally:
        connection.close()


def until_status(expected: int | None, address: str, port: int) -> None:
    """Waits for this status: sockets close a little later than the operation ends."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (seen := status(address, port)) != expected:
        assert time.monotonic() < deadline, f"{address}:{port} answers {seen}, not {expected}"
        time.sleep(0.05)


def echo(address: str, port: int, messages: int = 3) -> None:
    """Checks that messages are echoed over a WebSocket."""
    with connect(f"ws://{address}:{port}/echo", proxy=None, open_timeout=5) as socket:
        for number in range(messages):
            socket.send(f"message {number}")
            assert socket.recv(timeout=5) == f"message {number}"
