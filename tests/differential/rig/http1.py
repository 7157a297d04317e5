"""Malformed HTTP/1.1: complete requests, mutated in a few places, and sent in pieces.

Everything is derived from the seed. Each case has a number in its targets, so that a difference leads to the bytes
that caused it.
"""

import dataclasses
import random
import re

DIGITS = str.maketrans("0123456789", "abcdefghij")
LETTERS = str.maketrans("abcdefghij", "0123456789")

# Framing that two parsers may read differently.
FRAMING = [
    "Content-Length: 0", "Content-Length: 5", "Content-Length: 05", "Content-Length: +5", "Content-Length: 5, 5",
    "Content-Length: 5 ", "Content-Length:\t5", "Content-Length: 0x5", "Content-Length: -0", "Content-Length: 5\r\n 5",
    "Content_Length: 40", "content-length: 6", "Content-Length : 40", "Content-Length\x00: 40", "X: y\nContent-Length: 40",
    "X: y\rContent-Length: 40", "Content-Length: 40;", "Content-Length:", "Transfer-Encoding: chunked",
    "Transfer-Encoding: Chunked", "Transfer-Encoding:\tchunked", "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: identity", "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding:\x0bchunked", "Transfer-Encoding: x\r\nTransfer-Encoding: chunked", "Transfer_Encoding: chunked",
    "Transfer-Encoding : chunked", "Transfer-Encoding: \"chunked\"", "Transfer-Encoding:", " Transfer-Encoding: chunked",
    "Connection: content-length", "Connection: close, transfer-encoding", "Connection: keep-alive", "Connection: host",
    "Upgrade: websocket\r\nConnection: upgrade", "Upgrade: h2c\r\nConnection: upgrade, http2-settings\r\nHTTP2-Settings: AAMAAABk",
    "Expect: 100-continue", "Expect: 100-Continue, x", "TE: trailers", "Trailer: Content-Length", "Keep-Alive: 300",
]  # fmt: skip

OTHER_HEADERS = [
    "X-Forwarded-For: 127.0.0.1", "X_Forwarded_For: 127.0.0.1", "X-HTTP-Method-Override: DELETE", "X-Long: " + "a" * 3000,
    "X-Empty:", "X\u00e9: y", "X: \u00e9", "X: \x7f", "X: a\x00b", ": nameless", "nocolon", "X y: z", "Cookie: a=b\r\nCookie: c=d",
    "Range: bytes=0-1", "Content-Encoding: gzip", "Host: other.test", "X-Original-URL: /c{n}/other", "Proxy-Connection: close",
]  # fmt: skip

HOSTS = ["a.test", "A.Test", "a.test:80", "a.test.", "", "a.test, b.test", "a@b", "a.test/", "[::1]", "a test", "127.0.0.1", "a.test:", "a_b.test"]
METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "QUERY", "get", "G@T", "TRACE", "PROPFIND"]
VERSIONS = ["HTTP/1.1"] * 12 + ["HTTP/1.0", "HTTP/1.2", "HTTP/1.10", "http/1.1", "HTTP/2.0", "HTTP/1.1 ", ""]
TARGETS = [
    "/c{n}/x", "/c{n}/x?q=1", "/c{n}//x", "/c{n}/./x", "/c{n}/../x", "/c{n}/%2e%2e/x", "/c{n}/%2F", "/c{n}/%00", "/c{n}/a%", "/c{n}/a;b",
    "//c{n}/x", "/c{n}\\x", "http://a.test/c{n}/abs", "http://other.test/c{n}/abs", "HTTP://a.test:80/c{n}/abs", "*", "/c{n}/a#b", "/c{n}/a b",
    "/c{n}/\t", "/c{n}?a?b", "?c{n}", "c{n}", "/c{n}/\"'<>`{{}}|^", "/c{n}/[x]", "/c{n}/\u00e9", "/c{n}/" + "long" * 500, "/c{n}?",
]  # fmt: skip
CHUNKS = ["5\r\nhello\r\n", "5;a=b\r\nhello\r\n", "5;\r\nhello\r\n", "5;bad[=x\r\nhello\r\n", "005\r\nhello\r\n", "5 \r\nhello\r\n", "0x5\r\nhello\r\n",
          "5\nhello\n", "5\r\nhelloX\r\n", "5;a=\"b\r\nc\"\r\nhello\r\n", "-1\r\n", "FFFFFFFFFFFFFFFFF\r\n", "5\r\nhel", "\r\n"]  # fmt: skip
LAST_CHUNKS = ["0\r\n\r\n"] * 8 + ["0\r\nX: y\r\n\r\n", "0\r\nContent-Length: 9\r\n\r\n", "0\r\nHost: other.test\r\n\r\n", "00\r\n\r\n", "0\r\n", "0;x\r\n\r\n", "0\n\n", ""]
HIDDEN = "GET /c{n}/hidden HTTP/1.1\r\nHost: hidden.test\r\n\r\n"


@dataclasses.dataclass(frozen=True)
class Case:
    """The bytes of one connection, in the pieces in which they are sent."""

    number: int
    pieces: list[bytes]

    @staticmethod
    def label(number: int) -> str:
        """Returns the number as text for targets, in letters that no mutation produces."""
        return f"{number:06}".translate(DIGITS)

    @staticmethod
    def numbers(text: str) -> list[int]:
        """Returns the numbers of the cases whose targets are in a text."""
        return [int(label.translate(LETTERS)) for label in re.findall(r"c([a-j]{6})(?![a-j])", text)]

    def __str__(self) -> str:
        return f"case {self.number}: {b''.join(self.pieces)[:1500]!r}"


def cases(seed: int, numbers: range):
    """Returns the cases with these numbers, always the same for a seed."""
    for number in numbers:
        chance = random.Random(f"{seed} http1 {number}")
        stream = "".join(_request(chance) for _ in range(chance.choice([1, 1, 2, 3])))
        stream = _damaged(chance, stream.replace("{n}", Case.label(number)).replace("{{}}", "{}"))
        yield Case(number, _pieces(chance, stream.encode("latin-1")))


def _request(chance: random.Random) -> str:
    """Returns a request with few unusual parts, so that a parser reaches them."""
    odd = lambda usual, list_, share=0.1: chance.choice(list_) if chance.random() < share else usual  # noqa: E731
    method = odd(chance.choice(["GET", "POST"]), METHODS)
    lines = [f"{method} {odd('/c{n}/x', TARGETS)} {odd('HTTP/1.1', VERSIONS)}".rstrip()]
    if chance.random() < 0.97:
        lines.append(f"{odd('Host', ['host', 'HOST', 'Host '], 0.05)}: {odd('a.test', HOSTS)}")
    lines += chance.choices(OTHER_HEADERS, k=chance.choice([0, 0, 0, 0, 1, 2]))
    body = ""
    kind = chance.choice(["none", "none", "length", "length", "chunked", "chunked", "wild"])
    if kind == "length":
        body = chance.choice(["hello", "hello", HIDDEN, ""])
        lines.append(f"Content-Length: {len(body.replace('{n}', Case.label(0))) + chance.choice([0, 0, 0, 0, -1, 1, 20])}")
    if kind in ("chunked", "wild"):
        lines += ["Transfer-Encoding: chunked"] if kind == "chunked" else chance.choices(FRAMING, k=2)
        body = "".join(chance.choices(CHUNKS, weights=[12] + [1] * (len(CHUNKS) - 1), k=chance.choice([0, 1, 2])))
        body += chance.choice(LAST_CHUNKS) + chance.choice(["", "", HIDDEN])
    if chance.random() < 0.1:
        lines.insert(chance.randrange(1, len(lines) + 1), chance.choice(FRAMING))
    end = chance.choices(["\r\n", "\n", "\r"], weights=[40, 1, 1])[0]
    return end.join(lines) + end + end + body


def _damaged(chance: random.Random, text: str) -> str:
    """Sometimes changes, adds or removes a byte."""
    for _ in range(chance.choices([0, 1, 3], weights=[12, 2, 1])[0]):
        at, byte = chance.randrange(len(text)), chance.choice("\r\n\t \x00:,;/%\x0b\x7f\u00ffA0")
        text = text[:at] + chance.choice([byte, byte + text[at], ""]) + text[at + 1 :]
    return text


def _pieces(chance: random.Random, stream: bytes) -> list[bytes]:
    cuts = sorted(chance.randrange(len(stream) + 1) for _ in range(chance.choice([0, 0, 1, 2])))
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)])]
