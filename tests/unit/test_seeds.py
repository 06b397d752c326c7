"""Our seeds hold what the paper counts and cover it; `janus seeds check` names each fault of seeds that do not."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_cli import janus

from janus_recipes.collection.seed_checks import CHECKS, SeedFiles, coverage, faults_of, read_seed_files
from janus_recipes.collection.seeds import read_seed_preferences, read_seed_system_messages
from janus_recipes.errors import StepError
from janus_recipes.recipe.schema import Seeds
from janus_recipes.records import DIMENSIONS

Content = dict[str, Any]
Change = Callable[[Content], object]
OURS = Seeds()


def changed(folder: Path, name: str, change: Change) -> SeedFiles:
    """Our seeds with one file changed."""
    content = yaml.safe_load(Path(getattr(OURS, name)).read_text(encoding="utf-8"))
    change(content)
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return read_seed_files(OURS.model_copy(update={name: str(file)}))


def cover(number: int, *names: str) -> Change:
    return lambda content: content["system_messages"][number].update(covers=list(names))


def reword(number: int, write: Callable[[str], str]) -> Change:
    def change(content: Content) -> None:
        message = content["system_messages"][number]
        message["text"] = write(message["text"])

    return change


def test_our_50_messages_cover_all_107_preferences() -> None:
    files = read_seed_files(OURS)
    counts = coverage(files)
    assert (len(files.messages), len(counts)) == (50, 107)
    assert [one.preference for one, count in counts.items() if not count] == []
    # 66 preferences of Style over 50 messages: 34 carry one, 16 carry two.
    of_style = {one.preference for one in counts if one.dimension == "Style"}
    carried = [sum(name in of_style for name in message.covers) for message in files.messages]
    assert sorted(carried) == [1] * 34 + [2] * 16
    assert all(len(message.covers) == carried[number] + 3 for number, message in enumerate(files.messages))


def test_our_preferences_are_4_dimensions_18_subdimensions_and_107_names() -> None:
    preferences = read_seed_files(OURS).preferences
    assert tuple(one.name for one in preferences.dimensions) == DIMENSIONS
    # Style 6, Background knowledge 5, Informativeness 4, Harmlessness 3.
    assert [len(one.subdimensions) for one in preferences.dimensions] == [6, 5, 4, 3]
    assert len({one.preference for one in preferences.preferences}) == 107


def test_our_seeds_pass_every_check_and_are_apache_licensed() -> None:
    files = read_seed_files(OURS)
    assert faults_of(files) == {name: [] for name in CHECKS}
    assert set(files.licences.values()) == {"Apache-2.0"}


def test_our_messages_are_paragraphs_that_open_in_many_ways() -> None:
    messages = read_seed_system_messages(OURS.system_messages)
    assert all(70 <= len(one.split()) <= 140 and "\n" not in one for one in messages)
    assert len({" ".join(one.split()[:3]) for one in messages}) >= 40
    assert sum(one.startswith("You are") for one in messages) <= 15


@pytest.mark.parametrize(
    ("file", "change", "check", "told"),
    [
        ("system_messages", cover(0, "Formall"), "covers name preferences", "'Formall', which is not in"),
        ("system_messages", cover(0, "Formall"), "covers name preferences", "(did you mean Formal?)"),
        (
            "system_messages",
            cover(1, "Formal", "Specific topic", "No severe errors"),
            "each message covers all dimensions",
            'system_messages.1 ("Answer as a chief inspector whose ..."): covers no preference of Background knowledge',
        ),
        (
            "system_messages",
            cover(1),
            "each message covers all dimensions",
            "does not say what it covers; add `covers`",
        ),
        (
            "system_messages",
            cover(2, "Simple language", "Minimum awareness of the topic", "General topic", "Reliable"),
            "every preference is covered",
            "no message has in its covers: Funny (Tone)",
        ),
        (
            "system_messages",
            reword(0, lambda text: " ".join(text.split()[:39])),
            "messages have 40 to 200 words",
            "39 words; 40 to 200 make a paragraph",
        ),
        (
            "system_messages",
            lambda content: content["system_messages"].append(content["system_messages"][0]),
            "no two messages are nearly the same",
            "nearly the same as system_messages.0 (ROUGE-L 1.00)",
        ),
        (
            "system_messages",
            reword(4, lambda text: f"Hello! {text}"),
            "messages are paragraphs without bullets, greetings or blanks",
            'system_messages.4 ("Hello! Your part is that of ..."): no_greeting: begins with "Hello!"',
        ),
        (
            "system_messages",
            reword(4, lambda text: text.replace(". ", ".\n\n", 1)),
            "messages are paragraphs without bullets, greetings or blanks",
            "one_paragraph: has more than one paragraph",
        ),
        (
            "system_messages",
            reword(4, lambda text: f"{text}\n- be brief"),
            "messages are paragraphs without bullets, greetings or blanks",
            "no_bullets: has a list",
        ),
        (
            "preferences",
            lambda content: content["dimensions"][0]["subdimensions"][0]["preferences"][0].update(
                description="It is formal. It is long. It is dull."
            ),
            "descriptions have at most 2 sentences",
            "Style / Formality / Formal: a description of 3 sentences; at most 2",
        ),
        (
            "preferences",
            lambda content: content["dimensions"][1]["subdimensions"][0]["preferences"].append(
                content["dimensions"][1]["subdimensions"][0]["preferences"][0]
            ),
            "no preference is there twice",
            "Background knowledge / Basic / Minimum awareness of the topic is there twice",
        ),
        (
            "preferences",
            lambda content: content["dimensions"][0]["subdimensions"][0]["preferences"][1].update(
                description=content["dimensions"][0]["subdimensions"][0]["preferences"][0]["description"].upper()
            ),
            "no preference is there twice",
            "Style / Formality / Informal has the description of Style / Formality / Formal",
        ),
        (
            "rubrics",
            lambda content: content["rubrics"][0]["preference"].update(dimension="Stile"),
            "rubrics have a dimension and five different scores",
            "rubrics.0: there is no dimension 'Stile' (did you mean Style?)",
        ),
        (
            "rubrics",
            lambda content: content["rubrics"][1]["rubric"].update(scores=["same", "same", "3", "4", "5"]),
            "rubrics have a dimension and five different scores",
            "rubrics.1: two of its five scores are worded alike",
        ),
        (
            "rubrics",
            lambda content: content.pop("licence"),
            "each file states its licence",
            "rubrics.yaml: states no licence; add a line such as `licence: Apache-2.0`",
        ),
    ],
)
def test_a_fault_is_named_where_it_stands(tmp_path: Path, file: str, change: Change, check: str, told: str) -> None:
    faults = faults_of(changed(tmp_path, file, change))
    assert any(told in fault for fault in faults[check]), faults


def test_two_messages_are_nearly_the_same_from_half_their_words_on(tmp_path: Path) -> None:
    # 40 words against 40: 19 shared in order are 2 * 19 / 80 = 0.475, and 20 are 0.5.
    def pair(shared: int) -> Change:
        ends = [[f"{letter}{number}" for number in range(40 - shared)] for letter in "ab"]
        texts = [" ".join([f"w{number}" for number in range(shared)] + end) for end in ends]
        return lambda content: content.update(system_messages=[{"text": text} for text in texts])

    name = "no two messages are nearly the same"
    assert faults_of(changed(tmp_path, "system_messages", pair(19)))[name] == []
    assert "ROUGE-L 0.50" in faults_of(changed(tmp_path, "system_messages", pair(20)))[name][0]


def test_a_name_of_two_subdimensions_is_covered_when_the_subdimension_is_said(tmp_path: Path) -> None:
    def rename(content: Content) -> None:  # Style then has Format / Formal beside Formality / Formal
        content["dimensions"][0]["subdimensions"][4]["preferences"][0]["preference"] = "Formal"

    preferences = changed(tmp_path, "preferences", rename).paths.preferences
    message = tmp_path / "messages.yaml"
    message.write_text('system_messages: [{text: x, covers: ["Formal"]}, {text: x, covers: ["Format: Formal"]}]')
    files = read_seed_files(Seeds(preferences=preferences, system_messages=str(message)))
    (told,) = faults_of(files)["covers name preferences"]
    assert "of which there are several: write Formality: Formal or Format: Formal" in told
    assert {f"{one.subdimension}: {one.preference}" for one, count in coverage(files).items() if count} == {
        "Format: Formal"
    }


def test_seeds_of_ones_own_without_covers_and_licence_can_be_asked_with(tmp_path: Path) -> None:
    preferences, messages = tmp_path / "preferences.yaml", tmp_path / "messages.yaml"
    few = [{"name": "any", "preferences": [{"preference": "a", "description": "One. Two. Three."}]}]
    preferences.write_text(yaml.safe_dump({"dimensions": [{"name": one, "subdimensions": few} for one in DIMENSIONS]}))
    messages.write_text("system_messages: [{text: Be short.}]")
    assert read_seed_system_messages(messages) == ("Be short.",)
    assert len(read_seed_preferences(preferences).draw_set(random.Random(0))) == 4


def test_a_misspelt_dimension_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"found Style, Background knowledge, Informativnes \(did you mean Informati"):
        changed(tmp_path, "preferences", lambda content: content["dimensions"][2].update(name="Informativnes"))


def test_a_rubric_of_four_scores_is_no_rubric(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"rubrics.0.rubric.scores: List should have at least 5 items"):
        changed(tmp_path, "rubrics", lambda content: content["rubrics"][0]["rubric"]["scores"].pop())


def test_the_command_prints_the_coverage_of_our_seeds() -> None:
    done = janus("seeds", "check")
    assert done.returncode == 0, done.stderr
    assert "4 dimensions, 18 subdimensions, 107 preferences, 50 system messages, 3 rubrics" in done.stdout
    assert "Formal 1, Informal 1" in done.stdout
    assert all(name in done.stdout for name in CHECKS)


def test_the_command_ends_with_1_and_every_fault_of_a_recipes_own_seeds(tmp_path: Path) -> None:
    def change(content: Content) -> None:
        del content["licence"]
        cover(0, "Simpel language")(content)

    file = changed(tmp_path, "system_messages", change).paths.system_messages
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"seeds: {{system_messages: {file}}}\n")
    done = janus("seeds", "check", "--recipe", "recipes/janus.yaml", "--recipe", str(mine))
    assert done.returncode == 1
    for told in ("did you mean Simple language?", "states no licence", "covers: Simple language (Clarity)"):
        assert told in done.stderr
    # No licence; an unknown name; that message covers no dimension now; nothing covers Simple language, while other
    # messages cover the three others that it had.
    assert "4 faults in the seeds:" in done.stderr
    assert "Traceback" not in done.stderr
