import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { pretendedAgent } from "./agent.test.support.ts";

let agent: Awaited<ReturnType<typeof pretendedAgent>>;
const directory = mkdtempSync(join(tmpdir(), "tribune-intention-"));
before(async () => {
  agent = await pretendedAgent();
});
beforeEach(() => {
  agent.answers.clear();
  agent.asked.length = 0;
});
after(() => {
  agent.stop();
  rmSync(directory, { recursive: true });
});

const file = join(directory, "one.json");
/** Arguments are words; one of them may be FILE. */
const args = (words: string) => ["intention", ...words.split(" ").map((word) => (word === "FILE" ? file : word))];
const run = (words: string) => agent.run(args(words));
const refuses = (words: string, says: string) => agent.refuses(args(words), says);
const PATH = "/v1/connect/intentions";
const EXACT = `${PATH}/exact?source=web&destination=db`;
const ID = "4b1a1e3c-0000-0000-0000-000000000001";
const INTENTION = {
  ID,
  Description: "d",
  SourceNS: "default",
  SourceName: "web",
  DestinationNS: "team",
  DestinationName: "db",
  Action: "allow",
  Meta: { b: "2", a: "1" },
  Precedence: 9,
  CreatedAt: "2026-01-02T03:04:05Z",
};

test("check says it by text and exit status", async () => {
  const path = `GET ${PATH}/check?source=web&destination=db&source-type=consul`;
  agent.answers.set(path, [200, { Allowed: true }]);
  assert.deepEqual(await run("check web db"), { code: 0, out: "Allowed\n", err: "" });
  agent.answers.set(path, [200, { Allowed: false }]);
  assert.deepEqual(await run("check web db"), { code: 1, out: "Denied\n", err: "" });
  agent.answers.set(path, [500, "no leader"]);
  const failed = await run("check web db");
  assert.equal(failed.code, 2);
  assert.equal(failed.err, "Error checking the connection: Unexpected response code: 500 (no leader)\n");
  assert.equal((await run("check web")).code, 2);
});

test("match names the side, list has a table, and both say when there is nothing", async () => {
  const denied = { ...INTENTION, SourceName: "*", SourceNS: "", Action: "deny", DestinationNS: "" };
  const layered = { ...INTENTION, Action: "", Permissions: [{ Action: "allow" }, { Action: "deny" }] };
  agent.answers.set(`GET ${PATH}/match?by=destination&name=db`, [200, { db: [layered, denied] }]);
  agent.answers.set(`GET ${PATH}/match?by=source&name=web`, [200, { web: null }]);
  assert.equal((await run("match db")).out, "web => team/db (2 permissions)\n* => db (deny)\n");
  assert.deepEqual(await run("match -source web"), { code: 0, out: "", err: "" });
  await refuses("match -source -destination web", "Error: only one of -source or -destination may be specified");
  agent.answers.set(`GET ${PATH}`, [200, [INTENTION, denied]]);
  assert.equal(
    (await run("list")).out,
    `ID                                    Source  Action  Destination  Precedence
${ID}  web     allow   db           9
${ID}  *       deny    db           9
`,
  );
  agent.answers.set(`GET ${PATH}`, [200, []]);
  assert.deepEqual(await run("list"), { code: 2, out: "", err: "There are no intentions.\n" });
});

test("get finds by names and by id", async () => {
  agent.answers.set(`GET ${EXACT}`, [200, INTENTION]);
  agent.answers.set(`GET ${PATH}/${ID}`, [200, { ...INTENTION, Action: "", Permissions: [{ Action: "deny" }] }]);
  assert.equal(
    (await run("get web db")).out,
    `Source:       web
Destination:  team/db
Action:       allow
ID:           ${ID}
Description:  d
Meta[a]:      1
Meta[b]:      2
Created At:   Friday, 02-Jan-26 03:04:05 UTC
`,
  );
  assert.ok((await run(`get ${ID}`)).out.endsWith('Permissions:\n[\n    {\n        "Action": "deny"\n    }\n]\n'));
  await refuses("get web nope", 'Intention not found with source "web" and destination "nope"');
  await refuses("get nope", 'Intention not found with ID "nope"');
  await refuses("get a b c", "command requires exactly 1 or 2 arguments");
});

test("delete asks by names or id", async () => {
  agent.answers.set(`DELETE ${EXACT}`, [200, "true"]);
  agent.answers.set(`DELETE ${PATH}/${ID}`, [200, "true"]);
  for (const words of ["delete web db", `delete ${ID}`]) assert.equal((await run(words)).out, "Intention deleted.\n");
  agent.answers.set(`DELETE ${EXACT}`, [403, "Permission denied"]);
  await refuses("delete web db", "Error deleting the intention: Unexpected response code: 403 (Permission denied)");
});

test("create sends what it is told, from arguments and files", async () => {
  agent.answers.set(`POST ${PATH}`, [200, { ID }]);
  const asks = async (words: string) => {
    agent.asked.length = 0;
    const { out, err, code } = await run(words);
    assert.equal(code, 0, err);
    return { out, body: JSON.parse((agent.asked.at(-1) ?? "").replace(/^[^{]*/, "")) as object };
  };
  // The agent knows only the bare path: a line with a body is looked up whole.
  agent.answers.get = (line: string) => (line.startsWith(`POST ${PATH}`) ? [200, { ID }] : undefined);
  try {
    assert.deepEqual(await asks("create -meta a=1 web team/db"), {
      out: "Created: web => team/db (allow)\n",
      body: {
        ...{ SourceName: "web", DestinationNS: "team", DestinationName: "db" },
        ...{ SourceType: "consul", Action: "allow", Meta: { a: "1" } },
      },
    });
    assert.equal((await asks("create -deny * db")).out, "Created: * => db (deny)\n");
    writeFileSync(file, JSON.stringify({ SourceName: "a", DestinationName: "b", Action: "deny" }));
    assert.deepEqual(await asks("create -file FILE"), {
      out: "Created: a => b (deny)\n",
      body: { SourceName: "a", DestinationName: "b", Action: "deny" },
    });
    writeFileSync(file, JSON.stringify({ SourceName: "a", DestinationName: "b", Permissions: [{}] }));
    await refuses(
      "create -file FILE",
      `Error: cannot create L7 intention from file ${JSON.stringify(file)} using this CLI; ` +
        "use 'consul config write' instead",
    );
    await refuses("create -allow -deny web db", "Only one of -allow or -deny may be specified.");
    await refuses("create web", "Error: Must specify two arguments: source and destination");
    await refuses("create a/b/c db", "Error: Invalid intention source: target can contain at most one '/'");
  } finally {
    delete (agent.answers as { get?: unknown }).get;
  }
});

test("replace writes over what is there, and creates where there is nothing", async () => {
  agent.answers.set(`GET ${EXACT}`, [200, INTENTION]);
  agent.answers.set(`PUT ${PATH}/${ID}`, [200, { ID }]);
  assert.equal((await run("create -replace -deny web db")).code, 0);
  const [looked, wrote = ""] = agent.asked;
  assert.equal(looked, `GET ${EXACT}`);
  assert.ok(wrote.startsWith(`PUT ${PATH}/${ID} {`));
  assert.equal((JSON.parse(wrote.slice(wrote.indexOf("{"))) as { Action: string; ID: string }).Action, "deny");
});
