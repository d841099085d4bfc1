"""Makes `tests/data/shapes/`, once: `python -m tests.shapes.make FOLDER`, a folder with notes about Auth0's traffic.

What is kept is facts: names of members and the JSON types of their values, never a value. An object is a mapping, a
list is a list of one, everything else is the names of its types; a name ends in `!` when no answer lacked it.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).parents[1] / "data" / "shapes"
OURS: Final = re.compile(r"[A-Z]+ /(clients|client-grants|resource-servers|keys/signing|tenants/settings)(?!.*cimd)")

WHOLE: Final = ("POST", "GET /clients/{id}", "GET /resource-servers/{id}", "GET /client-grants/{id}", "GET /tenants")
"""Operations that answer a whole thing. A change was only seen with what was changed, a list with parts of things."""

MODELS: Final = {
    "GET /clients/{}/connections": "ListClientConnectionsResponseContent",
    "GET /keys/signing": "GetSigningKeysResponseContent",
    "GET /keys/signing/{}": "GetSigningKeysResponseContent",
    "POST /keys/signing/rotate": "RotateSigningKeysResponseContent",
    "PUT /keys/signing/{}/revoke": "RevokedSigningKeysResponseContent",
}
"""Operations whose answers auth0-python cannot read without certain members, and its names for the answers."""


def main(folder: Path) -> None:
    """Write the two files."""
    recorded = json.loads((folder / "recorded_shapes.json").read_text())
    needed = json.loads((folder / "auth0_python_required_response_fields.json").read_text())
    operations = {nameless(name): operation(name, each) for name, each in recorded.items() if OURS.match(name)}
    DATA.mkdir(parents=True, exist_ok=True)
    _write("recorded.json", operations)
    _write("required.json", {name: needed[model] for name, model in MODELS.items()})


def nameless(operation: str) -> str:
    """An operation whose path parameters have no names."""
    return re.sub(r"{[^}]*}", "{}", operation)


def operation(name: str, recorded: dict[str, Any]) -> dict[str, Any]:
    """What was sent, and what was answered by status."""
    answers = {status: _marked(name, each) for status, each in recorded["responses"].items()}
    return {"request": shape(recorded.get("request", {})), "answers": answers}


def shape(recorded: dict[str, Any]) -> Any:
    """The compact form of one value."""
    types = set(recorded.get("types", ())) - {"null", "empty"}
    if "object" in types:
        return {name: shape(each) for name, each in sorted(recorded.get("props", {}).items())}
    if "array" in types:
        return [shape(recorded["items"])] if "items" in recorded else []
    return "|".join(sorted(types))


def _marked(name: str, recorded: dict[str, Any]) -> Any:
    """The same of an answer, its members marked that were always there."""
    found = shape(recorded)
    if not isinstance(found, dict) or not name.startswith(WHOLE):
        return found
    always = {each for each, member in recorded["props"].items() if member["n"] == recorded["n"]}
    return {f"{each}!" if each in always else each: member for each, member in found.items()}


def _write(name: str, content: Any) -> None:
    (DATA / name).write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
