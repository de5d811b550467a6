#!/usr/bin/env python3
"""Gives Phoenix the prices of Outlay's table, so that it prices tokens as Outlay does.

usage: outlay prices export --region us-east-1 | python3 phoenix_prices.py http://localhost:6006

Phoenix prices the tokens of a call by the name of its model. It has one price for each model. The script takes the price in
the region, at the default tier, for the smallest context and a cache lifetime of five minutes. Phoenix does not show charges,
such as for a paid search. Spans that it already has keep their cost. Run the script again to update the prices.
"""

import http.client
import json
import math
import re
import sys
import urllib.request

# The kinds of token in Phoenix, whether they are of the prompt, and their names in Outlay.
KINDS = [
    ("input", "PROMPT", "input"),
    ("output", "COMPLETION", "output"),
    ("cache_read", "PROMPT", "cache_read"),
    ("cache_write", "PROMPT", "cache_write_5m"),
]
LIST = """query { generativeModels(first: 100000) { edges { node { id name kind } } } }"""
CREATE = """mutation ($input: CreateModelMutationInput!) { createModel(input: $input) { model { id } } }"""
UPDATE = """mutation ($input: UpdateModelMutationInput!) { updateModel(input: $input) { model { id } } }"""


def ask(address, query, **variables):
    body = json.dumps({"query": query, "variables": variables}).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"{address}/graphql", data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer = json.load(answer)
    if not isinstance(answer, dict) or answer.get("errors") or not isinstance(answer.get("data"), dict):
        raise ValueError(json.dumps(answer)[:500])
    return answer["data"]


def costs(prices):
    """Returns the prices of a model for Phoenix, or None if it has no price for input or output."""
    if not isinstance(prices, dict):
        raise ValueError("prices are no object")
    if "input" not in prices or "output" not in prices:
        return None
    # Prices are decimal text: anything else cannot be added to text.
    known = [(kind, part, float("" + prices[name])) for kind, part, name in KINDS if name in prices]
    if any(not math.isfinite(price) or price < 0 for _, _, price in known):
        raise ValueError("a price is no amount")
    return [{"tokenType": kind, "kind": part, "costPerMillionTokens": price} for kind, part, price in known]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    address = sys.argv[1].rstrip("/")
    models = {}
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            model = json.loads(line.decode())
            models["" + model["model"]] = costs(model["usd_per_million_tokens"])
        except (ValueError, KeyError, TypeError, RecursionError):
            start = line.strip()[:200].decode(errors="replace")
            sys.exit(f"line {number} is not a price of `outlay prices export`: {start}")
    if not models:
        sys.exit("there are no prices: give the output of `outlay prices export` on standard input")
    try:
        nodes = [edge["node"] for edge in ask(address, LIST)["generativeModels"]["edges"]]
        known = {node["name"]: node["id"] for node in nodes if node["kind"] == "CUSTOM"}
        priced = [(name, prices) for name, prices in models.items() if prices is not None]
        for name, prices in priced:
            model = {"name": name, "namePattern": f"^{re.escape(name)}$", "costs": prices}
            if name in known:
                ask(address, UPDATE, input={**model, "id": known[name], "provider": None})
            else:
                ask(address, CREATE, input=model)
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        sys.exit(f"Phoenix at {address} did not take the prices: {error}")
    print(f"{len(priced)} models have a price in Phoenix; {len(models) - len(priced)} have no price for input and output")


if __name__ == "__main__":
    main()
