import type { Command } from "../command.ts";
import { compileRegExp } from "../output.ts";
import { attempt } from "../run.ts";
import { stringFlag } from "./flag.ts";

export const event: Command = {
  usage: "[options] [PAYLOAD]",
  description: `
Sends an event to every agent of the datacenter, or to those that the filters leave. Filters are regular expressions.

    $ consul event -name=deploy -service=web 1.2.3`,
  http: "client",
  flags: [
    stringFlag("name", "Name of the event."),
    stringFlag("node", "Only nodes whose name matches."),
    stringFlag("service", "Only nodes with a service that matches."),
    stringFlag("tag", "Only if that service has a tag that matches."),
  ],
  async run(context) {
    const { flags } = context;
    const name = flags.string("name");
    if (name === "") {
      context.error(`Event name must be specified\n\n${context.help}`);
      return 1;
    }
    const filters = { node: flags.string("node"), service: flags.string("service"), tag: flags.string("tag") };
    for (const [what, source] of Object.entries(filters)) {
      try {
        compileRegExp(source);
      } catch (error) {
        context.error(`Failed to compile ${what} filter regexp: ${(error as Error).message}`);
        return 1;
      }
    }
    if (filters.tag !== "" && filters.service === "") {
      context.error("Cannot provide tag filter without service filter.");
      return 1;
    }
    const [payload, ...more] = context.args;
    if (more.length > 0) {
      context.error(`Too many command line arguments.\n\n${context.help}`);
      return 1;
    }
    const fired = await attempt(context, "Error firing event", () =>
      context.client().event.fire({
        name,
        nodeFilter: filters.node,
        serviceFilter: filters.service,
        tagFilter: filters.tag,
        ...(payload === undefined ? {} : { payload: Buffer.from(payload) }),
      }),
    );
    if (fired === undefined) return 1;
    context.out(`Event ID: ${fired.value}`);
    return 0;
  },
};
