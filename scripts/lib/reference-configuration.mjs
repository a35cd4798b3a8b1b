import { checkSchema, serviceSchema } from "../../packages/tribune/dist/config/definition-schema.js";
import { AGENT } from "../../packages/tribune/dist/config/rows/agent.js";
import { CHECKS } from "../../packages/tribune/dist/config/rows/checks.js";
import { DOORS } from "../../packages/tribune/dist/config/rows/doors.js";
import { FIXED } from "../../packages/tribune/dist/config/rows/fixed.js";
import { LATER } from "../../packages/tribune/dist/config/rows/later.js";
import { NETWORK } from "../../packages/tribune/dist/config/rows/network.js";
import { SECURITY } from "../../packages/tribune/dist/config/rows/security.js";
import { SERVER } from "../../packages/tribune/dist/config/rows/server.js";
import { TELEMETRY } from "../../packages/tribune/dist/config/rows/telemetry.js";
import { code, table } from "./markdown.mjs";

const PARTS = {
  Agent: AGENT,
  "Services, checks, watches": CHECKS,
  "Addresses, ports, joining": NETWORK,
  "HTTP, DNS, limits, web page": DOORS,
  Servers: SERVER,
  "TLS, gossip key, ACLs, mesh": SECURITY,
  Telemetry: TELEMETRY,
};

export function configurationPage() {
  const all = { ...Object.assign({}, ...Object.values(PARTS)), ...LATER, ...FIXED };
  const enterprise = Object.entries(all).filter(([, row]) => row.enterprise !== undefined);
  return [
    "# Configuration",
    "",
    "Generated from `packages/tribune/src/config/rows` by `node scripts/reference-docs.mjs`.",
    "",
    "Files are JSON or HCL. `a.b` is key `b` in section `a`: `a { b = … }`. Sources in this order, later ones win; lists grow,",
    "maps are laid over each other: defaults, `-dev`, files in the order given (a directory's by name), `-hcl`, flags.",
    "`tribune validate PATH…` tells what is wrong with files. Durations are texts such as `10s`, `1m30s`, `72h`.",
    "",
    "**R**: a reload (`tribune reload`, SIGHUP) is enough; all others need a restart. **S**: secret, never printed.",
    'Without a default the value is empty: `false`, `0`, `""`, none.',
    "",
    "Keys of what is [not there yet](../migrate.md#not-there-yet) are read, checked and without effect or part of it: `acl`,",
    "`auto_encrypt`, `auto_config`, and of `connect` the certificates.",
    ...Object.entries(PARTS).flatMap(([title, rows]) => ["", `## ${title}`, "", ...keys(rows)]),
    "",
    "## A service",
    "",
    "`service` and `services`.",
    "",
    ...fields(serviceSchema),
    "",
    "## A check",
    "",
    "`check` and `checks`, alone or in a service. What they do: [health checks](../guides/health-checks.md).",
    "",
    ...fields(checkSchema),
    "",
    "## Accepted without effect",
    "",
    `Of Consul Enterprise, with Consul's warning: ${enterprise.map(([key]) => code(key)).join(", ")}.`,
    "",
    "Of later versions of Consul, with a warning that says why, unless the value asks for nothing:",
    "",
    ...table(
      ["Key", "Type", "Why"],
      Object.entries(all)
        .filter(([, row]) => row.noEffect !== undefined)
        .map(([key, row]) => [code(key), typeOf(row.schema), row.noEffect.why]),
    ),
    "",
    `Never meant for users, their values fixed: ${Object.keys(FIXED).map(code).join(", ")}.`,
  ];
}

function keys(rows) {
  const shown = Object.entries(rows).filter(([, row]) => row.enterprise === undefined && row.noEffect === undefined);
  return table(
    ["Key", "Type", "Default", "", "Flags", "Meaning"],
    shown.map(([key, row]) => [
      code(key),
      typeOf(row.schema),
      [shownValue(row.default), row.dev === undefined ? "" : `${shownValue(row.dev)} with \`-dev\``]
        .filter(Boolean)
        .join("; "),
      `${row.reload ? "R" : ""}${row.secret ? "S" : ""}`,
      (row.flags ?? []).map((flag) => code(`-${flag}`)).join(", "),
      row.fixed === undefined ? row.doc : `${row.doc}; fixed at ${shownValue(row.fixed)}`,
    ]),
  );
}

/** Fields of a definition, those of its sections with their path. */
function fields(schema) {
  const rows = (struct, prefix, seen) =>
    Object.entries(struct.fields).flatMap(([name, field]) => {
      const key = `${prefix}${name}`;
      const inner = field.of?.type === "struct" ? field.of : field;
      if (inner.type !== "struct") return [[code(key), typeOf(field)]];
      if (inner === checkSchema) return [[code(key), field === inner ? "a check" : "list of checks"]];
      if (seen.includes(inner)) return [[code(key), "a service"]];
      return [
        ...(field === inner ? [] : [[code(key), typeOf(field)]]),
        ...rows(inner, `${key}${field === inner ? "" : field.type === "list" ? "[]" : ".*"}.`, [...seen, inner]),
      ];
    });
  return table(["Field", "Type"], rows(schema, "", [schema]));
}

function typeOf(schema) {
  switch (schema.type) {
    case "scalar":
      return (
        { bool: "boolean", uint: "integer ≥ 0", uint32: "integer ≥ 0", uint64: "integer ≥ 0", int: "integer" }[
          schema.scalar
        ] ??
        { float64: "number" }[schema.scalar] ??
        schema.scalar
      );
    case "list":
      return `list of ${plural(typeOf(schema.of))}`;
    case "map":
      return `map of ${plural(typeOf(schema.of))}`;
    case "struct":
      return `section with ${Object.keys(schema.fields).map(code).join(", ")}`;
    default:
      return "any";
  }
}

const plural = (type) => (/^(any|map|list|section|integer ≥)/.test(type) ? type : `${type}s`);

function shownValue(value) {
  if (value === undefined) return "";
  if (value === Number.MAX_VALUE) return "no limit";
  return code(JSON.stringify(value));
}
