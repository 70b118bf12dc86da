"""Profiles: exact reimplementations of other projects' checks."""
