"""The clients of tunnels: idle ones, busy ones, and those that wait for their end."""

import asyncio
import random
import select
import signal
import socket
import sys
import time

FRAME = bytes([0x82, 0x80 | 125, 0, 0, 0, 0]) + bytes(125)
ECHO = len(FRAME) - 4
PROCESSES = 4


def handshake(path) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: bench.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()


def opened(port, client, count):
    """Opens tunnels, each client from an address of its own, since one address has few ports."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    held = []
    for number in range(count):
        tunnel = socket.create_connection(("127.0.0.1", port), source_address=(f"127.0.1.{client + 1}", 0))
        tunnel.sendall(handshake(f"/idle/{client}-{number}"))
        if not tunnel.recv(4096).startswith(b"HTTP/1.1 101"):
            sys.exit(f"tunnel {number} of client {client} was refused")
        held.append(tunnel)
    return held


def hold(port, client, count, ready, stop) -> None:
    """Holds idle tunnels until the end."""
    held = opened(port, client, count)
    ready.release()
    stop.wait()
    del held


def talk(port, client, count, rate, ready, phases) -> None:
    """Sends messages on one tunnel after the other, `rate` a second, in phases: a message on the pipe `phases` with a
    number of seconds begins one, and its times and the number of closed tunnels are the answer."""
    held = opened(port, client, count)
    random.shuffle(held)
    ready.release()
    closed, next_one = 0, 0
    while (seconds := phases.recv()) is not None:
        # Each tunnel has a message at least once, so that a closed one is noticed.
        times, end, least = [], time.monotonic() + seconds, next_one + len(held)
        while (began := time.monotonic()) < end or next_one < least:
            tunnel = held[next_one % len(held)]
            next_one += 1
            if tunnel is None:
                continue
            try:
                tunnel.sendall(FRAME)
                received = 0
                while received < ECHO:
                    received += (part := len(tunnel.recv(ECHO - received)))
                    if part == 0:
                        raise ConnectionError("closed")
            except OSError:
                held[(next_one - 1) % len(held)] = None
                closed += 1
                continue
            times.append(time.monotonic() - began)
            if began < end:
                time.sleep(max(0.0, 1 / rate - times[-1]))
        phases.send((times, closed))


def await_ends(port, client, count, ready, ends) -> None:
    """Waits until each tunnel has ended, and sends the times at which they have."""
    held = opened(port, client, count)
    ready.release()
    waiting, poll, times = {one.fileno(): one for one in held}, select.epoll(), []
    for number in waiting:
        poll.register(number, select.EPOLLIN)
    while waiting:
        for number, _ in poll.poll():
            try:
                is_open = waiting[number].recv(4096)
            except OSError:
                is_open = b""
            if not is_open:
                times.append(time.monotonic())
                poll.unregister(number)
                waiting.pop(number).close()
    ends.send(times)


async def echo(port, seconds, tunnels):
    """Sends messages on all tunnels, each after the one before has come back, 50 a second on each."""
    end, times = time.monotonic() + seconds, []

    async def one(number):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(handshake(f"/echo/{number}"))
        await reader.readuntil(b"\r\n\r\n")
        while (began := time.monotonic()) < end:
            writer.write(FRAME)
            await reader.readexactly(ECHO)
            times.append(time.monotonic() - began)
            await asyncio.sleep(max(0.0, 0.02 - times[-1]))
        writer.close()

    await asyncio.gather(*(one(number) for number in range(tunnels)))
    return times
