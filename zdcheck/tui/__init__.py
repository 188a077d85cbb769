"""`zdcheck inspect`: a counterexample in the terminal. Draws what `inspect.session` says, and nothing else.

Needs Textual (the `inspect` extra).
"""
