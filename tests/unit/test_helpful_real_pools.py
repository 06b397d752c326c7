"""Real, dirty preference pools become pairs: every record is a pair, or is counted with the reason why it is none.

The files are not ours to ship. They are looked for in data/ and in shared/data beside the checkout; without them these
tests skip and say so.
"""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from janus_recipes.collection.sources import Aside
from janus_recipes.datasets.helpful import mix
from janus_recipes.datasets.pairs_of_pools import LeftOut, Pair, PoolReport, read_pool
from janus_recipes.recipe.collection import Contamination
from janus_recipes.recipe.dataset import HelpfulMix, PreferencePool
from tests.real_pools import NONE_HERE, REAL_POOLS

HH = {"user_mark": "\n\nHuman: ", "assistant_mark": "\n\nAssistant: "}


@pytest.fixture(scope="module")
def data() -> Path:
    if REAL_POOLS is None:
        pytest.skip(NONE_HERE)
    return REAL_POOLS


def pool_of(data: Path, file: str, **keys: Any) -> PreferencePool:
    return PreferencePool(**{"share": 1.0, "path": str(data / f"preference_pairs/{file}.jsonl.gz"), **keys})


def read(pool: PreferencePool) -> tuple[list[Pair], PoolReport]:
    report = PoolReport()
    return list(read_pool("real", pool, 42, report, Aside())), report


def records(data: Path, file: str) -> list[dict[str, Any]]:
    with gzip.open(data / f"preference_pairs/{file}.jsonl.gz", "rt", newline="\n") as lines:
        return [json.loads(line) for line in lines]


def alternates(text: str) -> bool:
    """By another way than ours: the speakers, in order, are Human, Assistant, Human ..."""
    speakers = re.findall(r"\n\n(Human|Assistant):", text)
    return all(speaker == ("Human", "Assistant")[number % 2] for number, speaker in enumerate(speakers))


def test_hh_rlhf_gives_a_pair_but_for_its_empty_answers_and_broken_dialogues(data: Path) -> None:
    file = "hh_harmless_base_test"
    pairs, report = read(pool_of(data, file, answers=["chosen", "rejected"], **HH))
    broken = sum(not (alternates(one["chosen"]) and alternates(one["rejected"])) for one in records(data, file))
    # The four empty answers end with the bare mark "\n\nAssistant: ".
    assert report.left_out == {LeftOut.EMPTY_ANSWER: 4, LeftOut.NOT_A_DIALOGUE: broken}
    assert (report.records, report.bad, len(pairs)) == (2217, 0, 2217 - 4 - broken)
    assert all(pair.prompt[-1].role == "user" and pair.chosen != pair.rejected for pair in pairs)
    assert not any("\n\nHuman:" in pair.chosen + pair.rejected for pair in pairs)


def test_hh_rlhf_in_dsps_form_is_read_by_its_scores(data: Path) -> None:
    pairs, report = read(pool_of(data, "dsp_hh_helpful_test", answers=["text"], scores=["score"], **HH))
    assert report.left_out == {LeftOut.EMPTY_ANSWER: 3, LeftOut.EMPTY_TURN: 1, LeftOut.NOT_A_DIALOGUE: 14}
    assert len(pairs) == 2230 - 18


def test_webgpts_ties_are_left_out(data: Path) -> None:
    marks = {"user_mark": "## Human:\n", "assistant_mark": "\n\n## Assistant:\n"}
    answers = {"answers": ["text.0", "text.1"], "scores": ["score.0", "score.1"]}
    pairs, report = read(pool_of(data, "dsp_webgpt_test", **answers, **marks))
    ties = sum(one["score"][0] == one["score"][1] for one in records(data, "dsp_webgpt_test"))
    assert ties == 233  # 27% of 856
    assert report.left_out == {LeftOut.TIE: ties}
    assert len(pairs) == 856 - ties


def test_oassts_ranked_lists_give_one_pair_an_item(data: Path) -> None:
    pairs, report = read(pool_of(data, "oasst_rm_zh", prompt="instruction", answers=["output"]))
    same = sum(len({text.strip() for text in one["output"]}) == 1 for one in records(data, "oasst_rm_zh"))
    assert report.left_out == {LeftOut.IDENTICAL: same}
    assert len(pairs) == 749 - same
    ranked = {one["instruction"].strip(): list(map(str.strip, one["output"])) for one in records(data, "oasst_rm_zh")}
    once = [pair for pair in pairs if {pair.chosen, pair.rejected} <= set(ranked[pair.prompt[0].content])]
    assert len(once) > 700  # a few instructions stand there several times, with other answers
    for pair in once:
        answers = ranked[pair.prompt[0].content]
        assert answers.index(pair.chosen) < len(answers) - 1 - answers[::-1].index(pair.rejected)


def test_labelled_pairs_are_read_as_two_pools_one_for_each_label(data: Path) -> None:
    first, second = "response 1", "response 2"
    keys = {"prompt": "prompt", "file": "autoj_pairwise_test"}
    zero, _ = read(pool_of(data, **keys, answers=[first, second], where={"label": "0"}))
    one, _ = read(pool_of(data, **keys, answers=[second, first], where={"label": "1"}))
    # 492 with the label 0, of which one has an empty answer; 474 with the label 1; the 345 ties have the label 2.
    assert (len(zero), len(one)) == (491, 474)


def test_the_benchmarks_prompts_in_hh_rlhf_are_found(data: Path) -> None:
    lines = (data / "benchmarks/alpaca_eval.jsonl").read_text(encoding="utf-8").split("\n")
    prompts = [row["instruction"] for row in map(json.loads, filter(None, lines)) if row["dataset"] == "helpful_base"]
    pool = pool_of(data, "dsp_hh_helpful_test", answers=["text"], scores=["score"], **HH)
    spec = HelpfulMix(kind="helpful_mix", rows=100, pools={"hh": pool}, contamination=Contamination(words=13))
    reports = {"hh": PoolReport()}
    mixed = mix({"hh": read(pool)[0]}, reports, spec, 42, {"alpaca-eval": prompts})
    # AlpacaEval took 129 of its prompts from HH-helpful; some open several dialogues, and any user's turn counts.
    assert len(prompts) == 129
    assert reports["hh"].left_out[LeftOut.CONTAMINATED] == len(mixed.overlaps) >= 129
    assert not {pair.prompt[0].content for pair in mixed.pairs} & set(prompts)
