"""Arborist: a GitOps bot for language models."""

__version__ = "0.1.0"
