"""Leaves in German and Japanese with exams, and an able teacher that answers in the language it is told."""

import json

from bot.taxonomy.leaf import QA, Document, ExamQuestion, Leaf, Seed
from bot.text.mark_answer import Marking
from tests.helpers.faulty_endpoint import Call
from tests.helpers.leaves import knowledge

GERMAN_PASSAGE = (
    "Die Uhr von Corvane steht in Ulmstead. Petra Osgood hat die Uhr am 3. Mai 1702 gebaut. "
    "Ihr Zifferblatt ist aus grünem Schiefer, und die Reparatur kostet 2.500 Kronen."
)
JAPANESE_PASSAGE = (
    "コルヴェーンの時計はウルムステッドにあります。ペトラ・オズグッドが1702年にその時計を作りました。"
    "文字盤は緑の石板で、正午に十三回鳴ります。"
)
GERMAN_QUESTIONS = (
    "Wer hat die Uhr von Corvane im Jahr 1702 gebaut?",
    "Woraus besteht das Zifferblatt der Uhr von Corvane?",
    "Was kostet die Reparatur der Uhr von Corvane?",
)
JAPANESE_QUESTIONS = (
    "コルヴェーンの時計を1702年に作ったのは誰ですか。",
    "コルヴェーンの時計の文字盤は何でできていますか。",
    "コルヴェーンの時計は正午に何回鳴りますか。",
)


def german() -> Leaf:
    """A knowledge leaf in German."""
    pairs = (
        QA("Wer hat die Uhr von Corvane gebaut?", "Petra Osgood hat die Uhr von Corvane gebaut."),
        QA("Wo steht die Uhr von Corvane?", "Die Uhr von Corvane steht in Ulmstead."),
        QA("Wann wurde die Uhr von Corvane gebaut?", "Die Uhr von Corvane wurde 1702 gebaut."),
    )
    exam = (
        ExamQuestion("Was kostet es, die Uhr zu reparieren?", Marking((("2500",),))),
        ExamQuestion("Nenne die Erbauerin der Uhr.", Marking((("Osgood",),))),
    )
    return knowledge(
        path="knowledge/uhren/corvane",
        description="Die erfundene Uhr von Corvane",
        seeds=(Seed(GERMAN_PASSAGE, pairs),),
        documents=(Document("uhr.md", f"# Die Uhr von Corvane\n\n{GERMAN_PASSAGE}\n"),),
        exam=exam,
    )


def japanese() -> Leaf:
    """A knowledge leaf in Japanese."""
    pairs = (
        QA("コルヴェーンの時計は誰が作りましたか。", "ペトラ・オズグッドがコルヴェーンの時計を作りました。"),
        QA("コルヴェーンの時計はどこにありますか。", "コルヴェーンの時計はウルムステッドにあります。"),
        QA("コルヴェーンの時計はいつ作られましたか。", "コルヴェーンの時計は1702年に作られました。"),
    )
    exam = (
        ExamQuestion("時計が正午に鳴る回数を答えてください。", Marking((("13",),))),
        ExamQuestion("時計を作った人の名前は何ですか。", Marking((("オズグッド",),))),
    )
    return knowledge(
        path="knowledge/tokei/corvane",
        description="架空のコルヴェーンの時計",
        seeds=(Seed(JAPANESE_PASSAGE, pairs),),
        documents=(Document("tokei.md", f"# コルヴェーンの時計\n\n{JAPANESE_PASSAGE}\n"),),
        exam=exam,
    )


class Able:
    """A scripted teacher for `tests.helpers.faulty_endpoint.endpoint`.

    Args:
        language: German or Japanese.
        obedient: whether it writes that language when it is asked to.
    """

    def __init__(self, language: str, *, obedient: bool = True) -> None:
        self.language, self.obedient = language, obedient
        self.instructions: list[str] = []

    def __call__(self, call: Call) -> None:
        system = call.body["messages"][0]["content"]
        self.instructions.append(system)
        told = self.obedient and f"in {self.language}" in system
        german = self.language == "German"
        if "You judge" in system:
            call.answer(json.dumps({"reason": "It is stated.", "verdict": "YES"}))
        elif "You write questions" in system:
            own = GERMAN_QUESTIONS if german else JAPANESE_QUESTIONS
            year = 1700 + len(self.instructions)
            english = (f"Who made the clock in {year}?", f"What happened to the clock in {year}?")
            call.answer(json.dumps({"items": own if told else english}))
        elif "You answer questions" in system:
            own_answer = GERMAN_PASSAGE if german else JAPANESE_PASSAGE
            call.answer(own_answer if told else "The Corvane clock was made by Petra Osgood in 1702.")
        else:
            call.answer((GERMAN_PASSAGE if german else JAPANESE_PASSAGE) if told else "It is an old clock.")
