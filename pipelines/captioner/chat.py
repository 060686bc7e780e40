"""The request and the reply of an OpenAI-compatible vision model, in the form that all servers know.

https://platform.openai.com/docs/api-reference/chat; vLLM, Ollama and llama.cpp serve the same.
"""

import base64
from typing import Any

import orjson

from pipelines.captioner.errors import CaptionerFailed

MAX_TOKENS = 400
MAX_CAPTION_LENGTH = 4_000  # characters that are kept


def build_chat_request(model: str, prompt: str, jpeg: bytes) -> bytes:
    """The JSON body: one message with the prompt and the picture as data URL."""
    url = "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
    content = [{"type": "text", "text": prompt}, {"type": "image_url", "image_url": {"url": url}}]
    return orjson.dumps({"model": model, "max_tokens": MAX_TOKENS, "messages": [{"role": "user", "content": content}]})


def read_chat_reply(body: bytes) -> str:
    """The caption without unprintable characters; raises CaptionerFailed."""
    try:
        content = orjson.loads(body)["choices"][0]["message"]["content"]
    except (orjson.JSONDecodeError, LookupError, TypeError) as cause:
        raise CaptionerFailed("malformed", "the captioner's answer is no chat completion") from cause
    text = _make_printable(_join_parts(content)).strip()
    if not text:
        raise CaptionerFailed("malformed", "the captioner's answer is empty")
    return text[:MAX_CAPTION_LENGTH]


def _join_parts(content: Any) -> str:
    """Some servers give a list of parts, as requests have them."""
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def _make_printable(text: str) -> str:
    return "".join(one if one.isprintable() or one == "\n" else " " for one in text)
