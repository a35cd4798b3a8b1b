import { CONSUL_VERSION } from "../../lib/version.ts";
import type { Command } from "../command.ts";
import { PROTOCOL, REVISION } from "../version.ts";
import { stringFlag } from "./flag.ts";

export const version: Command = {
  usage: "[options]",
  description: "Prints the version of Consul this program stands in for, its own, and the protocols it speaks.",
  http: "none",
  flags: [stringFlag("format", "pretty or json.", "pretty")],
  run(context) {
    const format = context.flags.string("format");
    if (format === "json") {
      const info = {
        Version: CONSUL_VERSION,
        Revision: REVISION,
        Prerelease: "",
        RPC: { Default: PROTOCOL.default, Min: PROTOCOL.min, Max: PROTOCOL.max },
      };
      context.out(JSON.stringify(info, null, 3));
      return 0;
    }
    if (format !== "pretty") {
      context.error(`Unknown format: ${format}`);
      return 1;
    }
    context.out(`Consul v${CONSUL_VERSION}\nRevision ${REVISION}`);
    context.out(
      `Protocol ${PROTOCOL.default} spoken by default, understands ${PROTOCOL.min} to ${PROTOCOL.max} ` +
        `(agent will automatically use protocol >${PROTOCOL.default} when speaking to compatible agents)\n`,
    );
    return 0;
  },
};
