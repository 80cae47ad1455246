"""Coverage-guided fuzzing of every decoder and of `--from`: `python -m tests.fuzz`."""
