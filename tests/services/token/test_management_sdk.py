"""What we answer is what auth0-python reads: its own response models take our bodies."""

import auth0.management.types as sdk

from tests.services.token.office import Office, credential, keys


async def test_auth0_python_reads_our_answers(office: Office) -> None:
    client = await office.client(client_authentication_methods=keys(credential()), client_metadata={"a": "b"})
    api = await office.api(name="API")
    grant = await office.grant(client, api, "read")
    paged = "page=0&per_page=50&include_totals=true"
    read = (await office.ask("GET", f"clients/{client['client_id']}")).body
    rotated = await office.ask("POST", f"clients/{(await office.client())['client_id']}/rotate-secret")
    for model, body in (
        (sdk.CreateClientResponseContent, client),
        (sdk.GetClientResponseContent, read),
        (sdk.RotateClientSecretResponseContent, rotated.body),
        (sdk.ListClientsOffsetPaginatedResponseContent, (await office.ask("GET", "clients", query=paged)).body),
        (sdk.CreateResourceServerResponseContent, api),
        (
            sdk.ListResourceServerOffsetPaginatedResponseContent,
            (await office.ask("GET", "resource-servers", query=paged)).body,
        ),
        (sdk.CreateClientGrantResponseContent, grant),
        (
            sdk.ListClientGrantPaginatedResponseContent,
            (await office.ask("GET", "client-grants", query="take=50")).body,
        ),
    ):
        assert model.model_validate(body).model_dump(exclude_unset=True, by_alias=True).keys() <= body.keys()
