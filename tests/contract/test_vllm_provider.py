"""Real vLLM on a tiny model, asked as any endpoint is: by URL, served by the step itself, and as a batch's file.

vLLM takes its time to start, so the tests by URL share one server.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from janus_recipes.benchmarks.rubrics import RUBRIC
from janus_recipes.collection.preferences import PREFERENCE_SET
from janus_recipes.collection.system_messages import SYSTEM_MESSAGE
from janus_recipes.files import read_jsonl
from janus_recipes.generation.run import engine_environ
from janus_recipes.llm.ask import ask
from janus_recipes.llm.batches.files import line_of, outcomes_in
from janus_recipes.llm.chat import AnswerFormat, ChatRequest, Message, Reply, Unparsed, address_of, body_of
from janus_recipes.llm.endpoint import Endpoint, Engine, endpoint
from janus_recipes.llm.faults import Fault
from janus_recipes.llm.ledger import Ledger
from janus_recipes.processes import alone_in, descendants, start_time
from janus_recipes.recipe.provider import Provider, Sampling, ServedModel
from janus_recipes.records import Asked, Status

ROOT = Path(__file__).parents[2]

CONTEXT = 128
SERVED = ServedModel(gpus=0, dtype="float32", max_model_len=CONTEXT)
MANY = 60
STEP = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_vllm_provider import ask_many
ask_many(*map(Path, sys.argv[2:]))
"""

SCORE = AnswerFormat(
    "verdict",
    {
        "type": "object",
        "properties": {"score": {"type": "integer", "enum": [1, 2, 3, 4, 5]}},
        "required": ["score"],
        "additionalProperties": False,
    },
)
FORMATS = (PREFERENCE_SET, SYSTEM_MESSAGE, RUBRIC)

ANSWERED = {Status.OK, Status.TRUNCATED}
"""A random model rarely ends by itself: most of what it says is cut at the limit."""

TOO_LONG = ChatRequest("long/0", (Message("user", "many words " * 200),), Sampling(max_tokens=8))

pytestmark = pytest.mark.timeout(600)


def questions(count: int, max_tokens: int = 8, answer: AnswerFormat | None = None) -> list[ChatRequest]:
    return [
        ChatRequest(
            f"q-{number}/0",
            (Message("system", "Be kind."), Message("user", f"Say the word {number}.")),
            Sampling(max_tokens=max_tokens),
            answer=answer,
        )
        for number in range(count)
    ]


def open_model(model: Path, **settings: Any) -> Provider:
    return Provider(kind="vllm", model=str(model), served=SERVED, concurrency=8, **settings)


def asked(
    requests: list[ChatRequest],
    provider: Provider,
    folder: Path,
    where: Endpoint,
    parse: Callable[[str], Any] = str,
    re_asks: int = 0,
) -> list[Asked[Any]]:
    """The rows, asked through an endpoint that is there already."""
    with Ledger.open(folder, provider.model) as ledger:
        return list(ask(lambda: iter(requests), provider, ledger, parse, re_asks, lambda _: nullcontext(where)))


@pytest.fixture(scope="module")
def server(vllm: Path, tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """The tiny model, served by vLLM as kind `vllm` does it."""
    work = tmp_path_factory.mktemp("served")
    with endpoint(open_model(tiny_base), Engine(vllm, work)) as where:
        yield where
        processes = descendants(os.getpid())
    assert len(processes) >= 3 and all(start_time(pid) is None for pid in processes)


def test_a_vllm_server_of_somebody_else_is_asked_like_any_openai_endpoint(
    server: Endpoint, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLUSTER_KEY", str(server.key))
    provider = Provider(kind="openai", model=str(tiny_base), base_url=server.base_url, key_env="CLUSTER_KEY")
    requests = [*questions(20), TOO_LONG]
    with Ledger.open(tmp_path, provider.model) as ledger:
        answers = ask(lambda: iter(requests), provider, ledger, str, 0)
        rows = list(answers)
        assert {row.status for row in rows[:20]} <= ANSWERED and len(ledger) == 20
        assert all(row.raw for row in rows if row.status is Status.TRUNCATED)
        assert rows[20].status is Status.FAILED and "maximum context length is 128" in rows[20].reason
        assert answers.report.asked == 20 and 20 < answers.report.completion_tokens <= 20 * 8
    with Ledger.open(tmp_path, provider.model) as ledger:
        again = ask(lambda: iter(requests[:20]), provider, ledger, str, 0, lambda _: pytest.fail("nothing is missing"))
        assert list(again) == rows[:20]


def test_the_same_question_gets_the_same_answer_in_any_order(server: Endpoint, tiny_base: Path, tmp_path: Path) -> None:
    provider = open_model(tiny_base)
    forwards = asked(questions(12), provider, tmp_path / "forwards", server)
    backwards = asked(questions(12)[::-1], provider, tmp_path / "backwards", server)
    assert backwards[::-1] == forwards
    assert len({row.raw for row in forwards}) == 12


def test_an_answer_asked_for_as_json_is_valid_json_and_a_re_ask_gets_another(
    server: Endpoint, tiny_base: Path, tmp_path: Path
) -> None:
    provider = open_model(tiny_base, structured_output=True)
    requests = questions(16, max_tokens=90, answer=SCORE)
    rows = asked(requests, provider, tmp_path / "once", server, json.loads)
    scored = [row.value for row in rows if row.status is Status.OK]
    # The random model may fill its 90 tokens with white space, which the schema allows: such an answer is cut.
    assert {row.status for row in rows} <= ANSWERED and len(scored) >= 8
    assert all(set(value) == {"score"} and value["score"] in range(1, 6) for value in scored)

    rows = asked(requests[:4], provider, tmp_path / "again", server, refused, re_asks=2)
    assert {row.attempts for row in rows if row.status is Status.UNPARSED} == {3}
    with Ledger.open(tmp_path / "again", provider.model) as ledger:
        texts = [reply.text for address in ledger if (reply := ledger.get(address))]
    assert len(set(texts)) == len(texts) > 4  # the white space differs, even where the score does not


def test_vllm_takes_the_schemas_of_every_json_answer_of_ours(server: Endpoint, tiny_base: Path, tmp_path: Path) -> None:
    provider = open_model(tiny_base, structured_output=True)
    requests = [replace(one, answer=form) for one, form in zip(questions(3), FORMATS, strict=True)]
    rows = asked(requests, provider, tmp_path, server)
    assert [row.status for row in rows] == [Status.TRUNCATED] * 3
    assert all(row.raw.startswith("{") for row in rows)


def test_a_killed_steps_server_dies_with_it_and_no_answer_that_it_gave_is_asked_for_again(
    vllm: Path, tiny_base: Path, server: Endpoint, tmp_path: Path
) -> None:
    environ = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    step = subprocess.Popen([sys.executable, "-c", STEP, Path(__file__).parent, tiny_base, vllm, tmp_path], env=environ)
    while rows_kept(tmp_path) < 3:
        assert step.poll() is None, "the step ended before it could be killed"
        time.sleep(0.002)
    processes = descendants(step.pid)[1:]  # without the guard, which ends a moment after them
    step.kill()
    step.wait()
    with alone_in(tmp_path / "work"):  # free only when the guard has seen the server's last process end
        assert len(processes) >= 2 and all(start_time(pid) is None for pid in processes)
    kept = rows_kept(tmp_path)
    assert 3 <= kept < MANY

    with Ledger.open(tmp_path / "ledger", str(tiny_base)) as ledger:
        elsewhere = open_model(tiny_base)
        answers = ask(lambda: iter(questions(MANY)), elsewhere, ledger, str, 0, lambda _: nullcontext(server))
        assert {row.status for row in answers} <= ANSWERED
    assert (answers.report.from_ledger, answers.report.asked) == (kept, MANY - kept)


def test_a_batch_file_of_ours_is_run_by_vllm_and_its_answers_are_found_in_the_ledger(
    vllm: Path, tiny_base: Path, tmp_path: Path
) -> None:
    provider, requests = open_model(tiny_base), [*questions(10), TOO_LONG]
    addresses = [address_of(one, provider) for one in requests]
    lines = [line_of(address, body_of(one, provider)) for address, one in zip(addresses, requests, strict=True)]
    (tmp_path / "in.jsonl").write_bytes(b"".join(lines))
    run_batch(vllm, tiny_base, tmp_path)

    # vLLM ends well although a row failed, and says so in that row's status code alone.
    failed = next(row for row in read_jsonl(tmp_path / "out.jsonl") if row["custom_id"] == addresses[-1])
    assert failed["response"]["status_code"] == 400 and failed["response"]["body"] is None
    outcomes = dict(outcomes_in(tmp_path / "out.jsonl"))
    fault = outcomes.pop(bytes.fromhex(addresses[-1]))
    assert isinstance(fault, Fault) and fault.meaning == "rejected"
    with Ledger.open(tmp_path / "ledger", provider.model) as ledger:
        for address, reply in outcomes.items():
            assert isinstance(reply, Reply)
            ledger.put(address.hex(), reply)
        rows = list(ask(lambda: iter(requests[:-1]), provider, ledger, str, 0, lambda _: pytest.fail("all is there")))
    assert len(rows) == 10 and {row.status for row in rows} <= ANSWERED


def ask_many(model: Path, environment: Path, folder: Path) -> None:
    """What the killed step does: the whole way of kind `vllm`, one question at a time."""
    engine = Engine(environment, folder / "work")
    provider = open_model(model).model_copy(update={"concurrency": 1})
    with Ledger.open(folder / "ledger", provider.model) as ledger:
        ask(lambda: iter(questions(MANY)), provider, ledger, str, 0, lambda one: endpoint(one, engine))


def rows_kept(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in (folder / "ledger").rglob("*.jsonl"))


def refused(text: str) -> None:
    raise Unparsed("not what was asked for")


def run_batch(environment: Path, model: Path, folder: Path) -> None:
    """vLLM's own runner of batch files."""
    command = [environment / "bin" / "python", "-m", "vllm.entrypoints.openai.run_batch", "--model", model]
    command += ["-i", folder / "in.jsonl", "-o", folder / "out.jsonl", "--max-model-len", str(CONTEXT)]
    command += ["--dtype", "float32", "--enforce-eager", "--no-enable-chunked-prefill", "--generation-config", "vllm"]
    subprocess.run(command, check=True, env=engine_environ(SERVED, str(model)))
