"""A backend that answers when it is told to, and reads what a peer sends."""

import select
import socket

PORT = 9100
TIMEOUT_SECONDS = 60

BODY = b"hello, world"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\n" + BODY


class Backend:
    """A listening socket and the connections of the worker to it."""

    def __init__(self, address: str):
        self.listening = socket.create_server((address, PORT))
        self.connections: list[socket.socket] = []

    def next_request(self) -> tuple[socket.socket, bytes]:
        """Waits for a request on any connection. Returns the connection and the request's head."""
        while True:
            ready, _, _ = select.select([self.listening, *self.connections], [], [], TIMEOUT_SECONDS)
            if not ready:
                raise TimeoutError("no request reaches the backend")
            for socket_ in ready:
                if socket_ is self.listening:
                    self.connections.append(_without_delay(self.listening.accept()[0]))
                elif socket_.recv(1, socket.MSG_PEEK):
                    return socket_, read_head(socket_)
                else:
                    self.drop(socket_)

    def drop(self, connection: socket.socket) -> None:
        """Closes a connection."""
        self.connections.remove(connection)
        connection.close()

    def close(self) -> None:
        """Closes everything."""
        for connection in [self.listening, *self.connections]:
            connection.close()


def connect(address: tuple[str, int]) -> socket.socket:
    """Returns a connection of a client."""
    return _without_delay(socket.create_connection(address, TIMEOUT_SECONDS))


def read_head(connection: socket.socket) -> bytes:
    """Reads up to the empty line. Nothing may follow it."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += _some(connection, 65536)
    return head


def read_exactly(connection: socket.socket, size: int) -> bytes:
    """Reads a number of bytes."""
    data = b""
    while len(data) < size:
        data += _some(connection, size - len(data))
    return data


def _some(connection: socket.socket, size: int) -> bytes:
    data = connection.recv(size)
    if not data:
        raise ConnectionError("the worker has closed a connection")
    return data


def _without_delay(connection: socket.socket) -> socket.socket:
    connection.settimeout(TIMEOUT_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
