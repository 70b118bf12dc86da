"""Copies of documents in the store: a repository that is deleted later stops no release.

A commit never changes, so the text that was read once is as good as the repository. Documents of private
repositories are not copied: whoever can read the store may not be allowed to read them.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict

from bot.core.store import Store, key_of
from bot.taxonomy.documents import Access, DocumentError, check_source
from bot.taxonomy.leaf import Document, DocumentSource, Leaf

STEP = "documents"
VERSION = 1
FILE = "documents.json"


def keep_documents(leaves: Iterable[Leaf], access: Access, store: Store) -> None:
    """Put the documents of leaves into the store, unless they are there or in the leaves' own folders."""
    found = {_key(leaf.source): leaf for leaf in leaves if leaf.source and _may_keep(leaf.source, access)}
    if not found:
        return  # so that a job that cannot reach the store does not need it either
    missing = found.keys() - store.has(STEP, found.keys())
    for key in missing:
        source, documents = found[key].source, found[key].documents
        if source and documents:
            text = json.dumps([asdict(document) for document in documents], ensure_ascii=False)
            store.put(STEP, key, asdict(source), {FILE: text.encode()})


def kept_documents(source: DocumentSource, access: Access, store: Store) -> tuple[Document, ...]:
    """Return the documents of a source from the store; () if the store does not have them.

    Sources that may not be fetched have none: the store is no way around the rules for addresses.
    """
    from bot.core.progress import say

    try:
        check_source(source, access)
    except DocumentError:
        return ()
    entry = store.get(STEP, _key(source)) if _may_keep(source, access) else None
    if entry is None:
        return ()
    say(f"{source.repo} at {source.commit[:7]} cannot be read; its documents are in the store")
    return tuple(Document(one["name"], one["text"]) for one in entry.read_json(FILE))


def _may_keep(source: DocumentSource, access: Access) -> bool:
    return source.repo != "." and not access.is_private(source.repo)


def _key(source: DocumentSource) -> str:
    return key_of(STEP, VERSION, asdict(source))
