"""`janus push` shows a data set before it is uploaded, uploads it when told to, and never a rehearsal's.

The hub is played over real HTTP by a server on this machine that keeps what it is sent; the library, the requests and
the command are the real ones.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from janus_recipes.commands.helpful import helpful_mix
from janus_recipes.commands.publish import card, push
from janus_recipes.datasets.parquet import write_parquet
from janus_recipes.datasets.push import prepare
from janus_recipes.errors import StepError, UsageError
from janus_recipes.files import write_jsonl
from janus_recipes.hub.upload import checked_repository
from tests.hub import TOKEN, Hub, played_hub

ROOT = Path(__file__).parents[2]
MINE = """\
name: mine
datasets:
  helpful-mix:
    rows: 40
    pools:
      hh-rlhf: null
      oasst1: null
      webgpt: null
      own:
        path: janus_recipes/rehearsal/pool/helpful.jsonl
        licence: Apache-2.0
        share: 1.0
        answers: [chosen, rejected]
        user_mark: "\\n\\nHuman: "
        assistant_mark: "\\n\\nAssistant: "
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with played_hub() as played:
        yield played


class Project:
    """A folder with a finished data set in it, in which the test runs."""

    def __init__(self, folder: Path, name: str, overlay: str) -> None:
        self.folder = folder
        for linked in ("recipes", "prompts", "janus_recipes"):
            (folder / linked).symlink_to(ROOT / linked)
        (folder / "mine.yaml").write_text(MINE)
        self.recipes = [Path("recipes/janus.yaml"), Path(overlay)]
        self.made = Path("results", name, "datasets")

    def make(self) -> None:
        """Make the data set and its card, by their commands."""
        rows = self.made / "helpful-mix.jsonl"
        helpful_mix("helpful-mix", self.recipes, rows)
        card("helpful-mix", self.recipes, rows, rows.with_suffix(".card.md"))

    def push(self, private: bool = False, for_real: bool = False) -> None:
        """`janus push`, by its function."""
        push("helpful-mix", self.recipes, "me/mix", private, for_real)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub: Hub) -> Project:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    made = Project(tmp_path, "mine", "mine.yaml")
    made.make()
    return made


def test_without_for_real_nothing_is_sent_and_what_would_be_is_shown(
    project: Project, hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["janus", "push", "helpful-mix", "--to", "me/mix"])
    project.push()
    shown = capsys.readouterr().out
    assert not hub.asked
    assert "me/mix, a public data set on the hub, of 40 rows" in shown
    assert "README.md" in shown
    assert "data/train-00000-of-00001.parquet" in shown
    assert "license: apache-2.0" in shown
    assert shown.endswith("  janus push helpful-mix --to me/mix --for-real\n")


def test_for_real_the_rows_and_the_card_are_uploaded_in_one_commit(project: Project, hub: Hub, tmp_path: Path) -> None:
    hub.private = True
    recipes = [part for recipe in project.recipes for part in ("--recipe", str(recipe))]
    arguments = ["push", "helpful-mix", *recipes, "--to", "me/mix", "--private", "--for-real"]
    done = subprocess.run([sys.executable, "-m", "janus_recipes.cli", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"uploaded: {hub.address}/me/mix/commit/1\n")
    created = next(json.loads(body) for path, body in hub.asked if path == "/api/repos/create")
    assert created == {"name": "mix", "organization": "me", "type": "dataset", "visibility": "private"}
    assert TOKEN not in done.stdout + done.stderr
    assert hub.tokens <= {f"Bearer {TOKEN}", None}
    assert sorted(hub.files) == ["README.md", "data/train-00000-of-00001.parquet"]
    assert hub.files["README.md"] == (project.made / "helpful-mix.card.md").read_bytes()


def test_what_was_uploaded_loads_with_lists_of_messages(project: Project, tmp_path: Path) -> None:
    from datasets import load_dataset

    project.push()  # lays the repository's files out
    folder = "work/mine/hub/helpful-mix"
    loaded = load_dataset(folder, split="train", cache_dir=str(tmp_path / "cache"))  # by the card's front matter
    rows = [json.loads(line) for line in (project.made / "helpful-mix.jsonl").read_text().split("\n") if line]
    assert loaded.to_list() == rows
    assert str(loaded.features["chosen"]) == "List({'role': Value('string'), 'content': Value('string')})"


def test_a_public_repository_is_not_written_to_when_it_should_be_private(project: Project, hub: Hub) -> None:
    with pytest.raises(StepError, match="me/mix is there already and is public: nothing was uploaded"):
        project.push(private=True, for_real=True)
    assert not hub.files


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("token", "HF_TOKEN is not set: make a token that may write at the hub"),
        ("network", "me/mix could not be uploaded: .*Connection refused"),
        ("leave", r"You may not write here with \[redacted\]"),
    ],
)
def test_what_stops_an_upload_is_told_without_the_token(
    project: Project, hub: Hub, monkeypatch: pytest.MonkeyPatch, what: str, told: str
) -> None:
    hub.refuses = what == "leave"
    if what == "token":
        monkeypatch.delenv("HF_TOKEN")
    if what == "network":
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(StepError, match=told) as caught:
        project.push(for_real=True)
    assert TOKEN not in str(caught.value)
    assert not hub.files


def test_a_rehearsals_data_are_shown_and_never_uploaded(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    rehearsal = Project(tmp_path, "rehearsal", "recipes/rehearsal.yaml")
    rehearsal.make()
    rehearsal.push()
    shown = capsys.readouterr().out
    assert "REHEARSAL" in shown
    assert "--for-real" not in shown
    with pytest.raises(UsageError, match="a rehearsal's data and models are made up"):
        rehearsal.push(for_real=True)
    assert not hub.asked


def test_what_a_rehearsals_teacher_wrote_is_not_uploaded_under_another_recipes_name(project: Project, hub: Hub) -> None:
    manifest = project.made / "helpful-mix.jsonl.manifest.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, "asked": {"kind": "rehearsal"}}))
    with pytest.raises(UsageError, match="a rehearsal's data and models are made up"):
        project.push(for_real=True)
    assert not hub.asked


@pytest.mark.parametrize("name", ["mix", "me/mix/more", "me/m ix", "-me/mix", ""])
def test_a_name_that_the_hub_does_not_take_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="--to"):
        checked_repository(name)


def test_rows_that_were_changed_by_hand_are_not_pushed(project: Project, tmp_path: Path) -> None:
    rows, described = project.made / "helpful-mix.jsonl", project.made / "helpful-mix.card.md"
    assert prepare(rows, described, tmp_path / "hub").amount == "40 rows"
    with rows.open("a") as out:
        out.write(rows.read_text().split("\n")[0] + "\n")
    with pytest.raises(StepError, match="is not what its manifest describes"):
        prepare(rows, described, tmp_path / "hub")
    described.unlink()
    with pytest.raises(StepError, match=r"helpful-mix\.card\.md is not there, or not finished: make it with"):
        prepare(rows, described, tmp_path / "hub")


def test_rows_with_other_columns_are_refused_not_cut(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [{"id": "1", "text": "a"}, {"id": "2", "text": "b", "extra": "c"}])
    with pytest.raises(StepError, match=r"2: has the columns \['extra', 'id', 'text'\]"):
        write_parquet(tmp_path / "rows.jsonl", tmp_path / "rows.parquet")
    write_jsonl(tmp_path / "rows.jsonl", [{"id": "1", "text": "a"}, {"id": "2", "text": 7}])
    with pytest.raises(StepError, match="the rows 1 to 2"):
        write_parquet(tmp_path / "rows.jsonl", tmp_path / "rows.parquet")
