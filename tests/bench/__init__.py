"""The bench: everything measured side by side in one run, because only ratios mean anything on another machine.

`python -m tests.bench` (`make bench`) measures tokens a second beside a bare HTTP handler and npm's oidc-provider, the
memory of an idle stack and the time from `limen up` to the first token, latencies by a timetable, the log's lag,
rebuild and audit, what many applications, tenants and replicas cost, and the Management API; it writes
`docs/reference/performance.md`.
`python -m tests.bench profile` shows where the time goes. `parts` is the order, each other module one thing it needs.
"""
