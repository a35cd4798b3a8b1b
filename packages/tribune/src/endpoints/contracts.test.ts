/** Every contract is bound, and what crosses the RPC wire is what Consul 1.10 puts there. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ALL_CONTRACTS, RPC_CONTRACTS, RPC_METHODS, type Schema } from "@tribune/api";
import { ENDPOINTS, METHODS } from "./index.ts";

interface Recorded {
  readonly methods: Readonly<Record<string, { readonly args: string; readonly reply: string }>>;
  /** Field types in a notation of their own: `map<string,int>|nil`, `duration_ns`, names of structs. */
  readonly structs: Readonly<Record<string, Readonly<Record<string, string>>>>;
}
/** Taken by reflection from Consul 1.10.11. */
const recorded: Recorded = JSON.parse(
  readFileSync(new URL("../../test-data/rpc-structs-consul-1.10.json", import.meta.url), "utf8"),
);

const SCALARS: Readonly<Partial<Record<Schema<unknown>["kind"], readonly string[]>>> = {
  text: ["string"],
  bool: ["bool"],
  int: ["int"],
  uint: ["uint64", "uint", "uint32", "uint8"],
  u64: ["uint64"],
  float: ["float64", "float32"],
  duration: ["duration_ns"],
  time: ["time"],
  bytes: ["bytes|nil"],
};

/** Of later versions: a server or an agent of Consul 1.10 passes over them. `Deleted` is what 1.11 answers to a deletion. */
const LATER_FIELDS: ReadonlySet<string> = new Set(["MergeCentralConfig", "Deleted"]);

/** Where a schema differs from the recorded type, as a list of sentences. */
function differences(at: string, schema: Schema<any>, type: string): readonly string[] {
  const wrong = [`${at}: ${schema.kind} ${schema.name ?? ""} stands for ${type}`];
  const scalar = SCALARS[schema.kind];
  if (scalar !== undefined) return scalar.includes(type) ? [] : wrong;
  const [, list] = /^array<(.*)>\|nil$/.exec(type) ?? [];
  const [, map] = /^map<string,(.*)>\|nil$/.exec(type) ?? [];
  switch (schema.kind) {
    case "any": // kept as it came
      return [];
    case "list":
      return list === undefined ? wrong : differences(`${at}[]`, schema.of!, list);
    case "map":
      return map === undefined ? wrong : differences(`${at}{}`, schema.of!, map);
    case "nullable":
      return type.endsWith("|nil") ? differences(at, schema.of!, type.slice(0, -4)) : wrong;
    case "struct": {
      if (type === "{}") return schema.fields!.every(({ name }) => LATER_FIELDS.has(name)) ? [] : wrong;
      const fields = recorded.structs[type];
      if (fields === undefined) return wrong;
      const ours = new Map(schema.fields!.map((field) => [field.name, field.schema]));
      // What Consul leaves out itself when it is empty need not be there.
      const needed = Object.keys(fields).filter((name) => !fields[name]!.endsWith("(omitted when empty)"));
      return [
        ...needed.flatMap((name) => (ours.has(name) ? [] : [`${at}: ${type}.${name} is missing`])),
        ...[...ours.keys()].flatMap((name) =>
          name in fields || LATER_FIELDS.has(name) ? [] : [`${at}: ${type} has no ${name}`],
        ),
        ...[...ours].flatMap(([name, field]) =>
          name in fields ? differences(`${at}.${name}`, field, fields[name]!) : [],
        ),
      ];
    }
    default:
      return wrong;
  }
}

test("every contract has a binding, and nothing is bound that has no contract", () => {
  const bound = ENDPOINTS.filter(({ name }) => !name.startsWith("notServed ")).map(({ name }) => name);
  assert.deepEqual(bound.toSorted(), Object.keys(ALL_CONTRACTS).toSorted());
  for (const { name, contract, binding } of ENDPOINTS) {
    if (contract.kind === "read") assert.equal(typeof binding.query, "function", name);
    else if (contract.kind !== "write") assert.equal(typeof binding.answer, "function", name);
  }
});

test("every method without a route is bound", () => {
  assert.deepEqual(METHODS.map(({ name }) => name).toSorted(), Object.keys(RPC_CONTRACTS).toSorted());
  for (const { name, contract, binding } of METHODS) {
    if (contract.kind === "read") assert.equal(typeof binding.query, "function", name);
    else if (contract.kind === "call") assert.equal(typeof binding.answer, "function", name);
  }
});

/** Of later versions, or Tribune's own: a server of Consul 1.10 says that it cannot find them. */
const LATER: ReadonlySet<string> = new Set([
  "Operator.Usage",
  "Operator.RaftTransferLeader",
  "Internal.CatalogSummary",
  "ConfigEntry.ResolvedExportedServices",
  "History.Transitions",
]);

test("every RPC method exists in Consul 1.10, with the fields and types of its request and reply", () => {
  const found = [...RPC_METHODS].flatMap(([method, { request, reply }]) => {
    if (LATER.has(method)) return [];
    const known = recorded.methods[method];
    if (known === undefined) return [`${method} is not a method of Consul 1.10`];
    return [
      ...(request.name === known.args || (known.args === "{}" && request.fields.length === 0)
        ? []
        : [`${method} takes ${known.args}, not ${request.name}`]),
      ...differences(`${method} request`, request, known.args),
      ...differences(`${method} reply`, reply, known.reply),
    ];
  });
  assert.deepEqual(found, []);
});
