"""Requests to a service: at a limited rate, with retries, and with an end where it is down."""

from __future__ import annotations

import datetime
import email.utils
import random
import threading
import time
from collections.abc import Callable

import requests

from trainers.errors import TrainingError

__all__ = ["Fetcher", "NotFoundError", "RequestError"]

# Answers that may be others after some time; all others of 400 and above are final.
_TEMPORARY = (408, 425, 429, 500, 502, 503, 504)

_CHUNK = 1 << 16  # bytes
_LARGEST = 1 << 30  # bytes
_LONGEST_WAIT = 120.0  # s


class NotFoundError(ValueError):
    """The service has nothing at an address (status 404)."""


class RequestError(ValueError):
    """A request failed for good, or as often as it was tried."""


class Fetcher:
    """Fetches addresses from one service, also from several threads.

    Args:
        rate: Requests per second at most, of all threads together.
        timeout: Seconds without a byte after which a request has failed.
        retries: Times that a request is repeated. The pause before repetition n is 2^(n-1) times
            `pause`, with up to as much again at random, or what the service asks for
            (`Retry-After`), and at most two minutes.
        pause: Seconds before the first repetition. Default 1.
        most_failures: Requests in a row that may fail for good before the service is given up.
            Default 20.
    """

    def __init__(
        self,
        rate: float,
        timeout: float,
        retries: int,
        *,
        pause: float = 1.0,
        most_failures: int = 20,
    ):
        self._interval, self._timeout, self._retries = 1 / rate, timeout, retries
        self._pause, self._most_failures = pause, most_failures
        self._lock = threading.Lock()
        self._next = 0.0
        self._failures = 0
        self._local = threading.local()
        self._draws = random.Random(0)

    def fetch(self, address: str, check: Callable[[bytes], None] = lambda _: None) -> bytes:
        """Returns the answer of an address.

        Args:
            address: The address.
            check: Raises a ValueError for an answer that is to be asked for again.

        Raises:
            NotFoundError: if the service has nothing there.
            RequestError: if it refuses the request, or all repetitions fail.
            TrainingError: if too many requests in a row have failed.
        """
        failure = None
        for attempt in range(self._retries + 1):
            if failure is not None:
                _sleep(self._wait(attempt, failure))
            answer = self._try(address, check)
            if isinstance(answer, bytes):
                self._count(True)
                return answer
            failure = answer
            if failure.status == 404:
                self._count(True)
                raise NotFoundError(failure.text)
            if failure.is_final:
                break
        self._count(False, failure.text)
        raise RequestError(failure.text)

    def _try(self, address: str, check: Callable[[bytes], None]) -> bytes | _Failure:
        self._wait_for_turn()
        try:
            with self._session().get(address, timeout=self._timeout, stream=True) as answer:
                if answer.status_code >= 400:
                    text = f"status {answer.status_code} {answer.reason}".rstrip()
                    is_final = answer.status_code not in _TEMPORARY
                    after = _seconds(answer.headers.get("Retry-After"))
                    return _Failure(text, answer.status_code, is_final, after)
                content = bytearray()
                for chunk in answer.iter_content(_CHUNK):
                    content += chunk
                    if len(content) > _LARGEST:
                        return _Failure(f"more than {_LARGEST} bytes", is_final=True)
        except requests.RequestException as error:
            return _Failure(_words(error))
        try:
            check(bytes(content))
        except ValueError as error:
            return _Failure(str(error))
        return bytes(content)

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
        return self._local.session

    def _wait_for_turn(self) -> None:
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._interval
        if turn > now:
            _sleep(turn - now)

    def _wait(self, attempt: int, failure: _Failure) -> float:
        pause = self._pause * 2 ** (attempt - 1)
        with self._lock:
            pause *= 1 + self._draws.random()
        return min(max(pause, failure.after), _LONGEST_WAIT)

    def _count(self, succeeded: bool, reason: str = "") -> None:
        with self._lock:
            self._failures = 0 if succeeded else self._failures + 1
            if self._failures >= self._most_failures:
                raise TrainingError(
                    f"the last {self._failures} requests failed ({reason}); the same command goes "
                    "on when the service answers again"
                )


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


class _Failure:
    """Why a request failed."""

    def __init__(self, text: str, status: int = 0, is_final: bool = False, after: float = 0.0):
        self.text, self.status, self.is_final, self.after = text, status, is_final, after


def _seconds(header: str | None) -> float:
    """Returns the seconds of a `Retry-After` header, which has these or a date; 0 for none."""
    if not header:
        return 0.0
    if header.strip().isdigit():
        return float(header)
    try:
        date = email.utils.parsedate_to_datetime(header)
        return max(0.0, (date - datetime.datetime.now(datetime.UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def _words(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the answer was cut short"
    if isinstance(error, requests.ConnectionError):
        return "no connection to the service"
    return " ".join(str(error).split())
