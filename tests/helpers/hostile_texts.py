"""Texts that try to be more than text: mentions, links, images, HTML, code, tables."""

HOSTILE = (
    "@everyone look",
    "closes #1",
    "![x](http://evil.example/beacon.png)",
    "<img src=x onerror=alert(1)>",
    "<!-- arborist:comment -->",
    "```\ncode fence",
    "a | b | c",
    "https://evil.example and www.evil.example",
    "[click](javascript:alert(1))",
    "[click]: https://evil.example",
    "<https://evil.example>",
    "&lt;script&gt;",
    "&#64;everyone",
    "`<b>` ``` and a \\` tick",
    "\n\n# A heading\n\n---\n",
    "1. a list",
    "$\\frac{1}{2}$ $$",
    "{{ manifest }} {% raw %}",
    "mail ann@evil.example",
    "\u202eright to left\u202c \u200b",
)
