"""What trainings must be to their data, to their GPUs and to each other.

    janus validate RECIPE...

A batch that does not divide or a start that is no language model would show only when the GPUs are there, after the
teacher was paid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from janus_recipes.recipe.check_openrlhf import openrlhf_problems
from janus_recipes.recipe.parts import part, value
from janus_recipes.recipe.problem import Path, Problem, dotted
from janus_recipes.recipe.training import Adapter, AxolotlTraining, TrainingRun

KINDS_OF_METHOD = {"sft": ("sft",), "dpo": ("pairs",), "orpo": ("pairs",), "reward": ("pairs", "helpful_mix")}
"""The kinds of data sets that a training method takes."""

PAIR_METHODS = ("dpo", "orpo")

NOT_WITH_FSDP = ("adamw_8bit", "adamw_bnb_8bit")
"""Optimizers that axolotl refuses under FSDP's second version: bitsandbytes' kernels do not know its tensors."""


def training_problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything wrong with a recipe's trainings. `config` may break the schema: what is odd is passed by."""
    models = {name: one for name, one in part(config, "models").items() if isinstance(one, Mapping)}
    trainings = {name: one["train"] for name, one in models.items() if isinstance(one.get("train"), Mapping)}
    for name, train in trainings.items():
        path: Path = ("models", name, "train")
        yield from _bad_data(path, train, part(config, "datasets"))
        yield from _bad_start(path, train, models)
        yield from _bad_adapter(path, train)
        yield from _bad_sharding(path, train)
        yield from _too_long(path, train, part(part(config, "base_models"), str(models[name].get("base"))))
        yield from (problem._replace(path=(*path, *problem.path)) for problem in _bad_sizes(train))


def rehearsed_problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    """What a rehearsal's changes have made wrong with sizes and hardware. `config` is the recipe after them."""
    longest = part(part(config, "rehearsal"), "tiny_model")["max_positions"]
    for name, model in part(config, "models").items():
        train = part(model, "train")
        for problem in _bad_sizes(train):
            yield Problem(("rehearsal", "training"), f"with these changes models.{name}: {problem.message}")
        if (length := train.get("sequence_len", 0)) > longest:
            what = (
                f"the tiny model reads {longest} tokens at most, and models.{name} has a sequence_len of {length} here"
            )
            yield Problem(("rehearsal", "tiny_model", "max_positions"), what)
    for path, message in openrlhf_problems(config):
        yield Problem(("rehearsal", "training"), f"with these changes {dotted(path)}: {message}")


def batch_problem(gpus: int, rows: int, batch: int) -> str | None:
    """Why a batch cannot be made of what the GPUs take at a time, with what could be chosen. None: it can."""
    at_once = max(1, gpus) * rows
    if batch % at_once == 0:
        return None
    smaller = [str(size) for size in range(1, batch + 1) if batch % (max(1, gpus) * size) == 0]
    choice = f": choose micro_batch_size {_or(smaller)}" if smaller else _other_gpus(gpus, rows, batch)
    batches = [str(size) for size in (batch // at_once * at_once, (batch // at_once + 1) * at_once) if size]
    devices = f"{gpus} GPU{'s' if gpus > 1 else ''}" if gpus else "1 CPU"
    taken = f"{devices} x {rows} row{'s' if rows > 1 else ''} = {at_once} at a time"
    return f"{taken} do not make a batch of {batch}{choice}, or a batch_size of {_or(batches)}"


def _other_gpus(gpus: int, rows: int, batch: int) -> str:
    """Where no micro_batch_size divides: the nearest numbers of GPUs that do, with one row each if they must."""
    taken = rows if batch % rows == 0 else 1
    numbers = [number for number in range(1, batch + 1) if batch % (number * taken) == 0]
    near = [max((n for n in numbers if n < gpus), default=0), min((n for n in numbers if n > gpus), default=0)]
    one = "" if taken == rows else " with micro_batch_size 1"
    return f", nor does any micro_batch_size: choose {_or([str(number) for number in near if number])} GPUs{one}"


def _bad_sizes(train: Mapping[str, Any]) -> Iterator[Problem]:
    gpus, rows, batch = _gpus(train), _count(train.get("micro_batch_size")), _count(train.get("batch_size"))
    if isinstance(gpus, int) and rows and batch and (reason := batch_problem(gpus, rows, batch)):
        yield Problem(("batch_size",), reason)
    if gpus == 0 and value(train, "attention", TrainingRun) == "flash_attention_2":
        yield Problem(("attention",), "flash_attention_2 needs a GPU: choose sdpa, or gpus of 1 or more")
    elif _flash_in_fp32(train):
        yield Problem(("precision",), "flash_attention_2 takes no fp32: choose bf16, or attention sdpa")


def _flash_in_fp32(train: Mapping[str, Any]) -> bool:
    """Reward models apart, of which OpenRLHF trains none in fp32 whatever their attention."""
    used = [value(train, key, TrainingRun) for key in ("attention", "precision")]
    return used == ["flash_attention_2", "fp32"] and train.get("method") != "reward"


def _bad_data(path: Path, train: Mapping[str, Any], datasets: Mapping[str, Any]) -> Iterator[Problem]:
    data, needed = train.get("dataset"), KINDS_OF_METHOD.get(str(train.get("method")))
    kinds = {name: one.get("kind") for name, one in datasets.items() if isinstance(one, Mapping)}
    kind = kinds.get(data) if isinstance(data, str) else None
    if kind is not None and needed is not None and kind not in needed:
        right = ", ".join(sorted(str(name) for name, other in kinds.items() if other in needed))
        what = f"{data} is of kind {kind}, and {train['method']} trains on kind {_or(list(needed))}"
        yield Problem((*path, "dataset"), what + (f" (there are: {right})" if right else ""))


def _bad_start(path: Path, train: Mapping[str, Any], models: Mapping[str, Any]) -> Iterator[Problem]:
    name, start, keeps = str(path[1]), train.get("start"), train.get("head") == "keep"
    if start is None and keeps:
        yield Problem((*path, "head"), "there is no head to keep: name a reward model under start, or choose new")
    if not isinstance(start, str) or start not in models:
        return  # a name that is not there is reported with all other names
    other = models[start].get("train")
    if not isinstance(other, Mapping):
        yield Problem((*path, "start"), f"{start} is not trained: leave start out to begin from the base's weights")
        return
    if circle := _circle(name, models):
        yield Problem((*path, "start"), f"goes round in a circle: {' -> '.join(circle)}")
    bases = models[start].get("base"), models[name].get("base")
    if None not in bases and bases[0] != bases[1]:
        yield Problem((*path, "start"), f"{start} has the base {bases[0]} and this model {bases[1]}: take the same")
    if other.get("method") == "reward" and train.get("method") != "reward":
        what = f"{start} is a reward model, which has lost the head that writes: start from an sft model"
        yield Problem((*path, "start"), what)
    if keeps and other.get("method") != "reward":
        yield Problem((*path, "head"), f"{start} is no reward model and has no head to keep: choose new")


def _circle(name: str, models: Mapping[str, Any]) -> list[str]:
    """The models that start from each other, beginning and ending with `name`, told once: at the first by name."""
    line = [name]
    while isinstance(following := part(models.get(line[-1]), "train").get("start"), str):
        if following == name:
            return [*line, name] if name == min(line) else []
        if following in line:
            return []
        line.append(following)
    return []


def _bad_adapter(path: Path, train: Mapping[str, Any]) -> Iterator[Problem]:
    adapter = train.get("adapter")
    if not isinstance(adapter, Mapping):
        return
    if train.get("method") in PAIR_METHODS and value(adapter, "dropout", Adapter):
        what = f"TRL switches dropout off in {train['method']}, also an adapter's: set it to 0.0"
        yield Problem((*path, "adapter", "dropout"), what)
    if adapter.get("kind") == "qlora" and train.get("sharding") in ("fsdp", "zero3"):
        what = "weights of 4 bits are not shared among GPUs here: choose zero2 or null, or kind lora"
        yield Problem((*path, "sharding"), what)


def _bad_sharding(path: Path, train: Mapping[str, Any]) -> Iterator[Problem]:
    sharding, gpus = train.get("sharding"), _gpus(train)
    if sharding is not None and gpus in (0, 1):
        yield Problem((*path, "sharding"), f"{sharding} shares a model among GPUs: it needs 2 or more, gpus is {gpus}")
    optimizer = value(train, "optimizer", AxolotlTraining)
    if sharding == "fsdp" and optimizer in NOT_WITH_FSDP:
        what = f"axolotl takes no {optimizer} with fsdp: choose adamw_torch_fused, or adamw_torch_8bit"
        yield Problem((*path, "optimizer"), what)


def _too_long(path: Path, train: Mapping[str, Any], base: Mapping[str, Any]) -> Iterator[Problem]:
    length, context = _count(train.get("sequence_len")), _count(base.get("context"))
    if length and context and length > context:
        yield Problem((*path, "sequence_len"), f"the base reads {context} tokens at most, not {length}: choose fewer")


def _gpus(train: Mapping[str, Any]) -> Any:
    return value(train, "gpus", TrainingRun)


def _count(given: Any) -> int | None:
    """A number of things; None where it is none, which the schema reports."""
    return given if isinstance(given, int) and given > 0 else None


def _or(names: list[str]) -> str:
    """`1`, `1 or 3`, `1, 2 or 3`."""
    return " or ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
