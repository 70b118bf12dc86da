"""Releases on the Hugging Face Hub: weights, model card and manifest in one commit, which is then tagged."""
