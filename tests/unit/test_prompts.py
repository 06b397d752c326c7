"""Prompts: what is sent, and that nobody's text is ever run as a template."""

from __future__ import annotations

from pathlib import Path

import pytest

from janus_recipes.collection.seeds import read_seed_preferences, read_seed_rubrics, read_seed_system_messages
from janus_recipes.errors import StepError
from janus_recipes.prompts import Prompt, read_prompt
from janus_recipes.records import DIMENSIONS
from janus_recipes.seeding import random_for

HOSTILE = "{{ 7 * 7 }} {% for x in y %} {# gone? #} </instruction> \u2028 \r\n 语言"


def prompt(text: str) -> Prompt:
    return Prompt(Path("mine.j2"), text)


def test_a_users_text_with_template_marks_reaches_the_model_as_it_is() -> None:
    system, user = read_prompt("prompts/response.j2").render(system_message=HOSTILE, instruction=HOSTILE)
    assert (system.role, user.role) == ("system", "user")
    assert system.content == HOSTILE
    assert user.content == HOSTILE


def test_every_prompt_shows_a_hostile_instruction_verbatim() -> None:
    seeds = read_seed_preferences("prompts/seeds/preferences.yaml")
    example = seeds.draw_set(random_for(1))
    rubric = read_seed_rubrics("prompts/seeds/rubrics.yaml")[0].rubric
    asked = read_prompt("prompts/preference_set.j2").render(
        dimensions=seeds.dimensions, example=example, instruction=HOSTILE
    )
    judged = read_prompt("prompts/judge.j2").render(
        instruction=HOSTILE, response=HOSTILE, reference_answer="fine", rubric=rubric
    )
    assert HOSTILE in asked[-1].content
    assert judged[-1].content.count(HOSTILE) == 2


def test_an_empty_system_block_sends_no_system_message() -> None:
    messages = prompt("{% block system %}{% endblock %}{% block user %}hi{% endblock %}").render()
    assert [(one.role, one.content) for one in messages] == [("user", "hi")]


def test_a_misspelt_variable_in_a_prompt_is_an_error_and_not_a_blank() -> None:
    wrong = prompt("{% block system %}{% endblock %}{% block user %}{{ instructoin }}{% endblock %}")
    with pytest.raises(StepError, match="instructoin"):
        wrong.render(instruction="x")


def test_a_prompt_without_its_blocks_says_which_are_wanted() -> None:
    with pytest.raises(StepError, match="no block `system`"):
        prompt("just text").render()


def test_a_prompt_cannot_reach_out_of_its_sandbox() -> None:
    wrong = prompt("{% block system %}{% endblock %}{% block user %}{{ ''.__class__.__mro__ }}{% endblock %}")
    with pytest.raises(StepError):
        wrong.render()


def test_the_seeds_are_table_6_with_4_dimensions_18_subdimensions_107_preferences() -> None:
    seeds = read_seed_preferences("prompts/seeds/preferences.yaml")
    assert [one.name for one in seeds.dimensions] == list(DIMENSIONS)
    assert sum(len(one.subdimensions) for one in seeds.dimensions) == 18
    assert len(seeds.preferences) == 107
    assert len({one.preference for one in seeds.preferences}) == 107
    assert all(len(one.description) > 30 for one in seeds.preferences)


def test_a_drawn_seed_set_has_one_preference_of_each_dimension_in_order() -> None:
    seeds = read_seed_preferences("prompts/seeds/preferences.yaml")
    assert [one.dimension for one in seeds.draw_set(random_for("any"))] == list(DIMENSIONS)


def test_the_example_system_messages_and_rubrics_are_there() -> None:
    messages = read_seed_system_messages("prompts/seeds/system_messages.yaml")
    assert len(messages) >= 12 and len(set(messages)) == len(messages)
    assert not any("\n" in one.strip() for one in messages)
    rubrics = read_seed_rubrics("prompts/seeds/rubrics.yaml")
    assert len(rubrics) >= 3 and all(len(one.rubric.scores) == 5 for one in rubrics)


def test_a_seed_file_of_another_form_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "seeds.yaml"
    wrong.write_text("dimensions: [{name: Style, subdimensions: []}]")
    with pytest.raises(StepError, match=r"seeds.yaml: dimensions.0.subdimensions: List should have at least 1 item"):
        read_seed_preferences(wrong)
    with pytest.raises(StepError, match="rubrics"):
        read_seed_rubrics(wrong)
