"""Side-by-side benchmarks of Hubbub and its alternatives: `python -m bench --help`."""
