"""`zdcheck gate`: every check of a repository, what changed since the baseline, reports for CI.

`settings` says what is run, `run` runs it (through `cache`), `baseline` compares, `formats` report.
"""
