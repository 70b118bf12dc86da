"""An engine that runs a transformers model in this process, on the GPU if there is one, else on the CPU."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from bot.core.store import canonical
from bot.inference.engine import Request, Response
from bot.inference.models import load_model, load_tokenizer, model_folder
from bot.text.chat_template import end_tokens, prompt_text
from bot.text.tokens import broken, token_ids

# The spelling of a name is enforced after this many letters; they are searched in this many last tokens.
NAME_LETTERS = 3
NAME_TOKENS = 12


class TransformersEngine:
    """A transformers model in this process; the common prefix of a batch's prompts is computed once.

    Args:
        model: `embedded`, a folder, or `org/name@revision`.
        batch: number of requests in a batch.
        seed: seed of the sampling.
        precision: see `load_model`; `bf16` is faster, and with `fp32` an answer does not depend on the other
            requests of its batch.
    """

    at_once = 1

    def __init__(self, model: str, batch: int, seed: int, precision: str = "bf16") -> None:
        self.name, self.batch, self.seed, self.precision = model, batch, seed, precision
        self._engine: _Engine | None = None

    def complete(self, requests: Sequence[Request]) -> Iterator[Response]:
        """Yield responses batch by batch; a batch has requests with equal settings and similar lengths."""
        if self._engine is None:
            self._engine = _Engine(model_folder(self.name), self.precision)
        lengths = [sum(len(text) for _, text in request.messages) for request in requests]
        order = sorted(range(len(requests)), key=lambda i: (_settings(requests[i]), lengths[i], i))
        for start, end in _batches(order, requests, self.batch):
            indices = order[start:end]
            yield from self._engine.answer(indices, [requests[i] for i in indices], self.seed)

    def log_probabilities(
        self, given: Sequence[tuple[Sequence[tuple[str, str]], str]]
    ) -> Iterator[tuple[int, float]]:
        """Yield the log-probability of each given answer, batch by batch: the sum over its tokens.

        The end of the answer does not count: most models go on after a word that was asked for.

        Args:
            given: pairs of (role, content) turns and the assistant's answer to them.

        Yields:
            The index of a pair, and the log-probability.
        """
        if self._engine is None:
            self._engine = _Engine(model_folder(self.name), self.precision)
        rows = [self._engine.with_answer(turns, answer) for turns, answer in given]
        order = sorted(range(len(rows)), key=lambda i: (len(rows[i].prompt), rows[i].prompt, i))
        for start in range(0, len(order), self.batch):
            indices = order[start : start + self.batch]
            yield from zip(indices, self._engine.log_probabilities([rows[i] for i in indices]), strict=True)

    def close(self) -> None:
        """Release the model."""
        self._engine = None


def _settings(request: Request) -> tuple[float, int, bool]:
    return request.temperature, request.max_new_tokens, request.one_line


def _batches(order: Sequence[int], requests: Sequence[Request], size: int) -> Iterator[tuple[int, int]]:
    """Yield the (start, end) of batches of at most `size` requests with the same settings."""
    start = 0
    for end in range(1, len(order) + 1):
        full = end - start == size or end == len(order)
        if full or _settings(requests[order[end]]) != _settings(requests[order[start]]):
            yield start, end
            start = end


@dataclass(frozen=True)
class _Row:
    """The token IDs of a conversation and of the answer to it whose probability is wanted."""

    prompt: list[int]
    answer: list[int]


class _Engine:
    """A loaded model and its tokenizer."""

    def __init__(self, folder: Path, precision: str) -> None:
        self.model = load_model(folder, precision)
        self.tokenizer = load_tokenizer(folder)
        self.ends = end_tokens(self.tokenizer)
        vocabulary = range(len(self.tokenizer))
        self.newlines = [i for i in vocabulary if "\n" in self.tokenizer.decode([i])]

    def answer(self, indices: Sequence[int], requests: Sequence[Request], seed: int) -> Iterator[Response]:
        """Generate the answers of one batch, whose requests have the same settings."""
        import torch

        first = requests[0]
        digest = hashlib.sha256(canonical([seed, [astuple(request) for request in requests]]).encode())
        torch.manual_seed(int.from_bytes(digest.digest()[:8]) >> 1)
        prompts = [self._encoded(request.messages, request.begin) for request in requests]
        begins = [len(token_ids(broken(r.begin, self.tokenizer), self.tokenizer)) for r in requests]
        ends = [*self.ends, *(self.newlines if first.one_line else [])]
        given = self._inputs(prompts)
        width = given["input_ids"].shape[1]
        sampling = {"temperature": first.temperature, "top_p": 0.95} if first.temperature else {}
        with torch.no_grad():
            output = self.model.generate(
                **given,
                **sampling,
                do_sample=bool(first.temperature),
                max_new_tokens=first.max_new_tokens,
                eos_token_id=ends,
                pad_token_id=self.tokenizer.eos_token_id,
                logits_processor=[_Spelling(self.tokenizer, [r.names for r in requests], begins, width)],
            )
        for index, request, line in zip(indices, requests, output[:, width:].tolist(), strict=True):
            written = next((n for n, token in enumerate(line) if token in ends), None)
            text = self.tokenizer.decode(line[:written], skip_special_tokens=True)
            yield Response(index, (request.begin + text).strip(), written is not None, written or len(line))

    def with_answer(self, turns: Sequence[tuple[str, str]], answer: str) -> _Row:
        """Encode a conversation with the assistant's answer."""
        prompt, whole = self._encoded(turns), self._encoded(turns, answer)
        start = _common_start([prompt, whole])
        return _Row(whole[:start], whole[start:])

    def log_probabilities(self, rows: Sequence[_Row]) -> list[float]:
        """Return the log-probability of each row's answer; a prompt of several rows is read once."""
        import torch

        prompts = [list(prompt) for prompt in dict.fromkeys(tuple(row.prompt) for row in rows)]
        own = torch.tensor([prompts.index(row.prompt) for row in rows], device=self.model.device)
        width = max(len(row.answer) for row in rows)
        padding = [self.tokenizer.eos_token_id]
        answers = torch.tensor([row.answer + padding * (width - len(row.answer)) for row in rows]).to(own)
        with torch.no_grad():
            scores = self._logits_after(prompts, own, answers[:, :-1]).float().log_softmax(-1)
        # The logits at each place are those of the next token.
        found = scores.gather(-1, answers[..., None])[..., 0].tolist()
        return [sum(line[: len(row.answer)]) for row, line in zip(rows, found, strict=True)]

    def _logits_after(self, prompts: Sequence[list[int]], own: Any, answers: Any) -> Any:
        """Return the logits after each row's prompt and after each token of its answer.

        Padding before a prompt is masked, and no token of a causal model sees that after an answer.

        Args:
            own: for each row, the index of its prompt.
            answers: token IDs of each row's answer, padded on the right.
        """
        import torch

        given = self._inputs(prompts)
        mask, known = given["attention_mask"], given.get("past_key_values")
        places, start = mask.cumsum(-1) - 1, known.get_seq_length() if known is not None else 0
        read = self.model(
            input_ids=given["input_ids"][:, start:],
            attention_mask=mask,
            position_ids=places[:, start:],
            past_key_values=known,
            use_cache=True,
            logits_to_keep=1,
        )
        first = read.logits[own]
        if not answers.shape[1]:
            return first
        read.past_key_values.batch_select_indices(own)
        rest = self.model(
            input_ids=answers,
            attention_mask=torch.cat([mask[own], torch.ones_like(answers)], -1),
            position_ids=places[own, -1:] + 1 + torch.arange(answers.shape[1], device=answers.device),
            past_key_values=read.past_key_values,
        )
        return torch.cat([first, rest.logits], 1)

    def _encoded(self, turns: Sequence[tuple[str, str]], begin: str = "") -> list[int]:
        """Encode a conversation for the assistant to answer, with the beginning of the answer."""
        text = prompt_text(turns, self.tokenizer) + broken(begin, self.tokenizer)
        return token_ids(text, self.tokenizer)

    def _read(self, tokens: Any, rows: int) -> Any:
        """Return the keys and values of tokens with which all rows begin, repeated for each row."""
        import torch

        with torch.no_grad():
            read = self.model(tokens, use_cache=True, logits_to_keep=1)
        read.past_key_values.batch_repeat_interleave(rows)
        return read.past_key_values

    def _inputs(self, prompts: Sequence[list[int]]) -> dict[str, Any]:
        """Return the model's inputs: common prefix, left padding, then the rest of each prompt.

        The keys and values of the common prefix are computed once and repeated for each row.

        Args:
            prompts: token IDs of each prompt.
        """
        import torch

        shared = min(_common_start(prompts), *(len(prompt) - 1 for prompt in prompts))
        longest, pad = max(map(len, prompts)), self.tokenizer.eos_token_id
        padding = [longest - len(p) for p in prompts]
        rows = [p[:shared] + [pad] * n + p[shared:] for p, n in zip(prompts, padding, strict=True)]
        mask = [[1] * shared + [0] * n + [1] * (longest - n - shared) for n in padding]
        device = self.model.device
        inputs = {
            "input_ids": torch.tensor(rows, device=device),
            "attention_mask": torch.tensor(mask, device=device),
        }
        if shared:
            inputs["past_key_values"] = self._read(inputs["input_ids"][:1, :shared], len(prompts))
        return inputs


def _common_start(rows: Sequence[Sequence[int]]) -> int:
    """Return the number of tokens with which all rows begin."""
    columns = zip(*rows, strict=False)
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))


class _Spelling:
    """A logits processor that enforces the spelling of names.

    Once the text ends with the first letters of a name, only the next token of that name can follow.

    Args:
        names: the names of each request.
        begins: number of tokens of each request's `begin`, which are at the end of its prompt.
        width: length of the padded prompts, in tokens.
    """

    def __init__(self, tokenizer: Any, names: Sequence[Sequence[str]], begins: Sequence[int], width: int):
        self.tokenizer, self.width, self.begins = tokenizer, width, begins
        self.words = [[word for name in own for word in name.split()] for own in names]

    def __call__(self, ids: Any, scores: Any) -> Any:
        for row, words in enumerate(self.words):
            rest = self._rest(ids[row, self.width - self.begins[row] :].tolist(), words) if words else ""
            if rest:
                token = self.tokenizer(rest, add_special_tokens=False)["input_ids"][0]
                kept = scores[row, token].item()
                scores[row] = -float("inf")
                scores[row, token] = max(kept, -1e4)
        return scores

    def _rest(self, line: Sequence[int], words: Sequence[str]) -> str:
        """Return the missing letters of the name that the text ends within; "" if it does not end in one."""
        written = self.tokenizer.decode(line[-NAME_TOKENS:])
        begun = re.search(rf"\w{{{NAME_LETTERS},}}$", written)
        if begun is None:
            return ""
        for word in words:
            if len(word) > len(begun[0]) and word.casefold().startswith(begun[0].casefold()):
                return word[len(begun[0]) :]
        return ""
