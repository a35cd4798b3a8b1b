import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { type Gathered, gather, type Keeper, LongBody, pump } from "./pieces.ts";

/** Each look at it is so much later than the one before. */
function clock(stepMs: number) {
  let nowMs = 0;
  const later = (): number => {
    nowMs += stepMs;
    return nowMs;
  };
  return { nowMs: later, wallMs: later };
}

function* numbered(count: number): Generator<Uint8Array, void, undefined> {
  for (let n = 0; n < count; n++) yield Buffer.from(`${n},`);
}

test("a body made within a slice is whole; one that takes longer goes on where it stood", () => {
  assert.deepEqual(gather(numbered(3), clock(0)), { whole: Buffer.from("0,1,2,") });
  const slow = gather(numbered(30), clock(3)) as Extract<Gathered, { first: unknown }>;
  assert.ok(slow.first.length > 0 && slow.first.length < 30);
  const all: Uint8Array[] = [...slow.first];
  for (let next = slow.rest.next(); next.done !== true; next = slow.rest.next()) all.push(next.value);
  assert.deepEqual(Buffer.concat(all), Buffer.concat([...numbered(30)]));
});

/** Serves the pieces and fetches them. */
async function fetched(pieces: () => Iterable<Uint8Array>, gzipped: boolean, keeper?: Keeper): Promise<string> {
  const server: Server = createServer((_request, response) => {
    const gathered = gather(pieces(), clock(3)) as Extract<Gathered, { first: unknown }>;
    response.writeHead(200, gzipped ? { "Content-Encoding": "gzip" } : {});
    pump(gathered, response, gzipped, clock(3), keeper);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    return await (await fetch(`http://127.0.0.1:${port}/`)).text();
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("a long body arrives whole, over many turns of the event loop, compressed or not", async () => {
  const expected = Buffer.concat([...numbered(5_000)]).toString();
  for (const gzipped of [false, true]) assert.equal(await fetched(() => numbered(5_000), gzipped), expected);
});

test("a body that fails on its way breaks its connection, and nothing else", async () => {
  function* failing(): Generator<Uint8Array, void, undefined> {
    yield* numbered(100);
    throw new Error("a row that cannot be shown");
  }
  for (const gzipped of [false, true]) await assert.rejects(fetched(failing, gzipped));
});

test("what was sent can be kept and sent again, unless it is longer than is kept", async () => {
  const expected = Buffer.concat([...numbered(5_000)]).toString();
  const kept: LongBody[] = [];
  const keeperOf = (bytesMax: number): Keeper => ({
    bytesMax,
    keep: (pieces, bytes) => void kept.push(new LongBody(pieces, String(bytes))),
  });
  await fetched(() => numbered(5_000), false, keeperOf(expected.length - 1));
  assert.equal(kept.length, 0);
  await fetched(() => numbered(5_000), true, keeperOf(expected.length));
  assert.deepEqual(
    kept.map(({ contentType }) => contentType),
    [String(expected.length)],
  );
  for (const _ of [1, 2]) assert.equal(await fetched(() => kept[0]!.pieces, false), expected);
});
