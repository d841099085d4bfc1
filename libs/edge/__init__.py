"""The door of every service: requests and answers across NATS, routes, access, errors, lists and bodies.

It owns what crosses between the gateway and a service (`wire`), how a table of routes is matched and served (`routes`,
`server`), how errors look outside (`renderers`), and the Management API's habits: tokens and scopes (`management`),
pages (`paging`, `cursors`), bodies declared as data (`schema`, `validation`).
It hears requests on `edge.v1.<service>`; whom a handler asks is the handler's affair. It knows no service.
"""
