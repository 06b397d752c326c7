"""A model that the step serves itself: how it is started, what it needs, and that it never outlives the step.

A small HTTP server stands for vLLM where only its life and death matter; `tests/contract/test_vllm_provider.py` has the
real one.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from janus_recipes.errors import ProviderDown, StepError
from janus_recipes.files import write_jsonl
from janus_recipes.llm import served
from janus_recipes.llm.ask import ask
from janus_recipes.llm.chat import ChatRequest, Message, address_of, body_of
from janus_recipes.llm.endpoint import Endpoint, Engine, endpoint
from janus_recipes.llm.ledger import Ledger
from janus_recipes.llm.served import held_port, is_healthy, server_command
from janus_recipes.llm.served_identity import what_decides
from janus_recipes.processes import alone_in
from janus_recipes.recipe.check_served import served_problems
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.provider import Provider, Sampling, ServedModel
from janus_recipes.recipe.schema import Recipe
from janus_recipes.records import Asked, BenchInstance, Rubric, Status, read_asked, row_of
from janus_recipes.redact import redact
from janus_recipes.workflow import jobs, specs

ROOT = Path(__file__).parents[2]

STAND_IN = """
import json, os, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/die":
            print("CUDA out of memory", "nanobind: leaked 3 types!", ' - leaked type "x"', sep="\\n", flush=True)
            os._exit(9)
        allowed = self.path == "/health" or self.headers["Authorization"] == "Bearer " + os.environ["VLLM_API_KEY"]
        self.send_response(200 if allowed else 401)
        self.end_headers()

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        message = {"role": "assistant", "content": "Feedback: fair. [RESULT] 4"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        said = json.dumps({"model": asked["model"], "choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *words):
        pass

BEFORE
HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler).serve_forever()
"""

STEP = """
import sys, time
from pathlib import Path
from janus_recipes.llm.endpoint import Engine, endpoint
from janus_recipes.recipe.provider import Provider
with endpoint(Provider(kind="vllm", model="m"), Engine(Path("env"), Path("work"))) as where:
    Path("port").write_text(where.base_url.split(":")[2].split("/")[0] + "\\n")
    time.sleep(600)
"""


def open_model(**how: Any) -> Provider:
    return Provider(kind="vllm", model="org/judge-7b", served=ServedModel(**{"revision": "abc", **how}))


def stand_in(folder: Path, before: str = "", environment: str = "env") -> Engine:
    """An engine whose Python runs the stand-in, `before` first, whatever it is told to run."""
    script, python = folder / "server.py", folder / environment / "bin" / "python"
    script.write_text(STAND_IN.replace("BEFORE", before))
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {script} "$@"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return Engine(folder / environment, folder / "work")


def port_of(where: Endpoint) -> int:
    assert where.base_url is not None
    return int(where.base_url.split(":")[2].removesuffix("/v1"))


def get(port: int, path: str, key: str = "") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
    return connection.getresponse().status


def question(text: str = "Score it.", sample: int = 0) -> ChatRequest:
    return ChatRequest("a/0", (Message("user", text),), Sampling(max_tokens=8), sample)


def test_the_server_is_there_while_it_is_asked_and_gone_afterwards(tmp_path: Path) -> None:
    engine = stand_in(tmp_path)
    with endpoint(open_model(), engine) as where:
        port = port_of(where)
        assert where.local and get(port, "/v1/models", where.key or "") == 200
    assert not is_healthy(port)
    assert (engine.work / "vllm.log").exists()


def test_nobody_without_the_steps_own_key_is_answered_and_the_key_is_never_shown(tmp_path: Path) -> None:
    engine = stand_in(tmp_path)
    with endpoint(open_model(), engine) as where:
        assert get(port_of(where), "/v1/models", "guessed") == 401
        assert where.key and where.key not in repr(where) and where.key not in redact(f"key {where.key}")
        command_lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if os.access(path, os.R_OK)]
        assert not any(where.key.encode() in line for line in command_lines)
    with endpoint(open_model(), engine) as again:
        assert again.key != where.key


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    engine = stand_in(tmp_path, "sys.exit('ValueError: the weights are no weights')")
    why = r"(?s)org/judge-7b.*exit 1.*vllm\.log:\n.*the weights are no weights.*the same command continues"
    with pytest.raises(StepError, match=why), endpoint(open_model(), engine):
        pytest.fail("there is no server")


def test_a_server_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    engine = stand_in(tmp_path, "print('loading shard 1 of 9', flush=True); time.sleep(600)")
    began = time.monotonic()
    why = r"(?s)after 1\.5 s.*loading shard 1 of 9.*raise .*served\.start_s"
    with pytest.raises(StepError, match=why), endpoint(open_model(start_s=1.5), engine):
        pytest.fail("there is no server")
    with alone_in(engine.work):  # which is free only when the server is gone
        assert time.monotonic() - began < 10


def test_a_server_that_dies_while_it_is_asked_is_told_from_one_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = stand_in(tmp_path)
    why = r"(?s)exit 9.*CUDA out of memory\nWhat was answered is kept"  # without what libraries say at their end
    with pytest.raises(StepError, match=why), endpoint(open_model(), engine) as where:
        with pytest.raises((OSError, http.client.HTTPException)):
            get(port_of(where), "/die", where.key or "")
        raise ProviderDown("it does not answer")
    assert not where.alive()
    monkeypatch.setattr(served, "DYING_S", 0.1)
    with pytest.raises(ProviderDown, match="rejects every request"), endpoint(open_model(), engine):
        raise ProviderDown("it rejects every request")


@pytest.mark.timeout(60)  # knocking at its port for an answer would take two minutes
def test_a_server_that_died_is_not_waited_for(tmp_path: Path) -> None:
    @contextmanager
    def dead(provider: Provider) -> Iterator[Endpoint]:
        yield Endpoint("http://127.0.0.1:9/v1", local=True, alive=lambda: False)

    model = open_model()
    with Ledger.open(tmp_path, model.model) as ledger, pytest.raises(ProviderDown, match="does not answer"):
        ask(lambda: [question()], model, ledger, str, 0, endpoint=dead)


def test_the_server_dies_with_a_step_that_is_killed(tmp_path: Path) -> None:
    stand_in(tmp_path)
    environ = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    step = subprocess.Popen([sys.executable, "-c", STEP], cwd=tmp_path, env=environ)
    told = tmp_path / "port"
    while not (told.exists() and told.read_text().endswith("\n")):
        assert step.poll() is None, "the step ended before it could be killed"
        time.sleep(0.02)
    assert is_healthy(int(told.read_text()))
    step.kill()
    step.wait()
    with alone_in(tmp_path / "work"):
        assert not is_healthy(int(told.read_text()))


def test_a_judging_step_serves_its_judge_and_its_manifest_says_how(tmp_path: Path) -> None:
    stand_in(tmp_path, environment=".envs/vllm-cuda")
    (tmp_path / ".envs/vllm-cuda/.ready").write_text('{"environment": "vllm-cuda"}')
    for name in ("recipes", "prompts", "janus_recipes"):
        (tmp_path / name).symlink_to(ROOT / name)
    rubric = Rubric("Style", "Kind?", ("1", "2", "3", "4", "5"))
    instances = [BenchInstance(f"i-{n}/0", f"i-{n}", "mf-Koala", f"Say {n}.", "", (), "", (rubric,)) for n in range(5)]
    write_jsonl(tmp_path / "bench.jsonl", map(row_of, instances))
    write_jsonl(tmp_path / "answers.jsonl", (row_of(Asked(one.id, Status.OK, "Said.")) for one in instances))
    options = "--recipe recipes/janus.yaml --recipe recipes/open-judge.yaml --bench bench.jsonl --answers answers.jsonl"
    command = [Path(sys.executable).with_name("janus"), "judge", *options.split(), "--out", "results/janus/v.jsonl"]
    subprocess.run(command, cwd=tmp_path, check=True)
    verdicts = list(read_asked(tmp_path / "results/janus/v.jsonl", int))
    assert [row.value for row in verdicts] == [4] * 15  # 5 instances, one rubric, 3 runs
    manifest = json.loads((tmp_path / "results/janus/v.jsonl.manifest.json").read_text())["asked"]
    assert manifest["kind"] == "vllm" and manifest["environment"] == {"environment": "vllm-cuda"}
    assert manifest["served"]["revision"] == "66ffb1fc20beebfb60a3964a957d9011723116c5"
    assert (tmp_path / "work/janus/v/vllm.log").exists()


def test_without_its_environment_a_step_says_how_to_build_it(tmp_path: Path) -> None:
    engine, what_to_do = Engine(tmp_path / "vllm-cuda", tmp_path / "work"), "janus env build vllm-cuda --out .*\\.ready"
    with pytest.raises(StepError, match=what_to_do), endpoint(open_model(), engine):
        pytest.fail("there is no server")


def test_the_port_is_ours_until_the_server_listens_and_nobody_else_is_given_it() -> None:
    with held_port() as port, socket.socket() as other, socket.socket() as server:
        with pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as vLLM does
        server.bind(("127.0.0.1", port))
        server.listen()
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass


def test_on_gpus_the_server_is_started_as_the_recipe_says(tmp_path: Path) -> None:
    engine = stand_in(tmp_path)
    provider = open_model(gpus=2, max_model_len=4096, chat_template="chat.jinja", gpu_memory_utilization=0.8)
    command = " ".join(server_command(provider, engine.environment, 4711))
    for expected in (
        "--model org/judge-7b --host 127.0.0.1 --port 4711 ",
        "--dtype bfloat16 ",
        "--generation-config vllm ",
        "--revision abc ",
        "--max-model-len 4096 ",
        "--chat-template chat.jinja ",
        "--tensor-parallel-size 2 --gpu-memory-utilization 0.8",
    ):
        assert expected in command
    assert "--enforce-eager" not in command


def test_an_answer_of_other_weights_or_another_template_is_never_taken_for_this_ones(tmp_path: Path) -> None:
    first, second = tmp_path / "first.jinja", tmp_path / "second.jinja"
    for template in (first, second):
        template.write_text(f"{{# {template.stem} #}}")
    providers = [
        open_model(),
        open_model(revision="def"),
        open_model(dtype="float32"),
        open_model(chat_template=str(first)),
        open_model(chat_template=str(second)),
    ]
    assert len({address_of(question(), provider) for provider in providers}) == len(providers)


def test_an_answer_is_found_again_however_fast_the_model_is_served() -> None:
    faster = open_model(gpus=4, gpu_memory_utilization=0.5, start_s=10.0, max_model_len=8192)
    assert address_of(question(), faster) == address_of(question(), open_model())


def test_weights_that_were_trained_again_in_the_same_folder_are_asked_anew(tmp_path: Path) -> None:
    provider = Provider(kind="vllm", model=str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"one")
    before = address_of(question(), provider)
    (tmp_path / "model.safetensors").write_bytes(b"other")
    what_decides.cache_clear()  # a step reads it once
    assert address_of(question(), provider) != before


def test_a_question_has_its_address_without_any_code_of_an_engine() -> None:
    code = (
        "import janus_recipes.llm.rows, sys; print(*(one for one in sys.modules if one.startswith('janus_recipes.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stdout.split())
    assert "janus_recipes.llm.served_identity" in loaded
    assert not loaded & {"janus_recipes.processes", "janus_recipes.llm.served", "janus_recipes.generation.run"}


def test_every_question_and_every_sample_of_it_draws_with_a_seed_of_its_own() -> None:
    asked = [question(), question(sample=1), question("Score that.")]
    seeds = [body_of(one, open_model())["seed"] for one in asked]
    assert len(set(seeds)) == 3
    assert [body_of(one, open_model())["seed"] for one in asked] == seeds


# What the rules look up.


def recipe(*overlays: str) -> Recipe:
    return load_recipe([Path("recipes") / name for name in ("janus.yaml", *overlays)])


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_a_judging_job_asks_for_a_gpu_and_vllm_only_where_it_serves_the_judge() -> None:
    paid, open_judge = recipe(), recipe("open-judge.yaml")
    needs = paid.resources
    little = jobs.AskingJob([], needs.asking_cpus, 0, needs.asking_mem_mb)
    assert jobs.asking_job(paid, paid.judging) == little
    assert jobs.asking_job(open_judge, open_judge.collection.responses) == little
    assert jobs.asking_job(open_judge, open_judge.judging) == jobs.AskingJob(
        [".envs/vllm-cuda/.ready", "prompts/chat/mistral.jinja"], needs.engine_cpus, 1, needs.engine_mem_mb
    )


def test_more_gpus_judge_nothing_again_and_another_number_format_does() -> None:
    def judged(**changes: Any) -> str:
        opened = recipe("open-judge.yaml")
        judge = opened.providers["judge"]
        changed = judge.model_copy(update={"served": judge.served.model_copy(update=changes)})
        return specs.judging_spec(opened.model_copy(update={"providers": {**opened.providers, "judge": changed}}))

    assert judged(gpus=4, gpu_memory_utilization=0.5, start_s=60.0) == judged()
    assert len({judged(), judged(dtype="float16"), judged(revision="x"), judged(max_model_len=4096)}) == 4
    assert '"served"' not in specs.judging_spec(recipe())


def test_a_recipe_is_told_what_a_served_model_needs() -> None:
    judge = {"kind": "vllm", "model": "org/judge-7b", "base_url": "http://x/v1", "key_env": "OPENAI_API_KEY"}
    problems = list(served_problems({"engines": {"build": "cpu"}, "providers": {"judge": judge, "odd": 3}}))
    assert [".".join(map(str, problem.path)) for problem in problems] == [
        "providers.judge.base_url",
        "providers.judge.key_env",
        "providers.judge.served.revision",
        "providers.judge.served.gpus",
    ]


def test_the_open_judge_is_rehearsed_by_the_rehearsals_own_and_never_served_there() -> None:
    assert recipe("open-judge.yaml", "rehearsal.yaml").providers["judge"].kind == "rehearsal"
    with pytest.raises(Exception, match=r"open-judge\.yaml:\d+: providers\.judge\.served\.gpus: must be 0"):
        recipe("rehearsal.yaml", "open-judge.yaml")
