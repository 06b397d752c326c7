"""A finished model as its step leaves one, for the tests of cards and uploads: data set, weights, curve, manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from janus_recipes.files import write_jsonl
from janus_recipes.manifest import making
from janus_recipes.recipe.schema import Recipe
from janus_recipes.training.curves import CurvePoint, draw_curve, write_curve

COUNTS = {"steps": 2, "first_loss": 2.25, "last_loss": 1.5, "reward_accuracy": None, "seconds": 61.5, "rows_dropped": 7}
ENVIRONMENT = {"environment": "axolotl-cuda", "lock": "0123456789abcdef", "python": "3.11.7"}


def make_dataset(recipe: Recipe, name: str, rows: int = 3, **asked: Any) -> Path:
    """A training set of some rows, with its manifest."""
    file = Path("results", recipe.name, "datasets", f"{name}.jsonl")
    turns = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}]
    with making(file, recipe=recipe.name, section=recipe.datasets[name], inputs={}) as made:
        write_jsonl(file, ({"id": f"i-{number}", "messages": turns} for number in range(rows)))
        made.counts, made.asked = {"rows": rows}, asked
    return file


def make_model(recipe: Recipe, name: str, data: Path, **inputs: Path) -> Path:
    """A trained model's folder: two files of weights, two steps of curve, the manifest."""
    folder, train = Path("results", recipe.name, "models", name), recipe.models[name].train
    assert train is not None
    weights, drawn = folder / "weights", [folder / "training.csv", folder / "training.svg"]
    with making(
        weights,
        recipe=recipe.name,
        section=train,
        inputs={"data": data, **inputs},
        manifest=folder / "manifest.json",
        also=drawn,
    ) as made:
        weights.mkdir(parents=True, exist_ok=True)
        (weights / "model.safetensors").write_bytes(b"weights of " + name.encode())
        (weights / "config.json").write_text("{}")
        points = [CurvePoint(1, 0.5, 2.25, 5.0e-6), CurvePoint(2, 1.0, 1.5, 0.0)]
        write_curve(drawn[0], points)
        draw_curve(drawn[1], points, title=name, notice=None)
        made.counts, made.notes = COUNTS, {"environment": ENVIRONMENT, "model": name}
    return folder
