"""Real, dirty, public pools as they are: every documented dirt is survived and reported, and nothing else is lost.

The files are not ours to ship. They are looked for in data/ and in shared/data beside the checkout; without them these
tests skip and say so.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from janus_recipes.collection.instructions import Sampled, sample_instructions
from janus_recipes.collection.sources import Aside, SourceReport, read_source
from janus_recipes.recipe.collection import InstructionSampling, Source
from janus_recipes.recipe.load import load_recipe
from tests.real_pools import NONE_HERE, REAL_POOLS

ROOT = Path(__file__).parents[2]
PAPERS = load_recipe([ROOT / "recipes/janus.yaml"]).collection.instructions.model_copy(update={"top_up_from": None})

ALPACA = {"field": "instruction", "input_field": "input"}
PROMPT = {"field": "prompt"}
FIELDS: dict[str, dict[str, str | float]] = {
    "alpaca_gpt4_1k": ALPACA,
    "alpaca_long_2k": ALPACA,
    "arena_bench_v1": {"field": "turns.0", "origin_field": "category"},
    "arena_hard_v2": {"field": "prompt", "origin_field": "subcategory"},
    "autoj_chatbot_arena_960": {"field": "usrmsg", "pattern": r"\[Query\]: (.*?)\n\*\*\*\n\[Response\]"},
    "autoj_scenario_test": {**ALPACA, "origin_field": "category"},
    "autoj_scenario_train": {**ALPACA, "origin_field": "category"},
    "awesome_chatgpt_prompts": PROMPT,
    "codealpaca_2k": ALPACA,
    "dsp_test": {"field": "query"},
    "evol_codealpaca_1": {"field": "instruction"},
    "evol_codealpaca_2": {"field": "instruction"},
    "falseqa_train": {"field": "question"},
    "gpteacher_codegen": ALPACA,
    "gpteacher_roleplay": ALPACA,
    "gpteacher_roleplay_simple_dedup": ALPACA,
    "instructionwild_seed_en": {"field": "instruction"},
    "instructionwild_user_1": {"field": "instruction"},
    "instructionwild_user_2": {"field": "instruction"},
    "instructionwild_user_3": {"field": "instruction", "max_bad_share": 0.02},  # 3 of 189
    "kto_mix_test": {"field": "instruction"},
    "lima": ALPACA,
    "oasst_lottery_250": {"field": ""},
    "self_instruct_seed": {"field": "instruction", "input_field": "instances.0.input"},
    "sharegpt_zh_1k": {"field": "conversations.0.value"},
    "stanford_alpaca_5k": ALPACA,
    "t0_flan_like": PROMPT,
    "tulu_human_eval": PROMPT,
    "ultrachat_ultra_eval": {"field": "data", "origin_field": "class"},
    "wizardlm_testset": {"field": "Instruction", "origin_field": "Skill"},
}


def sources_in(folder: Path, names: list[str]) -> dict[str, Source]:
    return {name: Source.model_validate({"path": f"{folder}/{name}.jsonl.gz", **FIELDS[name]}) for name in names}


def lines_of(path: Path) -> list[bytes]:
    return [line for line in gzip.decompress(path.read_bytes()).split(b"\n") if line]


def sampled_from(
    sources: Mapping[str, Source], reports: dict[str, SourceReport], aside: Aside, spec: InstructionSampling = PAPERS
) -> Sampled:
    reports.update({name: SourceReport() for name in sources})
    pools = {name: read_source(name, source, reports[name], aside) for name, source in sources.items()}
    return sample_instructions(pools, spec, seed=42)


def small(**changes: object) -> InstructionSampling:
    return InstructionSampling.model_validate(
        {"per_source": 100_000, "before_filter": 1_000_000, "exclude_pattern": None, **changes}
    )


@pytest.fixture(scope="module")
def real() -> Path:
    if REAL_POOLS is None:
        pytest.skip(NONE_HERE)
    return REAL_POOLS / "instructions"


def test_all_pools_are_read_and_only_the_five_broken_lines_are_lost(real: Path) -> None:
    assert set(FIELDS) == {path.name.removesuffix(".jsonl.gz") for path in real.glob("*.jsonl.gz")}
    reports: dict[str, SourceReport] = {}
    aside = Aside()
    found = sampled_from(sources_in(real, sorted(FIELDS)), reports, aside)
    lines = {name: len(lines_of(real / f"{name}.jsonl.gz")) for name in FIELDS}
    assert {name: report.records for name, report in reports.items()} == lines
    # Three lines with escapes that JSON does not have, and a record with a line end in it, which is two broken lines.
    assert [(one["source"], one["record"], one["reason"].partition(" (")[0]) for one in aside.rows] == [
        ("instructionwild_user_2", 128, "not JSON: Invalid \\escape"),
        ("instructionwild_user_2", 160, "not JSON: Invalid \\escape"),
        ("instructionwild_user_3", 10, "not JSON: Invalid \\escape"),
        ("instructionwild_user_3", 114, "not JSON: Unterminated string starting at"),
        ("instructionwild_user_3", 115, "not JSON: Expecting value"),
    ]
    assert found.funnel.total("instructions") == sum(lines.values()) - 5
    texts = "\n".join(one.text for one in found.instructions)
    assert "\u2028" in texts and "\ufffd" in texts


def test_the_funnel_finds_what_pools_share(real: Path) -> None:
    def shared(one: str, other: str) -> tuple[int, int, int]:
        """Unique instructions of either, and those of both."""
        sources = sources_in(real, [one, other])
        for name in sources:
            sources[name] = sources[name].model_copy(update={"input_field": None})
        funnel = sampled_from(sources, {}, Aside(), small()).funnel
        unique = funnel.of_sources("unique")
        return unique[one], unique[other], sum(unique.values()) - funnel.total("unshared")

    assert shared("instructionwild_user_1", "instructionwild_seed_en") == (402, 402, 402)
    # 3,017 and 1,840 records, one repeated in each: more than the smaller pool's 1,839 cannot be shared.
    assert shared("gpteacher_roleplay", "gpteacher_roleplay_simple_dedup") == (3016, 1839, 1838)


def test_shuffled_lines_and_files_give_the_same_selection(real: Path, tmp_path: Path) -> None:
    names = ["autoj_scenario_train", "kto_mix_test", "lima", "instructionwild_user_3"]
    spec = small(per_source="smallest", before_filter=900, top_up_from="lima", keep_shared_in="smallest")
    first = sampled_from(sources_in(real, names), {}, Aside(), spec)
    draw = random.Random(1)
    for name in names:
        lines = lines_of(real / f"{name}.jsonl.gz")
        draw.shuffle(lines)
        for part in (0, 1):
            (tmp_path / f"{name}.{draw.random()}.jsonl").write_bytes(b"\n".join(lines[part::2]) + b"\n")
    parts = {name: Source.model_validate({"path": f"{tmp_path}/{name}.*.jsonl", **FIELDS[name]}) for name in names}
    again = sampled_from(parts, {}, Aside(), spec)
    assert again.instructions == first.instructions
    assert again.funnel.for_manifest() == first.funnel.for_manifest()


def test_the_papers_filter_removes_the_role_plays_and_few_others(real: Path) -> None:
    funnel = sampled_from(sources_in(real, ["gpteacher_roleplay", "codealpaca_2k"]), {}, Aside()).funnel
    before, after = funnel.of_sources("before_filter"), funnel.of_sources("after_filter")
    assert after["gpteacher_roleplay"] < 0.9 * before["gpteacher_roleplay"]
    assert after["codealpaca_2k"] > 0.99 * before["codealpaca_2k"]
