"""The pull request with a drafted leaf: check the files that the unprivileged job made, and propose them."""

import base64
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from github.GithubException import GithubException, UnknownObjectException
from github.InputGitAuthor import InputGitAuthor
from github.InputGitTreeElement import InputGitTreeElement
from github.PullRequest import PullRequest
from github.Repository import Repository

from bot.config.recipe import Recipe
from bot.core.errors import UserError
from bot.github.draft_request import SUFFIXES, DraftRequest
from bot.github.relint import start_lint
from bot.github.render import render
from bot.github.signed_marks import reply
from bot.taxonomy.documents import MAX_DOCUMENT_BYTES, NEVER
from bot.taxonomy.new_leaf import free_folder
from bot.text.escape_markdown import escape

REFUSED = "refused.txt"
"""The file in which the unprivileged job says why there is no draft."""
NOREPLY = "users.noreply.github.com"
"""The host of the addresses by which GitHub knows its users in commits."""
_MAX_TEXT_BYTES = 1_000_000
_NAME = re.compile(r"\w{1,80}\.\w{1,8}", re.ASCII)


def draft_of(repository: Repository, request: DraftRequest) -> PullRequest | None:
    """Return the open pull request with the draft for a request; None if there is none."""
    head = f"{repository.full_name.partition('/')[0]}:{request.branch}"
    return next(iter(repository.get_pulls(state="open", head=head)), None)


def propose_draft(
    repository: Repository, request: DraftRequest, folder: Path, recipe: Recipe, about: str
) -> str:
    """Open a pull request with a draft, and answer the issue. It continues where an earlier run was stopped.

    Args:
        folder: what the unprivileged job handed over: the leaf's files at their paths below the taxonomy's
            folder, or REFUSED.
        about: the key of the answer, so that it is given once.

    Returns:
        The answer.

    Raises:
        UserError: the files are not those of a draft.
    """
    refusal = folder / REFUSED
    if refusal.is_file() and not refusal.is_symlink():
        why = refusal.read_bytes()[:2_000].decode(errors="replace")
        answer = f"No draft could be made: {escape(why.strip(), 500)}"
    else:
        answer = _proposed(repository, request, read_draft(folder, recipe), recipe)
    reply(repository.get_issue(request.number), repository.full_name, about, answer)
    return answer


def _proposed(
    repository: Repository, request: DraftRequest, files: Mapping[str, bytes], recipe: Recipe
) -> str:
    """Open the pull request unless it is open, start its lint, and return the answer."""
    pull = draft_of(repository, request)
    if pull is None:
        _push(repository, request, files)
        body = render("draft", request=request, leaf=next(iter(files)).rpartition("/")[0])
        title = f"Draft: {escape(request.title or request.leaf, 80)}"
        try:
            pull = repository.create_pull(
                base=repository.default_branch, head=request.branch, title=title, body=body
            )
        except GithubException as error:
            if error.status != 403:
                raise
            return _by_hand(repository, request)
    # GitHub starts no workflow for what a workflow's token did.
    start_lint(repository, pull, recipe.workflows)
    return (
        f"Drafted: #{pull.number}. Nobody has read it yet: read and correct every question and answer there. "
        "The bot's comment on it lists what is missing."
    )


def _by_hand(repository: Repository, request: DraftRequest) -> str:
    """Return the answer if this repository does not let workflows open pull requests."""
    url = f"{repository.html_url}/compare/{repository.default_branch}...{request.branch}?quick_pull=1"
    return (
        f"Drafted on the branch `{request.branch}`. A maintainer can [open the pull request]({url}): this "
        "repository does not let workflows open any (Settings > Actions > General > Workflow permissions > "
        "Allow GitHub Actions to create and approve pull requests)."
    )


def _push(repository: Repository, request: DraftRequest, files: Mapping[str, bytes]) -> None:
    """Commit the files to the request's branch in the author's name; keep a branch that exists."""
    with suppress(UnknownObjectException):
        repository.get_branch(request.branch)
        return  # an earlier run was stopped after it had pushed
    base = repository.get_branch(repository.default_branch).commit.commit
    elements = [
        InputGitTreeElement(
            path,
            "100644",
            "blob",
            sha=repository.create_git_blob(base64.b64encode(content).decode(), "base64").sha,
        )
        for path, content in files.items()
    ]
    tree = repository.create_git_tree(elements, base.tree)
    mail = f"{request.author_id}+{request.author}@{NOREPLY}"
    commit = repository.create_git_commit(
        f"Draft a leaf from the document in #{request.number}",
        tree,
        [repository.get_git_commit(base.sha)],
        author=InputGitAuthor(request.author, mail),
    )
    repository.create_git_ref(f"refs/heads/{request.branch}", commit.sha)


def read_draft(folder: Path, recipe: Recipe) -> dict[str, bytes]:
    """Return the files of a draft by their paths in the repository. Nothing of them is executed or trusted.

    Raises:
        UserError: there is a file that no draft has, or the leaf's folder exists already.
    """
    if any(path.is_symlink() for path in folder.rglob("*")):
        raise UserError("the draft holds a link; a draft has files only", code=1)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    places = {path.parent for path in paths}
    if len(places) != 1:
        raise UserError(f"the draft has files in {len(places)} folders; a draft is one leaf", code=1)
    [place] = places
    documents = [path.name for path in paths if path.name not in NEVER]
    if len(documents) != 1 or not {path.name for path in paths} >= {"qna.yaml", "attribution.txt"}:
        raise UserError("the draft's files are not qna.yaml, attribution.txt and one document", code=1)
    if not _NAME.fullmatch(documents[0]) or Path(documents[0]).suffix not in SUFFIXES:
        raise UserError(f"the draft's document has the name {escape(documents[0], 80)}", code=1)
    for path in paths:
        size = path.stat().st_size
        if size > (MAX_DOCUMENT_BYTES if path.name in documents else _MAX_TEXT_BYTES):
            raise UserError(f"the draft's {path.name} has {size:,} bytes", code=1)
    leaf = place.relative_to(folder).as_posix()
    free_folder("knowledge", leaf, recipe.taxonomy.root(Path()))
    return {f"{recipe.taxonomy.prefix}{leaf}/{path.name}": path.read_bytes() for path in paths}
