"""What batches may cost beside other processes and models; and that what is paid for is fetched, or not forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from janus_recipes.commands.asking import spending_endpoint
from janus_recipes.errors import BudgetReached, ProviderDown, SpendingRefused, StepError
from janus_recipes.files import Json, write_jsonl
from janus_recipes.llm.batches import api
from janus_recipes.llm.batches.files import prompt_tokens_of
from janus_recipes.llm.batches.state import BatchFolder, BatchState, committed_by, states_in
from janus_recipes.llm.budget import Purse, spent_by
from janus_recipes.llm.chat import address_of
from janus_recipes.llm.endpoint import Endpoint
from janus_recipes.llm.ledger import folder_name
from janus_recipes.planning.nodes import asking_nodes
from janus_recipes.planning.plan import plan_of
from janus_recipes.planning.show import money
from janus_recipes.recipe.load import load_recipe
from janus_recipes.recipe.provider import Faults, Provider
from janus_recipes.records import Status
from janus_recipes.rehearsal import batches as desk
from janus_recipes.rehearsal.server import World, serving
from tests.batching import asked, child, provider_of, questions

LIMIT = 0.0034
"""Dollars. A question of 3 tokens is 3 x 1.5 + 4, so 9, at $1 and its answer 64 at $10 per million; in a batch half, so
$0.0003245 at most. Ten fit. Their answers are about 13 tokens: once paid for, $0.0027 is left, for which eight fit."""


def state_of(name: str, usd: float = 0.0, recipe: str = "mine") -> BatchState:
    return BatchState(name, 1, 1, usd, "", "https://there/v1", "file-1", "2026-01-02T03:04:05Z", "b", recipe=recipe)


def test_steps_that_run_side_by_side_keep_one_budget(tmp_path: Path) -> None:
    moment = "until another run is about to submit too"
    with serving(Faults(batch_latency_s=1.0)) as world:
        steps = [child(world, tmp_path, first, 10, moment, limit_usd=str(LIMIT)) for first in (10, 20)]
        told = [step.communicate()[1] for step in steps]
        assert [step.returncode for step in steps] == [0, 0], told
        # The second waits for the first one's batch instead of committing the same dollars once more.
        assert [len(batch.rows) for batch in world.desk.batches.values()] == [10, 8, 2]
    assert 0 < spent_by(tmp_path, "mine") <= LIMIT


def test_steps_that_ask_several_models_side_by_side_keep_one_budget(tmp_path: Path) -> None:
    moment = "until another run is about to submit too"
    with serving(Faults(batch_latency_s=3.0)) as world:
        steps = [
            child(world, tmp_path, 10, 10, moment, model=model, limit_usd=str(LIMIT)) for model in ("one", "another")
        ]
        told = [step.communicate()[1] for step in steps]
        assert sorted(step.returncode for step in steps) == [0, 1], told
        stopped = told[[step.returncode for step in steps].index(1)]
        assert (
            "BudgetReached: what is left of the recipe's budget ($0.0034, $0.00 spent and $0.0032 promised" in stopped
        )
        assert [len(batch.rows) for batch in world.desk.batches.values()] == [10]


def test_a_batch_that_a_killed_run_left_on_another_model_is_not_spent_again(tmp_path: Path) -> None:
    other = provider_of().model_copy(update={"model": "another"})
    with serving(Faults(batch_latency_s=60)) as world:
        child(world, tmp_path, 10, 10, "after the creation", limit_usd=str(LIMIT)).communicate()
        assert committed_by(tmp_path, "mine") == pytest.approx(10 * 0.0003245)
        with (
            Purse.open(tmp_path, "mine", LIMIT, other) as purse,
            pytest.raises(BudgetReached, match="Wait until these"),
        ):
            asked(questions(1), other, world, tmp_path, purse=purse)
        assert len(world.desk.batches) == 1
    with serving() as world, Purse.open(tmp_path, "yours", LIMIT, other) as purse:  # another recipe's money
        asked(questions(1), other, world, tmp_path, purse=purse)


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("日本語", 3), ("abcd 日本", 2 + 2)]
)
def test_a_chinese_or_japanese_character_is_a_token_and_four_ascii_ones_are(text: str, tokens: int) -> None:
    messages = [{"role": "system", "content": "be kind"}, {"role": "user", "content": text}]
    assert prompt_tokens_of({"messages": messages}) == 2 + tokens  # 7 characters


def deleted(monkeypatch: pytest.MonkeyPatch, which: str) -> set[str]:
    """Let the provider have deleted the files of the kinds in the set: OpenAI does so after 30 days."""
    kinds = {which}
    content = desk.Desk._content

    async def gone(self: desk.Desk, request: Request) -> Response:
        if any(kind in self._file(request).name for kind in kinds):
            raise HTTPException(404, "No such File object")
        return await content(self, request)

    monkeypatch.setattr(desk.Desk, "_content", gone)
    return kinds


def test_answers_that_the_provider_has_deleted_are_told_and_not_paid_for_again_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = deleted(monkeypatch, "output")
    with serving() as world:
        for _ in range(2):
            with pytest.raises(StepError, match=r"has no file file-\d+ any more.*batch_0.*: delete ") as lost:
                asked(questions(3), provider_of(), world, tmp_path)
        kinds.clear()
        assert len(world.desk.batches) == 1
        Path(str(lost.value).split("delete ")[1].split(" (")[0]).unlink()
        rows, _ = asked(questions(3), provider_of(), world, tmp_path)
        assert {row.status for row in rows} == {Status.OK} and len(world.desk.batches) == 2


def test_why_rows_failed_may_be_deleted_at_the_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deleted(monkeypatch, "error")
    with serving(Faults(server_error=0.3)) as world:
        rows, answers = asked(questions(30), provider_of(), world, tmp_path)
        assert {row.status for row in rows} == {Status.OK}
        assert world.stats().asked_after_answering == 0
        assert set(answers.report.faults) == {"missing"}


def test_what_a_model_answered_before_it_was_retired_is_fetched_and_nothing_more_is_asked(tmp_path: Path) -> None:
    def refuse() -> None:
        raise SpendingRefused("it was shut down")

    with serving(Faults(batch_latency_s=0.5)) as world:

        @contextmanager
        def retired(provider: Provider) -> Iterator[Endpoint]:
            yield Endpoint(world.base_url, None, local=True, may_submit=refuse)

        child(world, tmp_path, 0, 20, "after the creation").communicate()
        with pytest.raises(SpendingRefused, match="it was shut down"):
            asked(questions(21), provider_of(), world, tmp_path, endpoint=retired)
        rows, answers = asked(questions(20), provider_of(), world, tmp_path, endpoint=retired)
        assert {row.status for row in rows} == {Status.OK} and answers.report.from_ledger == 20
        assert world.stats().requests == 20


def test_a_retired_model_with_a_batch_under_way_is_refused_only_when_more_would_be_submitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0123456789")
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"ledger: {tmp_path / 'ledger'}\nproviders: {{teacher: {{kind: openai-batch}}}}\n")
    recipe = load_recipe([Path("recipes/janus.yaml"), Path("recipes/ablations/paper-2024.yaml"), mine])
    provider = recipe.providers["teacher"]
    opened = spending_endpoint(recipe, tmp_path)
    with pytest.raises(SpendingRefused, match="was shut down"), opened(provider):
        pass
    BatchFolder(tmp_path / "ledger" / folder_name(provider.model)).begin(state_of("b"), [(b"\0" * 32, 0)])
    with opened(provider) as where, pytest.raises(SpendingRefused, match="was shut down"):
        where.may_submit()
    with pytest.raises(SpendingRefused, match="was shut down"), opened(provider.model_copy(update={"kind": "openai"})):
        pass


def test_a_batch_that_may_have_been_created_at_another_endpoint_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "APPEARS_S", 0.2)
    with serving() as world, serving() as elsewhere:
        child(world, tmp_path, 0, 5, "after the creation, before its id is known").communicate()
        with pytest.raises(StepError, match=rf"does not know the batch 20.* submitted to {world.base_url}.*: delete "):
            asked(questions(5), provider_of(), elsewhere, tmp_path)
        assert not elsewhere.desk.batches
        rows, _ = asked(questions(5), provider_of(), world, tmp_path)
        assert {row.status for row in rows} == {Status.OK} and len(world.desk.batches) == 1


def test_who_looks_at_batches_under_way_survives_that_they_end_meanwhile(tmp_path: Path) -> None:
    folder = BatchFolder(tmp_path / "model")
    for number in range(3):
        folder.begin(state_of(f"b{number}"), [(bytes([number]) * 32, 0)])
    looking = states_in(folder.path)
    assert next(looking).name == "b0"
    folder.end(state_of("b1"))  # between its name being read and its state
    assert [state.name for state in looking] == ["b2"]
    (folder.path / "b0.addresses").unlink()  # between its state being read and its addresses
    assert folder.addresses_under_way() == {bytes([2]) * 32}


def test_an_accounts_history_is_not_read_to_find_a_batch_of_today(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "APPEARS_S", 0.2)
    monkeypatch.setattr(api, "PAGE", 2)
    pages: list[dict[str, str]] = []
    real = desk.Desk._list_batches

    async def listed(self: desk.Desk, request: Request) -> Response:
        pages.append(dict(request.query_params))
        return await real(self, request)

    monkeypatch.setattr(desk.Desk, "_list_batches", listed)
    with serving() as world:
        asked(questions(9, first=1000), provider_of(requests=1), world, tmp_path / "elsewhere")
        for age, batch in enumerate(reversed(world.desk.batches.values())):
            batch.times["created_at"] -= 2 * 3600 + age
        child(world, tmp_path, 0, 5, "before the creation").communicate()
        rows, _ = asked(questions(5), provider_of(), world, tmp_path)
        assert {row.status for row in rows} == {Status.OK}
    # Two batches a page: the second is older than the first, and both are too old. The other seven are not read,
    # however often it looks: a quick machine looks again until a batch just created would be listed.
    assert pages and all(page == {"limit": "2"} for page in pages)


@pytest.mark.parametrize(
    ("file_bytes", "told"),
    [(3_000, "a batch cannot be written here"), (20_000, "batches cannot be kept track of here")],
)
def test_a_full_disk_is_told_and_nothing_is_lost(file_bytes: int, told: str, tmp_path: Path) -> None:
    # The requests of 50 questions are 13 kB, what comes back 30 kB.
    with serving() as world:
        stopped = child(world, tmp_path, 0, 50, file_bytes=file_bytes)
        errors = stopped.communicate()[1]
        assert stopped.returncode == 1 and f"{told}: File too large. " in errors
        left = [path.name for path in (tmp_path / ".batches" / "micro-world").iterdir()]
        assert not [name for name in left if "jsonl" in name]  # nothing half-written goes on filling it
        rows, _ = asked(questions(50), provider_of(), world, tmp_path)
        assert {row.status for row in rows} == {Status.OK}
        assert (world.stats().requests, world.stats().asked_after_answering) == (50, 0)


def test_a_plan_neither_asks_nor_pays_again_for_what_batches_under_way_will_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("recipes", "prompts", "janus_recipes"):
        (tmp_path / name).symlink_to(Path(name).absolute())
    monkeypatch.chdir(tmp_path)
    instructions = Path("results/tiny/collection/instructions.jsonl")
    write_jsonl(instructions, ({"id": f"i-{n}", "text": f"Why {n}?", "source": "pool", "origin": ""} for n in range(4)))
    Path("tiny.yaml").write_text(
        "{name: tiny, ledger: ledger, budget_usd: 1.0, providers: {teacher: {kind: openai-batch}}}"
    )
    recipe = load_recipe([Path("recipes/janus.yaml"), Path("tiny.yaml")])
    node = next(node for node in asking_nodes(recipe) if node.name == "collection.preference_sets")
    provider = recipe.providers[node.asking.provider]
    before = plan_of(recipe)
    requests = list(node.step().requests())
    addresses = [(bytes.fromhex(address_of(request, provider)), 0) for request in requests[:5]]
    folder = BatchFolder(Path("ledger") / folder_name(provider.model))
    folder.begin(state_of("b", usd=0.25, recipe="tiny"), addresses)
    folder.begin(state_of("c", usd=0.5, recipe="another"), [(bytes(32), 0)])
    plan = plan_of(recipe)
    was, line = (next(one for one in each.lines if one.step == node.name) for each in (before, plan))
    # Four instructions with three preference sets each; five of the requests are in a batch of this recipe's.
    assert (was.requests, was.in_ledger, was.to_ask) == (12, 0, 12)
    assert (line.requests, line.in_ledger, line.to_ask) == (12, 5, 7)
    assert line.usd is not None and was.usd is not None and line.usd < was.usd
    assert (plan.committed_usd, plan.as_json()["committed_usd"]) == (0.25, 0.25)
    assert "on top of $0.2500 at most for batches under way; its budget" in money(plan)
    assert "Of those in the ledger, 5 are still in batches under way." in plan.notes


def test_an_answer_in_a_batch_that_cannot_be_read_is_bought_twice_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(World, "answer_row", lambda self, body: (200, {"choices": []}))
    with serving() as world:
        with pytest.raises(ProviderDown, match=r"unreadable: 3\).*the answer is no chat completion"):
            asked(questions(3), provider_of(), world, tmp_path)  # whose max_tries is 6
        assert [len(batch.rows) for batch in world.desk.batches.values()] == [3, 3]


def test_answers_without_usage_are_paid_for_by_estimate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"message": {"role": "assistant", "content": "abcdefgh"}, "finish_reason": "stop"}
    monkeypatch.setattr(World, "answer_row", lambda self, body: (200, {"choices": [said]}))
    provider = provider_of()
    with serving() as world, Purse.open(tmp_path, "mine", 1.0, provider) as purse:
        _, answers = asked(questions(2, first=10), provider, world, tmp_path, purse=purse)
    # "question 10" is 3 tokens at $1, eight characters are 2 tokens at $10 per million, each at half the price.
    assert purse.spent_usd == pytest.approx(2 * (3 * 1 + 2 * 10) / 2 / 1e6)
    assert answers.report.estimated == 2


def test_one_request_that_is_refused_beside_answers_is_a_row_and_not_the_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = World.answer_row

    def answer(self: World, body: Json) -> tuple[int, Json] | None:
        refused = every or body["messages"][0]["content"] == "question 1"
        return (403, {"error": {"message": "Not for you"}}) if refused else real(self, body)

    every = False
    monkeypatch.setattr(World, "answer_row", answer)
    with serving() as world:
        rows, _ = asked(questions(3), provider_of(), world, tmp_path)
        assert [row.status for row in rows] == [Status.OK, Status.FAILED, Status.OK]
        every = True
        with pytest.raises(ProviderDown, match=r"403: Not for you\. See to the key"):
            asked(questions(3, first=5), provider_of(), world, tmp_path)
