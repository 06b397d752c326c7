"""What the finished rehearsal's trainings must show, each as a range of a figure and of its 95% interval."""

from __future__ import annotations

import json
import math
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

from janus_recipes.files import read_jsonl
from janus_recipes.reporting.statistics import mean_with_interval
from tests.e2e.workshop import ROOT, Workshop

BASE, STAR, FULL = "mistral-7b-v0.2", "janus-star-7b", "janus-7b"
DPO, ORPO = "janus-dpo-7b", "janus-orpo-7b"
ASKED = "gpt-6.1-terra"
TABLE10 = ("janus-none-helpful", "janus-default-helpful", "janus-none-multifaceted")
BEST = (STAR, DPO)
"""The models of Table 11."""
STAGE1, KEPT, NEW = "janus-rm-stage1-7b", "janus-rm-7b", "janus-rm-new-head-7b"


@dataclass(frozen=True)
class Figure:
    """A figure with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Claim:
    """A figure of a model, and the range in which it must lie. The interval's low end must be above `low_end`."""

    name: str
    model: str
    figure: Callable[[Workshop], Figure]
    at_least: float
    at_most: float
    low_end: float = -math.inf
    is_margin: bool = False

    @property
    def range(self) -> str:
        return f"{self.at_least} to {self.at_most}"

    def holds(self, workshop: Workshop) -> bool:
        found = self.figure(workshop)
        return self.at_least <= found.value <= self.at_most and found.low > self.low_end


def difference(model: str, against: str, table: str = "table2") -> Callable[[Workshop], Figure]:
    """Of two models' mean rubric scores on the bench, paired."""
    return lambda workshop: _only(workshop.comparisons(table), model=model, against=against)


def message_brings(model: str) -> Callable[[Workshop], Figure]:
    """How much higher a model scores with the system message than without one (paper, Table 8), paired."""
    kind = "with_minus_without_message"
    return lambda workshop: _only(workshop.comparisons("table8"), model=model, comparison=kind)


def score(model: str, condition: str) -> Callable[[Workshop], Figure]:
    """A model's mean rubric score under a condition of Table 8."""
    cell = {"model": model, "condition": condition, "metric": "rubric_score", "benchmark": "Average"}
    return lambda workshop: _only(workshop.table("table8"), **cell)


def margin_difference(model: str, against: str) -> Callable[[Workshop], Figure]:
    """Of two models' margins on held-out pairs, paired, in nats."""
    return lambda workshop: _only(workshop.ranking_comparisons(), model=model, against=against, metric="margin")


def margin(model: str) -> Callable[[Workshop], Figure]:
    """How far a model's score of the chosen answer lies above that of the rejected one, in the unit of its scores."""
    return lambda workshop: _only(workshop.ranking(), model=model, metric="margin")


def accuracy(model: str) -> Callable[[Workshop], Figure]:
    """The share of held-out pairs that a model puts in the right order."""
    return lambda workshop: _only(workshop.ranking(), model=model, metric="pair_accuracy")


def learned(model: str) -> Callable[[Workshop], Figure]:
    """The tokens that SFT took its loss of, by the labels that it was fed, for each token of its data's answers.

    Near 1, not 1: axolotl estimates how many packed batches an epoch has, and may begin the next one.

    A count, because no score shows it here: a model that learns its prompts too answers in the rehearsal's world as
    well as one that does not. A model of seven billion would learn to write instructions.
    """

    def figure(workshop: Workshop) -> Figure:
        made, data = training_of(workshop, model)
        answers = sum(tokens_of((row["messages"] for row in read_jsonl(data)), weights_of(workshop, model))[1])
        found = made["counts"]["tokens_learned"] / (made["section"]["epochs"] * answers)
        return Figure(found, found, found)

    return figure


def training_of(workshop: Workshop, model: str) -> tuple[dict[str, Any], Path]:
    """A trained model's manifest, and its data set."""
    made: dict[str, Any] = json.loads((workshop.folder / f"results/rehearsal/models/{model}/manifest.json").read_text())
    return made, workshop.folder / made["inputs"]["data"]["path"]


def weights_of(workshop: Workshop, model: str) -> Path:
    return workshop.folder / f"results/rehearsal/models/{model}/weights"


def tokens_of(conversations: Iterable[Sequence[dict[str, str]]], weights: Path) -> tuple[list[int], list[int]]:
    """How many tokens each conversation's prompt and its answer with the end token have.

    The rehearsal's conversations are a system message, an instruction and an answer. What the template makes of them is
    written by hand here; the tokens are those of the tokenizer's own file.
    """
    texts = []
    for system, user, answer in conversations:
        prompt = f"<s>[INST] {system['content']}\n{user['content']} [/INST]"
        texts += [prompt, f"{prompt} {answer['content']}</s>"]
    counts = lengths(tuple(texts), weights / "tokenizer.json")
    prompts = counts[::2]
    return prompts, [whole - prompt for prompt, whole in zip(prompts, counts[1::2], strict=True)]


@cache
def lengths(texts: tuple[str, ...], tokenizer: Path) -> list[int]:
    """How many tokens texts have by a tokenizer's file, in axolotl's environment: the package has no tokenizers."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as asked:
        json.dump([[str(tokenizer), texts]], asked)
        asked.flush()
        command = [ROOT / ".envs/axolotl-cpu/bin/python", ROOT / "tests/contract/encode.py", asked.name]
        encoded = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    return [len(json.loads(line)) for line in encoded.splitlines()]


def win_rate(model: str, against: str) -> Callable[[Workshop], Figure]:
    """How often the judge prefers a model's answers to another one's, a tie counted half."""
    return lambda workshop: _only(workshop.win_rates(), model=model, against=against, benchmark="Average")


def best_of_gains(model: str, metric: str) -> Callable[[Workshop], Figure]:
    """What the best of 8 by the reward model has more than one sample drawn blindly, paired: reward or rubric score."""

    def figure(workshop: Workshop) -> Figure:
        wanted = {"model": model, "metric": metric, "k": "8"}
        (row,) = (row for row in workshop.curve("best-of-8") if wanted.items() <= row.items())
        return Figure(*(float(row[key]) for key in ("gain", "gain_low", "gain_high")))

    return figure


def kept_by_reward(models: Sequence[str], *, highest: bool) -> Callable[[Workshop], Figure]:
    """How much higher the judge scores the sample of 8 with the highest reward than the 8 on average, over all models.

    Not `highest`: how much lower the one with the lowest reward.
    """

    def figure(workshop: Workshop) -> Figure:
        sign = 1 if highest else -1
        apart: dict[str, float] = {}
        for model in models:
            for instance, samples in workshop.rewarded_and_judged("best-of-8", model).items():
                kept = max(samples, key=lambda sample: sign * sample[0])
                apart[f"{model}/{instance}"] = sign * (kept[1] - fmean(score for _, score in samples))
        found = mean_with_interval(apart, {one: one.split("/")[1] for one in apart}, seed=1)
        assert found.value is not None and found.interval is not None
        return Figure(found.value, *found.interval)

    return figure


def best_of_minus_single(model: str) -> Callable[[Workshop], Figure]:
    """The score of the best of 8 by the reward model minus that of the single answer (paper, Table 11), paired."""
    kind = "selected_minus_single"
    return lambda workshop: _only(workshop.comparisons("table11"), model=model, comparison=kind)


def _only(rows: list[dict[str, str]], **wanted: str) -> Figure:
    (row,) = (row for row in rows if all(row[key] == value for key, value in wanted.items()))
    return Figure(*(float(row.get(key) or row["difference"]) for key in ("value", "ci_low", "ci_high")))


CLAIMS = (
    Claim("SFT gains a point and more on its base", FULL, difference(FULL, BASE), 1.5, 3.5, low_end=1.0),
    Claim("SFT follows its own system message", FULL, difference(FULL, "swapped_rubric_score"), 1.0, 3.5, low_end=1.0),
    Claim("SFT learns its answers and nothing else", FULL, learned(FULL), 0.97, 1.03),
    Claim("one third of the data gains on the base", STAR, difference(STAR, BASE), 0.5, 2.5, low_end=0.3),
    Claim("all data gain on one third", FULL, difference(FULL, STAR), 0.4, 2.8, low_end=0.2),
    Claim("SFT wins against its base", FULL, win_rate(FULL, BASE), 0.8, 1.0, low_end=0.75),
    Claim("all data win against one third", FULL, win_rate(FULL, STAR), 0.65, 1.0, low_end=0.6),
    Claim("DPO moves held-out margins up", DPO, margin_difference(DPO, STAR), 0.4, 10.0, 0.2, is_margin=True),
    Claim("DPO does not lose bench score", DPO, difference(DPO, STAR), -0.2, 2.0, low_end=-0.3),
    Claim("ORPO gains on its base", ORPO, difference(ORPO, BASE), 0.8, 3.0, low_end=0.5),
    Claim("ORPO follows its own system message", ORPO, difference(ORPO, "swapped_rubric_score"), 0.5, 3.0, low_end=0.3),
    Claim("SFT rises with the system message", FULL, message_brings(FULL), 1.5, 3.8, low_end=1.2),
    Claim("SFT without it falls to its base", FULL, score(FULL, "none"), 1.0, 1.5),
    Claim("the base is low without it", BASE, score(BASE, "none"), 1.0, 1.5),
    Claim("the base is low with it", BASE, score(BASE, "multifaceted"), 1.0, 1.5),
    Claim("a provider's model is told of it too", ASKED, message_brings(ASKED), 3.5, 4.0, low_end=3.5),
    *(
        Claim(f"messages and responses beat {one}", FULL, difference(FULL, one, "table10"), 0.8, 3.8, low_end=0.5)
        for one in TABLE10
    ),
    Claim("the reward model ranks held-out pairs", STAGE1, accuracy(STAGE1), 0.8, 1.0, low_end=0.7),
    Claim("its rewards are apart", STAGE1, margin(STAGE1), 8.0, 25.0, low_end=7.0, is_margin=True),
    Claim("it stays above chance with its head kept", KEPT, accuracy(KEPT), 0.6, 1.0, low_end=0.5),
    Claim("the sample with the highest reward gains", KEPT, kept_by_reward(BEST, highest=True), 0.08, 1.0, low_end=0.0),
    Claim("the one with the lowest loses", KEPT, kept_by_reward(BEST, highest=False), 0.1, 1.0, low_end=0.05),
    *(
        Claim(
            f"best of 8 of {one}: its reward rises", one, best_of_gains(one, "reward"), 1.0, 20.0, 0.8, is_margin=True
        )
        for one in BEST
    ),
    *(
        Claim(f"best of 8 of {one}: its score rises", one, best_of_gains(one, "rubric_score"), 0.05, 1.0, -0.05)
        for one in BEST
    ),
    *(Claim(f"best of 8 of {one} beats one answer", one, best_of_minus_single(one), 0.0, 1.0, -0.12) for one in BEST),
)
