"""Evaluation: exams, a model's answers to them, and the gate."""
