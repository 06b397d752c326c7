"""The rehearsal's tables show in small what the paper's show, and stop showing it when the template is broken."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from janus_recipes.files import read_jsonl
from tests.e2e.claims import ASKED, BASE, DPO, FULL, ORPO, STAR, TABLE10
from tests.e2e.workshop import Workshop, follow, read_csv

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

HALF_A_POINT = 0.5
"""What fine-tuning on a third of the data must gain at least, of the four points between 1 and 5."""

COLUMNS = (
    "model,condition,selection,benchmark,metric,judge,value,ci_low,ci_high,"
    "n_expected,n_used,n_left_out,published,difference,n_partial"
)

ONE_MORE = """
models: {janus-star-7b-broken: {extends: janus-star-7b}}
tables: {table2: {models: [mistral-7b-v0.2, janus-star-7b-broken]}}
"""

BROKEN = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}[INST] {{ m['content'] }} [/INST]"
    "{% elif m['role'] == 'assistant' %} {{ m['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
)
"""Training leaves the system message out of the prompt; inference sends it. Contract 3 is broken on purpose."""


def gains(rows: list[dict[str, str]], model: str) -> dict[str, tuple[float, float]]:
    """Each comparison of a model: the difference, and the low end of its 95% interval."""
    return {
        row["comparison"]: (float(row["difference"]), float(row["ci_low"])) for row in rows if row["model"] == model
    }


def shows_the_claim(found: dict[str, tuple[float, float]]) -> bool:
    """Fine-tuning gains on the base, and on its own answers under another system message's rubrics."""
    wanted = ("trained_minus_base", "own_minus_swapped")
    return all(found[name][0] >= HALF_A_POINT and found[name][1] > 0 for name in wanted)


def test_the_claim_falls_when_the_training_template_is_broken(copy: Workshop) -> None:
    assert shows_the_claim(gains(copy.comparisons(), STAR))
    overlays = (copy.write("broken.yaml", ONE_MORE),)
    config = "results/rehearsal/models/janus-star-7b-broken/axolotl.yaml"
    copy.run(config, overlays=overlays)
    keys = yaml.safe_load((copy.folder / config).read_text())
    copy.write(config, yaml.safe_dump({**keys, "chat_template_jinja": BROKEN}))
    copy.run("results/rehearsal/tables/table2.csv", overlays=overlays)
    found = gains(copy.comparisons(), "janus-star-7b-broken")
    assert not shows_the_claim(found), found


def test_the_table_is_in_long_form_with_the_documented_columns(rehearsal: Workshop) -> None:
    path = rehearsal.folder / "results/rehearsal/tables/table2.csv"
    assert path.read_text().split("\n")[0] == COLUMNS
    rows = [row for row in rehearsal.table() if row["metric"] == "rubric_score"]
    columns = {"mf-AlpacaEval", "mf-FLASK", "mf-Koala", "mf-MT-Bench", "mf-Self-Instruct", "Average"}
    assert {row["benchmark"] for row in rows} == columns
    run = [row for row in rows if not row["judge"].startswith("not run")]
    assert {row["model"] for row in run} == {BASE, FULL, STAR, DPO, ORPO, ASKED}
    assert all(int(row["n_used"]) + int(row["n_left_out"]) == int(row["n_expected"]) for row in rows)


def test_every_page_and_row_of_a_rehearsal_says_so_and_no_difference_to_the_paper_is_given(rehearsal: Workshop) -> None:
    tables = rehearsal.folder / "results/rehearsal/tables"
    for page in ("table2.md", "table2.html"):
        assert "REHEARSAL" in (tables / page).read_text()
    for row in rehearsal.table() + rehearsal.comparisons():
        assert row["judge"] in ("microworld-judge (rehearsal)", "not run (rehearsal)")
    assert {row["difference"] for row in rehearsal.table()} == {""}
    assert any(row["published"] for row in rehearsal.table())


def test_a_table_can_be_followed_back_to_the_pool_by_its_manifests(rehearsal: Workshop) -> None:
    seen = follow(rehearsal.folder, Path("results/rehearsal/tables/table2.html"))
    for wanted in (
        "bench.jsonl",
        "weights",
        "sft-196k.jsonl",
        "responses.jsonl",
        "prompts/judge.j2",
        "pool/instructions.jsonl",
    ):
        assert any(path.endswith(wanted) for path in seen), (wanted, sorted(seen))


def rows_of(rehearsal: Workshop, dataset: str) -> set[str]:
    """The ids of a data set's rows."""
    return {str(row["id"]) for row in read_jsonl(rehearsal.folder / f"results/rehearsal/datasets/{dataset}.jsonl")}


def test_the_smaller_data_sets_lie_within_the_larger_ones_in_thirds(rehearsal: Workshop) -> None:
    whole, two_thirds, third = (rows_of(rehearsal, name) for name in ("sft-196k", "sft-131k", "sft-65k"))
    assert third < two_thirds < whole
    assert third and (len(whole), len(two_thirds)) == (3 * len(third), 2 * len(third))


def test_dpo_has_no_response_that_janus_star_trains_on(rehearsal: Workshop) -> None:
    pairs = [pair.split("/") for pair in rows_of(rehearsal, "dpo")]
    used = {f"{instruction}/{number}" for instruction, *numbers in pairs for number in numbers}
    assert len(used) == 2 * len(pairs) > 0
    assert used.isdisjoint(rows_of(rehearsal, "sft-65k"))
    assert used < rows_of(rehearsal, "sft-196k")


def test_every_data_set_has_a_card_and_every_analysis_a_page_that_says_rehearsal(rehearsal: Workshop) -> None:
    made = rehearsal.folder / "results/rehearsal"
    names = {"sft-196k", "sft-131k", "sft-65k", "dpo", "orpo", "helpful-mix"}
    names |= {one.replace("janus", "sft") for one in TABLE10}
    cards = {path.name.removesuffix(".card.md"): path.read_text() for path in made.glob("datasets/*.card.md")}
    assert set(cards) == names
    pages = {path.stem: path.read_text() for path in made.glob("analysis/*.md")}
    assert set(pages) == {"table1", "table5", "table7", "figure4", "figure5"}
    assert all("REHEARSAL" in text for text in (*cards.values(), *pages.values()))
    for name in pages:
        rows = read_csv(made / f"analysis/{name}.csv")
        assert rows and {row["rehearsal"] for row in rows} == {"yes"}
    assert all("REHEARSAL" in path.read_text() for path in made.glob("analysis/*.svg"))
