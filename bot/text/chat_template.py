"""Chat templates: the prompt of a conversation, and the assistant's answer to it, as a model reads them.

Training and inference render conversations here, so a model is asked as it was taught. Templates that can
make a model think are rendered with thinking off; what they put before an answer belongs to the prompt.
"""

from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError

from bot.core.errors import UserError
from bot.text.tokens import break_tokens, token_ids

OFF = {"enable_thinking": False, "thinking": False}
"""The arguments that switch thinking off: the first of Qwen 3, GLM and SmolLM3, the other of Granite and
DeepSeek."""
PROBE = "\ufdd1"
"""Stands for an answer; Unicode reserves this noncharacter for internal use."""
Turns = Sequence[tuple[str, str]]
"""(role, content) of each turn of a conversation."""
EXCHANGES: Sequence[Turns] = (
    [("user", "One?"), ("assistant", "1.")],
    [("user", "One?"), ("assistant", "1."), ("user", "Two?"), ("assistant", "2.")],
)
"""The forms of conversations that students are trained on."""


def prompt_text(turns: Turns, tokenizer: Any) -> str:
    """Return a conversation as the text that the assistant's answer follows.

    Raises:
        UserError: the template rejects the conversation.
    """
    prompt = rendered(turns, tokenizer, add_generation_prompt=True)
    whole, found, _ = rendered([*turns, ("assistant", PROBE)], tokenizer).partition(PROBE)
    # As with gpt-oss, whose answers begin with the name of a channel.
    return whole if found and whole.startswith(prompt) else prompt


def with_answer(turns: Turns, tokenizer: Any) -> tuple[str, str]:
    """Return a conversation's prompt, and the answer with its end; the last turn is the assistant's.

    Raises:
        UserError: the template rejects the conversation, or renders the prompt differently with the answer.
    """
    prompt = prompt_text(turns[:-1], tokenizer)
    whole = rendered(turns, tokenizer).rstrip()
    for begin in (prompt, _without_thought(prompt, turns[:-1], tokenizer)):
        if whole.startswith(begin):
            return prompt, whole[len(begin) :]
    raise UserError(
        "the student's chat template renders the prompt differently when the answer follows, so the "
        f"start of the answer is unknown (prompt: …{prompt[-40:]!r}); choose another student"
    )


def _without_thought(prompt: str, turns: Turns, tokenizer: Any) -> str:
    """Return a prompt without the empty thought at its end, which Gemma 4 leaves out where an answer follows.

    A thought that is opened and not closed stays, since an answer after it would be a part of it.
    """
    begin, _, _ = rendered([*turns, ("assistant", PROBE)], tokenizer).partition(PROBE)
    marks = [token.content for token in tokenizer.added_tokens_decoder.values()]
    count = sum(prompt[len(begin) :].count(mark) for mark in marks)
    closed = count == 2  # one mark opens the thought, the other one closes it
    return begin if closed and prompt.startswith(begin) else prompt


def check_template(tokenizer: Any) -> None:
    """Check that a model can be asked as it is taught: in all forms of conversations, the text is the same.

    Raises:
        UserError: the template rejects a conversation, changes an answer, or renders the prompt differently.
    """
    for turns in EXCHANGES:
        answer = with_answer(turns, tokenizer)[1]
        if not answer.startswith(turns[-1][1]):
            raise UserError(
                f"the student's chat template renders the answer {turns[-1][1]!r} as {answer[:40]!r}; "
                "choose another student"
            )


def end_tokens(tokenizer: Any) -> list[int]:
    """Return the tokens that end an answer: the tokenizer's, and the one that the template puts there."""
    ends = {tokenizer.eos_token_id}
    _, _, rest = rendered([*EXCHANGES[0][:1], ("assistant", PROBE)], tokenizer).partition(PROBE)
    first = token_ids(rest.strip(), tokenizer)[:1]
    special = {place for place, token in tokenizer.added_tokens_decoder.items() if token.special}
    return sorted(ends | (set(first) & special))


def rendered(turns: Turns, tokenizer: Any, **options: Any) -> str:
    """Render a conversation by the chat template, with broken spellings of markup tokens.

    A system turn that the template rejects, as those of Gemma 2 and Mistral do, becomes part of the first
    question.

    Args:
        options: further arguments of `apply_chat_template`.

    Raises:
        UserError: the template rejects the conversation.
    """
    try:
        text: str = tokenizer.apply_chat_template(
            break_tokens(turns, tokenizer), tokenize=False, **OFF, **options
        )
    except TemplateError as error:
        roles = [role for role, _ in turns]
        if roles[:2] == ["system", "user"]:
            both = "\n\n".join(content for _, content in turns[:2])
            return rendered([("user", both), *turns[2:]], tokenizer, **options)
        raise UserError(f"the student's chat template rejects turns of {', '.join(roles)}: {error}") from None
    return text
