"""The demo: a contribution becomes a released model, told step by step."""
