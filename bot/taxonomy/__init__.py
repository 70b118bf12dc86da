"""The taxonomy: leaves, the tree they stand in, and the documents that knowledge is drawn from."""
