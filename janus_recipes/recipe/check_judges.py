"""What the registry of judges may hold, and what a calibration may compare.

    janus validate RECIPE...

Two names for one judge are refused in a calibration: an answer is asked for once, so the second would be given the very
verdicts of the first, and the page would show an agreement that nobody measured. What makes two judges one is the
address of what they are asked (`llm/chat.py`). A model or condition that is there twice would count twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path as File
from typing import Any

from pydantic import ValidationError

from janus_recipes.files import digest_of
from janus_recipes.llm.canonical import Frame
from janus_recipes.llm.chat import frame_of
from janus_recipes.recipe.parts import part, value
from janus_recipes.recipe.problem import Path, Problem, did_you_mean
from janus_recipes.recipe.provider import Provider, Sampling
from janus_recipes.recipe.schema import Prompts

OWN_JUDGE = "judging"


def judge_problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything wrong with judges and calibrations. `config` may break the schema: what is odd is passed by."""
    if OWN_JUDGE in part(config, "judges"):
        yield Problem(("judges", OWN_JUDGE), f"{OWN_JUDGE} is the recipe's own judge: give this one another name")
    for name, given in part(config, "calibrations").items():
        path: Path = ("calibrations", name)
        yield from _unknown_judges(path, given, [OWN_JUDGE, *part(config, "judges")])
        yield from _one_judge_twice(path, config, _items(given, "judges"))
        yield from _twice((*path, "models"), _items(given, "models"))
        yield from _twice((*path, "conditions"), _items(given, "conditions"))
        yield from _strange_family(path, given)
        yield from _without_answers((*path, "models"), _items(given, "models"), part(config, "models"))


def _unknown_judges(path: Path, given: Any, names: list[str]) -> Iterator[Problem]:
    for number, judge in enumerate(_items(given, "judges")):
        if isinstance(judge, str) and judge not in names:
            yield Problem((*path, "judges", number), f"{judge} is not under judges{did_you_mean(judge, names)}")


def _one_judge_twice(path: Path, config: Mapping[str, Any], judges: list[Any]) -> Iterator[Problem]:
    seen: dict[tuple[str, Frame], str] = {}
    for number, judge in enumerate(judges):
        if not isinstance(judge, str) or (asked := _asked(config, judge)) is None:
            continue
        if first := seen.get(asked):
            what = "is there twice" if first == judge else f"asks the same model the same questions as {first}"
            yield Problem((*path, "judges", number), f"{judge} {what}: their verdicts would be the same rows")
        seen.setdefault(asked, judge)


def _twice(path: Path, names: list[Any]) -> Iterator[Problem]:
    for number, name in enumerate(names):
        if name in names[:number]:
            yield Problem((*path, number), f"{name} is there twice, and would count twice: take one of them out")


def _asked(config: Mapping[str, Any], judge: str) -> tuple[str, Frame] | None:
    """What decides a judge's verdicts: its template's digest, and what stands around the messages in an address.

    None where the recipe has no such judge, or an odd one.
    """
    given = part(config, "judging") if judge == OWN_JUDGE else part(part(config, "judges"), judge)
    prompt = given.get("prompt") or value(part(config, "prompts"), "judge", Prompts)
    try:
        provider = Provider.model_validate(part(part(config, "providers"), str(given.get("provider"))))
        sampling = Sampling.model_validate(part(given, "sampling"))
        return digest_of(File(str(prompt))), frame_of(provider, sampling, 0, None)
    except (ValidationError, OSError):
        return None


def _strange_family(path: Path, given: Any) -> Iterator[Problem]:
    judges, models = _items(given, "judges"), _items(given, "models")
    for judge, family in part(given, "family").items():
        if judge not in judges:
            what = f"{judge} is not among this calibration's judges{did_you_mean(str(judge), judges)}"
            yield Problem((*path, "family", judge), what)
        members = family if isinstance(family, list) else []
        for number, model in enumerate(members):
            if isinstance(model, str) and model not in models:
                what = f"{model} is not among this calibration's models{did_you_mean(model, models)}"
                yield Problem((*path, "family", judge, number), what)
        if members and set(map(str, members)) >= set(map(str, models)):
            yield Problem((*path, "family", judge), "are all of the models: name one at least that is none of its own")


def _without_answers(path: Path, names: list[Any], models: Mapping[str, Any]) -> Iterator[Problem]:
    for number, name in enumerate(names):
        if part(part(models, str(name)), "train").get("method") == "reward":
            yield Problem((*path, number), f"{name} is a reward model, which writes no answers: take another one")


def _items(given: Any, key: str) -> list[Any]:
    items = given.get(key) if isinstance(given, Mapping) else None
    return items if isinstance(items, list) else []
