"""How overlays become one recipe: merged as Snakemake merges `--configfile a.yaml b.yaml`, then nulls removed.

    merged = without_nulls(merge(merge({}, janus), rehearsal))

Mappings merge key by key; anything else, lists included, is replaced by the later file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """`overlay` on top of `base`, neither changed: what `snakemake.utils.update_config` makes of them."""
    merged = dict(base)
    for key, value in overlay.items():
        merged[key] = _on_top(merged.get(key, {}), value) if isinstance(value, Mapping) else value
    return merged


def _on_top(base: Any, overlay: Mapping[str, Any]) -> Any:
    # Snakemake replaces a scalar by a mapping only when it meets the mapping's first key: `{}` leaves the scalar.
    if not overlay:
        return base
    return merge(base if isinstance(base, Mapping) else {}, overlay)


def without_nulls(value: Any) -> Any:
    """The value without the mapping keys that are null, at every depth. A list's nulls stay: they are its items."""
    if isinstance(value, Mapping):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [without_nulls(inner) for inner in value]
    return value
