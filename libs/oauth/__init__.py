"""The protocol's words, pure: errors, scopes, parameters, client authentication, server metadata.

It owns what the RFCs say about the form of requests and answers, and nothing about any one service: no clocks, no keys,
no rows, no I/O. It hears nobody and asks nobody.
What a client may do with these words is decided by the rules of the services; here a request is only read, strictly,
so that no two readers can understand it differently.
"""

from libs.oauth import client_authentication, parameters
from libs.oauth.authorization_server import AuthorizationServer
from libs.oauth.client_authentication import Assertion, Basic, ClientAuthentication, Post, Public
from libs.oauth.errors import (
    AccessDenied,
    InsufficientScope,
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    InvalidToken,
    OAuthError,
    ServerError,
    TemporarilyUnavailable,
    TooManyRequests,
    Travel,
    UnauthorizedClient,
    UnsupportedGrantType,
)
from libs.oauth.parameters import MissingParameter, Parameters
from libs.oauth.scopes import Scopes, is_scope_token
from libs.runtime.strict_json import MalformedJSON

__all__ = [
    "AccessDenied",
    "Assertion",
    "AuthorizationServer",
    "Basic",
    "ClientAuthentication",
    "InsufficientScope",
    "InvalidClient",
    "InvalidGrant",
    "InvalidRequest",
    "InvalidScope",
    "InvalidTarget",
    "InvalidToken",
    "MalformedJSON",
    "MissingParameter",
    "OAuthError",
    "Parameters",
    "Post",
    "Public",
    "Scopes",
    "ServerError",
    "TemporarilyUnavailable",
    "TooManyRequests",
    "Travel",
    "UnauthorizedClient",
    "UnsupportedGrantType",
    "client_authentication",
    "is_scope_token",
    "parameters",
]
