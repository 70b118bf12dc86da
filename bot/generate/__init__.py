"""Generation: a teacher model turns a leaf's seeds and documents into samples.

`keys` computes the store keys of samples, without importing engines or filters; `leaves` generates samples.
"""
