"""Benchmarks: `python -m bench NAME`. Each prints a table and writes bench/out/NAME.json."""
