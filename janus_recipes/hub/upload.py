"""Put a folder on the Hugging Face hub as a data set or a model, in one commit.

    janus push sft-196k --recipe recipes/janus.yaml --to my-name/my-collection --private              # only shows it
    janus push janus-7b --recipe recipes/janus.yaml --to my-name/my-janus --private --for-real

`datasets/push.py` and `training/push.py` lay the folder out. The token is read from HF_TOKEN and stands nowhere else.
Where `HF_ENDPOINT` points, another hub is used.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from huggingface_hub import HfApi
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from janus_recipes.errors import StepError, UsageError
from janus_recipes.files import digest_of
from janus_recipes.manifest import manifest_of
from janus_recipes.redact import redact

TOKEN = "HF_TOKEN"
ENDPOINT = "HF_ENDPOINT"
CARD = "README.md"


@dataclass(frozen=True)
class Target:
    """Where something goes, and who may see it there."""

    repository: str
    private: bool

    @property
    def visibility(self) -> str:
        """What it is to be, in a word."""
        return "private" if self.private else "public"


@dataclass(frozen=True)
class Upload:
    """What is uploaded: a folder's files as they will lie in the repository. `amount` says how much: `40 rows`."""

    folder: Path
    kind: Literal["dataset", "model"]
    amount: str

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes of each file, by its name in the repository."""
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.stat().st_size for path in files}

    @property
    def card(self) -> str:
        """The card's text."""
        return (self.folder / CARD).read_text(encoding="utf-8")


def checked_repository(name: str) -> str:
    """A repository's name, `organisation/name`. Raises UsageError where it is none."""
    try:
        validate_repo_id(name)
    except HFValidationError as problem:
        raise UsageError(f"--to {name}: {problem}") from None
    if name.count("/") != 1:
        raise UsageError(f"--to {name}: give organisation/name, or your own user name for the organisation")
    return name


def refuse_unfinished(card: Path, *files: Path) -> None:
    """Raise StepError unless the card, with its manifest, and the files that it describes are there."""
    for file in (*files, card, manifest_of(card)):
        if not file.exists():
            raise StepError(f"{file} is not there, or not finished: make it with `snakemake {card}` and your profile")


def refuse_changed(artefact: Path, digest: str) -> None:
    """Raise StepError unless a file, or a folder's files, have the digest that their manifest has."""
    if digest_of(artefact) != digest:
        raise StepError(f"{artefact} is not what its manifest describes: it was changed by hand; make it again")


def upload(prepared: Upload, target: Target) -> str:
    """Upload it in one commit. Returns its address. Raises StepError with what is wrong and what to do."""
    token = os.environ.get(TOKEN, "").strip()
    if not token:
        raise StepError(f"{TOKEN} is not set: make a token that may write at the hub, and put it into that variable")
    api = HfApi(endpoint=os.environ.get(ENDPOINT), token=token)
    try:
        api.create_repo(target.repository, repo_type=prepared.kind, private=target.private, exist_ok=True)
        refuse_public(api, prepared, target)
        commit = api.upload_folder(
            repo_id=target.repository,
            repo_type=prepared.kind,
            folder_path=prepared.folder,
            commit_message=f"Upload {prepared.amount} with Janus Recipes",
        )
    except StepError:
        raise
    except Exception as problem:  # the library raises many kinds; each means that it is not uploaded
        raise StepError(
            f"{target.repository} could not be uploaded: {redact(str(problem), token)}. Is there a network, and may "
            f"the token in {TOKEN} write there? Then run it again"
        ) from None
    return str(commit.commit_url)


def refuse_public(api: HfApi, prepared: Upload, target: Target) -> None:
    """Raise StepError when a repository that was there before is public and should be private."""
    if target.private and not api.repo_info(target.repository, repo_type=prepared.kind).private:
        raise StepError(f"{target.repository} is there already and is public: nothing was uploaded. Give another name")
