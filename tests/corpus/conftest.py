"""The good tree of lint's own tests."""

from tests.lint.conftest import tree

__all__ = ["tree"]
