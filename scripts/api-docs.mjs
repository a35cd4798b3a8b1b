// Writes docs/api.md from the contracts of @tribune/api (built). With --check it only tells whether the page is current.
import {
  ANSWERS,
  aclOf,
  COMMON_PARAMETERS,
  CONTRACT_AREAS,
  commonParametersOf,
  consistencyOf,
} from "../packages/api/dist/index.js";
import { generatedPage } from "./lib/generated-page.mjs";

generatedPage("docs/api.md", apiPage(), { source: "contracts", script: "api-docs.mjs" });

function apiPage() {
  const areas = Object.entries(CONTRACT_AREAS);
  return `${[
    "# HTTP API",
    "",
    "Generated from the contracts in `packages/api/src/contracts` by `node scripts/api-docs.mjs`. The same as an OpenAPI",
    "document, with the schema of every body: `GET /v1/openapi.json`. Each endpoint's name is the method of the client:",
    '`createClient().kvGet({ key: "a" })`.',
    "",
    `Areas: ${areas.map(([area]) => `[${area}](#${anchor(area)})`).join(" · ")}`,
    "",
    "## Common parameters",
    "",
    "An endpoint names those that it honours; the others are ignored.",
    "",
    ...table(
      ["Parameter", "Meaning"],
      Object.entries(COMMON_PARAMETERS).map(([name, common]) => [`\`${common.name ?? name}\``, common.about]),
    ),
    "",
    "The token is sent as `X-Consul-Token`, `Authorization: Bearer …` or `?token=`. A refusal is a plain text with status",
    "400 (not understood), 403 (not allowed), 404, 405, 413 (too large) or 500.",
    ...areas.flatMap(([area, contracts]) => [
      "",
      `## ${upperFirst(area)}`,
      ...Object.entries(contracts).flatMap(endpoint),
    ]),
  ].join("\n")}\n`;
}

function endpoint([name, contract]) {
  const own = Object.entries(contract.parameters);
  const common = commonParametersOf(contract).map((each) => `\`${COMMON_PARAMETERS[each].name ?? each}\``);
  const only = contract.when ?? contract.whenRest;
  const [method, path] = contract.http.split(" ");
  const condition =
    contract.when === undefined ? (only === undefined ? "" : `, where \`*\` holds \`${only}\``) : `?${only}`;
  const route = contract.when === undefined ? `\`${method} ${path}\`${condition}` : `\`${method} ${path}${condition}\``;
  const facts = [
    `answers ${answer(contract.answers)}`,
    ...Object.entries(contract.statuses ?? {}).map(([status, meaning]) => `${status}: ${lowerFirst(meaning)}`),
    `ACL ${aclOf(contract)}`,
    ...(contract.kind === "local" ? [] : [`RPC \`${contract.rpc}\``]),
    `consistency ${consistencyOf(contract)}`,
  ];
  return [
    "",
    `### ${name}`,
    "",
    `${route}: ${lowerFirst(contract.summary)}.`,
    "",
    ...(own.length === 0
      ? []
      : [
          ...table(
            ["Parameter", "In", "Type", "Meaning"],
            own.map(([property, parameter]) => row(property, parameter)),
          ),
          "",
        ]),
    `${upperFirst(facts.join("; "))}.${common.length === 0 ? "" : ` Honours ${common.join(", ")}.`}`,
  ];
}

function row(property, parameter) {
  const shape = parameter.schema ?? parameter.shape;
  const type = shape === undefined ? parameter.type : typeName(shape);
  const name = parameter.in === "body" ? property : (parameter.name ?? property);
  return [`\`${name}\``, parameter.in, type, parameter.about];
}

/** A struct's name, and how it is nested. */
function typeName(schema) {
  switch (schema.kind) {
    case "list":
      return `list of ${typeName(schema.of)}`;
    case "map":
      return `map of ${typeName(schema.of)}`;
    case "nullable":
      return `${typeName(schema.of)} or null`;
    case "struct":
      return schema.name;
    case "any":
      return schema.forms === undefined ? "any" : schema.forms.map(typeName).join(", ");
    case "text":
      return "string";
    case "bool":
      return "boolean";
    default:
      return schema.kind;
  }
}

function answer(name) {
  const form = ANSWERS[name];
  if (form.body === "none") return "nothing";
  if (form.body === "json") return typeName(form.schema);
  return form.body === "stream" ? `a stream of \`${form.mediaType}\`` : `\`${form.mediaType}\``;
}

function table(heads, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)];
}

function anchor(area) {
  return area
    .toLowerCase()
    .replace(/[^a-z0-9 -]/g, "")
    .replaceAll(" ", "-");
}
function upperFirst(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
/** Abbreviations stay as they are. */
function lowerFirst(text) {
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
