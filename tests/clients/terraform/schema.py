"""A Terraform resource as a table: how each attribute is sent, how it is read back, and what differs.

Terraform's plug-in SDK does not tell an absent text, number, flag or list from an empty one; nor does this
module. It knows no resource; the tables are in `gateway.py` and `network.py`.
"""

import dataclasses
from typing import Any, Callable

# A value that is left out of a body.
OMIT = object()


class Unreadable(AssertionError):
    """The provider could not decode this, or would crash."""


@dataclasses.dataclass(frozen=True)
class Context:
    """What a codec needs beside the value: the ID of the resource, and its attributes in the state."""

    id: str
    prior: dict | None = None


class Plain:
    """A text, a number or a flag. The provider's decoder refuses any other type; null is absent."""

    def __init__(self, kind: type):
        self.kind, self.zero = kind, kind()

    def send(self, value, _context: Context):
        return value

    def read(self, json, _context: Context):
        if json is None:
            return self.zero
        # `isinstance` would take a flag for a number.
        if type(json) is not self.kind:
            raise Unreadable(f"{json!r} is no {self.kind.__name__}")
        return json


class Texts:
    """A list of texts; with `ordered=False` a set."""

    zero: list = []

    def __init__(self, ordered: bool = True):
        self.ordered = ordered

    def send(self, value, _context: Context):
        return value

    def read(self, json, _context: Context):
        texts = [TEXT.read(one, _context) for one in read_list(json)]
        return texts if self.ordered else sorted(texts)


class Reference:
    """The ID of a resource, sent as `{"id": …}`."""

    zero = ""

    def send(self, value, _context: Context):
        return {"id": value} if value else OMIT

    def read(self, json, context: Context):
        return TEXT.read(read_object(json).get("id"), context)


class Member:
    """The name of another member of the same resource, sent as the ID of that member.

    The ID must be `{resource}/{collection}/{name}`, letter by letter.
    """

    zero = ""

    def __init__(self, collection: str):
        self.collection = collection

    def send(self, value, context: Context):
        return {"id": f"{context.id}/{self.collection}/{value}"} if value else OMIT

    def read(self, json, context: Context):
        identifier = TEXT.read(read_object(json).get("id"), context)
        if not identifier:
            return ""
        begin = f"{context.id}/{self.collection}/"
        name = identifier.removeprefix(begin)
        if not identifier.startswith(begin) or "/" in name or not name:
            raise Unreadable(f"{identifier} is no ID of a member of {begin}")
        return name


class Members:
    """The names of other members of the same resource, in order."""

    zero: list = []

    def __init__(self, collection: str):
        self.member = Member(collection)

    def send(self, value, context: Context):
        return [self.member.send(name, context) for name in value]

    def read(self, json, context: Context):
        return [self.member.read(one, context) for one in read_list(json)]


class Merged:
    """A value that takes several properties of an object which has others, too."""

    # The properties that it takes.
    properties: tuple[str, ...] = ()

    def merge(self, body: dict, sent) -> None:
        for name in self.properties:
            body.pop(name, None)
        if sent is not OMIT:
            body.update(sent)


class Secret:
    """A text that is sent and never read: the provider takes it from Terraform's state."""

    zero = ""

    def send(self, value, _context: Context):
        return value

    def read(self, _json, _context: Context):
        return OMIT


@dataclasses.dataclass(frozen=True)
class Translated:
    """A value that the provider converts in both directions."""

    to: Callable[[Any], Any]
    back: Callable[[Any], Any]
    zero: Any

    def send(self, value, _context: Context):
        return self.to(value)

    def read(self, json, _context: Context):
        return self.back(json)


@dataclasses.dataclass(frozen=True)
class Attribute:
    """An attribute of a resource or of a block."""

    name: str
    # The names in the body that lead to it, joined by dots; empty for the block itself.
    path: str
    codec: Any
    # The value of the schema if the configuration has none.
    default: Any = None
    # Whether the provider sends it although it is empty.
    always: bool = False
    # Whether any value is good if the configuration has none.
    computed: bool = False

    def configured(self, configuration: dict):
        if self.name in configuration:
            return configuration[self.name]
        return self.codec.zero if self.default is None else self.default


class Block:
    """A nested block: an object, or a list of objects. Blocks of a set are told apart by their names."""

    def __init__(self, *attributes: Attribute, many: bool = True, ordered: bool = True):
        self.attributes, self.many, self.ordered = attributes, many, ordered
        self.zero = [] if many else None

    def send(self, value, context: Context):
        if self.many:
            return [expand(self.attributes, one, context) for one in value]
        return OMIT if value is None else expand(self.attributes, value, context)

    def read(self, json, context: Context):
        if not self.many:
            return None if json is None else flatten(self.attributes, read_object(json), context)
        return [self._read_one(one, context) for one in read_list(json)]

    def _read_one(self, json, context: Context):
        """Reads a block. Its secrets are those of the block with the same name in Terraform's state."""
        read = flatten(self.attributes, read_object(json), dataclasses.replace(context, prior=None))
        prior = context.prior if isinstance(context.prior, list) else []
        same = next((one for one in prior if one.get("name") == read.get("name")), {})
        for attribute in self.attributes:
            if read[attribute.name] is OMIT:
                read[attribute.name] = same.get(attribute.name, "")
        return read


TEXT, NUMBER, FLAG = Plain(str), Plain(int), Plain(bool)


def read_list(json) -> list:
    if json is not None and not isinstance(json, list):
        raise Unreadable(f"{json!r} is no list")
    return json or []


def read_object(json) -> dict:
    if json is not None and not isinstance(json, dict):
        raise Unreadable(f"{json!r} is no object")
    return json or {}


def expand(attributes, configuration: dict, context: Context) -> dict:
    """Returns the body that the provider sends."""
    body: dict = {}
    for attribute in attributes:
        put(body, attribute, attribute.configured(configuration), context)
    return body


def put(body: dict, attribute: Attribute, value, context: Context) -> None:
    """Puts one attribute into a body, or removes it."""
    *parents, last = attribute.path.split(".")
    is_left_out = value == attribute.codec.zero and not attribute.always
    sent = OMIT if is_left_out else attribute.codec.send(value, context)
    for parent in parents:
        # An object without content is sent, too: the provider's structures are there.
        body = body.setdefault(parent, {})
    if isinstance(attribute.codec, Merged):
        attribute.codec.merge(body.setdefault(last, {}), sent)
    elif sent is OMIT:
        body.pop(last, None)
    else:
        body[last] = sent


def flatten(attributes, body: dict, context: Context) -> dict:
    """Returns the attributes that the provider reads from a body."""
    state = {}
    for attribute in attributes:
        json: Any = body
        for name in attribute.path.split("."):
            json = read_object(json).get(name)
        prior = (context.prior or {}).get(attribute.name) if isinstance(context.prior, dict) else None
        try:
            state[attribute.name] = attribute.codec.read(json, dataclasses.replace(context, prior=prior))
        except Unreadable as error:
            raise Unreadable(f"{attribute.name}: {error}") from None
    return state


def difference(attributes, configuration: dict, state: dict, where: str = "") -> list[str]:
    """Returns the differences that a plan would show between the configuration and what was read."""
    found = []
    for attribute in attributes:
        if attribute.computed and attribute.name not in configuration:
            continue
        wanted, seen = attribute.configured(configuration), state[attribute.name]
        found += differ(attribute.codec, wanted, seen, f"{where}{attribute.name}")
    return found


def differ(codec, wanted, seen, where: str) -> list[str]:
    if not isinstance(codec, Block):
        if isinstance(codec, Texts) and not codec.ordered:
            wanted = sorted(wanted)
        return [] if wanted == seen else [f"{where}: {wanted!r} configured, {seen!r} read"]
    if not codec.many:
        if wanted is None or seen is None:
            return [] if wanted is seen else [f"{where}: {wanted!r} configured, {seen!r} read"]
        return difference(codec.attributes, wanted, seen, f"{where}.")
    if not codec.ordered:
        wanted, seen = (sorted(blocks, key=lambda block: block["name"]) for blocks in (wanted, seen))
    if len(wanted) != len(seen):
        return [f"{where}: {len(wanted)} blocks configured, {len(seen)} read: {seen!r}"]
    pairs = enumerate(zip(wanted, seen))
    return sum((difference(codec.attributes, *pair, f"{where}[{at}].") for at, pair in pairs), [])
