"""Configuration: arborist.yaml and the profiles of engines."""
