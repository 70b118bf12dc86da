"""Issues of which a repository has one: the bot opens, updates and closes it."""

from dataclasses import dataclass

from github.Issue import Issue
from github.Repository import Repository

from bot.github.signed_marks import mark


@dataclass(frozen=True)
class OneIssue:
    """The kind of issue.

    Attributes:
        label: the label by which the issue is found.
        title: the issue's title.
    """

    label: str
    title: str

    def find(self, repository: Repository) -> Issue | None:
        """Return the bot's issue of this kind, open or closed. A person's issue does not count."""
        for issue in repository.get_issues(state="all", labels=[self.label]):
            own = issue.pull_request is None and issue.user.type == "Bot"
            if own and (issue.body or "").startswith(self._opening(repository)):
                return issue
        return None

    def tell(self, repository: Repository, issue: Issue | None, text: str, *, needed: bool) -> None:
        """Open or update the issue with a text, or close it; doing it again changes nothing.

        Args:
            issue: the issue as `find` returned it.
            needed: whether the issue must be open. Otherwise it is closed, and none is opened.
        """
        body, state = f"{self._opening(repository)}\n{text}", "open" if needed else "closed"
        if issue is None:
            if needed:
                repository.create_issue(self.title, body, labels=[self.label])
        elif (issue.body, issue.state) != (body, state):
            issue.edit(body=body, state=state)

    def _opening(self, repository: Repository) -> str:
        return mark(self.label, repository.full_name, 0)
