"""The rules' documentation: one rule for the terminal, all of them as the page docs/RULES.md."""

from bot.lint.rules import RULES, Rule, find_rule

PAGE = """# The rules of lint

Made by `arborist rule` from the rules themselves; each example is tried by a test.
`arborist.yaml` says otherwise where a repository wants otherwise:

```yaml
lint:
  ignore: [html]               # rules that are not run
  severity:
    near-copy: error           # error stops a contribution, warning asks for a look, info only tells
```

| rule | severity | what it asks for |
|---|---|---|
"""

PROFILE = """
## InstructLab's rules

`arborist lint --profile instructlab` runs none of the rules above. It gives the verdicts of
instructlab-schema 0.4.2 on every `qna.yaml` below the folder, each looked at alone, under three names:
`instructlab-yaml` (it can be read), `instructlab-schema` (it fits the schema of its version, or of the
one that `--schema-version` says), `instructlab-yamllint` (from version 2 on: no spaces at the ends of
lines, a last line that is ended, no key twice). A test runs both on real leaves and on 500 mutations of
them.

Where the peer ends in an exception it does not take the file, and neither is it taken here: a file that
is no UTF-8 or no YAML, a value that is not what its form says (the date `2024-13-01`, the tag `!!int x`),
a version that is infinite, something that holds itself.

The peer also takes what would take a lint down, and that is refused here: a file of more than 5 MB,
aliases that stand for more than 100,000 values, lists that need more than 2,000,000 comparisons of their
items, and anything but a regular file.
"""


def explain(name: str) -> str:
    """A rule by its name: what it asks for, why, an example and its mend.

    Raises:
        UserError: there is no such rule.
    """
    return _section(find_rule(name))


def page() -> str:
    """All rules as Markdown."""
    rules = [RULES[name] for name in sorted(RULES)]
    rows = "".join(f"| [{rule.name}](#{rule.name}) | {rule.severity} | {rule.doc} |\n" for rule in rules)
    return PAGE + rows + "".join(f"\n#{_section(rule)}" for rule in rules) + PROFILE


def _section(rule: Rule) -> str:
    example = rule.example
    where = f" (`{example.file}`)" if example.file else ""
    bad, good = _shown(example.bad), _shown(example.good)
    return (
        f"# {rule.name}\n\n{rule.doc} {rule.why} Severity: {rule.severity}.\n\n"
        f"Wrong{where}:\n\n```\n{bad}\n```\n\nRight:\n\n```\n{good}\n```\n"
    )


def _shown(text: str) -> str:
    """A part of a file as it can be shown: not too long, and what cannot be seen by its code."""
    lines = [line if len(line) <= 100 else f"{line[:97]}..." for line in text.split("\n")] if text else []
    seen = (
        char if char == "\n" or char.isprintable() else f"<U+{ord(char):04X}>" for char in "\n".join(lines)
    )
    return "".join(seen) or "(an empty file)"
