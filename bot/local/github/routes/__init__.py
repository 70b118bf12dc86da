"""The REST API by area; each module's TABLE lists method, path and handler."""

from bot.local.github.routes import repositories, users

TABLES = (users.TABLE, repositories.TABLE)
