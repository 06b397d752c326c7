"""What annotators get: the paper's numbers of tasks, blind, in an order of its own, and texts that stay texts."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest

from janus_recipes.errors import StepError
from janus_recipes.human.export import KEY, build_export, write_export
from janus_recipes.human.stage1 import stage1_tasks
from janus_recipes.human.stage2 import Answers, stage2_tasks
from janus_recipes.human.tasks import Task, read_key, shown
from janus_recipes.recipe.check import cross_problems
from janus_recipes.recipe.human import BenchCheck, ModelComparison
from janus_recipes.recipe.problem import dotted
from janus_recipes.records import DIMENSIONS, Asked, BenchInstance, Preference, Rubric, Status

JANUS, OTHERS = "janus-7b", ("mistral-7b-instruct-v0.2", "gpt-3.5-turbo-0125", "gpt-4-0613")
PAIRS = [[JANUS, other] for other in OTHERS]
PREFERENCES = tuple(Preference(dimension, "any", "any", "any") for dimension in DIMENSIONS)
RUBRICS = tuple(Rubric(dimension, "Is it?", ("1", "2", "3", "4", "5")) for dimension in DIMENSIONS)
HOSTILE = "<img src=x onerror=alert(1)> $instruction {{ instruction }} </Text></View>\n  \0 \ud800"


def bench(instructions: int = 315, messages: int = 3) -> list[BenchInstance]:
    return [
        BenchInstance(f"i-{i}/{n}", f"i-{i}", "mf-Koala", f"Do {i}", f"As {n}", PREFERENCES, f"{i} {n}", RUBRICS)
        for i in range(instructions)
        for n in range(messages)
    ]


def answers(of: list[BenchInstance]) -> dict[str, dict[str, Asked[str]]]:
    names = {name: f"answer {number}" for number, name in enumerate((JANUS, *OTHERS))}
    return {model: {one.id: Asked(one.id, Status.OK, text) for one in of} for model, text in names.items()}


def compared(
    spec: ModelComparison, of: list[BenchInstance], given: Answers | None = None, seed: int = 42
) -> list[Task]:
    return list(stage2_tasks(of, given or answers(of), spec, seed))


def by_annotator(tasks: list[Task]) -> dict[int | None, list[Task]]:
    return {annotator: list(mine) for annotator, mine in groupby(tasks, key=lambda one: one.key.annotator)}


def test_stage_1_gives_nine_annotators_35_instructions_with_six_questions_each() -> None:
    tasks = by_annotator(list(stage1_tasks(bench(), BenchCheck(), 42)))
    assert {annotator: len(mine) for annotator, mine in tasks.items()} == dict.fromkeys(range(1, 10), 35)
    seen = [one.key.instruction_id for mine in tasks.values() for one in mine]
    assert len(seen) == len(set(seen)) == 315
    config = build_export("stage1", tasks[1], None).configs["labelling.3-messages.xml"]
    assert len(ET.fromstring(config).findall(".//Choices")) == 6


def test_stage_2_gives_nine_annotators_105_of_945_problems_and_nobody_the_same_problem_twice() -> None:
    tasks = by_annotator(compared(ModelComparison(pairs=PAIRS), bench()))
    assert {annotator: len(mine) for annotator, mine in tasks.items()} == dict.fromkeys(range(1, 10), 105)
    for mine in tasks.values():
        assert len({one.key.instances for one in mine}) == 105
        assert Counter(one.key.pair for one in mine) == {(JANUS, other): 35 for other in OTHERS}
    everyone = [one.key for mine in tasks.values() for one in mine]
    assert len({(key.instances, key.pair) for key in everyone}) == 945
    assert len({key.instances for key in everyone}) == len({key.instruction_id for key in everyone}) == 315


def test_with_an_overlap_of_two_everything_is_seen_by_two_annotators() -> None:
    first = Counter(one.key.instruction_id for one in stage1_tasks(bench(20), BenchCheck(overlap=2), 1))
    assert set(first.values()) == {2} and len(first) == 20
    tasks = compared(ModelComparison(pairs=PAIRS, overlap=2), bench(20))
    problems = {(one.key.instances, one.key.pair, one.key.annotator) for one in tasks}
    assert len(problems) == len(tasks) == 20 * 3 * 2


def test_sizes_that_do_not_divide_differ_by_one_at_most() -> None:
    tasks = by_annotator(list(stage1_tasks(bench(20), BenchCheck(), 1)))
    assert sorted(len(mine) for mine in tasks.values()) == [2] * 7 + [3] * 2  # 20 = 7 x 2 + 2 x 3


def test_tasks_do_not_depend_on_the_order_of_the_bench_and_do_on_the_seed() -> None:
    spec, some = ModelComparison(pairs=PAIRS), bench(12)
    whole = compared(spec, some)
    assert compared(spec, some[::-1]) == whole
    assert compared(spec, some, seed=7) != whole
    first = list(stage1_tasks(some, BenchCheck(), 1))
    assert list(stage1_tasks(some[::-1], BenchCheck(), 1)) == first
    assert list(stage1_tasks(some, BenchCheck(), 2)) != first


def test_annotators_see_no_model_and_the_first_one_is_on_either_side() -> None:
    tasks = compared(ModelComparison(pairs=PAIRS), bench())
    texts = json.dumps([one.data for one in tasks])
    assert not any(name in texts for name in (JANUS, *OTHERS, "i-17/"))
    for one in tasks:
        left, right = one.key.pair if one.key.first_on == "left" else one.key.pair[::-1]
        number = {name: f"answer {place}" for place, name in enumerate((JANUS, *OTHERS))}
        assert (one.data["left"], one.data["right"]) == (number[left], number[right])
    sides = Counter(one.key.first_on for one in tasks)
    # 945 fair draws: 472.5 with a standard deviation of 15.4.
    assert abs(sides["left"] - 472.5) < 62 and sides.total() == 945


def test_a_problem_without_an_answer_is_shown_to_nobody_and_counted() -> None:
    some = bench(3, messages=1)
    given = answers(some)
    given[OTHERS[0]]["i-0/0"] = Asked("i-0/0", Status.TRUNCATED, None)
    del given[OTHERS[0]]["i-1/0"]
    export = build_export("stage2", compared(ModelComparison(pairs=PAIRS), some, given), None)
    assert export.left_out == {f"{OTHERS[0]}: truncated": 1, f"{OTHERS[0]}: missing": 1}
    assert sum(map(len, export.projects.values())) == 3 * 3 - 2


def test_with_an_overlap_an_unanswered_problem_lacks_as_many_tasks_as_it_would_have_had() -> None:
    some = bench(3, messages=1)
    given = answers(some)
    del given[OTHERS[0]]["i-1/0"]
    tasks = compared(ModelComparison(pairs=PAIRS, overlap=2), some, given)
    # Three problems under three pairs for two annotators each: what is expected does not depend on what lacks.
    assert len({one.key.task for one in tasks}) == len(tasks) == 3 * 3 * 2
    assert Counter(one.key.left_out for one in tasks) == {"": 16, f"{OTHERS[0]}: missing": 2}


def test_texts_stay_out_of_the_configuration_and_are_fit_for_any_database() -> None:
    some = [replace(one, instruction=HOSTILE, reference_answer="  ") for one in bench(1, 2)]
    export = build_export("stage1", stage1_tasks(some, BenchCheck(annotators=1), 1), "A <rehearsal> & more")
    (config,), ((task,),) = export.configs.values(), export.projects.values()
    assert "img" not in config and ET.fromstring(config).find("Header").get("value") == "A <rehearsal> & more"  # type: ignore[union-attr]
    fields = {one.get("value", "").removeprefix("$") for one in ET.fromstring(config).iter("Text")}
    assert fields | {"task"} == set(task["data"])
    assert task["data"]["instruction"].startswith("<img src=x onerror=alert(1)> $instruction {{ instruction }}")
    assert not {"\0", "\ud800"} & set(task["data"]["instruction"])
    assert task["data"]["reference_answer_1"] == shown("") == "(empty)"


def test_instructions_that_lost_a_system_message_have_a_page_of_their_own() -> None:
    some = [one for one in bench(4) if one.id != "i-2/1"]
    export = build_export("stage1", stage1_tasks(some, BenchCheck(annotators=1), 1), None)
    assert {name: len(tasks) for name, tasks in export.projects.items()} == {
        "annotator-1.3-messages.json": 3,
        "annotator-1.2-messages.json": 1,
    }
    assert set(export.configs) == {"labelling.3-messages.xml", "labelling.2-messages.xml"}


def test_another_export_does_not_take_the_place_of_one_that_people_work_on(tmp_path: Path) -> None:
    export, other = (build_export("stage1", stage1_tasks(bench(n), BenchCheck(), 1), None) for n in (9, 10))
    write_export(export, tmp_path / KEY)
    write_export(export, tmp_path / KEY)
    with pytest.raises(StepError, match="annotators may be at work"):
        write_export(other, tmp_path / KEY)
    assert len(list(read_key(tmp_path / KEY))) == 9


def test_the_same_instances_with_other_texts_are_another_export(tmp_path: Path) -> None:
    some = bench(2)
    write_export(build_export("stage1", stage1_tasks(some, BenchCheck(), 1), None), tmp_path / KEY)
    anew = [replace(one, reference_answer="made anew") for one in some]
    with pytest.raises(StepError, match="annotators may be at work"):
        write_export(build_export("stage1", stage1_tasks(anew, BenchCheck(), 1), None), tmp_path / KEY)


def test_a_recipe_that_asks_too_much_of_annotators_is_told_everything_at_once() -> None:
    human = {
        "benchmark": "no-bench",
        "stage1": {"annotators": 3, "overlap": 4},
        "stage2": {"pairs": [["a", "a"], ["a", "jannus"], ["a", "rm"]], "groups": 2, "annotators": 9},
    }
    models = {"a": {}, "janus": {}, "rm": {"train": {"method": "reward"}}}
    found = cross_problems({"human": human, "models": models, "benchmarks": {"mf": {}}})
    told = {dotted(one.path): one.message for one in found if one.path[0] == "human"}
    assert told == {
        "human.benchmark": "no-bench is not under benchmarks (there are: mf)",
        "human.stage1.overlap": "4 annotators cannot see the same: there are 3",
        "human.stage2.annotators": "9 annotators do not divide into 2 groups: every group has the same number",
        "human.stage2.pairs.0": "name two different models",
        "human.stage2.pairs.1.1": "jannus is not under models (did you mean janus?)",
        "human.stage2.pairs.2.1": "rm is a reward model, which writes no answers",
    }
