"""Find instructions that hold a prompt of a benchmark, so that a model is not tested on what it was trained on.

    contaminated({"i-1": "..."}, {"mt-bench": ["...", "..."]}, Contamination(words=13))

Beyond the paper, and off by default. An instruction is found when

- it is a prompt, but for case, punctuation and white space (`same text`), or
- it shares `words` words in a row with one (`shared words`), or
- a prompt of fewer words, but at least LEAST_WORDS, stands whole in it (`shared words`).

A still shorter prompt (`Tell me a joke`) counts only as the same text: so few words meet by chance and say nothing.
Both numbers are those of the GPT-3 paper (Brown et al. 2020, appendix C), which compared runs of 8 to 13 words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from janus_recipes.collection.words import runs_of, words_of
from janus_recipes.recipe.collection import Contamination

LEAST_WORDS = 8
"""A prompt of fewer words is not looked for inside a text."""

SHOWN = 120
"""So many characters of what is shared are kept."""


@dataclass(frozen=True)
class Overlap:
    """What an instruction has in common with a benchmark: `shared` is it, as compared, shortened."""

    benchmark: str
    how: Literal["same text", "shared words"]
    shared: str


@dataclass
class PromptIndex:
    """The benchmarks' prompts, as they are looked up; each text and run with the places of the benchmarks that have it.

    `starts` are the runs' first words, so many as every run has: what a text is scanned for before anything else.
    """

    words: int
    texts: dict[str, set[int]] = field(default_factory=dict)
    runs: dict[str, set[int]] = field(default_factory=dict)
    starts: set[str] = field(default_factory=set)

    @property
    def least(self) -> int:
        """Words of the shortest run."""
        return min(LEAST_WORDS, self.words)

    def add(self, benchmark: int, prompt: str) -> None:
        """Take a benchmark's prompt in."""
        words = words_of(prompt)
        if not words:
            return
        self.texts.setdefault(" ".join(words), set()).add(benchmark)
        if len(words) >= self.least:
            for run in runs_of(words, self.words):
                self.runs.setdefault(run, set()).add(benchmark)
            first = max(1, len(words) - self.words + 1)  # so many runs there are
            self.starts.update(runs_of(words, self.least)[:first])


def contaminated(
    texts: Mapping[str, str], prompts: Mapping[str, Iterable[str]], spec: Contamination
) -> dict[str, Overlap]:
    """The texts (by id) that hold a prompt of a benchmark (by name), in the texts' order, with what they share.

    Of several benchmarks the first is named; the same text counts before shared words.
    """
    return {key: found[0] for key, found in all_overlaps(texts, prompts, spec).items()}


def all_overlaps(
    texts: Mapping[str, str], prompts: Mapping[str, Iterable[str]], spec: Contamination
) -> dict[str, list[Overlap]]:
    """As `contaminated`, with each benchmark that has a prompt in the text. Time grows with the texts' length, not with
    the number of prompts.
    """
    index = PromptIndex(spec.words)
    for number, found in enumerate(prompts.values()):
        for prompt in found:
            index.add(number, prompt)
    names = list(prompts)
    overlaps = ((key, overlaps_of(text, index, names)) for key, text in texts.items())
    return {key: found for key, found in overlaps if found}


def overlaps_of(text: str, index: PromptIndex, names: list[str]) -> list[Overlap]:
    """What one text has in common with each benchmark; those that have the same text come first."""
    words = words_of(text)
    whole = " ".join(words)
    same = index.texts.get(whole, set())
    shared = first_runs(words, index)
    return [
        *(Overlap(names[one], "same text", shortened(whole)) for one in sorted(same)),
        *(Overlap(names[one], "shared words", shortened(shared[one])) for one in sorted(shared.keys() - same)),
    ]


def first_runs(words: list[str], index: PromptIndex) -> dict[int, str]:
    """The first run of a text that a benchmark has too, by the benchmark's place."""
    starts = runs_of(words, index.least)
    found: dict[int, str] = {}
    if index.starts.isdisjoint(starts):
        return found
    for place in (place for place, start in enumerate(starts) if start in index.starts):
        for run in runs_at(words, place, index):
            for benchmark in index.runs[run]:
                found.setdefault(benchmark, run)
    return found


def runs_at(words: list[str], place: int, index: PromptIndex) -> list[str]:
    """The prompts' runs that stand at a place of a text: of `words` words, or of a shorter prompt whole."""
    longest = words[place : place + index.words]
    candidates = (" ".join(longest[:length]) for length in range(index.least, len(longest) + 1))
    return [run for run in candidates if run in index.runs]


def shortened(text: str) -> str:
    """The beginning of a text, on one line, for a report."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else line[: SHOWN - 4].rstrip() + " ..."
