"""
What the fan-out benchmarks compare: programs that play one clip to all who send an offer.

Each prints the URL for offers as its first line, and ends when its standard input does. The pion
one is in `bench/go`.
"""
