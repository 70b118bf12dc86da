"""Merge, squash and rebase without a working tree, with `git merge-tree`, which writes only objects."""

from localworld.github.git import Commit, Git, GitError, Signature


def merged_tree(git: Git, ours: str, theirs: str) -> str | None:
    """Merge two commits and return the SHA of the resulting tree, or None if they conflict."""
    try:
        return git.text("merge-tree", "--write-tree", "--no-messages", ours, theirs).splitlines()[0]
    except GitError:
        return None


def merge(
    git: Git, base: str, head: str, message: str, author: Signature, committer: Signature
) -> str | None:
    """Write a merge commit of `head` into `base`; return its SHA, or None if they conflict."""
    tree = merged_tree(git, base, head)
    return tree and git.write_commit(tree, [base, head], message, author, committer)


def squash(
    git: Git, base: str, head: str, message: str, author: Signature, committer: Signature
) -> str | None:
    """Write one commit on `base` with all changes of `head`; return its SHA, or None if they conflict."""
    tree = merged_tree(git, base, head)
    return tree and git.write_commit(tree, [base], message, author, committer)


def rebase(git: Git, base: str, head: str, committer: Signature) -> str | None:
    """Rebase the commits of `head` onto `base`; return the new tip, or None if a commit conflicts."""
    tip = base
    for commit in _to_replay(git, base, head):
        tree = _picked_tree(git, tip, commit, committer)
        if tree is None:
            return None
        if tree != git.tree_of(tip):  # no empty commit for changes that the base has already
            tip = git.write_commit(tree, [tip], commit.message, commit.author, committer)
    return tip


def _to_replay(git: Git, base: str, head: str) -> list[Commit]:
    """Return the commits that only `head` has, oldest first, without merge commits."""
    return git.commits(f"{base}..{head}", options=("--reverse", "--topo-order", "--no-merges"))


def _picked_tree(git: Git, tip: str, commit: Commit, who: Signature) -> str | None:
    """Cherry-pick `commit` onto `tip` and return the SHA of the resulting tree, or None if they conflict.

    A cherry-pick is a merge whose merge base is the commit's parent. `git merge-tree` computes the merge base
    itself, so it gets two temporary commits whose only common ancestor has the parent's tree.
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
