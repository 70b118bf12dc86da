"""The demo: it turns a contribution into a released model, step by step."""
