"""The comparison: the gateway's access log against the journals of the backends."""

import collections

from rig.backends import Backend
from rig.gateway import PROBE, Forwarded
from rig.http1 import Case


def differences(backend: Backend, gateway: Forwarded) -> list[str]:
    """Each way in which the two do not tell the same."""
    read, refused = backend.read()
    del read[PROBE]
    found = [f"{backend.name} has read {n} more of {r} than were forwarded" for r, n in (read - gateway.sent).items()]
    # One that the client broke off may not have been read to its end by the backend, so it need not stand there.
    found += [f"{backend.name} has answered {r} but has not read it" for r, n in (gateway.answered - read).items()]
    # A request that the backend calls malformed is one that was forwarded.
    unread = sum((gateway.sent - read).values())
    if refused > unread:
        found.append(f"{backend.name} has refused {refused} requests, of which {refused - unread} were not forwarded")
    return found


def summary(backend: Backend, gateway: Forwarded) -> str:
    """What was compared."""
    read, refused = backend.read()
    sent = sum(gateway.sent.values())
    return f"forwarded {sent:6}  read {sum(read.values()):6}  refused by the backend {refused:4}"


def cases_named(found: list[str]) -> collections.Counter:
    """How often each case's number is in the differences."""
    return collections.Counter(number for text in found for number in Case.numbers(text))
