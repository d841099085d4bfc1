"""The `limen` command: one file per verb, and the rooms that `limen up` needs to keep a whole stack on one machine.

It owns nothing of the domain. It alone may import every service's `app`, because it alone starts them; it alone reads
the process's environment, in `main`, and hands it on. `limen up` stays small: it imports no database driver, no web
server and no cryptography, and leaves what needs them to child processes.
"""
