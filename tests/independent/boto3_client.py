"""Runs boto3 against a bedrock-sim started with replies.json, and checks how boto3 parses the replies.

usage: boto3_client.py URL
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.eventstream import ChecksumMismatch
from botocore.exceptions import ClientError, EventStreamError

MODEL = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
USAGE = {
    "inputTokens": 1000,
    "outputTokens": 200,
    "totalTokens": 9732,
    "cacheReadInputTokens": 8192,
    "cacheWriteInputTokens": 340,
    "cacheDetails": [{"ttl": "5m", "inputTokens": 300}, {"ttl": "1h", "inputTokens": 40}],
}


class Checks:
    def __init__(self, url):
        self.client = boto3.client(
            "bedrock-runtime",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"mode": "standard", "total_max_attempts": 3}, read_timeout=20),
        )

    def converse(self, case, model=MODEL):
        return self.client.converse(modelId=model, messages=messages(case))

    def converse_stream(self, case):
        return self.client.converse_stream(modelId=MODEL, messages=messages(case))

    def invoke(self, case):
        return self.client.invoke_model(modelId=MODEL, body=native(case))

    def invoke_stream(self, case):
        return self.client.invoke_model_with_response_stream(modelId=MODEL, body=native(case))

    def check_converse_text_usage_and_tier(self):
        reply = self.converse("text")
        equal(reply["output"]["message"], {"role": "assistant", "content": [{"text": "Grüße, 世界"}]})
        equal(reply["stopReason"], "end_turn")
        equal(reply["usage"], USAGE)
        equal(reply["metrics"], {"latencyMs": 321})
        equal(reply["serviceTier"], {"type": "priority"})
        equal(reply["performanceConfig"], {"latency": "optimized"})
        equal(reply["additionalModelResponseFields"], {"stop_sequence": "###"})
        router = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"
        equal(reply["trace"], {"promptRouter": {"invokedModelId": router}})
        equal(reply["ResponseMetadata"]["RequestId"], "11111111-2222-4333-8444-555555555555")

    def check_converse_tool_use(self):
        reply = self.converse("tool")
        reasoning, text, tool = reply["output"]["message"]["content"]
        equal(reasoning["reasoningContent"]["reasoningText"]["text"], "The city is known.")
        equal(text, {"text": "Let me look."})
        equal(tool["toolUse"], {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "Wien", "days": [1, 2]}})
        equal(reply["stopReason"], "tool_use")
        equal(reply["usage"], {"inputTokens": 50, "outputTokens": 20, "totalTokens": 70})

    def check_converse_retries_a_throttle(self):
        reply = self.converse("throttled")
        equal(reply["output"]["message"]["content"], [{"text": "second try"}])
        equal(reply["ResponseMetadata"]["RetryAttempts"], 1)

    def check_converse_retries_a_reset(self):
        reply = self.converse("reset")
        equal(reply["output"]["message"]["content"], [{"text": "after the reset"}])
        equal(reply["ResponseMetadata"]["RetryAttempts"], 1)

    def check_converse_errors(self):
        for case, code, status, message in [
            ("denied", "AccessDeniedException", 403, "access denied"),
            ("invalid", "ValidationException", 400, "too long"),
            ("missing", "ResourceNotFoundException", 404, None),
        ]:
            error = expect_error(ClientError, lambda: self.converse(case))
            equal(type(error).__name__, code)
            equal(error.response["Error"]["Code"], code)
            equal(error.response["ResponseMetadata"]["HTTPStatusCode"], status)
            if message:
                equal(error.response["Error"]["Message"], message)

    def check_converse_on_an_arn(self):
        reply = self.converse("arn", model=ARN)
        equal(reply["output"]["message"]["content"], [{"text": "by ARN"}])

    def check_converse_stream_text_usage_and_tier(self):
        events = list(self.converse_stream("text")["stream"])
        names = [next(iter(event)) for event in events]
        equal(names[0], "messageStart")
        equal(names[-2:], ["messageStop", "metadata"])
        deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
        equal("".join(delta.get("text", "") for delta in deltas), "Grüße, 世界, in many small pieces")
        reasoning = [delta["reasoningContent"] for delta in deltas if "reasoningContent" in delta]
        equal("".join(delta.get("text", "") for delta in reasoning), "Hm.")
        equal("signature" in reasoning[-1], True)
        metadata = events[-1]["metadata"]
        equal(metadata["usage"], USAGE)
        equal(metadata["metrics"], {"latencyMs": 321})
        equal(metadata["serviceTier"], {"type": "flex"})
        equal(metadata["performanceConfig"], {"latency": "standard"})

    def check_converse_stream_tool_use(self):
        events = list(self.converse_stream("tool")["stream"])
        start = next(event["contentBlockStart"]["start"] for event in events if "contentBlockStart" in event)
        equal(start, {"toolUse": {"toolUseId": "tooluse_2", "name": "weather"}})
        deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
        equal(json.loads("".join(delta["toolUse"]["input"] for delta in deltas)), {"city": "Wien"})
        stop = next(event["messageStop"] for event in events if "messageStop" in event)
        equal(stop["stopReason"], "tool_use")

    def check_converse_stream_exception_mid_stream(self):
        received = []
        stream = self.converse_stream("exception")["stream"]
        error = expect_error(EventStreamError, lambda: drain(stream, received))
        equal(error.response["Error"]["Code"], "modelStreamErrorException")
        equal(len(received), 3)

    def check_converse_stream_exception_in_the_first_frame(self):
        received = []
        stream = self.converse_stream("first-frame")["stream"]
        error = expect_error(EventStreamError, lambda: drain(stream, received))
        equal(error.response["Error"]["Code"], "validationException")
        equal(received, [])

    def check_converse_stream_corrupt_frame(self):
        received = []
        stream = self.converse_stream("corrupt")["stream"]
        expect_error(ChecksumMismatch, lambda: drain(stream, received))
        equal(len(received), 2)

    def check_converse_stream_retries_a_throttle(self):
        reply = self.converse_stream("throttled")
        equal(reply["ResponseMetadata"]["RetryAttempts"], 1)
        equal("metadata" in list(reply["stream"])[-1], True)

    def check_invoke_model_body_and_headers(self):
        reply = self.invoke("text")
        body = json.loads(reply["body"].read())
        equal(body["content"], [{"type": "text", "text": "native"}])
        equal(
            body["usage"],
            {
                "input_tokens": 1000,
                "output_tokens": 200,
                "cache_read_input_tokens": 8192,
                "cache_creation_input_tokens": 340,
                "cache_creation": {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 40},
            },
        )
        equal(reply["contentType"], "application/json")
        equal(reply["serviceTier"], "priority")
        equal(reply["performanceConfigLatency"], "optimized")
        headers = reply["ResponseMetadata"]["HTTPHeaders"]
        for name, value in [
            ("input-token-count", "1000"),
            ("output-token-count", "200"),
            ("cache-read-input-token-count", "8192"),
            ("cache-write-input-token-count", "340"),
            ("invocation-latency", "321"),
        ]:
            equal(headers["x-amzn-bedrock-" + name], value)

    def check_invoke_model_retries_a_throttle(self):
        reply = self.invoke("throttled")
        equal(json.loads(reply["body"].read())["content"][0]["text"], "second try")
        equal(reply["ResponseMetadata"]["RetryAttempts"], 1)

    def check_invoke_model_stream_chunks_and_metrics(self):
        reply = self.invoke_stream("text")
        equal(reply["contentType"], "application/json")
        equal(reply["serviceTier"], "default")
        equal(reply["performanceConfigLatency"], "standard")
        chunks = [json.loads(event["chunk"]["bytes"]) for event in reply["body"]]
        equal(chunks[0]["message"]["usage"]["input_tokens"], 1000)
        text = [chunk["delta"]["text"] for chunk in chunks if chunk["type"] == "content_block_delta"]
        equal("".join(text), "native, in pieces")
        equal(chunks[-2]["usage"], {"output_tokens": 200})
        equal(
            chunks[-1]["amazon-bedrock-invocationMetrics"],
            {
                "inputTokenCount": 1000,
                "outputTokenCount": 200,
                "cacheReadInputTokenCount": 8192,
                "cacheWriteInputTokenCount": 340,
                "invocationLatency": 321,
                "firstByteLatency": 160,
            },
        )

    def check_invoke_model_stream_exception_mid_stream(self):
        received = []
        stream = self.invoke_stream("exception")["body"]
        error = expect_error(EventStreamError, lambda: drain(stream, received))
        equal(error.response["Error"]["Code"], "modelTimeoutException")
        equal(len(received), 4)

    def check_count_tokens(self):
        reply = self.client.count_tokens(modelId=MODEL, input={"converse": {"messages": messages("count")}})
        equal(reply["inputTokens"] > 0, True)

    def check_apply_guardrail(self):
        content = [{"text": {"text": "x" * 1001}}]
        reply = self.client.apply_guardrail(
            guardrailIdentifier="gr-1", guardrailVersion="DRAFT", source="INPUT", content=content
        )
        equal(reply["action"], "NONE")
        equal(reply["usage"]["topicPolicyUnits"], 2)
        equal(reply["usage"]["contentPolicyUnits"], 2)

    def check_invoke_guardrail_checks(self):
        reply = self.client.invoke_guardrail_checks(
            messages=[{"role": "user", "content": [{"text": "hello"}]}],
            checks={"contentFilter": {"categories": [{"category": "VIOLENCE"}]}},
        )
        equal(reply["usage"], {"contentFilter": {"textUnits": 1}})

    def check_async_invoke(self):
        started = [
            self.client.start_async_invoke(
                clientRequestToken=token,
                modelId="amazon.nova-reel-v1:1",
                modelInput={"taskType": "TEXT_VIDEO"},
                outputDataConfig={"s3OutputDataConfig": {"s3Uri": "s3://bucket/prefix"}},
            )["invocationArn"]
            for token in ("one", "one", "two")
        ]
        equal(started[0] == started[1], True)
        equal(started[0] == started[2], False)
        job = self.client.get_async_invoke(invocationArn=started[0])
        equal((job["invocationArn"], job["status"]), (started[0], "Completed"))
        equal(self.client.list_async_invokes()["asyncInvokeSummaries"], [])

    def check_images_and_ranking(self):
        body = {"taskType": "TEXT_IMAGE", "imageGenerationConfig": {"numberOfImages": 3}}
        reply = self.client.invoke_model(modelId="amazon.nova-canvas-v1:0", body=json.dumps(body))
        equal(len(json.loads(reply["body"].read())["images"]), 3)
        body = {"query": "q", "documents": ["a", "b"], "api_version": 2}
        reply = self.client.invoke_model(modelId="cohere.rerank-v3-5:0", body=json.dumps(body))
        equal([result["index"] for result in json.loads(reply["body"].read())["results"]], [0, 1])


def messages(case):
    return [{"role": "user", "content": [{"text": f"case:{case}"}]}]


def native(case):
    return json.dumps(
        {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 100,
            "messages": [{"role": "user", "content": f"case:{case}"}],
        }
    )


def drain(stream, received):
    for event in stream:
        received.append(event)


def equal(actual, expected):
    if actual != expected:
        raise AssertionError(f"expected {expected!r}, got {actual!r}")


def expect_error(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"expected {kind.__name__}")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    checks = Checks(sys.argv[1])
    names = [name for name in dir(checks) if name.startswith("check_")]
    failed = 0
    for name in names:
        try:
            getattr(checks, name)()
        except Exception as error:
            failed += 1
            print(f"boto3 {name}: {type(error).__name__}: {error}")
    print(f"{len(names) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
