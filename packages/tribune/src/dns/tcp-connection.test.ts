import assert from "node:assert/strict";
import { test } from "node:test";
import type { Stream, Timers } from "../lib/runtime.ts";
import type { MaybePromise } from "./backend.ts";
import { TcpConnection } from "./tcp-connection.ts";

/** A stream by hand and timers that fire when told. */
function connection(respond: (message: Uint8Array) => MaybePromise<Uint8Array | undefined>) {
  const written: string[] = [];
  const events: string[] = [];
  const timeouts: { ms: number; run: () => void; isCancelled: boolean }[] = [];
  const timers: Timers = {
    after: (ms, run) => {
      const timeout = { ms, run, isCancelled: false };
      timeouts.push(timeout);
      return () => {
        timeout.isCancelled = true;
      };
    },
    soon: () => {},
  };
  const ignore = (): void => {};
  const stream: Stream = {
    remoteAddress: "192.0.2.1:5353",
    localAddress: "192.0.2.2:53",
    onData: ignore,
    onEnd: ignore,
    onClose: ignore,
    onDrain: ignore,
    write: (chunk) => {
      written.push(Buffer.from(chunk).toString("latin1"));
      return !events.includes("slow");
    },
    end: () => events.push("end"),
    destroy: () => events.push("destroy"),
  };
  new TcpConnection(stream, timers, respond, () => events.push("closed"));
  const armed = (): number[] => timeouts.filter(({ isCancelled }) => !isCancelled).map(({ ms }) => ms);
  const expire = (): void => timeouts.find(({ isCancelled }) => !isCancelled)?.run();
  const send = (text: string): void => stream.onData(Buffer.from(text, "latin1"));
  return { stream, written, events, armed, expire, send };
}

const echo = (message: Uint8Array): Uint8Array => Buffer.from(message);

test("pipelined questions in any cut are answered in order", async () => {
  let release: (bytes: Uint8Array) => void = () => {};
  const slow = new Promise<Uint8Array>((resolve) => {
    release = resolve;
  });
  const { send, written } = connection((message) => (message[0] === 0x61 ? slow : echo(message)));
  for (const part of ["\0", "\x01a\0\x02b", "b\0\x01c", "\0\0"]) send(part);
  assert.deepEqual(written, []);
  release(Buffer.from("A"));
  await new Promise(setImmediate);
  assert.deepEqual(written, ["\0\x01A", "\0\x02bb", "\0\x01c", "\0\0"]);
});

test("a question without an answer does not hold up the next", () => {
  const { send, written } = connection((message) => (message.length === 0 ? undefined : echo(message)));
  send("\0\0\0\x01x");
  assert.deepEqual(written, ["\0\x01x"]);
});

test("the first question and every further one have their time", () => {
  const { send, armed, expire, events } = connection(echo);
  assert.deepEqual(armed(), [2000]);
  send("\0\x01x");
  assert.deepEqual(armed(), [8000]);
  expire();
  assert.deepEqual(events, ["destroy"]);
});

test("after 128 questions the connection ends, and is cut if the client stays", () => {
  const { send, written, events, expire } = connection(echo);
  send("\0\x01x".repeat(200));
  assert.equal(written.length, 128);
  assert.deepEqual(events, ["end"]);
  expire();
  assert.deepEqual(events, ["end", "destroy"]);
});

test("a client that ends its side still gets its answers", () => {
  const { stream, send, written, events } = connection(echo);
  send("\0\x01x");
  stream.onEnd();
  assert.deepEqual([written, events], [["\0\x01x"], ["end"]]);
});

test("a client that does not read is waited for, with a bound on what it may send meanwhile", () => {
  const { stream, send, written, events } = connection(echo);
  events.push("slow");
  send("\0\x01x\0\x01y");
  assert.deepEqual(written, ["\0\x01x"]);
  events.pop();
  stream.onDrain();
  assert.deepEqual(written, ["\0\x01x", "\0\x01y"]);
  events.push("slow");
  send("\0\x01z");
  for (let kilobytes = 0; kilobytes < 140; kilobytes++) send("q".repeat(1024));
  assert.ok(events.includes("destroy"));
});
