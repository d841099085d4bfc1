"""The tenant's global client is there for Auth0's tools, and is nobody's application."""

from tests.services.token.office import Office


async def test_it_is_listed_only_where_it_is_asked_for(office: Office) -> None:
    (found,) = (await office.ask("GET", "clients", query="is_global=true")).body
    assert (found["global"], found["name"]) == (True, "All Applications")
    assert "client_secret" not in found
    assert (await office.ask("GET", "clients")).body == []
    wrapped = (await office.ask("GET", "clients", query="is_global=true&include_totals=true")).body
    assert (wrapped["total"], wrapped["clients"]) == (1, [found])
    assert (await office.ask("GET", "clients", query="is_global=true&page=1")).body == []
    assert (await office.ask("GET", "clients", query="is_global=true&take=5")).body == {"clients": [found]}
    assert (await office.ask("GET", f"clients/{found['client_id']}")).body == found


async def test_it_is_another_in_every_tenant_and_cannot_be_changed(office: Office) -> None:
    (ours,) = (await office.ask("GET", "clients", query="is_global=true")).body
    (theirs,) = (await office.ask("GET", "clients", query="is_global=true", tenant="other")).body
    assert ours["client_id"] != theirs["client_id"]
    path = f"clients/{ours['client_id']}"
    assert (await office.ask("GET", path, tenant="other")).status == 404
    for method, body in (("PATCH", {"name": "Mine"}), ("DELETE", None)):
        refused = await office.ask(method, path, body)
        assert (refused.status, refused.body["errorCode"]) == (400, "operation_not_supported")
