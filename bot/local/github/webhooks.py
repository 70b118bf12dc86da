"""Webhooks: every event is sent, signed, to those who asked for it, from a thread of its own."""

import hashlib
import hmac
import json
import queue
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import requests

from bot.local.github.clock import now
from bot.local.github.db import Row

if TYPE_CHECKING:
    from bot.local.github.state import Event, GitHub

TIMEOUT_S = 10  # as GitHub gives a receiver
RESPONSE_LIMIT = 65_536


class Webhooks:
    """Sends the events of a GitHub to the hooks of their repositories, in order, one after the other."""

    def __init__(self, github: "GitHub") -> None:
        self._github = github
        self._waiting: queue.Queue[tuple[Row, str, dict[str, Any]] | None] = queue.Queue()
        github.subscribe(self._take)
        self._thread = threading.Thread(target=self._work, name="webhooks", daemon=True)
        self._thread.start()

    def send(self, hook: Row, event: str, payload: dict[str, Any]) -> None:
        """Send something to a hook, soon."""
        self._waiting.put((hook, event, payload))

    def stop(self) -> None:
        """Send what waits, then no more."""
        self._waiting.put(None)
        self._thread.join(TIMEOUT_S)

    def _take(self, event: "Event") -> None:
        hooks = self._github.db.all(
            "SELECT hooks.* FROM hooks JOIN repositories ON repositories.id = repository_id "
            "WHERE full_name = ? AND active",
            event.repository,
        )
        for hook in hooks:
            if {"*", event.name} & set(json.loads(hook["events"])):
                self.send(hook, event.name, event.payload)

    def _work(self) -> None:
        with requests.Session() as session:
            session.trust_env = False  # a receiver on this machine is never behind a proxy
            while (waiting := self._waiting.get()) is not None:
                self._deliver(session, *waiting)

    def _deliver(self, session: requests.Session, hook: Row, event: str, payload: dict[str, Any]) -> None:
        """One delivery, and the record of how it went."""
        text, guid, started = json.dumps(payload), str(uuid.uuid4()), time.monotonic()
        form = hook["content_type"] == "form"
        body = (urlencode({"payload": text}) if form else text).encode()
        headers = {
            "User-Agent": "GitHub-Hookshot/local",
            "Content-Type": "application/x-www-form-urlencoded" if form else "application/json",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": guid,
            "X-GitHub-Hook-ID": str(hook["id"]),
        }
        if hook["secret"]:
            signature = hmac.new(hook["secret"].encode(), body, hashlib.sha256).hexdigest()
            headers["X-Hub-Signature-256"] = f"sha256={signature}"
        try:
            answer = session.post(
                hook["url"], body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False
            )
            code, status = answer.status_code, answer.reason or str(answer.status_code)
            answered, said = dict(answer.headers), answer.text[:RESPONSE_LIMIT]
        except requests.RequestException as error:
            code, status, answered, said = 0, f"failed to connect: {type(error).__name__}", {}, ""
        if self._github.db.one("SELECT 1 FROM hooks WHERE id = ?", hook["id"]) is None:
            return  # it was deleted meanwhile
        self._github.db.insert(
            "deliveries",
            hook_id=hook["id"],
            guid=guid,
            event=event,
            action=payload.get("action"),
            delivered_at=now(),
            duration=round(time.monotonic() - started, 3),
            status="OK" if 200 <= code < 300 else status,
            status_code=code,
            request_headers=json.dumps(headers),
            payload=text,
            response_headers=json.dumps(answered),
            response=said,
        )
