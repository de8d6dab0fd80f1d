"""Differential testing of safety verdicts: what modelhub calls safe is really loaded, and must not act.

`python -m tests.safety.law --count 100000 --seed 1` runs it for long; `test_law.py` runs a few thousand candidates.
"""
