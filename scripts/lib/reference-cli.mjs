import { agentCommand } from "../../packages/tribune/dist/cli/agent-command.js";
import { isGroup } from "../../packages/tribune/dist/cli/command.js";
import { CLIENT_FLAGS, NAMESPACE_FLAGS, SERVER_FLAGS } from "../../packages/tribune/dist/cli/http-flags.js";
import { commandTree } from "../../packages/tribune/dist/cli/tree.js";
import { code, table } from "./markdown.mjs";

const HTTP = {
  none: "",
  client: "Takes the flags of every client.",
  server: "Takes the flags of every client, `-datacenter` and `-stale`.",
  namespace: "Takes the flags of every client, `-datacenter`, `-stale` and `-namespace`.",
};

export async function cliPage() {
  const commands = [];
  const tree = commandTree(async () => agentCommand({}));
  await collect(tree, "", commands);
  return [
    "# Command line",
    "",
    "Generated from `packages/tribune/src/cli` by `node scripts/reference-docs.mjs`. Output, exit codes and flags are Consul's.",
    "`tribune COMMAND -h` says the same. One dash or two; `-flag=value` or `-flag value`; a boolean takes its value only",
    "with `=`. Exit codes: 0 done, 1 failed, 2 nothing matched or, for some, a wrong flag, 127 no such command.",
    "",
    "## Flags of every client",
    "",
    ...flags(CLIENT_FLAGS),
    "",
    "Where a server answers:",
    "",
    ...flags([...SERVER_FLAGS, ...NAMESPACE_FLAGS]),
    "",
    "## Commands",
    "",
    ...table(
      ["Command", "What it does"],
      commands.map(({ path, synopsis }) => [`[${path}](#tribune-${path.replaceAll(" ", "-")})`, synopsis]),
    ),
    ...commands.flatMap(({ path, command }) => [
      "",
      `## tribune ${path}`,
      "",
      code(`tribune ${path} ${command.usage}`.trimEnd()),
      "",
      ...description(command.description),
      ...(HTTP[command.http] === "" ? [] : ["", HTTP[command.http]]),
      ...(command.flags.length === 0 ? [] : ["", ...flags(command.flags)]),
    ]),
  ];
}

async function collect(nodes, prefix, into) {
  for (const node of [...nodes].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = `${prefix}${node.name}`;
    if (isGroup(node)) await collect(node.commands, `${path} `, into);
    else into.push({ path, synopsis: node.synopsis, command: await node.load() });
  }
}

/** Examples are indented there, and written for `consul`. */
function description(text) {
  const lines = text
    .trim()
    .replace(/(?<=[$|] )consul /g, "tribune ")
    .split("\n");
  return lines.map((line) => (/^ {4}/.test(line) ? line : line.trim()));
}

function flags(specs) {
  const shown = [...specs].sort((a, b) => (a.name < b.name ? -1 : 1));
  return table(
    ["Flag", "Default", "Meaning"],
    shown.map((spec) => [
      code(spec.kind === "bool" ? `-${spec.name}` : `-${spec.name}=${spec.value ?? "value"}`),
      spec.default === undefined || spec.default === "" ? "" : code(String(spec.default)),
      spec.kind === "list" || spec.kind === "map" || spec.kind === "colonMap" ? `${spec.help} (repeatable)` : spec.help,
    ]),
  );
}
