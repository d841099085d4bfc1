"""A read model's name stands for its shape: another release that finds the table reads and rebuilds it as it is."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from services.cli.stack import STORES, exported

SHAPES: Final = Path(__file__).parents[1] / "data" / "read-models.json"
"""For each read model of any release, its columns. What is there stays; a new one is written here with the release."""

PROJECTIONS: Final = [each for service in STORES for each in exported(service, "PROJECTIONS")]
COLUMNS: Final = re.compile(r"CREATE TABLE \{table\} \((.*?)\n\);", re.DOTALL)


def columns(projection: Any) -> list[str]:
    """Names and types as the definition of the table has them, one a line."""
    found = COLUMNS.search(projection.ddl)
    assert found is not None
    return [" ".join(line.strip().rstrip(",").split()) for line in found[1].strip().splitlines()]


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda each: f"{each.service}-{each.name}")
def test_a_read_model_of_another_shape_bears_another_version(projection: Any) -> None:
    recorded: dict[str, list[str]] = json.loads(SHAPES.read_text())
    name = f"{projection.service}.{projection.name}"
    assert name in recorded, f"write {name} into {SHAPES.name}"
    assert recorded[name] == columns(projection), f"{name} was another table: raise its version"
