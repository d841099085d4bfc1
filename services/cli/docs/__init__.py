"""The reference pages, generated from the code they describe: `python -m services.cli.docs` writes, `--check` compares.

It owns `docs/reference/` but for `performance.md` (written by the bench) and the data of the security checklist. What a
page says stands where the code is: in a setting's docstring, an event's sentence, a route's scope, a test's mark.
Nothing that runs imports it.
"""
