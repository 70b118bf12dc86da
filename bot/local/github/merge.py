"""Merges without a working tree: by `git merge-tree`, which writes only objects."""

from bot.local.github.git import Commit, Git, GitError, Signature


def merged_tree(git: Git, ours: str, theirs: str) -> str | None:
    """The tree of a merge of two commits, or None if they conflict."""
    try:
        return git.text("merge-tree", "--write-tree", "--no-messages", ours, theirs).splitlines()[0]
    except GitError:
        return None


def merge(
    git: Git, base: str, head: str, message: str, author: Signature, committer: Signature
) -> str | None:
    """A merge commit of `head` into `base`, or None if they conflict."""
    tree = merged_tree(git, base, head)
    return tree and git.write_commit(tree, [base, head], message, author, committer)


def squash(
    git: Git, base: str, head: str, message: str, author: Signature, committer: Signature
) -> str | None:
    """One commit on `base` with everything that `head` brings, or None if they conflict."""
    tree = merged_tree(git, base, head)
    return tree and git.write_commit(tree, [base], message, author, committer)


def rebase(git: Git, base: str, head: str, committer: Signature) -> str | None:
    """The commits of `head` again on top of `base`, or None if one of them conflicts."""
    tip = base
    for commit in _to_replay(git, base, head):
        tree = _picked_tree(git, tip, commit, committer)
        if tree is None:
            return None
        if tree != git.tree_of(tip):  # what is in base already makes no empty commit
            tip = git.write_commit(tree, [tip], commit.message, commit.author, committer)
    return tip


def _to_replay(git: Git, base: str, head: str) -> list[Commit]:
    """The commits that only `head` has, oldest first, without merges."""
    return git.commits(f"{base}..{head}", options=("--reverse", "--topo-order", "--no-merges"))


def _picked_tree(git: Git, tip: str, commit: Commit, who: Signature) -> str | None:
    """The tree of `commit` picked onto `tip`.

    A pick is a merge whose base is the commit's parent. merge-tree finds its base itself, so it is given
    two commits, made for this, whose only common ancestor has the parent's tree.
    """
    parent = git.tree_of(commit.parents[0]) if commit.parents else git.write_tree(None, {})
    ours = git.tree_of(tip)
    if parent is None or ours is None:
        return None
    ancestor = git.write_commit(parent, [], "", who)
    return merged_tree(
        git,
        git.write_commit(ours, [ancestor], "ours", who),
        git.write_commit(commit.tree, [ancestor], "theirs", who),
    )
