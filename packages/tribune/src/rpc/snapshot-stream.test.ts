import assert from "node:assert/strict";
import { test } from "node:test";
import { make, SnapshotRequest, SnapshotResponse } from "@tribune/api";
import { pair } from "./memory-streams.test.support.ts";
import { restoreOverStream, serveSnapshots } from "./snapshot-stream.ts";
import { RpcTransportError } from "./types.ts";

const REQUEST = make(SnapshotRequest, { Datacenter: "dc1" });

/** A server that reads an archive to its end, whatever that is. */
function restoring(): { readonly near: ReturnType<typeof pair>[0]; readonly read: Promise<string> } {
  const [near, far] = pair();
  const read = new Promise<string>((resolve, reject) => {
    serveSnapshots(far, {
      save: () => Promise.reject(new Error("nobody saves here")),
      restore: async (_request, archive) => {
        try {
          const chunks: Uint8Array[] = [];
          for await (const chunk of archive) chunks.push(chunk);
          resolve(Buffer.concat(chunks).toString());
        } catch (error) {
          reject(error);
          throw error;
        }
        return make(SnapshotResponse, { Index: 7 });
      },
    });
  });
  return { near, read };
}

test("an archive goes to the server whole", async () => {
  const { near, read } = restoring();
  async function* archive(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("first ");
    yield Buffer.from("second");
  }
  const response = await restoreOverStream(near, REQUEST, archive());
  assert.equal(await read, "first second");
  assert.equal(response.Index, 7);
});

test("an archive that breaks off ends the connection: a server takes one at a time and would wait for the rest", async () => {
  const { near, read } = restoring();
  async function* archive(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("first ");
    throw new Error("the client has hung up");
  }
  await assert.rejects(restoreOverStream(near, REQUEST, archive()), /the client has hung up/);
  await assert.rejects(
    read,
    (error) => error instanceof RpcTransportError && error.message === "the archive broke off",
  );
});
