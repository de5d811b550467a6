// Runs the AWS SDK for JavaScript against a bedrock-sim started with replies.json, and checks how it parses the
// replies.
//
// usage: js_client.mjs URL

import assert from "node:assert/strict";
import {
  ApplyGuardrailCommand,
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  CountTokensCommand,
  GetAsyncInvokeCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
  ListAsyncInvokesCommand,
  StartAsyncInvokeCommand,
} from "@aws-sdk/client-bedrock-runtime";
import { NodeHttpHandler } from "@smithy/node-http-handler";

const MODEL = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
const ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123";
const USAGE = {
  inputTokens: 1000,
  outputTokens: 200,
  totalTokens: 9732,
  cacheReadInputTokens: 8192,
  cacheWriteInputTokens: 340,
  cacheDetails: [
    { ttl: "5m", inputTokens: 300 },
    { ttl: "1h", inputTokens: 40 },
  ],
};

const [url] = process.argv.slice(2);
if (!url) {
  console.error("usage: js_client.mjs URL");
  process.exit(2);
}

// This client uses HTTP/2 by default, for the bidirectional stream. Without TLS that needs prior knowledge of the
// server, and the simulator uses HTTP/1.1. The service accepts both for these operations.
const client = new BedrockRuntimeClient({
  endpoint: url,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  maxAttempts: 3,
  requestHandler: new NodeHttpHandler({ requestTimeout: 20_000 }),
});

let lastHeaders = {};
client.middlewareStack.add(
  (next) => async (args) => {
    const result = await next(args);
    lastHeaders = result.response.headers;
    return result;
  },
  { step: "deserialize", name: "keepHeaders", priority: "low" },
);

const messages = (name) => [{ role: "user", content: [{ text: `case:${name}` }] }];
const native = (name) =>
  JSON.stringify({
    anthropic_version: "bedrock-2023-05-31",
    max_tokens: 100,
    messages: [{ role: "user", content: `case:${name}` }],
  });

const converse = (name, modelId = MODEL) => client.send(new ConverseCommand({ modelId, messages: messages(name) }));
const converseStream = (name) => client.send(new ConverseStreamCommand({ modelId: MODEL, messages: messages(name) }));
const invoke = (name) => client.send(new InvokeModelCommand({ modelId: MODEL, body: native(name) }));
const invokeStream = (name) =>
  client.send(new InvokeModelWithResponseStreamCommand({ modelId: MODEL, body: native(name) }));

const json = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

async function drain(stream, received = []) {
  for await (const event of stream) received.push(event);
  return received;
}

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("expected an error");
}

const checks = {
  async "converse: text, usage and tier"() {
    const reply = await converse("text");
    assert.deepEqual(reply.output.message, { role: "assistant", content: [{ text: "Grüße, 世界" }] });
    assert.equal(reply.stopReason, "end_turn");
    assert.deepEqual(reply.usage, USAGE);
    assert.deepEqual(reply.metrics, { latencyMs: 321 });
    assert.deepEqual(reply.serviceTier, { type: "priority" });
    assert.deepEqual(reply.performanceConfig, { latency: "optimized" });
    assert.deepEqual(reply.additionalModelResponseFields, { stop_sequence: "###" });
    assert.deepEqual(reply.trace, {
      promptRouter: { invokedModelId: "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0" },
    });
    assert.equal(reply.$metadata.requestId, "11111111-2222-4333-8444-555555555555");
  },

  async "converse: tool use"() {
    const reply = await converse("tool");
    const [reasoning, text, tool] = reply.output.message.content;
    assert.equal(reasoning.reasoningContent.reasoningText.text, "The city is known.");
    assert.deepEqual(text, { text: "Let me look." });
    assert.deepEqual(tool.toolUse, {
      toolUseId: "tooluse_1",
      name: "weather",
      input: { city: "Wien", days: [1, 2] },
    });
    assert.equal(reply.stopReason, "tool_use");
    assert.deepEqual(reply.usage, { inputTokens: 50, outputTokens: 20, totalTokens: 70 });
  },

  async "converse: a throttle is retried"() {
    const reply = await converse("throttled");
    assert.deepEqual(reply.output.message.content, [{ text: "second try" }]);
    assert.equal(reply.$metadata.attempts, 2);
  },

  async "converse: a reset is retried"() {
    const reply = await converse("reset");
    assert.deepEqual(reply.output.message.content, [{ text: "after the reset" }]);
    assert.equal(reply.$metadata.attempts, 2);
  },

  async "converse: errors"() {
    for (const [name, kind, status, message] of [
      ["denied", "AccessDeniedException", 403, "access denied"],
      ["invalid", "ValidationException", 400, "too long"],
      ["missing", "ResourceNotFoundException", 404, undefined],
    ]) {
      const error = await failure(converse(name));
      assert.equal(error.name, kind);
      assert.equal(error.$metadata.httpStatusCode, status);
      if (message) assert.equal(error.message, message);
    }
  },

  async "converse: on an ARN"() {
    const reply = await converse("arn", ARN);
    assert.deepEqual(reply.output.message.content, [{ text: "by ARN" }]);
  },

  async "converse stream: text, usage and tier"() {
    const events = await drain((await converseStream("text")).stream);
    const names = events.map((event) => Object.keys(event)[0]);
    assert.equal(names[0], "messageStart");
    assert.deepEqual(names.slice(-2), ["messageStop", "metadata"]);
    const deltas = events.flatMap((event) => event.contentBlockDelta?.delta ?? []);
    assert.equal(deltas.map((delta) => delta.text ?? "").join(""), "Grüße, 世界, in many small pieces");
    const reasoning = deltas.flatMap((delta) => delta.reasoningContent ?? []);
    assert.equal(reasoning.map((delta) => delta.text ?? "").join(""), "Hm.");
    assert.ok(reasoning.at(-1).signature);
    const { metadata } = events.at(-1);
    assert.deepEqual(metadata.usage, USAGE);
    assert.deepEqual(metadata.metrics, { latencyMs: 321 });
    assert.deepEqual(metadata.serviceTier, { type: "flex" });
    assert.deepEqual(metadata.performanceConfig, { latency: "standard" });
  },

  async "converse stream: tool use"() {
    const events = await drain((await converseStream("tool")).stream);
    const [start] = events.flatMap((event) => event.contentBlockStart?.start ?? []);
    assert.deepEqual(start, { toolUse: { toolUseId: "tooluse_2", name: "weather" } });
    const deltas = events.flatMap((event) => event.contentBlockDelta?.delta.toolUse ?? []);
    assert.deepEqual(JSON.parse(deltas.map((delta) => delta.input).join("")), { city: "Wien" });
    const [stop] = events.flatMap((event) => event.messageStop ?? []);
    assert.equal(stop.stopReason, "tool_use");
  },

  async "converse stream: exception in mid-stream"() {
    const received = [];
    const error = await failure(drain((await converseStream("exception")).stream, received));
    assert.equal(error.name, "ModelStreamErrorException");
    assert.equal(error.originalMessage, "the model stopped");
    assert.equal(received.length, 3);
  },

  async "converse stream: exception in the first frame"() {
    // This client reads the first frame before it returns the stream, so the call itself fails.
    const error = await failure(converseStream("first-frame"));
    assert.equal(error.name, "ValidationException");
  },

  async "converse stream: corrupt frame"() {
    const received = [];
    const error = await failure(drain((await converseStream("corrupt")).stream, received));
    assert.match(error.message, /checksum/i);
    assert.equal(received.length, 2);
  },

  async "converse stream: a throttle is retried"() {
    const reply = await converseStream("throttled");
    assert.equal(reply.$metadata.attempts, 2);
    const events = await drain(reply.stream);
    assert.ok(events.at(-1).metadata);
  },

  async "invoke model: body and headers"() {
    const reply = await invoke("text");
    const body = json(reply.body);
    assert.deepEqual(body.content, [{ type: "text", text: "native" }]);
    assert.deepEqual(body.usage, {
      input_tokens: 1000,
      output_tokens: 200,
      cache_read_input_tokens: 8192,
      cache_creation_input_tokens: 340,
      cache_creation: { ephemeral_5m_input_tokens: 300, ephemeral_1h_input_tokens: 40 },
    });
    assert.equal(reply.contentType, "application/json");
    assert.equal(reply.serviceTier, "priority");
    assert.equal(reply.performanceConfigLatency, "optimized");
    for (const [name, value] of [
      ["input-token-count", "1000"],
      ["output-token-count", "200"],
      ["cache-read-input-token-count", "8192"],
      ["cache-write-input-token-count", "340"],
      ["invocation-latency", "321"],
    ]) {
      assert.equal(lastHeaders[`x-amzn-bedrock-${name}`], value);
    }
  },

  async "invoke model: a throttle is retried"() {
    const reply = await invoke("throttled");
    assert.equal(json(reply.body).content[0].text, "second try");
    assert.equal(reply.$metadata.attempts, 2);
  },

  async "invoke model stream: chunks and metrics"() {
    const reply = await invokeStream("text");
    assert.equal(reply.contentType, "application/json");
    assert.equal(reply.serviceTier, "default");
    assert.equal(reply.performanceConfigLatency, "standard");
    const chunks = (await drain(reply.body)).map((event) => json(event.chunk.bytes));
    assert.equal(chunks[0].message.usage.input_tokens, 1000);
    const text = chunks.filter((chunk) => chunk.type === "content_block_delta").map((chunk) => chunk.delta.text);
    assert.equal(text.join(""), "native, in pieces");
    assert.deepEqual(chunks.at(-2).usage, { output_tokens: 200 });
    assert.deepEqual(chunks.at(-1)["amazon-bedrock-invocationMetrics"], {
      inputTokenCount: 1000,
      outputTokenCount: 200,
      cacheReadInputTokenCount: 8192,
      cacheWriteInputTokenCount: 340,
      invocationLatency: 321,
      firstByteLatency: 160,
    });
  },

  async "invoke model stream: exception in mid-stream"() {
    const received = [];
    const error = await failure(drain((await invokeStream("exception")).body, received));
    assert.equal(error.name, "ModelTimeoutException");
    assert.equal(received.length, 4);
  },

  async "guardrails: units are counted"() {
    const content = [{ text: { text: "x".repeat(1001) } }];
    const guardrail = { guardrailIdentifier: "gr-1", guardrailVersion: "1", source: "INPUT", content };
    const reply = await client.send(new ApplyGuardrailCommand(guardrail));
    assert.equal(reply.action, "NONE");
    assert.equal(reply.usage.topicPolicyUnits, 2);
  },

  async "async invoke: the same token is the same job"() {
    const start = (clientRequestToken) =>
      client.send(
        new StartAsyncInvokeCommand({
          clientRequestToken,
          modelId: "amazon.nova-reel-v1:1",
          modelInput: { taskType: "TEXT_VIDEO" },
          outputDataConfig: { s3OutputDataConfig: { s3Uri: "s3://bucket/prefix" } },
        }),
      );
    const { invocationArn } = await start("one");
    assert.equal((await start("one")).invocationArn, invocationArn);
    const job = await client.send(new GetAsyncInvokeCommand({ invocationArn }));
    assert.equal(job.status, "Completed");
    const list = await client.send(new ListAsyncInvokesCommand({}));
    assert.deepEqual(list.asyncInvokeSummaries, []);
  },

  async "count tokens"() {
    const input = { converse: { messages: [{ role: "user", content: [{ text: "hello" }] }] } };
    const reply = await client.send(new CountTokensCommand({ modelId: MODEL, input }));
    assert.ok(reply.inputTokens > 0);
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
  } catch (error) {
    failed += 1;
    console.log(`js ${name}: ${error.name}: ${error.message}`);
  }
}
client.destroy();
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
