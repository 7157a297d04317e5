"""The comparison: the gateway's access log against the journals of the backends."""

import collections

from rig.backends import Backend
from rig.gateway import PROBE, Forwarded
from rig.http1 import Case


def differences(backend: Backend, gateway: Forwarded) -> list[str]:
    """Returns the differences between the journal and the access log."""
    read, refused = backend.read()
    del read[PROBE]
    found = [f"{backend.name} has read {n} more of {r} than were forwarded" for r, n in (read - gateway.sent).items()]
    # A request that the client aborted may be missing in the journal: the backend has not read it to its end.
    found += [f"{backend.name} has answered {r} but has not read it" for r, n in (gateway.answered - read).items()]
    # The journal has no target of a request that the backend calls malformed, so only the numbers are compared.
    unread = sum((gateway.sent - read).values())
    if refused > unread:
        found.append(f"{backend.name} has refused {refused} requests, of which {refused - unread} were not forwarded")
    return found


def summary(backend: Backend, gateway: Forwarded) -> str:
    """Returns a summary of the comparison."""
    read, refused = backend.read()
    sent = sum(gateway.sent.values())
    return f"forwarded {sent:6}  read {sum(read.values()):6}  refused by the backend {refused:4}"


def cases_named(found: list[str]) -> collections.Counter:
    """Counts the differences of each case."""
    return collections.Counter(number for text in found for number in Case.numbers(text))
