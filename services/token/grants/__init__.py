"""How tokens are asked for, one file per grant type, and the endpoint that none of them can bypass.

Adding a grant type is one file here, one line in `GRANTS`, its facts and rule if it changes anything, a journey test,
and its page in `docs/rfc/`.
"""

from collections.abc import Mapping

from services.token.grants.authorization_code import AuthorizationCode
from services.token.grants.client_credentials import ClientCredentials
from services.token.grants.grant import Grant
from services.token.grants.refresh_token import RefreshToken

GRANTS: Mapping[str, Grant] = {
    "authorization_code": AuthorizationCode(),
    "client_credentials": ClientCredentials(),
    "refresh_token": RefreshToken(),
}
"""Grant types by the `grant_type` parameter."""
