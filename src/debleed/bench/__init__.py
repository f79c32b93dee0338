"""Benchmarks: methods on corpora, many items on many processors, and the tables that follow."""
