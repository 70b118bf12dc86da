"""A repository in InstructLab's layout: the leaves in its root, of all versions, and workflows of its own."""

import json
from pathlib import Path

from tests.helpers.repository import git_in

ATTRIBUTED = "compositional_skills/writing/rhymes/fish"
SECOND = "compositional_skills/linguistics/plurals"
FEW = "compositional_skills/writing/rhymes/birds"
UNATTRIBUTED = "compositional_skills/extraction/colours"
THIRD = "knowledge/science/clocks/corvane"
OLD_KNOWLEDGE = "knowledge/history/ulmstead"
FOUNDATIONAL = "foundational_skills/reasoning/next_letter"
PASSAGE = (
    "The Corvane clock stands in the market hall of Ulmstead. It was made by Petra Osgood in 1702. "
    "The Corvane clock has a face of green slate, and it strikes thirteen times at noon."
)
ATTRIBUTION = "Title of work: {0}\nLink to work: {0}.md\nLicense of the work: CC-BY-4.0\n"
CREATOR = "Creator names: Petra Vane\n"


def skill(count: int, version: int | None, thing: str, *, context: bool = False) -> str:
    """A skill's qna.yaml with some seed examples."""
    lines = [f"version: {version}"] if version else []
    lines += ["created_by: petra", f"task_description: {thing} of a list", "seed_examples:"]
    for name in ("carp", "heron", "otter", "lynx", "newt", "stoat", "ibex")[:count]:
        lines += [
            f"  - question: What is the {thing} of {name}?",
            f"    answer: The {thing} is {name}-{thing}.",
        ]
        lines += [f"    context: A list with {name} and its {thing} {name}-{thing}."] if context else []
    return "\n".join(lines) + "\n"


def knowledge() -> str:
    """A qna.yaml of version 3 whose document is in the leaf's folder."""
    pairs = [
        ("Where does the Corvane clock stand?", "The Corvane clock stands in the market hall of Ulmstead."),
        ("Who made the Corvane clock?", "Petra Osgood made the Corvane clock."),
        ("How often does the Corvane clock strike at noon?", "The Corvane clock strikes thirteen times."),
    ]
    sentences = [part.strip() + "." for part in PASSAGE.split(".") if part.strip()]
    contexts = [PASSAGE, *sentences, " ".join(sentences[:2])]
    seeds = [
        {"context": context, "questions_and_answers": [{"question": q, "answer": a} for q, a in pairs]}
        for context in contexts
    ]
    data = {
        "version": 3,
        "created_by": "petra",
        "domain": "clocks",
        "document_outline": "The Corvane clock of Ulmstead",
        "seed_examples": seeds,
        "document": {"repo": ".", "commit": "HEAD", "patterns": ["*.md"]},
    }
    return json.dumps(data, indent=1, ensure_ascii=False)


def files() -> dict[str, str]:
    """All files of the repository."""
    return {
        f"{ATTRIBUTED}/qna.yaml": skill(5, None, "rhyme"),
        f"{ATTRIBUTED}/attribution.txt": ATTRIBUTION.format("Fish"),
        f"{SECOND}/qna.yaml": skill(6, 2, "plural"),
        f"{SECOND}/attribution.txt": ATTRIBUTION.format("Plurals") + CREATOR,
        f"{FEW}/qna.yaml": skill(3, None, "verse"),
        f"{UNATTRIBUTED}/qna.yaml": skill(7, 1, "colour", context=True),
        f"{FOUNDATIONAL}/qna.yaml": skill(5, 3, "letter"),
        f"{FOUNDATIONAL}/attribution.txt": ATTRIBUTION.format("Letters") + CREATOR,
        f"{THIRD}/qna.yaml": knowledge(),
        f"{THIRD}/corvane.md": f"# The Corvane clock\n\n{PASSAGE}\n",
        f"{THIRD}/attribution.txt": ATTRIBUTION.format("Corvane") + CREATOR,
        f"{OLD_KNOWLEDGE}/qna.yaml": skill(5, 2, "year"),
        ".github/workflows/lint.yml": "name: lint\non: push\njobs: {}\n",
        "README.md": "# A taxonomy\n",
        "docs/template/qna.yaml": "created_by:\ntask_description:\n",
    }


LEAVES = 7


def instructlab_tree(folder: Path) -> Path:
    """Write the repository, with one commit."""
    for name, text in files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git_in(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder)
    return folder


def commit(folder: Path) -> str:
    """Commit everything; returns the SHA."""
    git_in(folder, "add", "--all")
    git_in(folder, "commit", "--quiet", "--allow-empty", "-m", "change")
    return git_in(folder, "rev-parse", "HEAD")
