"""Shared building blocks: errors, progress, keys and the store, samples, and the package's data files."""
