"""Add-ons of an application: kept for the tools that send them; the login service gives some of them a meaning later.

Their members that are secrets (keys of other people's services, such as `firebase.private_key`) are not among them:
what is in a property is in an event, and no secret is ever in an event.
"""

from collections.abc import Mapping
from typing import Any, Final

from libs.edge.management_errors import BadRequest
from libs.edge.schema import Anything, Array, Dictionary, Integer, Object, Property
from services.token.routes.schemas.kinds import BOOLEAN, CALLBACK, FETCHED, line, members

_NUMBER: Final = Integer(minimum=0)
_DOMAIN: Final = members("domain")
_ACCOUNT: Final = members("account")
_CONTAINER: Final = {
    f"{of}_{may}": BOOLEAN for of in ("blob", "container") for may in ("read", "write", "delete", "list")
}

_SAMLP: Final = members(
    "audience",
    "issuer",
    "signatureAlgorithm",
    "digestAlgorithm",
    "nameIdentifierFormat",
    "authnContextClassRef",
    "binding",
    mappings=Dictionary(Anything(), max_members=100),
    recipient=CALLBACK,
    destination=CALLBACK,
    logout=Object(Property("callback", CALLBACK), Property("slo_enabled", BOOLEAN)),
    lifetimeInSeconds=_NUMBER,
    nameIdentifierProbes=Array(line(1024)),
    signingCert=line(8192),
    createUpnClaim=BOOLEAN,
    mapUnknownClaimsAsIs=BOOLEAN,
    passthroughClaimsWithNoMapping=BOOLEAN,
    mapIdentities=BOOLEAN,
    signResponse=BOOLEAN,
    typedAttributes=BOOLEAN,
    includeAttributeNameFormat=BOOLEAN,
)

ADDONS: Final = Object(
    Property("aws", members("principal", "role", lifetime_in_seconds=_NUMBER)),
    Property(
        "azure_blob",
        members("accountName", "containerName", "blobName", "signedIdentifier", expiration=_NUMBER, **_CONTAINER),
    ),
    Property("azure_sb", members("namespace", "sasKeyName", "entityPath", expiration=_NUMBER)),
    Property("box", Object()),
    Property("cloudbees", Object()),
    Property("concur", Object()),
    Property("dropbox", Object()),
    Property("echosign", _DOMAIN),
    Property("egnyte", _DOMAIN),
    Property("firebase", members("private_key_id", "client_email", lifetime_in_seconds=_NUMBER)),
    Property("layer", members("providerId", "keyId", "principal", expiration=_NUMBER)),
    Property("mscrm", members(url=FETCHED)),
    Property("newrelic", _ACCOUNT),
    Property("oag", Object()),
    Property("office365", members("domain", "connection")),
    Property("rms", members(url=FETCHED)),
    Property("salesforce", members("entity_id")),
    Property("salesforce_api", members("clientid", "principal", "communityName", "community_url_section")),
    Property("salesforce_sandbox_api", members("clientid", "principal", "communityName", "community_url_section")),
    Property("samlp", _SAMLP),
    Property(
        "sap_api",
        members("clientid", "usernameAttribute", "scope", "nameIdentifierFormat", tokenEndpointUrl=FETCHED),
    ),
    Property("sentry", members("org_slug", base_url=FETCHED)),
    Property("sharepoint", members(url=FETCHED, external_url=Array(FETCHED))),
    Property("slack", members("team")),
    Property("springcm", members(acsurl=FETCHED)),
    Property("sso_integration", members("name", "version")),
    Property("wams", Object()),
    Property("wsfed", Object()),
    Property("zendesk", members("accountName")),
    Property("zoom", _ACCOUNT),
)


def refuse_mappings(properties: Mapping[str, Any]) -> None:
    """Refuse SAML mappings that are neither a text nor a list of texts.

    Raises:
        BadRequest: names the attribute.
    """
    mappings = ((properties.get("addons") or {}).get("samlp") or {}).get("mappings") or {}
    for attribute, claims in mappings.items():
        if not all(isinstance(each, str) for each in (claims if isinstance(claims, list) else [claims])):
            raise BadRequest(
                "Payload validation error: 'Expected a string or an array of strings' "
                f"on property addons.samlp.mappings.{attribute}."
            )
