import { CONTRACT_AREAS } from "../../packages/api/dist/index.js";
import { HTTP_STATUS, WIRE_TEXT } from "../../packages/tribune/dist/lib/errors.js";
import { code, table } from "./markdown.mjs";

const KINDS = {
  badRequest: ["the request is wrong", "no"],
  permissionDenied: ["the token may not", "no"],
  notFound: ["it is not there, where that is an error", "no"],
  methodNotAllowed: ["the path is right, the method is not; `Allow` says which are", "no"],
  payloadTooLarge: ["the body is too large: [limits](../limits.md)", "no"],
  conflict: ["somebody else was first", "after reading again"],
  rateLimited: ["too many requests", "later"],
  unavailable: ["no leader, or no way to one: nothing was written", "yes"],
  internal: ["a failure, or what Consul answers with 500", "a read; a write after looking"],
};

export function errorsPage() {
  return [
    "# Refusals",
    "",
    "Generated from `packages/tribune/src/lib/errors.ts` and the contracts by `node scripts/reference-docs.mjs`.",
    "",
    "A refusal is a status and a plain text, Consul's where Consul has one. DNS answers SERVFAIL for what is a failure,",
    "REFUSED for other zones, NXDOMAIN for names that are not there.",
    "",
    ...table(
      ["Status", "Kind", "Means", "Try again?"],
      Object.entries(HTTP_STATUS).map(([kind, status]) => [String(status), code(kind), ...(KINDS[kind] ?? ["", ""])]),
    ),
    "",
    "## Texts that programs look for",
    "",
    "Over HTTP and RPC alike, perhaps with words before and behind them.",
    "",
    ...table(
      ["Text", "Kind", "Status"],
      Object.values(WIRE_TEXT).map(([kind, text]) => [code(text), code(kind), String(HTTP_STATUS[kind])]),
    ),
    "",
    "## Refused parameters",
    "",
    "`%s` stands for the parser's own words. Bindings refuse more, by what a request would do.",
    "",
    ...table(
      ["Text", "Status", "Endpoints"],
      [...texts()].map(([text, { status, names }]) => [code(text), String(status), names.join(", ")]),
    ),
  ];
}

function texts() {
  const found = new Map();
  for (const contracts of Object.values(CONTRACT_AREAS))
    for (const [name, contract] of Object.entries(contracts))
      for (const parameter of Object.values(contract.parameters))
        for (const [text, status] of [
          [parameter.missing, 400],
          [parameter.invalid, parameter.invalidStatus ?? 400],
        ]) {
          if (text === undefined) continue;
          const entry = found.get(text) ?? { status, names: [] };
          if (!entry.names.includes(name)) entry.names.push(name);
          found.set(text, entry);
        }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}
