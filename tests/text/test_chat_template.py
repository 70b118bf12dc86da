"""Chat templates: a model is asked as it was taught, also by templates that think or differ by place."""

from typing import Any

import pytest

from bot.core.errors import UserError
from bot.text.chat_template import check_template, end_tokens, prompt_text, with_answer
from tests.helpers.families import CHATML, byte_tokenizer

ONE = [("user", "When?"), ("assistant", "In 1702.")]
TWO = [("user", "Who?"), ("assistant", "Petra."), *ONE]
HEAD = "{% for m in messages %}{% if m.role == 'assistant' %}"
THINKS = (  # Qwen 3's: the last answer has a thought, an earlier one has none
    HEAD + "<|im_start|>assistant\n{% if loop.last %}<think>\n\n</think>\n\n{% endif %}{{ m.content }}"
    "{% else %}<|im_start|>{{ m.role }}\n{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
ALWAYS = THINKS.replace(  # Qwen 3.5's prompt, without being asked not to
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n",
    "{% if true %}<think>\n",
)
FORGETS = CHATML.replace("<|im_start|>assistant\n{% endif %}", "<|im_start|>assistant\n<think>\n{% endif %}")
CHANNELS = (  # gpt-oss's: an answer names its channel, and ends otherwise at the end than before
    f"{HEAD}<|start|>assistant<|channel|>final<|message|>{{{{ m.content }}}}"
    "{% if loop.last %}<|im_end|>{% else %}<|end|>{% endif %}"
    "{% else %}<|start|>{{ m.role }}<|message|>{{ m.content }}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant{% endif %}"
)
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + CHATML
TITLED = CHATML.replace("{{ message.content }}", "{{ message.content | replace('.', '!') }}")
NEVER = "{{ raise_exception('roles must alternate') }}"


def taught(template: str) -> Any:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = template
    return tokenizer


@pytest.mark.parametrize("turns", [ONE, TWO], ids=["one exchange", "two"])
@pytest.mark.parametrize(
    ("template", "begin"),
    [
        (CHATML, "<|im_start|>assistant\n"),
        (THINKS, "<|im_start|>assistant\n<think>\n\n</think>\n\n"),
        (ALWAYS, "<|im_start|>assistant\n<think>\n\n</think>\n\n"),
        (CHANNELS, "<|start|>assistant<|channel|>final<|message|>"),
    ],
    ids=["plain", "thinks if asked to", "always thinks", "channels"],
)
def test_what_is_trained_on_is_what_the_template_renders_and_begins_as_the_model_is_asked(
    template: str, begin: str, turns: list[tuple[str, str]]
) -> None:
    tokenizer = taught(template)
    prompt, answer = with_answer(turns, tokenizer)
    messages = [{"role": role, "content": content} for role, content in turns]
    whole = tokenizer.apply_chat_template(messages, tokenize=False, enable_thinking=False)
    assert prompt + answer == whole.rstrip()
    assert prompt == prompt_text(turns[:-1], tokenizer)
    assert prompt.endswith(begin)
    assert answer == "In 1702.<|im_end|>"
    # An earlier answer is rendered as the template does it there.
    assert prompt.count("<think>") == begin.count("<think>")
    check_template(tokenizer)


def test_an_empty_thought_that_only_the_prompt_has_belongs_to_the_prompt() -> None:
    """As Gemma 4's larger models have it."""
    thought = "<|pad|>thought\n<|pad|>"
    template = CHATML.replace("assistant\n{% endif %}", f"assistant\n{thought}{{% endif %}}")
    tokenizer = taught(template)
    prompt, answer = with_answer(TWO, tokenizer)
    assert prompt == prompt_text(TWO[:-1], tokenizer)
    assert (prompt.count(thought), prompt.endswith(thought)) == (1, True)
    assert answer == "In 1702.<|im_end|>"


def test_a_system_turn_that_is_forbidden_becomes_part_of_the_question() -> None:
    told = [("system", "Be brief."), *TWO]
    prompt, _ = with_answer(told, taught(NO_SYSTEM))
    assert prompt == prompt_text([("user", "Be brief.\n\nWho?"), *TWO[1:3]], taught(NO_SYSTEM))
    assert "<|im_start|>system\nBe brief." in prompt_text(told[:-1], taught(CHATML))


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (FORGETS, "renders the prompt differently when the answer follows, .* choose another student"),
        (TITLED, "renders the answer '1.' as '1!"),
        (NEVER, "rejects turns of user: roles must alternate"),
    ],
    ids=["forgets the thought", "changes the answer", "rejects"],
)
def test_a_template_by_which_a_student_cannot_be_taught_is_one_line(template: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_template(taught(template))


def test_a_teacher_whose_template_forgets_its_thought_is_asked_by_its_template() -> None:
    assert prompt_text(ONE[:1], taught(FORGETS)).endswith("<|im_start|>assistant\n<think>\n")


def test_an_answer_ends_where_the_template_ends_it() -> None:
    """As Gemma's, whose end of a turn is not the tokenizer's end of a text."""
    tokenizer = taught(CHATML)
    tokenizer.eos_token = "<|pad|>"
    assert end_tokens(tokenizer) == [0, 2]
    assert end_tokens(taught("{% for m in messages %}{{ m.content }}\n{% endfor %}")) == [2]
