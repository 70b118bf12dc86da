"""Profiles: other people's checks, followed to the letter."""
