"""The three measurements. Each prints a table, and returns what it has found beside the limits."""

import asyncio
import bisect
import itertools
import sys
import time
import urllib.error

from .clients import PROCESSES, await_ends, echo, hold, talk
from .server import EXTENSIONS, FORK, GATEWAY, Api, pool

ECHOES = 100
FORMS = [
    ("unordered", {}),
    ("filtered", {"$filter": "startswith(path,'/idle/') and idleForInSec ge 0 and not (path eq '/idle/7')"}),
    ("ordered by idle time", {"$orderby": "idleForInSec desc", "$count": "true"}),
]


def row(name, *cells) -> None:
    print(f"{name:52}" + "".join(f"{cell:>10}" for cell in cells), flush=True)


def at(seconds, share) -> float:
    """The value below which a share of the times is, in milliseconds."""
    ordered = sorted(seconds)
    return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def summary(seconds):
    return [f"{at(seconds, share):.2f}" for share in (0.5, 0.99, 0.999, 1)]


def await_all(server, ready) -> None:
    for _ in range(PROCESSES):
        while not ready.acquire(timeout=1):
            server.check()


def shares(tunnels):
    """The tunnels of each client."""
    return [tunnels // PROCESSES + (client < tunnels % PROCESSES) for client in range(PROCESSES)]


def listing(server, tunnels, seconds):
    """How long a page takes, and how much lists delay messages."""
    ready, stop = FORK.Semaphore(0), FORK.Event()
    for client, count in enumerate(shares(tunnels - ECHOES)):
        server.fork(hold, server.http, client, count, ready, stop)
    await_all(server, ready)
    counted = server.api.page({"$count": "true", "$top": "0"})["count"]
    print(f"{counted} idle tunnels on two workers, {ECHOES} with messages one after the other; times in ms")
    row("messages", "p50", "p99", "p99.9", "longest")
    quiet = asyncio.run(echo(server.http, seconds, ECHOES))
    row("without lists", *summary(quiet))
    found = []
    for name, query in FORMS:
        receive, send = FORK.Pipe(duplex=False)
        server.fork(ask, server.api, query, seconds, send)
        listed = asyncio.run(echo(server.http, seconds, ECHOES))
        pages = receive.recv()
        row(f"with lists, {name}", *summary(listed))
        row(f"  a page, {name}", *summary(pages))
        delay = at(listed, 0.999) - at(quiet, 0.999)
        found.append((f"p99 of a page, {name} [ms]", at(pages, 0.99), 50))
        found.append((f"delay of messages at p99.9, {name} [ms]", delay, 2))
    stop.set()
    return found


def ask(api: Api, query, seconds, times) -> None:
    """Asks for ten pages a second."""
    found, end = [], time.monotonic() + seconds
    while (began := time.monotonic()) < end:
        if len(api.page(query)["value"]) != 100:
            sys.exit("the page is not full")
        found.append(time.monotonic() - began)
        time.sleep(max(0.0, 0.1 - found[-1]))
    times.send(found)


def writes(server, tunnels, seconds):
    """What 20 unrelated writes and a list each second do to tunnels with messages."""
    ready, pipes = FORK.Semaphore(0), []
    for client, count in enumerate(shares(tunnels)):
        ours, theirs = FORK.Pipe()
        pipes.append(ours)
        server.fork(talk, server.http, client, count, 200, ready, theirs)
    await_all(server, ready)
    print(f"{tunnels} tunnels on two workers, {200 * PROCESSES} messages a second over all; times in ms")
    row("messages", "p50", "p99", "p99.9", "longest")

    def phase():
        for pipe in pipes:
            pipe.send(seconds)
        return lambda: [pipe.recv() for pipe in pipes]

    quiet = list(itertools.chain.from_iterable(times for times, _ in phase()()))
    row("without writes", *summary(quiet))
    before, answer = server.memory(), phase()
    began, generation = time.monotonic(), server.api.call("GET", f"{GATEWAY}?api-version=2024-05-01")[1]["ETag"]
    written, refused, pages, next_page = 0, 0, [], began
    while (now := time.monotonic()) < began + seconds:
        members = pool(f"127.0.3.{written % 200 + 1}", f"127.0.4.{written % 199 + 1}")
        try:
            server.api.put(f"{GATEWAY}/backendAddressPools/b", members)
            written += 1
        except urllib.error.HTTPError:
            refused += 1
        if now >= next_page:
            next_page += 1
            asked = time.monotonic()
            server.api.page({"$orderby": "idleForInSec desc", "$count": "true"})
            pages.append(time.monotonic() - asked)
        time.sleep(max(0.0, began + (written + refused) / 20 - time.monotonic()))
    server.check()
    answers, after = answer(), server.memory()
    busy = list(itertools.chain.from_iterable(times for times, _ in answers))
    closed = sum(closed for _, closed in answers)
    row("with writes", *summary(busy))
    row("  a page of tunnels", *summary(pages))
    names = ["control plane", *(f"worker {number}" for number in range(1, len(before)))]
    print()
    row("memory in MiB", *names)
    row("before the writes", *(f"{value:.1f}" for value in before))
    row("after them", *(f"{value:.1f}" for value in after))
    etag = server.api.call("GET", f"{GATEWAY}?api-version=2024-05-01")[1]["ETag"]
    if etag == generation:
        sys.exit("nothing was written")
    for pipe in pipes:
        pipe.send(None)
    grown = max(new - old for new, old in zip(after, before))
    return [
        ("closed tunnels", closed, 0),
        ("writes that were refused", refused, 0),
        ("writes a second below 20", 20 - written / seconds, 1),
        ("p99 of messages, later by [ms]", at(busy, 0.99) - at(quiet, 0.99), max(1.0, at(quiet, 0.99))),
        ("memory, grown by [MiB]", grown, 16),
    ]


def draining(server, tunnels, _seconds):
    """How the ends of drained tunnels are spread over the drain time of 10 s."""
    found, members = [], itertools.cycle(["127.0.0.1", "127.0.0.2"])
    server.api.apply(f"{GATEWAY}/backendAddressPools/a", pool(next(members)))
    print(f"{tunnels} tunnels of a member that leaves its pool, drained over 10 s; their ends in each second")
    row("spread", *range(1, 12))
    for name, policy, window, share in [
        ("even", {"drainSpread": "even"}, 1.0, 1 / 5),
        ("default (lastQuarter)", {}, 0.5, 1 / 3),
    ]:
        server.api.apply(f"{EXTENSIONS}/tunnelPolicies/default", {"properties": policy})
        ready, pipes = FORK.Semaphore(0), []
        for client, count in enumerate(shares(tunnels)):
            ours, theirs = FORK.Pipe(duplex=False)
            pipes.append(ours)
            server.fork(await_ends, server.http, client, count, ready, theirs)
        await_all(server, ready)
        began = time.monotonic()
        server.api.put(f"{GATEWAY}/backendAddressPools/a", pool(next(members)))
        ends = sorted(end - began for pipe in pipes for end in pipe.recv())
        row(name, *(sum(second <= end < second + 1 for end in ends) for second in range(11)))
        most = max(bisect.bisect_left(ends, begin + window) - number for number, begin in enumerate(ends))
        found.append((f"{name}: share of ends within {window} s", most / len(ends), share))
        found.append((f"{name}: last end after [s]", ends[-1], 11.0))
    return found
