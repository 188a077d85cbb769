"""Ground systems in the languages of other checkers: Murphi, Promela, SMT-LIB.

Every exporter consumes the transition system and nothing else, keeps one rule for each action,
and says in comments where it comes from. `outside` runs the checkers, for `zdcheck crosscheck`.
"""
