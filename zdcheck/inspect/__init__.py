"""Looking at runs: traces opened again, walked, asked and explained. No terminal, no HTML.

`opened` brings a trace file back to life, `session` walks, `watch` evaluates expressions, `explain`
says what mattered. The faces (terminal, page) only draw what these say.
"""
