"""The bytes whose digest is a request's address: always the same for the same question, whatever wrote them.

They are what `json.dumps(asked, sort_keys=True, separators=(",", ":"))` gives: sorted keys, no spaces, ASCII only.
Every answer that was ever paid for is found by them, so not one byte may ever change. Writing them is much of what it
costs to look for an answer; so the long texts go through orjson where it writes the same bytes, which it does for ASCII
but for DEL (U+007F), which json escapes and orjson does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from json.encoder import encode_basestring_ascii

import orjson

from janus_recipes.files import Json

Frame = tuple[bytes, bytes]
"""What stands before and after the messages' pairs."""

_PLAIN = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def around_messages(asked: Json) -> Frame:
    """The frame of what is asked beside the messages. Its numbers stay with json: orjson spells 1e-05 differently."""
    before, after = (
        {key: value for key, value in asked.items() if (key < "messages") is first} for first in (True, False)
    )
    head, tail = (_PLAIN.encode(part)[1:-1] for part in (before, after))
    return f'{{{head}{"," * bool(head)}"messages":['.encode(), f"]{',' * bool(tail)}{tail}}}".encode()


def canonical(frame: Frame, messages: Iterable[tuple[str, str]]) -> bytes:
    """What is asked, as canonical JSON. The messages are pairs of role and content."""
    pairs = b",".join([b"[%b,%b]" % (_quoted(role), _quoted(content)) for role, content in messages])
    return pairs.join(frame)


def _quoted(text: str) -> bytes:
    if text.isascii() and "\x7f" not in text:
        return orjson.dumps(text)
    return encode_basestring_ascii(text).encode()
