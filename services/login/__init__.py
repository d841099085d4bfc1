"""The front channel: people, how they prove who they are, their sessions and consents, and the pages they see.

It owns accounts with their passwords, sessions, consents and login transactions, and answers `/authorize`, the pages
below `/u/`, `/userinfo`, logout, `/dbconnections/*` and its part of the Management API. It hears tenants, token (which
applications and APIs there are) and connections (who may sign in where), asks token for codes, connections to deliver
and audit for a person's log. It never sees a client secret.
"""
