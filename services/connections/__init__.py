"""The ways to sign in, and the ways to reach somebody: connections, and what is delivered by mail or to applications.

It owns connections with their upstream configuration and the queue of deliveries, and answers `/api/v2/connections`
and, in development, the mailbox. It hears tenants (each gets its database connection), token (new applications are
let in) and login (mails to who was erased go), and asks token for logout tokens
and whether applications exist, and login to erase who has an address.
"""
