"""Helpers that several tests and benchmarks share; no module in here is a test."""
