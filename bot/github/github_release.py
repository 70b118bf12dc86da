"""GitHub releases: one for each released model, with notes; and labels on the pull requests in it.

A release is announced completely when its GitHub release exists: comments and labels come first.
"""

from github.GithubException import GithubException, RateLimitExceededException, UnknownObjectException
from github.GitRelease import GitRelease
from github.PullRequest import PullRequest
from github.Repository import Repository

from bot.core.errors import UserError
from bot.core.progress import say
from bot.github.announce import changed_files
from bot.github.closing import closing_of
from bot.github.release_notes import notes_of, title_of
from bot.github.signed_marks import mark
from bot.release.hub import Release, release_at

MOST_RELEASES = 10
"""How many releases without a GitHub release are made up for."""
COLOUR = "0e8a16"
"""The colour of labels: GitHub's green."""
FORBIDDEN, EXISTS = 403, 422
"""The status with which GitHub refuses what a token may not do, and to create what exists."""


def is_announced(repository: Repository, release: Release) -> bool:
    """Return whether a release has its GitHub release."""
    return _found(repository, release.tag) is not None


def tell_releases(repository: Repository, newest: Release) -> None:
    """Create or update the GitHub release of the newest release, and of those before that have none.

    Doing it again changes nothing. The newest one comes last, so that `is_announced` of it says that all are
    complete.
    """
    waiting: list[tuple[Release, Release | None]] = []
    release: Release | None = newest
    while release is not None and len(waiting) < MOST_RELEASES:
        before = release.manifest["previous"]
        previous = release_at(release.repository, before) if before else None
        waiting.append((release, previous))
        release = None if previous is None or is_announced(repository, previous) else previous
    for release, previous in reversed(waiting):
        _tell(repository, release, previous)


def _tell(repository: Repository, release: Release, previous: Release | None) -> None:
    """Label the pull requests of a release, then create or update its GitHub release."""
    pulls = [repository.get_pull(number) for number in release.manifest["pulls"]]
    closings = {pull.number: closing_of(release, previous, changed_files(pull)) for pull in pulls}
    _label(repository, [pull for pull in pulls if closings[pull.number].contained], release.tag)
    notes = notes_of(release, previous, closings)
    body = f"{mark('github-release', repository.full_name, 0, release.tag)}\n{notes}"
    _put(repository, release, title_of(release, previous), body)


def _label(repository: Repository, pulls: list[PullRequest], tag: str) -> None:
    """Put the label of a release on pull requests; create the label if the repository lacks it."""
    name = f"released: {tag}"
    lacking = [pull for pull in pulls if name not in {label.name for label in pull.labels}]
    if not lacking:
        return
    try:
        repository.create_label(
            name, COLOUR, f"The release {tag} of the model contains what this pull request does."
        )
    except GithubException as error:
        if error.status != EXISTS:
            raise
    for pull in lacking:
        pull.add_to_labels(name)


def _put(repository: Repository, release: Release, title: str, body: str) -> None:
    """Create a GitHub release, with its tag at the taxonomy's commit, or update it.

    A git tag that exists stays where it is. A GitHub release that somebody else wrote stays as it is.
    """
    found = _found(repository, release.tag)
    if found is None:
        _tag(repository, release)
        try:
            repository.create_git_release(release.tag, title, body)
            return
        except GithubException as error:
            found = _found(repository, release.tag) if error.status == EXISTS else None
            if found is None:
                raise
    if not (found.body or "").startswith(body.partition("\n")[0]):
        say(f"{found.html_url} is not the bot's; it stays as it is")
    elif (found.name, found.body) != (title, body):
        found.update_release(title, body, prerelease=found.prerelease)


def _tag(repository: Repository, release: Release) -> None:
    """Create the git tag of a release at the taxonomy's commit, unless there is such a tag.

    The tag comes before the GitHub release: a request for both needs the permission `workflows`, which no
    workflow's token can have, as soon as workflow files have changed since the commit.

    Raises:
        UserError: this job may not create the tag.
    """
    tag, commit = release.tag, release.manifest["taxonomy"]["commit"]
    if _has_tag(repository, tag):
        return
    try:
        repository.create_git_ref(f"refs/tags/{tag}", commit)
    except RateLimitExceededException:
        raise
    except GithubException as error:
        if _has_tag(repository, tag):
            return  # another run has created it since
        if error.status == FORBIDDEN:
            raise UserError(
                f"the git tag {tag} cannot be created at {commit[:7]}: GitHub answered 403. If workflow "
                f"files have changed since then, push the tag: git push origin {commit}:refs/tags/{tag}"
            ) from None
        raise


def _has_tag(repository: Repository, tag: str) -> bool:
    try:
        return bool(repository.get_git_ref(f"tags/{tag}").object.sha)
    except UnknownObjectException:
        return False


def _found(repository: Repository, tag: str) -> GitRelease | None:
    """Return the GitHub release with a tag; None if there is none."""
    try:
        return repository.get_release(tag)
    except UnknownObjectException:
        return None
