"""The bot on GitHub: handle events, check permissions, write the comment and the checks."""
