"""GitHub's side of the bot: events in; the comment, checks and permissions out."""
