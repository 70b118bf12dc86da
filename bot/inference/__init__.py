"""Model inference: engines for the teacher and the exams, model files, and the chat command."""
