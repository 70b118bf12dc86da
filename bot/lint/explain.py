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
    return PAGE + rows + "".join(f"\n#{_section(rule)}" for rule in rules)


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
