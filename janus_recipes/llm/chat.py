"""What is asked of a model and what comes back, in this project's types and in the OpenAI chat format.

A request's address is the digest of what decides the answer, so that the same question is the same everywhere, whoever
asks it and through whichever endpoint.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from janus_recipes.files import Json, digest_of
from janus_recipes.llm.canonical import Frame, around_messages, canonical
from janus_recipes.llm.served_identity import what_decides
from janus_recipes.recipe.provider import Provider, Sampling
from janus_recipes.seeding import derive_seed

TOLD_OF_A_BODY = 200
"""Characters that are told of a body that is no chat completion."""

TOKENS_MOST = 100_000_000
"""No answer has used more: a larger figure is a mistake and counts as none."""

RE_ASK_STRIDE = 1_000_003
"""The k-th re-ask of sample n is sample n + k * RE_ASK_STRIDE: it meets no other sample as long as n is smaller."""


class Unparsed(Exception):
    """An answer is not what was asked for. The message says what is wrong with it.

    `checks` are the recipe's names of the checks that it fails, where it has the right form and fails one.
    """

    def __init__(self, what: str, checks: Sequence[str] = ()) -> None:
        super().__init__(what)
        self.checks = tuple(checks)


class NotAReply(Exception):
    """The endpoint answered 200 with something that is no chat completion."""


class Unfinished(NotAReply):
    """The endpoint answered 200 with the beginning of an answer that it broke off: `begun`, which is paid for."""

    def __init__(self, what: str, begun: Reply) -> None:
        super().__init__(what)
        self.begun = begun


FINISHED: dict[str | None, str] = {
    None: "stop",
    "": "stop",
    **{name: name for name in ("stop", "length", "content_filter", "tool_calls", "function_call")},
    "eos": "stop",  # Together's
    "model_length": "length",  # Mistral's, of a conversation as long as the model takes
}
"""Reasons to end that leave a whole answer, in OpenAI's words. With any other, such as `error`, it was broken off."""


BROKEN_OFF = "error"
"""The reason to end of an answer that is not whole, in OpenRouter's word."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class AnswerFormat:
    """The JSON that an answer is asked to be: a name (letters, digits, - and _) and a schema for OpenAI's strict mode.

    Strict mode wants an object at the root, and of every object all properties `required` and
    `additionalProperties: false`; it refuses most keywords that limit a value.
    """

    name: str
    schema: Json = field(hash=False)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question. `id` is the row's and is not sent; `sample` tells several answers to the same question apart.

    `answer` is the form of an answer that is JSON. It is sent where the provider has `structured_output`.
    """

    id: str
    messages: tuple[Message, ...]
    sampling: Sampling
    sample: int = 0
    answer: AnswerFormat | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `text` is the refusal's text when `refused`; `model` is what the endpoint says it ran.

    `at` is when it was given (ISO, UTC), as the ledger knows it; empty before. The same answer is equal at any time.
    """

    text: str
    finish_reason: str
    refused: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Of the prompt's tokens, those that the provider had cached: they cost less."""
    model: str = ""
    at: str = field(default="", compare=False)


def nth_attempt(request: ChatRequest, number: int) -> ChatRequest:
    """The request as it is asked for the `number`-th time (from 0) because the answers before did not parse."""
    if not 0 <= request.sample < RE_ASK_STRIDE:
        raise ValueError(f"{request.id}: sample {request.sample} is not in [0, {RE_ASK_STRIDE})")
    return replace(request, sample=request.sample + number * RE_ASK_STRIDE) if number else request


def body_of(request: ChatRequest, provider: Provider) -> Json:
    """The JSON body of a chat completions request, with this endpoint's names and without what it refuses."""
    body: Json = {
        "model": provider.model,
        "messages": [{"role": one.role, "content": well_formed(one.content)} for one in request.messages],
        provider.token_limit_key: request.sampling.max_tokens,
        **_settings_sent(request.sampling, provider),
    }
    if answer := _format_sent(request.answer, provider):
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": answer.name, "strict": True, "schema": answer.schema},
        }
    if provider.kind == "rehearsal":
        body["seed"] = request.sample
    elif provider.kind == "vllm":
        body["seed"] = derive_seed(request.sample, *(one["content"] for one in body["messages"]))
    return body


def address_of(request: ChatRequest, provider: Provider) -> str:
    """The request's content address: SHA-256 in hexadecimal over model, messages, sampling and sample index.

    Not over the endpoint, the key, time-outs, the row's id or the spelling of the token limit. Temperature,
    top_p, reasoning effort and the answer's schema count only where they are sent. In a rehearsal the world's rules
    are part of the address, and for a model that is served here its revision, number format and chat template: what is
    changed never meets stale answers.
    """
    return address_in(frame_of(provider, request.sampling, request.sample, request.answer), request)


def frame_of(provider: Provider, sampling: Sampling, sample: int, answer: AnswerFormat | None) -> Frame:
    """What stands around the messages in that of which an address is the digest: the same for many requests."""
    asked: Json = {
        "model": provider.model,
        "sampling": {"max_tokens": sampling.max_tokens, **_settings_sent(sampling, provider)},
        "sample": sample,
    }
    if sent := _format_sent(answer, provider):
        asked["answer"] = [sent.name, sent.schema]
    if provider.kind == "rehearsal":
        asked["world"] = world_digest()
    elif provider.kind == "vllm":
        asked["served"] = what_decides(provider.model, provider.served)
    return around_messages(asked)


def address_in(frame: Frame, request: ChatRequest) -> str:
    """The address of a request whose frame is known."""
    messages = ((one.role, well_formed(one.content)) for one in request.messages)
    return hashlib.sha256(canonical(frame, messages)).hexdigest()


def reply_from(body: Any, at: str = "") -> Reply:
    """Read the body of a chat completion, given at `at`.

    Raises NotAReply when it is none, Unfinished when the answer was broken off. A usage that is none counts as nothing.
    """
    try:
        choice = body["choices"][0]
        message, reason = choice["message"], choice.get("finish_reason")
        text, refusal = _text_of(message.get("content")), message.get("refusal")
        finish_reason = FINISHED.get(reason)
        text = well_formed(text if text is not None else refusal or "")
    except (LookupError, TypeError, AttributeError, ValueError):
        raise NotAReply(f"the answer is no chat completion: {_beginning(body)}; is base_url right?") from None
    usage = _part(body, "usage")
    reply = Reply(
        text=text,
        finish_reason=finish_reason or BROKEN_OFF,
        refused=bool(refusal),
        prompt_tokens=_tokens(usage.get("prompt_tokens")),
        completion_tokens=_tokens(usage.get("completion_tokens")),
        cached_tokens=_tokens(_part(usage, "prompt_tokens_details").get("cached_tokens")),
        model=well_formed(str(body.get("model") or "")),
        at=at,
    )
    if finish_reason is None:
        raise Unfinished(f"the answer was broken off (finish_reason {_beginning(reason)})", reply)
    return reply


def body_from(reply: Reply) -> Json:
    """The reply as a chat completion's body, with the parts that `reply_from` reads."""
    message = {"role": "assistant", "content": None, "refusal": reply.text} if reply.refused else None
    return {
        "model": reply.model,
        "choices": [
            {
                "index": 0,
                "message": message or {"role": "assistant", "content": reply.text},
                "finish_reason": reply.finish_reason,
            }
        ],
        "usage": {
            "prompt_tokens": reply.prompt_tokens,
            "completion_tokens": reply.completion_tokens,
            "total_tokens": reply.prompt_tokens + reply.completion_tokens,
            **({"prompt_tokens_details": {"cached_tokens": reply.cached_tokens}} if reply.cached_tokens else {}),
        },
    }


def well_formed(text: str) -> str:
    """The text with lone surrogates, which real pools hold and UTF-8 has no bytes for, replaced by U+FFFD."""
    if text.isascii():  # known without a look at the text: most are, and there are millions
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


@cache
def world_digest() -> str:
    """The digest of the rules by which the rehearsal's provider answers."""
    rules = sorted((Path(__file__).parent.parent / "rehearsal").glob("*.py"))
    return hashlib.sha256("\x1f".join(f"{rule.name}\x1f{digest_of(rule)}" for rule in rules).encode()).hexdigest()


def _text_of(content: Any) -> str | None:
    """The text of an answer, which some endpoints give in parts. Raises TypeError where it is none."""
    if content is None or isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise TypeError("the content is no text")
    parts = [part if isinstance(part, str) else part["text"] for part in content if part and _is_text(part)]
    return "".join(parts) or None


def _is_text(part: Any) -> bool:
    """Whether a part is the answer's, and not what the model thought before it."""
    return isinstance(part, str) or part.get("type", "text") in ("text", "output_text")


def _part(body: Json, name: str) -> Json:
    part = body.get(name)
    return part if isinstance(part, dict) else {}


def _tokens(figure: Any) -> int:
    """A number of tokens; 0 for what is none: the answer counts all the same."""
    try:
        return tokens if 0 <= (tokens := int(figure or 0)) <= TOKENS_MOST else 0
    except (TypeError, ValueError, OverflowError):
        return 0


def _beginning(body: Any) -> str:
    """The first characters of something, in one line."""
    text = body if isinstance(body, str) else json.dumps(body, default=str)
    return well_formed(" ".join(text[: 10 * TOLD_OF_A_BODY].split())[:TOLD_OF_A_BODY])


def _format_sent(answer: AnswerFormat | None, provider: Provider) -> AnswerFormat | None:
    return answer if provider.structured_output else None


def _settings_sent(sampling: Sampling, provider: Provider) -> Json:
    """What shapes the answer beside the token limit, and is sent to this endpoint."""
    settings: Json = {}
    if provider.reasoning_effort is not None:
        settings["reasoning_effort"] = provider.reasoning_effort
    if provider.accepts_sampling:
        settings |= {"temperature": float(sampling.temperature), "top_p": float(sampling.top_p)}
    return settings
