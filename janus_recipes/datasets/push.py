"""Put a data set on the Hugging Face hub: its rows as Parquet, its card as README.md.

    janus push sft-196k --recipe recipes/janus.yaml --to my-name/my-collection --private              # only shows it
    janus push sft-196k --recipe recipes/janus.yaml --to my-name/my-collection --private --for-real

The token is read from HF_TOKEN and stands nowhere else. Where `HF_ENDPOINT` points, another hub is used.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import DatasetCard, HfApi
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from janus_recipes.datasets.cards import PARQUET
from janus_recipes.datasets.lineage import read_manifest
from janus_recipes.datasets.parquet import write_parquet
from janus_recipes.errors import StepError, UsageError
from janus_recipes.files import digest_of
from janus_recipes.manifest import manifest_of
from janus_recipes.redact import redact

TOKEN = "HF_TOKEN"
ENDPOINT = "HF_ENDPOINT"


@dataclass(frozen=True)
class Target:
    """Where a data set goes, and who may see it there."""

    repository: str
    private: bool

    @property
    def visibility(self) -> str:
        """What it is to be, in a word."""
        return "private" if self.private else "public"


@dataclass(frozen=True)
class Upload:
    """What is uploaded: a folder's files as they will lie in the repository. `rows` are those of the Parquet file."""

    folder: Path
    rows: int

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes of each file, by its name in the repository."""
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.stat().st_size for path in files}

    @property
    def card(self) -> str:
        """The card's text."""
        return (self.folder / "README.md").read_text(encoding="utf-8")


def checked_repository(name: str) -> str:
    """A repository's name, `organisation/name`. Raises UsageError where it is none."""
    try:
        validate_repo_id(name)
    except HFValidationError as problem:
        raise UsageError(f"--to {name}: {problem}") from None
    if name.count("/") != 1:
        raise UsageError(f"--to {name}: give organisation/name, or your own user name for the organisation")
    return name


def prepare(rows: Path, card: Path, folder: Path) -> Upload:
    """Lay out in `folder`, which is emptied first, what is uploaded.

    Raises StepError where rows or card are missing, or where one was changed after the other was made from it.
    """
    for file in (rows, card):
        if not file.exists() or not manifest_of(file).exists():
            raise StepError(f"{file} is not there, or not finished: make it with `snakemake {card}` and your profile")
    digest = digest_of(rows)
    if read_manifest(manifest_of(rows))["sha256"] != digest:
        raise StepError(f"{rows} is not the file that its manifest describes: it was changed by hand; make it again")
    if read_manifest(manifest_of(card))["inputs"]["rows"]["sha256"] != digest:
        raise StepError(f"{card} describes other rows than those of {rows}: make it again with `snakemake {card}`")
    shutil.rmtree(folder, ignore_errors=True)
    count = write_parquet(rows, folder / PARQUET)
    text = card.read_text(encoding="utf-8")
    DatasetCard(text)  # the front matter is read here as the hub will read it
    (folder / "README.md").write_text(text, encoding="utf-8")
    return Upload(folder, count)


def upload(prepared: Upload, target: Target) -> str:
    """Upload it in one commit. Returns its address. Raises StepError with what is wrong and what to do."""
    token = os.environ.get(TOKEN, "").strip()
    if not token:
        raise StepError(f"{TOKEN} is not set: make a token that may write at the hub, and put it into that variable")
    api = HfApi(endpoint=os.environ.get(ENDPOINT), token=token)
    try:
        api.create_repo(target.repository, repo_type="dataset", private=target.private, exist_ok=True)
        refuse_public(api, target)
        commit = api.upload_folder(
            repo_id=target.repository,
            repo_type="dataset",
            folder_path=prepared.folder,
            commit_message=f"Upload {prepared.rows} rows with Janus Recipes",
        )
    except StepError:
        raise
    except Exception as problem:  # the library raises many kinds; each means that it is not uploaded
        raise StepError(
            f"{target.repository} could not be uploaded: {redact(str(problem), token)}. Is there a network, and may "
            f"the token in {TOKEN} write there? Then run it again"
        ) from None
    return str(commit.commit_url)


def refuse_public(api: HfApi, target: Target) -> None:
    """Raise StepError when a repository that was there before is public and should be private."""
    if target.private and not api.repo_info(target.repository, repo_type="dataset").private:
        raise StepError(f"{target.repository} is there already and is public: nothing was uploaded. Give another name")
