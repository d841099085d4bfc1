"""`limen tenant`: one that is there already does not move because of a slip."""

from tests.stack import Stack


def issuer_of(stack: Stack, name: str) -> str:
    """Where `limen tenant list` says that a tenant is."""
    lines = stack.limen("tenant", "list").stdout.splitlines()
    return next(line.split("\t")[1] for line in lines if line.startswith(f"{name}\t"))


def test_a_tenant_moves_only_when_it_is_told_to(stack: Stack) -> None:
    here, there = (f"{word}.wandering.localhost:{stack.port}" for word in ("here", "there"))
    assert stack.limen("tenant", "create", "wandering", "--domain", here).returncode == 0
    refused = stack.limen("tenant", "create", "wandering", "--domain", there)
    assert refused.returncode != 0
    assert f"wandering is a tenant at http://{here}/ already" in refused.stderr
    assert (refused.stdout, issuer_of(stack, "wandering")) == ("", f"http://{here}/")
    moved = stack.limen("tenant", "create", "wandering", "--domain", there, "--move")
    assert f"LIMEN_DOMAIN={there}" in moved.stdout
    assert issuer_of(stack, "wandering") == f"http://{there}/"
