"""The Ray cluster that computes with the recipe's `engine: ray`."""
