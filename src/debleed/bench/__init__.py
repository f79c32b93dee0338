"""Benchmarks: run methods on corpora, in parallel, and write the tables."""
