"""The release: weights, card and manifest on the Hugging Face Hub, visible in one commit, tagged last."""
