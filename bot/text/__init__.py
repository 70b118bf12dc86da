"""Text processing: normalization, language identification, safety checks, benchmark and exam items."""
