import type { Command, CommandContext } from "../command.ts";
import { attempt } from "../run.ts";
import { boolFlag, intFlag, stringFlag } from "./flag.ts";

/** One pool's answer. */
interface KeyringPool {
  readonly WAN: boolean;
  readonly Datacenter: string;
  readonly Segment?: string;
  readonly Messages?: Readonly<Record<string, string>> | null;
  readonly Keys: Readonly<Record<string, number>> | null;
  readonly PrimaryKeys?: Readonly<Record<string, number>> | null;
  readonly NumNodes: number;
}

const PATH = "/v1/operator/keyring";
const RELAY_FACTOR_MAX = 5;

export const keyring: Command = {
  usage: "[options]",
  description: `
Shows and changes the keys that gossip is encrypted with, in every pool at once. To change keys without a gap: install
the new one, use it, remove the old one.

    $ consul keyring -install="$(consul keygen)"
    $ consul keyring -list`,
  http: "client",
  flags: [
    stringFlag("install", "Install this key on all members."),
    stringFlag("use", "Encrypt with this key, which must be installed."),
    stringFlag("remove", "Remove this key, which must not be in use."),
    boolFlag("list", "List all keys."),
    boolFlag("list-primary", "List the keys in use."),
    intFlag("relay-factor", "Members send their answer through so many others as well; at most 5."),
    boolFlag("local-only", "Ask only the local servers; for -list."),
  ],
  async run(context) {
    const { flags } = context;
    const actions = ACTIONS.filter(({ flag }) => (flags.given(flag) ?? "") !== "" && flags.given(flag) !== false);
    const [action] = actions;
    if (action === undefined) {
      context.error(context.help);
      return 1;
    }
    if (actions.length > 1) {
      context.error("Only a single action is allowed");
      return 1;
    }
    const relay = flags.number("relay-factor");
    if (relay < 0 || relay > RELAY_FACTOR_MAX) {
      context.error(`Error parsing relay factor: Relay factor must be in range: [0, ${RELAY_FACTOR_MAX}]`);
      return 1;
    }
    const local = flags.bool("local-only");
    if (local && !flags.bool("list")) {
      context.error("Error validating local-only: local-only can only be set for list requests");
      return 1;
    }
    const client = context.client();
    context.out(`==> ${action.announcement}`);
    const query = { "relay-factor": relay === 0 ? undefined : relay, "local-only": local ? "true" : undefined };
    const { method } = action;
    if (method === "GET") {
      const listed = await attempt(context, "error", () =>
        client.ask<readonly KeyringPool[]>({ method, path: PATH, query }),
      );
      if (listed === undefined) return 1;
      printPools(context, listed.value.value, action.flag === "list" ? "Keys" : "PrimaryKeys");
      return 0;
    }
    const body = JSON.stringify({ Key: flags.string(action.flag) });
    const done = await attempt(context, "error", () => client.ask({ method, path: PATH, query, body }));
    return done === undefined ? 1 : 0;
  },
};

const ACTIONS = [
  { flag: "list", method: "GET", announcement: "Gathering installed encryption keys..." },
  { flag: "list-primary", method: "GET", announcement: "Gathering installed primary encryption keys..." },
  { flag: "install", method: "POST", announcement: "Installing new gossip encryption key..." },
  { flag: "use", method: "PUT", announcement: "Changing primary gossip encryption key..." },
  { flag: "remove", method: "DELETE", announcement: "Removing gossip encryption key..." },
] as const;

function printPools(context: CommandContext, pools: readonly KeyringPool[], which: "Keys" | "PrimaryKeys"): void {
  for (const pool of pools) {
    const segment = (pool.Segment ?? "") === "" ? "" : ` [${pool.Segment}]`;
    const messages = Object.entries(pool.Messages ?? {}).sort();
    const keys = Object.entries(pool[which] ?? {}).sort();
    const lines = [
      "",
      `${pool.WAN ? "WAN" : `${pool.Datacenter} (LAN)`}${segment}:`,
      ...messages.map(([from, text]) => `  ===> ${from}: ${text}`),
      ...keys.map(([key, count]) => `  ${key} [${count}/${pool.NumNodes}]`),
    ];
    context.out(lines.join("\n").trimEnd());
  }
}
