"""The documentation of the lint rules: one rule for the terminal, or all rules as docs/rules.md."""

from bot.lint.rule import Rule
from bot.lint.rules import RULES, find_rule

PAGE = """# Lint rules

`arborist rule` generates this page from the rules in `bot/lint/rules/`; a test lints each example.
A repository can disable rules and change their severities in `arborist.yaml`:

```yaml
lint:
  ignore: [html]               # rules to disable
  severity:
    near-copy: error           # an error blocks a contribution; a warning or an info does not
```

| rule | severity | requirement |
|---|---|---|
"""

PROFILE = """
## InstructLab's rules

`arborist lint --profile instructlab` runs none of the rules above. It accepts and rejects the same files as
instructlab-schema 0.4.2. It checks each `qna.yaml` below the folder separately, with three rules:

- `instructlab-yaml`: the file can be read and parsed.
- `instructlab-schema`: the file conforms to the schema of its version, or of `--schema-version`.
- `instructlab-yamllint` (from version 2 on): no trailing spaces, a newline at the end of the file, no
  duplicate keys.

A test compares both programs on real leaves and on 500 mutations of them.

If instructlab-schema fails with an exception, the file counts as rejected, and this profile rejects it too:
a file that is not UTF-8 or not YAML, a value that does not fit its type (the date `2024-13-01`, the tag
`!!int x`), an infinite version, or a value that contains itself.

This profile also rejects input that could exhaust memory or time, although instructlab-schema accepts it: a
file of more than 5 MB, aliases that expand to more than 100,000 values, lists that need more than 2,000,000
comparisons of items, and anything that is not a regular file.
"""


def explain(name: str) -> str:
    """Return a rule's documentation as Markdown: the requirement, the reason, and an example with its fix.

    Raises:
        UserError: there is no such rule.
    """
    return _section(find_rule(name))


def page() -> str:
    """Return the documentation of all rules as Markdown."""
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
    """Return a part of a file for display: long lines cut, invisible characters as <U+…>."""
    lines = [line if len(line) <= 100 else f"{line[:97]}..." for line in text.split("\n")] if text else []
    visible = (
        char if char == "\n" or char.isprintable() else f"<U+{ord(char):04X}>" for char in "\n".join(lines)
    )
    return "".join(visible) or "(an empty file)"
