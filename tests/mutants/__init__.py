"""Mistakes put into zdcheck itself, one at a time: does some test notice?

`python_faults` and `c_faults` say where a mistake can be made, `sample` picks some by a seed and says which tests
judge them, `judge` runs those on a copy, `campaign` is `make mutants`.
"""
