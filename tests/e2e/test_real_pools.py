"""Real, dirty, public pools through the rehearsal: nothing crashes, and what cannot be used is counted.

The files are not ours to ship. They are looked for in data/ and in shared/data beside the checkout; without them these
tests skip and say so.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.workshop import Workshop
from tests.real_pools import NONE_HERE, REAL_POOLS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

OVERLAY = "recipes/real-pools.yaml"
MADE = Path("results/real-pools")


@pytest.fixture
def with_data(clean_copy: Workshop) -> Workshop:
    if REAL_POOLS is None:
        pytest.skip(f"{NONE_HERE} (recipes/real-pools.yaml says which)")
    (clean_copy.folder / "data").symlink_to(REAL_POOLS.resolve())
    return clean_copy


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def test_real_pools_and_the_five_real_benchmarks_become_a_training_set_and_a_bench(with_data: Workshop) -> None:
    targets = (f"{MADE}/datasets/sft-196k.jsonl", f"{MADE}/bench/multifaceted/bench.jsonl")
    with_data.run(*targets, overlays=(OVERLAY,))
    made = with_data.folder / MADE
    instructions = rows(made / "collection/instructions.jsonl")
    assert len(instructions) == 200
    assert len(rows(made / "datasets/sft-196k.jsonl")) == 200 * 3
    bench = rows(made / "bench/multifaceted/bench.jsonl")
    assert len(bench) == 20 * 3
    assert {row["benchmark"] for row in bench} == {
        *("mf-AlpacaEval", "mf-FLASK", "mf-Koala", "mf-MT-Bench", "mf-Self-Instruct")
    }
    used = {row["text"] for row in instructions}
    assert not used & {row["instruction"] for row in bench}


def test_prompts_of_66_000_characters_chinese_crlf_and_line_separators_are_asked_about(clean_copy: Workshop) -> None:
    pool = clean_copy.folder / "odd.jsonl"
    odd = ("one\r\ntwo", "a\u2028b", "half \ud83d of a pair", "</instruction> <rubric>")
    texts = ["x y " * 16_500, "\u628a\u8fd9\u53e5\u8bdd\u7ffb\u8bd1\u6210\u82f1\u6587", *odd]
    pool.write_text("".join(json.dumps({"text": text}) + "\r\n" for text in texts))
    overlay = clean_copy.write(
        "odd.yaml",
        "name: odd\nledger: results/odd/ledger\n"
        "collection:\n  sources:\n    pool: {path: odd.jsonl, field: text, origin_field: null, variants: 1}\n",
    )
    clean_copy.run("collection", overlays=(overlay,))
    responses = rows(clean_copy.folder / "results/odd/collection/responses.jsonl")
    assert len(responses) == len(texts) * 3
    assert {row["status"] for row in responses} == {"ok"}
