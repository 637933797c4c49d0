"""The shape of log lines, and that no secret is in one."""

import io
import json
import logging
import re

import pytest

from inngest_fast import log

SECRETS = ("signkey-prod-abcdef0123456789", "abcdef0123456789", "ek1", "p@ss/word")


@pytest.fixture
def lines():
    """Configures logging and gives a function that returns the lines written so far, parsed if JSON."""
    stream = io.StringIO()

    def configured(form="json", level="trace", secrets=SECRETS):
        log.configure(level, form, secrets, stream)
        return lambda: [json.loads(x) if form == "json" else x for x in stream.getvalue().splitlines()]

    return configured


logger = logging.getLogger("inngest_fast.test")


def test_json_shape(lines):
    written = lines()
    logger.info(
        "run %s ended", "01X", extra={"run": "01X", "attempts": 2, "ok": True, "none": None, "took": 0.5}
    )
    (line,) = written()
    assert list(line) == ["time", "level", "msg", "logger", "run", "attempts", "ok", "none", "took"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", line.pop("time"))
    assert line == {
        "level": "INFO",
        "msg": "run 01X ended",
        "logger": "inngest_fast.test",
        "run": "01X",
        "attempts": 2,
        "ok": True,
        "none": None,
        "took": 0.5,
    }


def test_time_is_utc(lines):
    written = lines()
    record = logging.makeLogRecord({"msg": "x", "levelno": 20, "name": "n"})
    record.created = 1700000000.25
    logging.getLogger().handle(record)
    assert written()[0]["time"] == "2023-11-14T22:13:20.250000000Z"


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (log.TRACE, "TRACE"),
        (logging.DEBUG, "DEBUG"),
        (logging.INFO, "INFO"),
        (log.NOTICE, "NOTICE"),
        (logging.WARNING, "WARN"),
        (logging.ERROR, "ERROR"),
        (log.EMERGENCY, "EMERGENCY"),
        (1, "TRACE"),
        (22, "INFO"),
        (60, "EMERGENCY"),
    ],
)
def test_level_names(number, name, lines):
    written = lines()
    logger.setLevel(1)
    try:
        logging.getLogger().handle(logger.makeRecord("n", number, "f", 1, "x", (), None))
    finally:
        logger.setLevel(logging.NOTSET)
    assert written()[0]["level"] == name


@pytest.mark.parametrize("level", list(log.LEVELS))
def test_level_threshold(level, lines):
    written = lines(level=level)
    for number in log.LEVELS.values():
        logger.log(number, "x")
    assert len(written()) == sum(number >= log.LEVELS[level] for number in log.LEVELS.values())


def test_level_name():
    assert [log.level_name(text) for text in (" WARN", "warning", "Fatal", "notice", "loud", "")] == [
        "warn",
        "warn",
        "emergency",
        "notice",
        "",
        "",
    ]


def test_values_of_any_type(lines):
    written = lines()
    loop = []
    loop.append(loop)
    extra = {
        "big": 2**70,
        "nan": float("nan"),
        "raw": b"\xff\x00ok",
        "lone": "a\udcffb",
        "nested": {1: {"deep": (1, {2})}},
        "error": ValueError("bad ek1"),
        "loop": loop,
        "attributes": {"name": "connect", "level": 3},
    }
    logger.info("lone \udcff", extra=extra)
    (line,) = written()
    assert line["big"] == 2**70
    assert line["nan"] is None
    assert line["raw"] == "\\xff\x00ok"
    assert line["lone"] == "a\\udcffb"
    assert line["nested"] == {"1": {"deep": [1, [2]]}}
    assert line["error"] == "bad [redacted]"
    assert (line["name"], line["level"], line["level_"]) == ("connect", "INFO", 3)
    assert line["msg"] == "lone \\udcff"


def test_arguments_that_do_not_fit(lines):
    written = lines()
    logger.info("%d", "ek1")
    assert written()[0]["msg"] == "%d ('[redacted]',)"


def test_newlines_stay_in_one_line(lines):
    written = lines()
    logger.info("a\nb", extra={"x": "c\nd"})
    assert [(line["msg"], line["x"]) for line in written()] == [("a\nb", "c\nd")]


TOKEN = "eyJhbGciOiJIUzI1NiJ9.abc.def"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("key signkey-prod-abcdef0123456789!", "key [redacted]!"),
        ("xabcdef0123456789x", "x[redacted]x"),
        ("POST /e/ek1 200", "POST /e/[redacted] 200"),
        ("week12 ek10 ek1", "week12 ek10 [redacted]"),
        ("p%40ss%2Fword", "[redacted]"),
        ("redis://:hush@h/0 down", "redis://:[redacted]@h/0 down"),
        ("Authorization: Bearer x", "Authorization: Bearer [redacted]"),
        ("{'authorization': 'Basic dTpw'}", "{'authorization': 'Basic [redacted]'}"),
        (f"sent bearer {TOKEN}, failed", "sent bearer [redacted], failed"),
        ("Bearer authentication failed", "Bearer authentication failed"),
    ],
)
@pytest.mark.parametrize("form", ["json", "text", "dev"])
def test_secrets_are_masked_in_messages_attributes_and_traces(text, shown, form, lines):
    written = lines(form)
    try:
        raise RuntimeError(text)
    except RuntimeError:
        logger.exception(text, extra={"plain": text, "nested": [{"in": text}], text: 1})
    if form == "json":
        (line,) = written()
        assert (line["msg"], line["plain"], line["nested"]) == (shown, shown, [{"in": shown}])
        assert line["exception"].endswith(f"RuntimeError: {shown}")
    else:
        assert shown in written()[0]
        assert written()[-1] == f"RuntimeError: {shown}"
    if shown != text:
        assert text not in json.dumps(written())


def test_attributes_that_are_secret_by_name(lines):
    written = lines()
    logger.info(
        "x", extra={"Authorization": "short", "headers": {"authorization": "y", "host": "h"}, "password": ""}
    )
    (line,) = written()
    assert line["Authorization"] == "[redacted]"
    assert line["headers"] == {"authorization": "[redacted]", "host": "h"}
    assert line["password"] == ""


def test_text_form(lines):
    written = lines("text")
    logger.warning("be\x1b[2Jware\nof it", extra={"run": "01X", "text": 'a "b"', "list": [1]})
    (line,) = written()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARN   be\\x1b\[2Jware\\nof it "
        r'run=01X text="a \\"b\\"" list=\[1\]',
        line,
    )


def test_dev_form_is_coloured(lines):
    written = lines("dev")
    logger.error("x", extra={"a": "b"})
    assert "\x1b[31mERROR \x1b[0m x \x1b[90ma=\x1b[0mb" in written()[0]


def test_configure_replaces_and_never_raises(lines):
    lines()
    written = lines()
    logger.info("once")
    assert len(written()) == 1

    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    log.configure(stream=Closed())
    logger.info("nobody reads this")


@pytest.mark.parametrize("form", ["json", "text", "dev"])
def test_common_attributes_are_on_each_line(form):
    stream = io.StringIO()
    log.configure("info", form, ["hush"], stream, {"worker": 2, "of": "hush"})
    logging.getLogger("x").info("one", extra={"more": 1})
    logging.getLogger("x").info("two", extra={"worker": 3})
    first, second = stream.getvalue().splitlines()
    plain = re.sub(r"\x1b\[\d+m", "", first)
    if form == "json":
        assert list(json.loads(first).items())[4:] == [("worker", 2), ("of", "[redacted]"), ("more", 1)]
    else:
        assert plain.endswith("one worker=2 of=[redacted] more=1")
    assert "3" in second.rpartition("worker")[2]
