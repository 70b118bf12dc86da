"""The taxonomy: its leaves, the tree of their folders, and the documents of knowledge leaves."""
