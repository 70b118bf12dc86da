"""Arborist: a GitOps bot for language models."""
