"""Texts of dates and times by Python's strftime, and the moments that Python says they are: lines of JSON."""

import datetime
import json
import random
import sys

ROUNDS = 150
UTC = datetime.UTC
# Ours, and the same in Python's words.
DATES = {
    "yyyy-MM-dd": "%Y-%m-%d",
    "dd.MM.uuuu": "%d.%m.%Y",
    "d/M/yyyy": "%-d/%-m/%Y",
    "yyyyMMdd": "%Y%m%d",
    "EEE dd-MMM-yyyy": "%a %d-%b-%Y",
    "EEEE, d. MMMM yyyy": "%A, %-d. %B %Y",
    "MMMM d[, EEEE][, yyyy]": "%B %-d, %Y",
}
TIMES = {
    "yyyy-MM-dd HH:mm:ss": "%Y-%m-%d %H:%M:%S",
    "yyyyMMddHHmmssSSSSSS": "%Y%m%d%H%M%S%f",
    "MM/dd/yyyy hh:mm:ss a": "%m/%d/%Y %I:%M:%S %p",
    "d.M.yyyy H:m:s": "%-d.%-m.%Y %-H:%-M:%-S",
    "M/d/yyyy h:m:s.SSSSSS a": "%-m/%-d/%Y %-I:%-M:%-S.%f %p",
    "dd/MMM/yyyy:HH:mm:ss Z": "%d/%b/%Y:%H:%M:%S %z",
    "yyyy-MM-dd'T'HH:mm:ss[.SSSSSS][XXX][xx]": "%Y-%m-%dT%H:%M:%S.%f%z",
    "EEE MMM d HH:mm:ss xx yyyy": "%a %b %-d %H:%M:%S %z %Y",
}
SHORT_YEARS = {"yy-MM-dd": "%y-%m-%d", "d MMM yy": "%-d %b %y"}

random.seed(int(sys.argv[1]))


def moment(first: int, last: int) -> datetime.datetime:
    zone = datetime.timezone(datetime.timedelta(minutes=random.randrange(-1439, 1440)))
    days = random.randrange((datetime.date(last, 12, 30) - datetime.date(first, 1, 2)).days)
    start = datetime.datetime(first, 1, 2, tzinfo=zone)
    return start + datetime.timedelta(days=days, microseconds=random.randrange(86_400_000_000))


def text(time: datetime.datetime, words: str) -> str:
    # The C library leaves the zeros of the year 7 away.
    return time.strftime(words.replace("%Y", f"{time.year:04}"))


def say(kind: str, format: str, text: str, published: str) -> None:
    print(json.dumps([kind, format, text, published]))


for _ in range(ROUNDS):
    for ours, words in DATES.items():
        time = moment(1, 9999)
        say("date", ours, text(time, words), time.date().isoformat())
    for ours, words in SHORT_YEARS.items():
        time = moment(2000, 2099)
        say("date", ours, text(time, words), time.date().isoformat())
    for ours, words in TIMES.items():
        time = moment(1, 9999)
        utc = time.astimezone(UTC) if "%z" in words else time
        fraction = ".%f" if "%f" in words else ""
        say("timestamp", ours, text(time, words), text(utc, f"%Y-%m-%dT%H:%M:%S{fraction}Z"))
