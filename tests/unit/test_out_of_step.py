"""Two processes that ask the same questions share the work, and the bill, instead of each asking everything."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from janus_recipes.llm.chat import ChatRequest, Message, Reply, Unparsed, address_of
from janus_recipes.llm.ledger import Ledger
from janus_recipes.llm.out_of_step import out_of_step
from janus_recipes.llm.rows import Rows, Step
from janus_recipes.recipe.provider import Faults, Provider, Sampling
from janus_recipes.records import Asked, Status
from janus_recipes.rehearsal.server import World, serving

MODEL = "teacher"
PROVIDER = Provider(kind="openai", model=MODEL)

ASKING = """
import sys
from pathlib import Path
from janus_recipes.llm.ask import ask
from janus_recipes.llm.chat import ChatRequest, Message
from janus_recipes.llm.ledger import Ledger
from janus_recipes.recipe.provider import Provider, Sampling
provider = Provider(kind="openai", model="teacher", base_url=sys.argv[2], key_env="TEACHER_KEY", concurrency=4)
requests = [ChatRequest(f"q/{n}", (Message("user", f"question {n}"),), Sampling(max_tokens=64)) for n in range(200)]
with Ledger.open(Path(sys.argv[1]), "teacher") as ledger:
    answers = ask(lambda: requests, provider, ledger, str, 0)
    print(sum(row.status == "ok" for row in answers), answers.report.asked)
"""


def question(number: int) -> ChatRequest:
    return ChatRequest(f"q/{number}", (Message("user", f"question {number}"),), Sampling(max_tokens=64))


def asking(folder: Path, world: World) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", ASKING, str(folder), world.base_url]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env={**os.environ, "TEACHER_KEY": "k"})


def wait_for(requests: int, world: World, process: subprocess.Popen[str]) -> None:
    while world.stats().requests < requests and process.poll() is None:
        time.sleep(0.01)


def told_by(process: subprocess.Popen[str]) -> list[int]:
    out, trouble = process.communicate(timeout=60)
    assert process.returncode == 0, trouble
    return [int(number) for number in out.split()]


@pytest.mark.parametrize("head_start", [0, 40])
def test_two_processes_share_the_questions(tmp_path: Path, head_start: int) -> None:
    # 200 questions, 4 in flight, 0.1 s each: 5 s alone. Walking side by side they would ask nearly 400 times.
    # What is asked twice: what both have in flight, and what falls into the second before they notice each other.
    with serving(Faults(latency_s=0.1)) as world:
        first = asking(tmp_path, world)
        wait_for(head_start, world, first)
        second = asking(tmp_path, world)
        (first_ok, first_asked), (second_ok, second_asked) = told_by(first), told_by(second)
        assert (first_ok, second_ok) == (200, 200)
        assert 200 <= first_asked + second_asked == world.stats().requests < 300
        assert world.stats().answered == 200


def test_what_another_process_has_answered_is_not_asked(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, MODEL) as ours, Ledger.open(tmp_path, MODEL) as theirs:
        rows = Rows(PROVIDER, ours, str, 0)
        assert isinstance(rows.standing(question(0)), Step)
        theirs.put(address_of(question(1), PROVIDER), Reply("theirs", "stop"))
        ours._look_again_at = 0.0  # a second later
        assert rows.standing(question(1)) == Asked("q/1", Status.OK, "theirs", "theirs", 1)
        # From now on their segment is known to grow, and each of their answers is seen at once.
        theirs.put(address_of(question(2), PROVIDER), Reply("theirs", "stop"))
        assert isinstance(rows.standing(question(2)), Asked)
        assert isinstance(rows.standing(question(3)), Step)


def test_another_process_s_unparsed_answer_counts_as_an_attempt(tmp_path: Path) -> None:
    def parse(text: str) -> str:
        raise Unparsed("never")

    with Ledger.open(tmp_path, MODEL) as ours, Ledger.open(tmp_path, MODEL) as theirs:
        rows = Rows(PROVIDER, ours, parse, 1)
        theirs.put(address_of(question(0), PROVIDER), Reply("what?", "stop"))
        step = rows.standing(question(0))
        assert isinstance(step, Step) and step.number == 1


def test_a_process_alone_asks_in_order(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, MODEL) as ledger:
        assert list(out_of_step(iter([1, None, 2, 3]), ledger)) == [1, None, 2, 3]


def test_beside_another_each_question_comes_once_in_an_order_of_its_own(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, MODEL) as ours, Ledger.open(tmp_path, MODEL) as theirs:
        theirs.put(address_of(question(0), PROVIDER), Reply("theirs", "stop"))
        ours.refresh()
        orders = [[one for one in out_of_step(iter(range(1000)), ours, most=100) if one is not None] for _ in range(2)]
    assert Counter(orders[0]) == Counter(range(1000))
    assert orders[0] != orders[1] != list(range(1000))


def test_only_as_many_requests_are_held_back_as_there_is_memory_for(tmp_path: Path) -> None:
    taken: list[int] = []

    def walk() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    with Ledger.open(tmp_path, MODEL) as ours, Ledger.open(tmp_path, MODEL) as theirs:
        theirs.put(address_of(question(0), PROVIDER), Reply("theirs", "stop"))
        ours.refresh()
        for given, _ in enumerate(one for one in out_of_step(walk(), ours, most=100) if one is not None):
            assert len(taken) - given <= 100
