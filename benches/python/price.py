"""Measures how long two Python packages take to price the calls of the golden file, and lists where they differ.

    python3 -m venv target/venv
    target/venv/bin/pip install genai-prices==0.2.3 litellm==1.109.1
    target/venv/bin/python benches/python/price.py

Only token calls at the default tier are used. Each package is timed on the calls that it prices, with prepared usage
objects, in one process.
"""

import os
import time
from datetime import datetime
from pathlib import Path
from statistics import median

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import genai_prices
import litellm
from litellm.types.utils import Usage as LiteLlmUsage

GOLDEN = Path(__file__).resolve().parents[2] / "crates" / "outlay-price" / "tests" / "golden" / "calls.tsv"
KINDS = ("input", "output", "cache_read", "write_5m", "write_30m", "write_1h", "input_audio", "output_audio")
ROUNDS = 7


def calls():
    """Yields the golden calls that use only tokens, with their cost in dollars."""
    lines = [line.split("\t") for line in GOLDEN.read_text().splitlines() if not line.startswith("#")]
    for line in lines[1:]:
        call = dict(zip(lines[0], line))
        tokens = {kind: int(call[kind] or 0) for kind in KINDS}
        is_plain = (call["tier"], call["latency"], call["units"], call["guardrail"]) == ("default", "standard", "", "")
        if is_plain and sum(tokens.values()) < 2**40 and call["=status"] == "exact":
            at = datetime.fromisoformat(call["at"])
            yield call["model"], call["region"], at, tokens, int(call["=total"]) / 1e12


def by_genai_prices(model, _region, at, tokens):
    """Returns a function that prices a call with genai-prices."""
    writes = tokens["write_5m"] + tokens["write_30m"] + tokens["write_1h"]
    usage = genai_prices.Usage(
        input_tokens=tokens["input"] + tokens["cache_read"] + writes + tokens["input_audio"],
        output_tokens=tokens["output"] + tokens["output_audio"],
        cache_read_tokens=tokens["cache_read"],
        cache_write_tokens=writes,
        cache_write_1h_tokens=tokens["write_1h"],
        input_audio_tokens=tokens["input_audio"],
        output_audio_tokens=tokens["output_audio"],
    )
    return lambda: genai_prices.calc_price(
        usage, model_ref=model, provider_id="aws", genai_request_timestamp=at
    ).total_price


def by_litellm(model, region, _at, tokens):
    """Returns a function that prices a call, input plus output, with LiteLLM."""
    writes = tokens["write_5m"] + tokens["write_30m"] + tokens["write_1h"]
    usage = LiteLlmUsage(
        prompt_tokens=tokens["input"] + tokens["cache_read"] + writes + tokens["input_audio"],
        completion_tokens=tokens["output"] + tokens["output_audio"],
        cache_read_input_tokens=tokens["cache_read"],
        cache_creation_input_tokens=writes,
        prompt_tokens_details={
            "cached_tokens": tokens["cache_read"],
            "cache_creation_tokens": writes,
            "audio_tokens": tokens["input_audio"],
            "cache_creation_token_details": {
                "ephemeral_5m_input_tokens": writes - tokens["write_1h"],
                "ephemeral_1h_input_tokens": tokens["write_1h"],
            },
        },
        completion_tokens_details={"audio_tokens": tokens["output_audio"]},
    )
    return lambda: sum(
        litellm.cost_per_token(
            model=model, custom_llm_provider="bedrock", region_name=region or None, usage_object=usage
        )
    )


def attempt(price):
    try:
        return float(price())
    except Exception as error:  # noqa: BLE001 - each package has its own error for a missing price
        return error


def run(name, prepare, golden):
    priced, different = [], []
    for call in golden:
        price = prepare(*call[:4])
        result = attempt(price)
        if isinstance(result, Exception):
            continue
        priced.append(price)
        if abs(result - call[4]) > 1e-9 * max(call[4], 1e-6):
            different.append((call, result))
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        for price in priced:
            price()
        times.append((time.perf_counter_ns() - start) / len(priced))
    print(f"{name}: {median(times):,.0f} ns per call, for {len(priced)} of {len(golden)} calls that it prices")
    print(f"  not priced: {len(golden) - len(priced)}; different from the golden cost: {len(different)}")
    for (model, region, at, tokens, ours), theirs in different:
        used = " ".join(f"{kind}={count}" for kind, count in tokens.items() if count)
        where = f" in {region}" if region else ""
        print(f"  {model}{where} at {at:%Y-%m-%d}: {used}: {theirs:.9f}, golden {ours:.9f}")


def main():
    golden = list(calls())
    litellm.suppress_debug_info = True
    run("genai-prices", by_genai_prices, golden)
    run("litellm", by_litellm, golden)


if __name__ == "__main__":
    main()
