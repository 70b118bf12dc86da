"""Training of one phase, from a model and samples to a new model: methods, the loop, engines."""
