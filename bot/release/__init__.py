"""Releases on the Hugging Face Hub: weights, model card, manifest and signature in one commit, then a tag."""
