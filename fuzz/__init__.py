"""Fuzzing: `run.py` drives the functions of `targets.py`; `corpus` keeps what was found."""
