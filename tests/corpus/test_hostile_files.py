"""What strangers may put into a file: a finding at its place, never a traceback, never two seconds."""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.lint import lint_tree
from bot.lint.fix import fix_files
from bot.lint.reporters import REPORTERS

LEAF = "knowledge/geography/islands/oru"
QNA = f"{LEAF}/qna.yaml"
BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9)) for i in range(9)
)

# name: content of qna.yaml, rule that is found, line
CASES: dict[str, tuple[bytes, str, int]] = {
    "empty": (b"", "yaml-empty", 1),
    "only comments": (b"# hello\n# there\n", "yaml-empty", 1),
    "a list at top level": (b"\n- a\n- b\n", "wrong-type", 2),
    "a word at top level": (b"hello\n", "wrong-type", 1),
    "null at top level": (b"~\n", "wrong-type", 1),
    "a tab": (b"version: 3\ndocument:\n\trepo: .\n", "yaml-syntax", 3),
    "an open quote": (b'version: 3\ndomain: "geo\ncreated_by: x\n', "yaml-syntax", 2),
    "bad indentation": (b"document:\n  repo: .\n   commit: x\n", "yaml-syntax", 3),
    "a duplicate key": (b"version: 3\ndomain: a\ndomain: b\n", "yaml-duplicate-key", 3),
    "a nested duplicate key": (b"document:\n  repo: .\n  repo: .\n", "yaml-duplicate-key", 3),
    "merge keys": (b"document: &d {repo: .}\ndomain:\n  <<: *d\n  repo: x\n", "yaml-alias", 3),
    "an alias bomb": (BOMB, "yaml-limit", 6),
    "a recursive alias": (b"domain: &a [*a]\n", "yaml-alias", 1),
    "an alias of nothing": (b"domain: *a\n", "yaml-alias", 1),
    "10,000 levels, flow": (b"domain: " + b"[" * 10_000, "yaml-limit", 1),
    "10,000 levels, block": (b"- " * 10_000, "yaml-limit", 1),
    "10,000 levels, keys": (b"domain: " + b"{a: " * 10_000, "yaml-limit", 1),
    "a million brackets": (b"[" * 1_000_000, "yaml-limit", 1),
    "50 MB": (b"domain: x\n" * 5_000_000, "yaml-limit", 1),
    "10 MB in a line": (b"domain: " + b"x" * 10_000_000, "yaml-limit", 1),
    "2 million values": (b"domain: [" + b"a," * 2_000_000 + b"]", "yaml-limit", 1),
    "30,000 seed examples": (b"seed_examples:\n" + b"- {context: a}\n" * 30_000, "repeated-item", 3),
    "a NUL byte": (b"domain: a\0b\n", "yaml-encoding", 1),
    "invalid UTF-8": (b"version: 3\ndomain: \xff\n", "yaml-encoding", 2),
    "half a surrogate": (b"domain: \xed\xa0\x80\n", "yaml-encoding", 1),
    "UTF-16": ("version: 3\n".encode("utf-16"), "yaml-encoding", 1),
    "UTF-16 without a mark": ("version: 3\n".encode("utf-16-le"), "yaml-encoding", 1),
    "several documents": (b"version: 3\n---\nversion: 3\n", "yaml-documents", 2),
    "a Python object": (b"domain: !!python/object/apply:os.system ['id']\n", "yaml-tag", 1),
    "a tag of one's own": (b"domain: !mine x\n", "yaml-tag", 1),
    "a mapping as key": (b"{a: 1}: 2\n", "yaml-syntax", 1),
    "an unknown directive": (b"%YAML 9.9\n---\nversion: 3\n", "yaml-syntax", 1),
    "yes": (b"domain: yes\n", "not-text", 1),
    "a date": (b"domain: 2024-01-31\n", "not-text", 1),
    "octal": (b"domain: 0o17\nversion: 017\n", "wrong-version", 2),
    "a time": (b"domain: 12:30:45\n", "not-text", 1),
    "a very large number": (b"domain: " + b"9" * 100_000, "not-text", 1),
    "not a number": (b"domain: .nan\n", "not-text", 1),
    "null": (b"domain: ~\n", "empty-text", 1),
    "nothing": (b"version: 3\ndomain:\n", "empty-text", 2),
    "a number as key": (b"7: x\n", "unknown-key", 1),
    "text where a list belongs": (b"seed_examples: none\n", "wrong-type", 1),
    "null in a list": (b"seed_examples:\n  -\n", "empty-text", 2),
}


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_file_is_a_finding(tree: Any, name: str) -> None:
    content, rule, line = CASES[name]
    tree.write(QNA, content)
    found = {(f.rule, f.line) for f in tree.lint().findings if f.path.endswith("/oru/qna.yaml")}
    assert (rule, line) in found


@pytest.mark.parametrize("name", CASES)
def test_the_same_in_an_exam(tree: Any, name: str) -> None:
    tree.write(f"{LEAF}/exam.yaml", CASES[name][0])
    found = [f for f in tree.lint().findings if f.path.endswith("exam.yaml")]
    assert found and all(f.line >= 1 and f.column >= 1 for f in found)


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tree: Any) -> None:
    good = (tree.root / QNA).read_bytes()
    tree.write(QNA, b"\xef\xbb\xbf" + good.replace(b"\n", b"\r\n"))
    assert tree.rules() == []


def test_lines_are_counted_as_git_and_editors_do(tree: Any) -> None:
    tree.replace(QNA, "domain: geography", "domain: 'geo\u2028graphy\u0085'\ndomain: again")
    assert [(f.rule, f.line, f.column) for f in tree.lint().findings] == [("yaml-duplicate-key", 5, 1)]


def test_an_attribution_that_is_no_text(tree: Any) -> None:
    tree.write(f"{LEAF}/attribution.txt", b"\xff\xfe\0" * 1000)
    assert set(tree.rules()) == {"attribution-licence", "attribution-field"}


def test_a_document_that_is_no_text(tree: Any) -> None:
    tree.write(f"{LEAF}/oru.md", b"%PDF-1.7 \xff\xfe\0")
    assert [(f.rule, f.line, f.column) for f in tree.lint().findings] == [("document-pattern", 10, 7)]


@pytest.mark.parametrize(
    "pattern", ["../**", "/etc/*", "a/../../b.md", "~/x.md", "*" * 50 + ".md", "**/*/**/*.pdf"]
)
def test_a_pattern_that_leads_out_or_nowhere(tree: Any, pattern: str) -> None:
    tree.replace(QNA, "- oru.md", f'- "{pattern}"')
    assert set(tree.rules()) == {"document-pattern"}


@pytest.mark.parametrize("target", ["/etc/passwd", "oru.md", "qna.yaml", "../../../../../outside.md"])
def test_a_symbolic_link_is_never_followed(tree: Any, target: str) -> None:
    (tree.root.parent / "outside.md").write_text("They grow barley.")
    (tree.root / LEAF / "oru.md").unlink()
    (tree.root / LEAF / "oru.md").symlink_to(target)
    assert set(tree.rules()) == {"not-a-file", "document-pattern"}


def test_a_linked_folder_and_a_link_to_itself(tree: Any) -> None:
    (tree.root / "knowledge/loop").symlink_to(tree.root)
    (tree.root / "knowledge/self").symlink_to("self")
    assert tree.rules() == ["not-a-file", "not-a-file"]


@pytest.mark.parametrize("name", ["qna.yaml", "exam.yaml", "attribution.txt", "oru.md"])
def test_a_pipe_does_not_keep_lint_waiting(tree: Any, name: str) -> None:
    (tree.root / LEAF / name).unlink()
    os.mkfifo(tree.root / LEAF / name)
    assert "not-a-file" in tree.rules()


@pytest.mark.parametrize(
    "name", ["a b", "a\nb", "a'\"b", "..b", "%0A::error::", "\u202eevil", "😀", b"\xff\xfe"]
)
def test_strange_names_are_shown_in_one_line(tree: Any, name: str | bytes) -> None:
    folder = f"compositional_skills/{os.fsdecode(name)}"
    tree.write(f"{folder}/qna.yaml", "version: 3\n")
    paths = {f.path for f in tree.lint().findings}
    assert len(paths) == 1
    assert paths.pop().isprintable()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_change_of_a_good_leaf_is_taken(tree: Any, data: st.DataObject) -> None:
    good = getattr(tree, "good", None) or (tree.root / QNA).read_bytes()
    tree.good = good
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 60)))
    pieces = st.sampled_from(
        [b"&a ", b"*a", b"{", b"[", b": ", b"- ", b"\t", b'"', b"!!", b"|\n", b"#", b"~", b"<<: "]
    )
    new = data.draw(st.one_of(st.binary(max_size=20), st.lists(pieces, max_size=6).map(b"".join)))
    tree.write(QNA, good[:start] + new + good[end:])
    report = lint_tree(tree.root)
    lines = (tree.root / QNA).read_bytes().count(b"\n") + 2
    assert all(1 <= f.line <= lines and f.column >= 1 and f.message and f.help for f in report.findings)
    assert all(render(report) for name, render in REPORTERS.items() if name != "github")
    # What is fixed stays fixed: after a few rounds there is nothing left that is mechanical.
    assert any(not fix_files(tree.root, lint_tree(tree.root)) for _ in range(5))
