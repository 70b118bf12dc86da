"""Texts taken apart."""

from bot.text.analysis import key_words, names, paragraphs, sentences, subject_words


def test_sentences_end_at_their_mark_and_abbreviations_go_on() -> None:
    text = 'It was so, e.g. here. "No," he said. "Never!" Then 14 came.'
    assert sentences(text) == ["It was so, e.g. here.", '"No," he said.', '"Never!"', "Then 14 came."]


def test_paragraphs_are_running_text_without_headings_tables_and_code() -> None:
    text = (
        "# Title\n\nOne **bold** [link](to)\ngoes on.\n\n| a | b |\n\n```\ncode\n```\n\n- first\n- second\n"
    )
    assert paragraphs(text) == ["One bold link goes on.", "first", "second"]


def test_the_key_words_are_what_the_answer_adds() -> None:
    assert key_words("Who made the Corvane clock?", "Petra Osgood made it.") == {"petra", "osgood"}
    assert key_words("How long does it last?", "It lasts a day.") == {"day"}


def test_names_are_capitals_numbers_and_what_the_leaf_is_about() -> None:
    subject = subject_words(["What is tessarite?", "Who found tessarite?", "How heavy is the stone?"])
    assert subject == {"tessarite"}
    assert names("Where did Marta's friends see tessarite in 1871?", subject) == (
        "Marta",
        "tessarite",
        "1871",
    )
