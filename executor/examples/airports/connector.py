"""Airports of the world, from the pip package `airportsdata`: one fragment per country."""

import csv
import hashlib
import io

import airportsdata


def context(credentials):
    countries = {}
    for airport in airportsdata.load().values():
        countries.setdefault(airport["country"], []).append(airport)
    return countries


def list_objects(countries, metadata):
    for country, airports in countries.items():
        # The fingerprint is any text that changes with the content; here a hash, since the package gives no date.
        yield {"name": country, "fingerprint": hashlib.sha256(repr(airports).encode()).hexdigest()[:16]}


def read_bytes(countries, metadata):
    airports = countries[metadata["name"]]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=airports[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(airports)
    yield text.getvalue()
