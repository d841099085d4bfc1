import json
from pathlib import Path
from typing import Any

import pytest

from libs.jose import parse, public_key_from_jwk, thumbprint
from libs.jose.signatures import is_signed

RFC = Path(__file__).parents[2] / "data" / "rfc"
EXAMPLES = json.loads((RFC / "7515.json").read_text())["examples"]
PAYLOAD = json.loads((RFC / "7515.json").read_text())["payload"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["alg"])
def test_the_signed_examples_of_rfc_7515_verify(example: dict[str, Any]) -> None:
    token = parse(example["token"])
    key = public_key_from_jwk(example["jwk"], example["alg"])
    assert token.payload == PAYLOAD
    assert is_signed(key, token.signing_input, token.signature)
    assert not is_signed(key, token.signing_input + b"A", token.signature)


def test_the_thumbprint_of_rfc_7638_is_reached() -> None:
    example = json.loads((RFC / "7638.json").read_text())
    assert thumbprint(example["jwk"]) == example["thumbprint"]
