"""A larger sample, and another prompt: only what is new is asked, and only what depends on a change runs again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.workshop import Workshop, jobs_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

MADE = Path("results/growth/collection")
RESPONSES = f"{MADE}/responses.jsonl"
STEPS = ("preferences", "system_messages", "responses")


def sample_of(instructions: int, workshop: Workshop) -> str:
    """An overlay with a results folder and a ledger of its own, and so many instructions before the filter."""
    return workshop.write(
        "growth.yaml",
        "name: growth\nledger: results/growth/ledger\n"
        f"collection: {{instructions: {{per_source: {instructions}, before_filter: {instructions}}}}}\n",
    )


def rows(workshop: Workshop, step: str) -> dict[str, Any]:
    text = (workshop.folder / MADE / f"{step}.jsonl").read_text()
    return {row["id"]: row for row in map(json.loads, text.splitlines())}


def asked(workshop: Workshop, step: str) -> int:
    counted = json.loads((workshop.folder / MADE / f"{step}.jsonl.manifest.json").read_text())["asked"]
    assert counted["asked"] + counted["from_ledger"] == counted["rows"], counted  # nothing had to be asked again
    return int(counted["asked"])


def edit(workshop: Workshop, prompt: str, old: str, new: str) -> None:
    path = workshop.folder / "prompts" / prompt
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_twice_the_sample_asks_for_the_new_half_and_a_prompt_re_asks_what_depends_on_it(clean_copy: Workshop) -> None:
    clean_copy.run(RESPONSES, overlays=(sample_of(100, clean_copy),))
    small = {step: rows(clean_copy, step) for step in STEPS}
    assert len(small["responses"]) == 300  # three an instruction; our pool has none with a system message

    grown = sample_of(200, clean_copy)
    clean_copy.run(RESPONSES, overlays=(grown,))
    large = {step: rows(clean_copy, step) for step in STEPS}
    for step in STEPS:
        assert len(large[step]) == 600 and asked(clean_copy, step) == 300
        assert large[step] | small[step] == large[step]  # the old rows are as they were

    def planned() -> set[str]:
        return jobs_in(clean_copy.run("-n", RESPONSES, overlays=(grown,)))

    edit(clean_copy, "system_message.j2", "Make it imaginative", "Make it very imaginative")
    assert planned() == {"write_system_messages()", "write_responses()"}
    clean_copy.run(RESPONSES, overlays=(grown,))
    assert (asked(clean_copy, "system_messages"), asked(clean_copy, "responses")) == (600, 600)
    assert rows(clean_copy, "preferences") == large["preferences"]

    edit(clean_copy, "response.j2", "{{ instruction }}", "{{ instruction }} ")
    assert planned() == {"write_responses()"}
