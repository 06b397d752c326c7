"""What a reward model reads of a data set of pairs: both sides rendered in the one template, none over-long.

Runs inside OpenRLHF's environment, before its trainer (training/openrlhf_launch.py). OpenRLHF cuts an over-long side
from the right, which takes its answer away, so the cutting is done here, at the prompt's beginning and the same for
both sides: first the oldest turns, then the beginning of what the user said last. The system message stays, as does the
template's frame. A pair whose answer has no room even so is left out. Both are counted.

Sides are handed over as texts, not as messages: what was measured here is then what is read, token for token.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from janus_recipes.errors import StepError
from janus_recipes.files import read_jsonl, write_json, write_jsonl

Messages = list[dict[str, str]]

ROWS = "rows.jsonl"
EVALUATED = "evaluated.jsonl"
PREPARED = "rows.json"

SIDES = ("chosen", "rejected")

EVALUATED_SHARE = 100
"""OpenRLHF measures the rewards' mean and deviation on the first hundredth of the rows; it fails where that is none."""


@dataclass
class RowCounts:
    """What became of a data set's pairs. Of `rows` read, `cut` lost the beginning of their prompt, `dropped` are not
    trained on; `cut` and `dropped` pairs had a side longer than `sequence_len`."""

    rows: int = 0
    cut: int = 0
    dropped: int = 0


def read_text(tokenizer: Any, messages: Messages, template: str) -> str:
    """What a reward model reads of a conversation with an answer: the template's text, up to its end token."""
    rendered: str = tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False)
    return rendered


def read_ids(tokenizer: Any, messages: Messages, template: str) -> list[int]:
    """The token ids of `read_text`: one begin token, if the template writes any, and one end token."""
    ids: list[int] = tokenizer(read_text(tokenizer, messages, template), add_special_tokens=False)["input_ids"]
    return ids


def check_frame(tokenizer: Any, template: str) -> None:
    """Raises StepError unless the template ends an answer with the tokenizer's one end token, and begins only once.

    Nothing may stand after the end token: OpenRLHF takes line ends off there, and scoring would read the reward at one.
    """
    chat = [{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"}]
    ids = read_ids(tokenizer, chat, template)
    begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    if ids[-1:] != [end] or ids.count(end) != 1:
        raise StepError(
            f"the chat template does not end an answer with the tokenizer's end token {tokenizer.eos_token!r}, where a "
            f"reward model gives its number: {read_text(tokenizer, chat, template)!r}"
        )
    if begin is not None and begin != end and ids.count(begin) > 1:
        raise StepError(f"the chat template begins a conversation twice: {tokenizer.decode(ids)!r}")


def fitting_rows(rows: Iterable[dict[str, Any]], fits: Callable[[Messages], bool], counts: RowCounts) -> Iterator[Any]:
    """The pairs that can be read whole, each with `chosen` and `rejected` as messages; others are cut or left out."""
    for row in rows:
        counts.rows += 1
        pair = [row[side] for side in SIDES]
        if not all(map(fits, pair)):
            shortened = shortened_pair(pair, fits)
            counts.dropped += shortened is None
            counts.cut += shortened is not None
            pair = shortened or []
        if pair:
            yield {"id": row["id"], **dict(zip(SIDES, pair, strict=True))}


def shortened_pair(pair: list[Messages], fits: Callable[[Messages], bool]) -> list[Messages] | None:
    """A pair whose prompt is cut at the beginning, as little as it takes, so that both sides fit; None: nothing does.

    The two sides differ in their last message alone, the answer.
    """
    head, *turns = split_system(pair[0][:-1])
    answers = [side[-1] for side in pair]

    def sides(prompt: Messages) -> list[Messages]:
        return [[*head, *prompt, answer] for answer in answers]

    def fit(prompt: Messages) -> bool:
        return all(map(fits, sides(prompt)))

    prompt = turns[0]
    while len(prompt) > 2 and not fit(prompt):  # a question and its answer at a time: the user's turn begins
        prompt = prompt[2:]
    if not fit(prompt):
        asked, words = prompt[-1], prompt[-1]["content"].rstrip()

        def asked_from(place: int) -> Messages:
            return [asked | {"content": words[place:].lstrip()}]

        start = first_fitting(len(words), lambda place: fit(asked_from(place)))
        if start is None:
            return None
        prompt = asked_from(start)
    return sides(prompt)


def split_system(prompt: Messages) -> tuple[Messages, Messages]:
    """The system message, if there is one, and the turns."""
    at = 1 if prompt and prompt[0]["role"] == "system" else 0
    return prompt[:at], prompt[at:]


def first_fitting(length: int, fits: Callable[[int], bool]) -> int | None:
    """The first place from which on the rest of a text fits, by halving; None where not even one character does."""
    low, high = 0, length - 1
    if high < 0 or not fits(high):
        return None
    while low < high:
        middle = (low + high) // 2
        if fits(middle):
            high = middle
        else:
            low = middle + 1
    return high


def padding_token(tokenizer: Any, template: str) -> str:
    """A special token to pad with that is neither the end token nor one the template writes.

    Loaders find a text's end by its padding: where that is the end token, they read the reward a token too early.
    Raises StepError where the tokenizer has none.
    """
    ends = {tokenizer.eos_token, tokenizer.bos_token, None}
    added = [str(token) for token in tokenizer.added_tokens_decoder.values() if token.special]
    for token in (tokenizer.pad_token, tokenizer.unk_token, *added):
        if token not in ends and token not in template:
            return str(token)
    raise StepError("the tokenizer has no special token to pad with besides its begin and end tokens")


def prepare_rows(data: Path, work: Path, tokenizer: Any, template: str, max_len: int) -> dict[str, Any]:
    """Write what OpenRLHF reads of `data` to `work`, and what is known of it to `work`/rows.json, last.

    `max_len` is in tokens. Raises StepError where no row is left or the template does not suit.
    """
    check_frame(tokenizer, template)
    counts = RowCounts()

    def fits(messages: Messages) -> bool:
        return len(read_ids(tokenizer, messages, template)) <= max_len

    pairs = fitting_rows(read_jsonl(data), fits, counts)
    texts = (
        {"id": pair["id"], **{side: read_text(tokenizer, pair[side], template) for side in SIDES}} for pair in pairs
    )
    kept = write_jsonl(work / ROWS, texts)
    if kept == 0:
        raise StepError(f"{data}: no pair of {counts.rows} has an answer that fits into {max_len} tokens")
    first = (row for row, _ in zip(read_jsonl(work / ROWS), range(max(1, kept // EVALUATED_SHARE)), strict=False))
    write_jsonl(work / EVALUATED, first)
    pad = padding_token(tokenizer, template)
    prepared = {"rows": counts.rows, "cut": counts.cut, "dropped": counts.dropped, "kept": kept, "pad_token": pad}
    write_json(work / PREPARED, prepared)
    return prepared


def prepared_rows(work: Path) -> dict[str, Any] | None:
    """What `prepare_rows` found, if it came to its end."""
    path = work / PREPARED
    found: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return found
