/**
 * The house plan, as data, and the check that keeps it true. A room may import its own files, the rooms listed, and
 * `node:` built-ins only if `io` is set. Test files may import anything; files beside the rooms are the front doors.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

interface Room {
  readonly mayImport: readonly string[];
  /** May touch the world: sockets, disks, clocks, processes. */
  readonly io?: true;
  /** May wait for a port it was given. Every room with `io` may. */
  readonly waits?: true;
}

const ROOMS: Readonly<Record<string, Room>> = {
  // Pure: a value in, a value out.
  lib: { mayImport: [] },
  codec: { mayImport: ["lib"] },
  raft: { mayImport: ["lib"] },
  gossip: { mayImport: ["lib", "codec"] },
  connect: { mayImport: ["lib"] },
  state: { mayImport: ["lib", "codec", "connect"] },
  config: { mayImport: ["lib", "codec"] },
  // Its answers come at once; what only the agent can do (streams, Raft's status) it asks for and waits.
  endpoints: { mayImport: ["lib", "codec", "state", "connect"], waits: true },

  // The shell.
  net: { mayImport: ["lib", "codec"], io: true },
  storage: { mayImport: ["lib", "codec"], io: true },
  pool: { mayImport: ["lib", "codec", "gossip", "net"], io: true },
  rpc: { mayImport: ["lib", "codec", "net"], io: true },
  checks: { mayImport: ["lib", "net"], io: true },
  process: { mayImport: ["lib"], io: true },
  discover: { mayImport: ["lib", "codec"], io: true },
  watch: { mayImport: ["lib", "process"], io: true },
  server: { mayImport: ["lib", "codec", "raft", "state", "endpoints", "net", "storage", "pool", "rpc"], io: true },
  dns: { mayImport: ["lib", "codec", "net"], io: true },
  http: { mayImport: ["lib", "codec", "endpoints", "server"], io: true },
  agent: {
    mayImport: [
      "lib",
      "codec",
      "raft",
      "state",
      "connect",
      "config",
      "endpoints",
      "net",
      "storage",
      "checks",
      "process",
      "discover",
      "watch",
      "gossip",
      "pool",
      "rpc",
      "server",
      "dns",
      "http",
    ],
    io: true,
  },
  // Storage for the reader of snapshot archives: `snapshot inspect` works without an agent.
  cli: { mayImport: ["lib", "codec", "config", "storage", "process", "watch"], io: true },
  sim: {
    mayImport: [
      "lib",
      "codec",
      "raft",
      "gossip",
      "state",
      "storage",
      "pool",
      "rpc",
      "server",
      "config",
      "agent",
      "checks",
    ],
    io: true,
  },
};

/** Who may use which package. Packages missing here may not be used at all. */
const PACKAGES: Readonly<Record<string, readonly string[] | "all">> = {
  "@tribune/api": "all",
  "@tribune/api/duration": ["lib"],
  "@tribune/client/node": ["cli"],
  re2js: ["lib"],
  yaml: ["discover"],
};

/** What the other packages' own files import, besides each other: packages, or `node:`. */
const OTHER_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  api: [],
  client: ["@tribune/api", "node:"],
  // Rules that are edited there must parse as they do here.
  ui: ["preact", "preact/hooks", "@preact/signals", "js-yaml", "tribune/src/codec/hcl.ts"],
};

const SOURCE = join(dirname(fileURLToPath(import.meta.url)), "..", "src");

/** A file of a room as the check sees it. */
interface SourceFile {
  readonly path: string;
  readonly room: string;
  readonly text: string;
}

test("every room keeps to the house plan", () => {
  const files = sourceFiles();
  assert.ok(files.length > 100, `only ${files.length} files found under ${SOURCE}`);
  assert.deepEqual(files.flatMap(violations), []);
});

test("every folder is a room of the plan", () => {
  const folders = readdirSync(SOURCE, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : [],
  );
  assert.deepEqual(
    folders.filter((name) => ROOMS[name] === undefined),
    [],
  );
});

test("imports point downward: the plan has no circle", () => {
  const above = (room: string, path: readonly string[]): void => {
    assert.ok(!path.includes(room), `circle: ${[...path, room].join(" → ")}`);
    for (const next of ROOMS[room]?.mayImport ?? []) above(next, [...path, room]);
  };
  for (const room of Object.keys(ROOMS)) above(room, []);
});

test("the other packages import what their readers have", () => {
  const packages = join(SOURCE, "..", "..");
  for (const [name, allowed] of Object.entries(OTHER_PACKAGES)) {
    const source = join(packages, name, "src");
    const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(isShipped);
    assert.ok(files.length > 10, `only ${files.length} files found under ${source}`);
    const isAllowed = (path: string, specifier: string): boolean => {
      if (specifier.startsWith("node:")) return allowed.includes("node:");
      if (!specifier.startsWith(".")) return allowed.includes(specifier);
      const target = relative(packages, resolve(dirname(join(source, path)), specifier))
        .split(sep)
        .join("/");
      return target.startsWith(`${name}/src/`) || allowed.includes(target);
    };
    const found = files.flatMap((path) =>
      importsOf(readFileSync(join(source, path), "utf8"))
        .filter((specifier) => !isAllowed(path, specifier))
        .map((specifier) => `${name}/${path} imports ${specifier}`),
    );
    assert.deepEqual(found, []);
  }
});

test("the check sees what it is there for", () => {
  const inLib = (text: string) => violations({ path: "lib/x.ts", room: "lib", text });
  assert.equal(inLib('import { a } from "./duration.ts";').length, 0);
  assert.equal(inLib('import { a } from "../state/kv.ts";').length, 1);
  assert.equal(inLib('import {\n  type A,\n  b,\n} from "node:fs";').length, 1);
  assert.equal(inLib('export type { A } from "../raft/types.ts";').length, 1);
  assert.equal(inLib('const { a } = await import("../raft/log.ts");').length, 2);
  assert.equal(inLib('import "left-pad";').length, 1);
  assert.equal(inLib("// await nothing").length, 0);
});

function sourceFiles(): SourceFile[] {
  return readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).flatMap((path) => {
    const room = path.split(sep)[0]!;
    return path.includes(sep) && isShipped(path)
      ? [{ path, room, text: readFileSync(join(SOURCE, path), "utf8") }]
      : [];
  });
}

function isShipped(path: string): boolean {
  return /\.tsx?$/.test(path) && !/\.(test|test\.support)\.tsx?$/.test(path);
}

function violations({ path, room, text }: SourceFile): string[] {
  const plan = ROOMS[room];
  if (plan === undefined) return [];
  const found = importsOf(text).flatMap((specifier) => {
    const reason = refusal(path, specifier, room, plan);
    return reason === undefined ? [] : [`${path} imports ${specifier}: ${reason}`];
  });
  if (!plan.io && !plan.waits && /\bawait\b/.test(withoutComments(text))) found.push(`${path} awaits: ${room} is pure`);
  return found;
}

function refusal(path: string, specifier: string, room: string, plan: Room): string | undefined {
  if (specifier.startsWith("node:")) return plan.io ? undefined : `${room} is pure`;
  if (!specifier.startsWith(".")) {
    const users = PACKAGES[specifier];
    return users === "all" || users?.includes(room) ? undefined : "not a package of this room";
  }
  const target = relative(SOURCE, resolve(dirname(join(SOURCE, path)), specifier)).split(sep)[0]!;
  if (target === room || plan.mayImport.includes(target)) return undefined;
  return `${room} may import ${plan.mayImport.join(", ") || "nothing"}`;
}

/** `import … from "x"`, `export … from "x"`, `import "x"` and `import("x")`. */
function importsOf(text: string): string[] {
  const clauses = text.matchAll(/^(?:import|export)\s[\w\s{},*$]*?from\s+"([^"]+)"|^import\s+"([^"]+)"/gm);
  const calls = withoutComments(text).matchAll(/\bimport\(\s*"([^"]+)"/g);
  return [...clauses, ...calls].map((match) => (match[1] ?? match[2])!);
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}
