"""Computes the cost of each call in calls.tsv from data/prices.tsv, with exact integers and decimals, and compares every
column. Shares nothing with the crate except the two files.

usage: check.py
"""

import sys
from datetime import datetime, timezone
from decimal import Decimal, getcontext
from pathlib import Path

getcontext().prec = 100
HERE = Path(__file__).resolve().parent
PREFIXES = {"global", "us", "eu", "apac", "jp", "au", "in", "us-gov", "ca"}
OPAQUE = {
    "application-inference-profile",
    "custom-model",
    "imported-model",
    "custom-model-deployment",
    "provisioned-model",
    "prompt",
    "prompt-router",
    "default-prompt-router",
    "endpoint",
}
OTHER_PARTITIONS = ("us-gov-", "us-iso", "eu-iso", "eusc-", "cn-")
KINDS = ("input", "output", "cache_read", "write_5m", "write_30m", "write_1h", "input_audio", "output_audio")
RATES = (
    "input",
    "output",
    "cache_read",
    "cache_write_5m",
    "cache_write_30m",
    "cache_write_1h",
    "input_audio",
    "output_audio",
)
SIDES = {
    "input_image": "input",
    "input_audio_second": "input",
    "input_video_second": "input",
    "output_image": "output",
    "output_video_second": "output",
}
MAX_COUNT = 2**64 - 1


def read(path):
    """Yields the lines of a table as dictionaries, with their line numbers."""
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    lines = [(number, line.split("\t")) for number, line in lines if not line.startswith("#")]
    (_, names), rows = lines[0], lines[1:]
    for number, fields in rows:
        if len(fields) != len(names):
            sys.exit(f"{path.name}:{number}: {len(fields)} columns instead of {len(names)}")
        yield number, dict(zip(names, fields))


def whole(amount):
    """Returns an exact integer. Raises an error instead of rounding."""
    if amount != amount.to_integral_value():
        raise ValueError(f"{amount} is not a whole number of picodollars")
    return int(amount)


def vendors(rows):
    return {row["model"].split(".")[0] for row in rows if "." in row["model"]}


def parse_model(text, known_vendors):
    """Returns the id without prefix (or None), the routing (or None), and the region of an ARN (or None)."""
    region = None
    is_profile = is_global = False
    name = text
    if text.startswith("arn:"):
        _, _, _, region, _, resource = text.split(":", 5)
        region = region or None
        kind, name = resource.split("/", 1)
        if kind in OPAQUE or "." not in name:
            return None, None, region
        is_profile, is_global = kind == "inference-profile", kind == "foundation-model" and region is None
    elif "." not in text:
        return None, None, None
    label, rest = name.split(".", 1)
    if label in PREFIXES:
        return rest, label, region
    if label not in known_vendors and rest.split(".")[0] in known_vendors and "." in rest:
        return rest, None, region
    if is_profile:
        return name, None, region
    return name, "global" if is_global else "in-region", region


def ids(base):
    """Yields an id, then the id without context size, revision and version."""
    yield base
    while True:
        if ":" in base:
            base = base[: base.rindex(":")]
        elif base.endswith("-v1"):
            base = base[: -len("-v1")]
        else:
            return
        yield base


def midnight(day):
    return datetime.fromisoformat(day).replace(tzinfo=timezone.utc)


NARROW = ("jp", "au", "in", "us-gov", "ca")
# The preferred fallback regions, in order.
FALLBACK_ORDER = (
    "us-east-1",
    "us-west-2",
    "us-east-2",
    "eu-west-1",
    "eu-central-1",
    "ap-northeast-1",
    "ap-southeast-2",
    "us-gov-west-1",
)
EXACT = ("own", "listed", "agreed")


def geos(region):
    """Returns the geographies with profiles that can be called in a region."""
    narrow = {
        "ap-northeast-1": ["jp"],
        "ap-northeast-3": ["jp"],
        "ap-southeast-2": ["au"],
        "ap-southeast-4": ["au"],
        "ap-south-1": ["in"],
        "ap-south-2": ["in"],
    }
    if region.startswith("us-gov-"):
        return ["us-gov"]
    if region.startswith(OTHER_PARTITIONS):
        return []
    if region.startswith("ca-"):
        return ["ca", "us"]
    if region == "me-central-1" or region.startswith("ap-"):
        return narrow.get(region, []) + ["apac"]
    if region == "il-central-1" or region.startswith("eu-"):
        return ["eu"]
    return ["us"] if region.startswith("us-") else []


class Table:
    def __init__(self, rows):
        self.rows = [row for _, row in rows]
        self.vendors = vendors(self.rows)

    def find(self, model, routing, tier, latency, region, at):
        """Returns the context tiers of the row in force (smallest first), its place, and whether it is a fallback."""
        commercial = region is None or not region.startswith(OTHER_PARTITIONS)

        def holds(row):
            start = row["effective_from"]
            routings = row["routings"].split(",")
            key = (row["model"], row["tier"], row["latency"] or "standard") == (model, tier, latency)
            return key and routing in routings and (not start or midnight(start) <= at)

        def in_force(rows, place, is_fallback):
            best = max(row["effective_from"] for row in rows)
            rows = [row for row in rows if row["effective_from"] == best]
            return sorted(rows, key=lambda row: int(row["context_over"] or 0)), place, is_fallback

        rows = [row for row in self.rows if holds(row)]
        callable_in = {}
        for row in rows:
            if row["regions"] != "*" and not row["regions"].startswith("geo:"):
                for name in row["regions"].split(","):
                    if routing in ("in-region", "global") or routing in geos(name):
                        callable_in.setdefault(name, []).append(row)
        if region in callable_in:
            return in_force(callable_in[region], region, False)
        for geo in sorted(PREFIXES, key=lambda geo: geo not in NARROW):
            own = [row for row in rows if row["regions"] == f"geo:{geo}"]
            if own and (geo in geos(region) if region else routing == geo):
                return in_force(own, geo, False)
        own = [row for row in rows if row["regions"] == "*"]
        if own:
            return in_force(own, "", False) if commercial else ([], "", False)

        def rank(name):
            return FALLBACK_ORDER.index(name) if name in FALLBACK_ORDER else len(FALLBACK_ORDER)

        def fallback(names):
            names = sorted(names, key=lambda name: (rank(name), name))
            return in_force(callable_in[names[0]], names[0], True)

        for geo in sorted(PREFIXES, key=lambda geo: geo not in NARROW):
            names = [name for name in callable_in if geo in geos(name)]
            if names and (geo in geos(region) if region else routing == geo):
                return fallback(names)
        names = [name for name in callable_in if not name.startswith(OTHER_PARTITIONS)]
        if names and commercial:
            return fallback(names)
        own = [row for row in rows if row["regions"].startswith("geo:") and row["regions"] != "geo:us-gov"]
        if own and commercial:
            geo = min((row["regions"].removeprefix("geo:") for row in own), key=lambda geo: (geo not in NARROW, geo))
            return in_force([row for row in own if row["regions"] == f"geo:{geo}"], geo, True)
        return [], "", False

    def lookup(self, call, at):
        base, routing, arn_region = parse_model(call["model"], self.vendors)
        region = call["region"] or arn_region
        if base is None:
            return self.find(call["model"], "in-region", call["tier"], call["latency"], region, at)
        if routing is None:
            return [], "", False
        for name in ids(base):
            found = self.find(name, routing, call["tier"], call["latency"], region, at)
            if found[0]:
                return found
        known = any(row["model"] in ids(base) and routing in row["routings"].split(",") for row in self.rows)
        if call["tier"] == "reserved" and known:
            return self.find("provisioned-model", "in-region", "reserved", "standard", region, at)
        return [], "", False

    def guardrails(self, call, at):
        region = call["region"] or parse_model(call["model"], self.vendors)[2]
        return self.find("guardrails", "in-region", "default", "standard", region, at)


def unit_prices(row):
    """Returns the conditions and price of each unit, the narrowest first."""
    prices = []
    for part in filter(None, row["units"].split(";")):
        what, amount = part.rsplit("=", 1)
        name, _, conditions = what.rstrip("]").partition("[")
        side = steps = word = None
        for condition in filter(None, conditions.split(",")):
            if condition.startswith("side<="):
                side = int(condition.removeprefix("side<="))
            elif condition.startswith("steps<="):
                steps = int(condition.removeprefix("steps<="))
            else:
                word = condition
        prices.append((name, side, steps, word, Decimal(amount)))
    last = float("inf")
    return sorted(prices, key=lambda p: (p[3] is None, p[1] or last, p[2] or last))


def counted(text):
    """Parses `output_image[side=1024,premium]*2` to name, side, steps, word and count."""
    what, count = text.split("*")
    name, _, conditions = what.rstrip("]").partition("[")
    side = steps = word = None
    for condition in filter(None, conditions.split(",")):
        if condition.startswith("side="):
            side = int(condition.removeprefix("side="))
        elif condition.startswith("steps="):
            steps = int(condition.removeprefix("steps="))
        else:
            word = condition
    return name, side, steps, word, Decimal(count)


class Bill:
    def __init__(self):
        self.amounts = dict.fromkeys(("input", "output", "cache_read", "cache_write", "other", "saved"), 0)
        self.priced = True
        self.exact = True

    def add(self, where, amount):
        self.amounts[where] += whole(amount)

    def units(self, row, counts, exact):
        for name, side, steps, word, count in counts:
            self.exact &= exact
            for unit, most_side, most_steps, its_word, price in unit_prices(row):
                small = most_side is None or (side is not None and side <= most_side)
                short = most_steps is None or (steps is not None and steps <= most_steps)
                if unit == name and small and short and (its_word is None or its_word == word):
                    self.add(SIDES.get(name, "other"), price * count * 10**12)
                    break
            else:
                self.priced = False

    def tokens(self, row, tokens, exact):
        rate = {kind: row[name] and Decimal(row[name]) * 10**6 for kind, name in zip(KINDS, RATES)}
        if rate["write_5m"] == "" and rate["write_1h"] == "":
            rate["write_5m"] = rate["write_30m"]
        derived = row["derived"].split(",")
        for kind, count in tokens.items():
            if not count:
                continue
            name = RATES[KINDS.index(kind)]
            if name == "cache_write_5m" and row[name] == "" and row["cache_write_1h"] == "":
                name = "cache_write_30m"
            self.exact &= exact and name not in derived
            if rate[kind] == "":
                self.priced = False
                continue
            where = "cache_write" if kind.startswith("write") else kind.removesuffix("_audio")
            self.add(where, rate[kind] * count)
            if where.startswith("cache") and rate["input"] != "":
                self.add("saved", (rate["input"] - rate[kind]) * count)


def name_of(rows, place, routing, tokens):
    """Returns the row of the context tier, and its key as text."""
    total = min(sum(tokens[kind] for kind in KINDS if not kind.startswith("output")), MAX_COUNT)
    row = [row for row in rows if int(row["context_over"] or 0) < total or row is rows[0]][-1]
    routing = row["routings"] if row["model"] == "provisioned-model" else routing
    words = f"{row['model']} {routing} {row['tier']}"
    if place:
        words += f" in {place}"
    if row["effective_from"]:
        words += f" from {row['effective_from']}"
    if row["context_over"]:
        words += f" over {row['context_over']}"
    return row, words


def compute(call, table):
    at = datetime.fromisoformat(call["at"])
    tokens = {kind: int(call[kind] or 0) for kind in KINDS}
    bill, names, sources = Bill(), [], []
    rows, place, is_fallback = table.lookup(call, at)
    routing = parse_model(call["model"], table.vendors)[1] or "in-region"
    exact = bool(rows) and rows[0]["confidence"] in EXACT and not is_fallback
    if rows:
        row, words = name_of(rows, place, routing, tokens)
        names.append(words)
        sources.append(row["source"])
        bill.tokens(row, tokens, exact)
        if call["units"] == "":
            capacity = ("custom_model_unit_minute", "custom_model_unit_month", "model_unit_hour")
            if any(price and name not in capacity for name, _, _, _, price in unit_prices(rows[0])):
                bill.priced = False
        elif call["units"] != "none":
            bill.units(rows[0], map(counted, call["units"].split(";")), exact)
    else:
        bill.priced = False
    if call["guardrail"] == "unknown":
        bill.priced = False
    elif call["guardrail"]:
        rows, place, is_fallback = table.guardrails(call, at)
        exact = bool(rows) and rows[0]["confidence"] in EXACT and not is_fallback
        if rows:
            row, words = name_of(rows, place, "in-region", dict.fromkeys(KINDS, 0))
            names.append(words)
            sources.append(row["source"])
            policies = (policy.split("*") for policy in call["guardrail"].split(";"))
            bill.units(row, [("guardrail_unit", None, None, name, Decimal(count)) for name, count in policies], exact)
        else:
            bill.priced = False
    amounts = bill.amounts
    expected = {f"={name}": str(amount) for name, amount in amounts.items()}
    expected["=total"] = str(sum(amounts.values()) - amounts["saved"])
    expected["=status"] = ("exact" if bill.exact else "estimated") if bill.priced else "unpriced"
    expected["=row"] = " & ".join(names)
    expected["=source"] = " & ".join(sources)
    return expected


def main():
    table = Table(read(HERE.parent.parent / "data" / "prices.tsv"))
    calls = wrong = 0
    for number, call in read(HERE / "calls.tsv"):
        calls += 1
        expected = compute(call, table)
        if set(expected) != {name for name in call if name.startswith("=")}:
            sys.exit("calls.tsv and check.py have different columns")
        for name, value in expected.items():
            if call[name] != value:
                wrong += 1
                print(f"calls.tsv:{number}: {name[1:]} is {call[name]} and should be {value}: {call['model']}")
    if wrong or not calls:
        sys.exit(f"{wrong} figures differ in {calls} calls")
    print(f"{calls} calls, all figures match")


if __name__ == "__main__":
    main()
