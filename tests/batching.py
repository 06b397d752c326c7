"""What the tests of batches share: provider, questions, a run, and a run in a process of its own that is killed."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from janus_recipes.llm.ask import Answers, ask
from janus_recipes.llm.chat import ChatRequest, Message
from janus_recipes.llm.endpoint import Endpoint
from janus_recipes.llm.ledger import Ledger
from janus_recipes.recipe.provider import Batching, Prices, Provider, Sampling
from janus_recipes.records import Asked
from janus_recipes.rehearsal.server import World

PRICES = Prices(input=1.0, output=10.0)


def provider_of(**batch: Any) -> Provider:
    batching = Batching(**{"poll_s": 0.02, **batch})
    return Provider(kind="openai-batch", model="micro-world", max_tries=6, prices=PRICES, batch=batching)


def question(number: int) -> ChatRequest:
    return ChatRequest(f"q/{number}", (Message("user", f"question {number}"),), Sampling(max_tokens=64))


def questions(count: int, first: int = 0) -> Callable[[], list[ChatRequest]]:
    return lambda: [question(number) for number in range(first, first + count)]


def at(base_url: str, key: str | None = None) -> Callable[[Provider], Any]:
    @contextmanager
    def opened(provider: Provider) -> Iterator[Endpoint]:
        yield Endpoint(base_url, key, local=True)

    return opened


def asked(
    requests: Callable[[], list[ChatRequest]], provider: Provider, world: World, folder: Path, **more: Any
) -> tuple[list[Asked[Any]], Answers[Any]]:
    options = {"parse": str, "re_asks": 2, "endpoint": at(world.base_url), **more}
    with Ledger.open(folder, provider.model) as ledger:
        answers = ask(requests, provider, ledger, **options)
        return list(answers), answers


CHILD = """
import os, signal, sys, time
from pathlib import Path
from janus_recipes.llm.batches import api, results, run, state, tracker
from janus_recipes.llm.budget import Purse
from tests.batching import asked, provider_of, questions

class World:
    base_url = sys.argv[1]

def dies(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def dies_before(owner, name, calls=0):
    real, left = getattr(owner, name), [calls]
    def call(*arguments):
        left[0] -= 1
        return dies() if left[0] < 0 else real(*arguments)
    setattr(owner, name, call)

def dies_after(owner, name):
    real = getattr(owner, name)
    async def call(*arguments):
        await real(*arguments)
        dies()
    setattr(owner, name, call)

async def leaves_half(api, file_id, path):
    path.with_name(path.name + ".half").write_text('{"custom_id":')
    dies()

def waits_for_another(folder):
    real = run.Batches._may_spend
    def call(batches):
        (folder / f"ready-{os.getpid()}").touch()
        while len(list(folder.glob("ready-*"))) < 2:
            time.sleep(0.01)
        return real(batches)
    run.Batches._may_spend = call
    state.TURN_S = 0.01

moment = sys.argv[5]
if moment == "until another run is about to submit too":
    waits_for_another(Path(sys.argv[2]))
elif moment == "before the upload":
    dies_before(api.BatchApi, "upload")
elif moment == "after the upload":
    dies_after(api.BatchApi, "upload")
elif moment == "before the creation":
    dies_before(api.BatchApi, "create")
elif moment == "after the creation, before its id is known":
    dies_after(api.BatchApi, "create")
elif moment == "after the creation":
    dies_before(api.BatchApi, "retrieve")
elif moment == "during the download":
    api.BatchApi.download = leaves_half
elif moment == "after the download":
    dies_after(api.BatchApi, "download")
elif moment == "after 10 answers were kept":
    dies_before(results.Results, "_keep", 10)
elif moment == "when all is in the ledger":
    dies_before(tracker.BatchFolder, "end")
provider = provider_of(requests=60).model_copy(update={"model": sys.argv[6]})
purse = Purse.open(Path(sys.argv[2]), "mine", float(sys.argv[7]), provider) if sys.argv[7] else None
rows, answers = asked(
    questions(int(sys.argv[4]), int(sys.argv[3])), provider, World, Path(sys.argv[2]), purse=purse
)
print(len(rows), answers.report.asked)
"""


def child(
    world: World,
    folder: Path,
    first: int,
    count: int,
    moment: str = "",
    model: str = "micro-world",
    limit_usd: str = "",
    file_bytes: int | None = None,
) -> subprocess.Popen[str]:
    """A run over `count` questions from number `first` on, in a process of its own that dies, or waits, at `moment`.

    It pays for the recipe `mine` where that has a limit, and writes files of `file_bytes` at most, as on a full disk.
    """
    arguments = [world.base_url, str(folder), str(first), str(count), moment, model, limit_usd]
    root = Path(__file__).parents[1]
    full = None if file_bytes is None else partial(resource.setrlimit, resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=root,
        preexec_fn=full,
    )
