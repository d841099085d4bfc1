"""What `limen doctor` looks at, one file each: this machine, the servers, the logs, the keys and tenants.

A check is a question with a bound; it returns findings and never raises because something is away, as that is what it
was asked to find. It changes nothing.
"""
