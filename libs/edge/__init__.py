"""The door of every service: requests and answers across NATS, routes, access, errors, lists and bodies.

It owns what crosses between the gateway and a service (`wire`), how a table of routes is matched and served (`routes`,
`server`), how errors look outside (`renderers`), and the Management API's habits: tokens and scopes (`management`),
pages (`paging`, `cursors`), bodies declared as data (`schema`, `validation`).
It hears requests on `edge.v1.<service>`; whom a handler asks is the handler's affair. It knows no service.
"""

from libs.edge import answers, management, management_errors, paging, renderers, schema, validation, wire
from libs.edge.call import Call
from libs.edge.cursors import Cursors
from libs.edge.idempotency import AnsweredRequests
from libs.edge.management import authorise
from libs.edge.neighbours import network_of
from libs.edge.query import Query
from libs.edge.refusals import MalformedPath, MethodNotAllowed, Overloaded, Refusal, UnknownPath
from libs.edge.routes import Handler, Match, Route, RouteTable
from libs.edge.server import Edge
from libs.edge.wire import Reply, Request

__all__ = [
    "AnsweredRequests",
    "Call",
    "Cursors",
    "Edge",
    "Handler",
    "MalformedPath",
    "Match",
    "MethodNotAllowed",
    "Overloaded",
    "Query",
    "Refusal",
    "Reply",
    "Request",
    "Route",
    "RouteTable",
    "UnknownPath",
    "answers",
    "authorise",
    "management",
    "management_errors",
    "network_of",
    "paging",
    "renderers",
    "schema",
    "validation",
    "wire",
]
