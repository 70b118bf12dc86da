"""`make bench` prints the figures that BENCHMARKS.md records: side by side in one run, as ratios."""
