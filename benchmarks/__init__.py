"""Side-by-side timings of flowloom and its peers: `make bench`, or `python -m benchmarks --help`."""
