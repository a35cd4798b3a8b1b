import assert from "node:assert/strict";
import { test } from "node:test";
import { CARoot, make, struct, text } from "@tribune/api";
import { encodeStruct } from "../codec/struct-msgpack.ts";
import { createDatabase } from "../state/memdb/database.ts";
import { MESSAGE } from "../state/message-types.ts";
import { restoreOpaque } from "../state/opaque.ts";
import { connectCaEndpoints } from "./connect-ca.ts";
import { answerRead, bodyOf } from "./testing.ts";

const CONFIG = struct("CAConfiguration", { ClusterID: text });

function restored() {
  const db = createDatabase();
  db.write(1, (tx) => {
    const put = (root: Partial<CARoot>) =>
      restoreOpaque(tx, MESSAGE.CONNECT_CA, encodeStruct(CARoot, make(CARoot, root)));
    put({ ID: "old", RootCert: "OLD", IntermediateCerts: ["MIDDLE\n"] });
    put({ ID: "new", RootCert: "NEW\n", Active: true, SigningKey: "private" });
    restoreOpaque(tx, MESSAGE.CONNECT_CA_CONFIG, encodeStruct(CONFIG, { ClusterID: "c-l" }));
  });
  return db;
}

test("restored roots are shown without their keys, as JSON or as certificates alone", () => {
  const ask = (query: string) =>
    restored().peek((tx) => answerRead(connectCaEndpoints, "connectCaRoots", tx, { query }));
  const { answer } = ask("");
  const body = bodyOf(answer) as { ActiveRootID: string; TrustDomain: string; Roots: { ID: string }[] };
  assert.deepEqual([body.ActiveRootID, body.TrustDomain], ["new", "c-l.consul"]);
  assert.deepEqual(
    body.Roots.map(({ ID }) => ID),
    ["new", "old"],
  );
  assert.doesNotMatch(JSON.stringify(body), /private|SigningKey"/);
  const pem = ask("pem=1").answer;
  assert.equal(pem.kind === "text" && pem.text, "NEW\nOLD\nMIDDLE\n");
  assert.throws(() => ask("pem=x"), /^TribuneError: Bad request: The 'pem' query parameter must be a boolean value$/);
});

test("without an authority Consul's words are said", () => {
  const ask = () => createDatabase().peek((tx) => answerRead(connectCaEndpoints, "agentConnectCaRoots", tx));
  assert.throws(ask, /^TribuneError: CA has not finished initializing$/);
});
