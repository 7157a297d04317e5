"""Sends the cases, each on its own connection, and checks the responses."""

import concurrent.futures
import re
import socket
import ssl
import time

from rig.http1 import Case

CONNECTIONS = 24
CONNECT_TIMEOUT_SECONDS = 10

# By then the gateway has normally responded; a request that still runs is aborted, which is a case as well.
QUIET_SECONDS = 0.25
LONGEST_SECONDS = 3


def send_all(cases: list[Case], address: tuple[str, int], tls: ssl.SSLContext | None) -> list[str]:
    """Sends all cases, and returns those that got the response to another case."""
    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as threads:
        answers = threads.map(lambda case: (case, _exchange(case, address, tls)), cases)
        return [wrong for case, answer in answers for wrong in _strange(case, answer)]


def _exchange(case: Case, address, tls) -> bytes:
    answer = b""
    with socket.create_connection(address, timeout=CONNECT_TIMEOUT_SECONDS) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with tls.wrap_socket(plain) if tls else plain as connection:
            deadline = time.monotonic() + LONGEST_SECONDS
            try:
                for piece in case.pieces:
                    connection.sendall(piece)
                connection.settimeout(QUIET_SECONDS)
                while (read := connection.recv(65536)) and time.monotonic() < deadline:
                    answer += read
            except (OSError, TimeoutError):
                # The connection was refused, or nothing more comes.
                pass
    return answer


def _strange(case: Case, answer: bytes) -> list[str]:
    """Compares the targets in `x-target`, which each backend sends. HTTP/2 responses, which may be compressed, are skipped."""
    targets = re.findall(rb"(?i)x-target: ([^\r\n]*)", answer)
    numbers = [number for target in targets for number in Case.numbers(target.decode("latin-1"))]
    return [f"{case}\n  was answered with case {number}'s" for number in numbers if number != case.number]
