"""Malformed HTTP/2: frames are encoded here, so that no library corrects them."""

import random

import hpack
from hyperframe import frame as frames

from rig.http1 import Case

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SMUGGLED = "x HTTP/1.1\r\nHost: hidden.test\r\n\r\nGET /c{n}/hidden HTTP/1.1\r\nHost: hidden.test\r\n\r\n"
PSEUDO = {
    ":method": ["GET", "POST", "CONNECT", "G T", "GET /c{n}/hidden HTTP/1.1\r\nX: y", "", "get", "HEAD", "PATCH"],
    ":path": ["/c{n}/x", "/c{n}/x y", "c{n}", "", "*", "http://a.test/c{n}/abs", "/c{n}/" + SMUGGLED, "//c{n}/x", "/c{n}/../x", "/c{n}/x#y", "/c{n}\\x", "/c{n}?"],
    ":authority": ["a.test", "A.test", "a.test.", "u@a.test", "a.test/x", "a test", "", "a.test\r\nX: y", "a.test:443", "[::1]"],
    ":scheme": ["https", "http", "ftp", "https://a.test/c{n}/s?", ""],
}  # fmt: skip
HEADERS = [
    ("content-length", "5"), ("content-length", "05"), ("content-length", ""), ("content-length", " 5"), ("content-length", "+5"),
    ("content-length", "4"), ("content-length", "5, 5"), ("transfer-encoding", "chunked"), ("transfer_encoding", "chunked"),
    ("content_length", "5"), ("connection", "keep-alive"), ("connection", "content-length"), ("te", "trailers"), ("te", "gzip"),
    ("upgrade", "websocket"), ("host", "other.test"), ("host", "a.test"), ("X-Upper", "y"), ("x y", "z"), ("x:y", "z"), ("x\r\ny", "z"),
    ("x", "y\r\nhidden: z"), ("x", "y\nz"), ("x", "a\x00b"), ("x", " y "), ("", "y"), ("cookie", "a=b"), ("cookie", "c=d"),
    ("expect", "100-continue"), ("x-forwarded-for", "127.0.0.1"), (":path", "/c{n}/second"), (":status", "200"), (":protocol", "websocket"),
    ("transfer-encoding", "chunked\r\n\r\n0\r\n\r\nGET /c{n}/hidden HTTP/1.1\r\nHost: hidden.test\r\n\r\n"), ("x", "a" * 5000),
]  # fmt: skip
BODIES = [b"hello", b"", b"hell", b"0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: hidden.test\r\n\r\n", b"a" * 20000]
TRAILERS = [("x", "y"), ("content-length", "9"), ("transfer-encoding", "chunked"), ("host", "other.test"), (":path", "/c{n}/trailer")]


def cases(seed: int, numbers: range):
    """Returns the cases with these numbers, always the same for a seed."""
    for number in numbers:
        chance = random.Random(f"{seed} http2 {number}")
        encoder, out = hpack.Encoder(), [PREFACE + frames.SettingsFrame(0).serialize()]
        for index in range(chance.choice([1, 1, 2, 4])):
            out.append(_request(chance, encoder, 1 + 2 * index, Case.label(number)))
        yield Case(number, out)


def _request(chance: random.Random, encoder: hpack.Encoder, stream: int, label: str) -> bytes:
    fill = lambda pairs: [(n, v.replace("{n}", label)) for n, v in pairs]  # noqa: E731
    pseudo = [(name, chance.choice(values) if chance.random() < 0.08 else values[0]) for name, values in PSEUDO.items()]
    headers = pseudo + chance.choices(HEADERS, k=chance.choice([0, 0, 1, 1, 2]))
    body = chance.choice(BODIES) if chance.random() < 0.5 else None
    if body is not None and chance.random() < 0.8:
        headers[0] = (":method", "POST")
    for _ in range(chance.choices([0, 1], weights=[9, 1])[0]):
        headers.insert(chance.randrange(len(headers)), headers.pop(chance.randrange(len(headers))))
    if chance.random() < 0.05:
        headers.pop(chance.randrange(len(pseudo)))
    block = encoder.encode(fill(headers), huffman=chance.random() < 0.5)
    out = _head(chance, stream, block, ended=body is None)
    trailers = chance.random() < 0.2
    if body is not None:
        # The windows have their initial sizes.
        parts = [body[at : at + 16384] for at in range(0, len(body), 16384)] or [b""]
        for index, part in enumerate(parts):
            data = frames.DataFrame(stream, part)
            if index == len(parts) - 1 and not trailers and chance.random() < 0.95:
                data.flags.add("END_STREAM")
            out += data.serialize()
        if trailers:
            out += _head(chance, stream, encoder.encode(fill([chance.choice(TRAILERS)])), ended=True)
    return out


def _head(chance: random.Random, stream: int, block: bytes, ended: bool) -> bytes:
    """Returns HEADERS, with CONTINUATION if the block is split."""
    cut = chance.randrange(len(block)) if chance.random() < 0.1 else len(block)
    blocks = [block[:cut], block[cut:]] if cut < len(block) else [block]
    blocks = [part[at : at + 16384] for part in blocks for at in range(0, max(len(part), 1), 16384)]
    out = b""
    for index, part in enumerate(blocks):
        head = frames.HeadersFrame(stream, part) if index == 0 else frames.ContinuationFrame(stream, part)
        if index == 0 and ended:
            head.flags.add("END_STREAM")
        if index == len(blocks) - 1:
            head.flags.add("END_HEADERS")
        out += head.serialize()
    return out
