import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRng } from "../lib/random.ts";
import { DEFAULT_RAFT_CONFIG, type Proposal, type ProposalId, RaftCore, recoverLog, type ServerId } from "./index.ts";
import { jsonConfigurationCodec } from "./testing/json-configuration-codec.ts";

const A = "a" as ServerId;

test("a sole voter leads after two writes and commits only what is durable", () => {
  const configuration = { servers: [{ id: A, address: "a:1", suffrage: "voter" as const }] };
  const core = new RaftCore(
    {
      id: A,
      config: DEFAULT_RAFT_CONFIG,
      hardState: { term: 0, votedFor: undefined },
      log: recoverLog([]),
      snapshot: undefined,
    },
    { rng: seededRng(1), codec: jsonConfigurationCodec },
  );
  core.step(0, { type: "tick" });
  const [vote] = core.step(0, { type: "bootstrap", configuration });
  assert.equal(vote?.type, "persist");
  assert.deepEqual(vote.hardState, { term: 2, votedFor: A });
  const won = core.step(0, { type: "persisted", write: vote.write });
  assert.equal(core.status().role, "leader");
  const [noop] = won;
  assert.equal(noop?.type, "persist");
  assert.deepEqual(
    noop.entries.map((entry) => [entry.index, entry.type]),
    [[2, "noop"]],
  );
  const proposals = [7, 8].map(
    (id): Proposal => ({
      id: id as ProposalId,
      type: "command",
      data: Uint8Array.of(id),
    }),
  );
  const [write, ...rest] = core.step(1, { type: "propose", proposals });
  assert.equal(write?.type, "persist");
  assert.deepEqual(rest, [], "nothing but the write may happen before it is durable");
  assert.equal(core.status().commitIndex, 0);
  const effects = core.step(2, { type: "persisted", write: write.write });
  assert.deepEqual(
    effects.find((effect) => effect.type === "settle"),
    { type: "settle", proposals: [7, 8], outcome: { firstIndex: 3 } },
  );
  const apply = effects.find((effect) => effect.type === "apply");
  assert.deepEqual(
    apply?.entries.map((entry) => entry.index),
    [1, 2, 3, 4],
  );
});
