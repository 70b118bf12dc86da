"""Generation: a teacher model turns a leaf's seeds and documents into samples.

`keys` says under which key they are kept, and imports no engine and no filter; `leaves` generates them.
"""
