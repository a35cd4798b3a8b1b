import { goQuote } from "../../lib/go-quote.ts";
import { prettyToken } from "../acl/format.ts";
import { legacyRules, translateRules } from "../acl/legacy-rules.ts";
import { CommandFailure, failing, formatFlag, print, step, write } from "../acl/request.ts";
import { type Token, tokenShape } from "../acl/shapes.ts";
import type { Command, CommandContext } from "../command.ts";
import { loadData } from "../output.ts";
import { boolFlag } from "./flag.ts";

/** With a capital in these two only. */
const SETUP_WORDS = "Error connecting to Consul Agent";

export const aclBootstrap: Command = {
  usage: "[options]",
  description: "Makes the first token, with all rights. This works once.",
  http: "server",
  flags: [formatFlag],
  run: failing(async (context) => {
    const token = await step("Failed ACL bootstrapping", () => write<Token>(context.client(), "/v1/acl/bootstrap"));
    print(context, token, tokenShape, prettyToken);
  }),
};

const TOKEN_TYPES: ReadonlySet<string> = new Set(["default", "agent", "master", "replication"]);

export const setAgentToken: Command = {
  usage: "[options] TYPE TOKEN",
  description: `
Gives the agent a token to work with: "default" for requests without one, "agent" for its own work, "master" for its
API while no server can be reached, "replication" for copying from the primary datacenter. It is kept over a restart
only with enable_token_persistence.

    $ consul acl set-agent-token default 32f7...`,
  http: "server",
  setupWords: SETUP_WORDS,
  flags: [],
  run: failing(async (context) => {
    const [type, token] = await typeAndToken(context);
    const client = context.client();
    if (!TOKEN_TYPES.has(type)) throw new CommandFailure("Unknown token type");
    await step(`Failed to set ACL token ${goQuote(type)}`, () =>
      write(client, `/v1/agent/token/${type}`, { Token: token }),
    );
    context.out(`ACL token ${goQuote(type)} set successfully`);
  }),
};

async function typeAndToken({ args, io }: CommandContext): Promise<readonly [type: string, token: string]> {
  const [type, token] = args;
  if (type === undefined) throw new CommandFailure("Error! Missing TYPE and TOKEN arguments");
  if (args.length > 2) throw new CommandFailure(`Error! Too many arguments: expected 2 got ${args.length}`);
  if (token === undefined)
    throw new CommandFailure(TOKEN_TYPES.has(type) ? "Error! Missing TOKEN argument" : "Error! MISSING TYPE argument");
  return [type, (await step("Error!", () => loadData(token, io))).toString()];
}

export const translateRulesCommand: Command = {
  usage: "[options] TRANSLATE",
  description: `
Prints rules of the old kind as rules of today: those given (text, @FILE, or - for standard input), or those of a token.

    $ consul acl translate-rules @rules.hcl
    $ consul acl translate-rules -token-accessor 45a3...`,
  http: "server",
  setupWords: SETUP_WORDS,
  flags: [
    boolFlag("token-accessor", "TRANSLATE is the accessor ID of a token with rules."),
    boolFlag("token-secret", "TRANSLATE is the secret ID of a token with rules."),
  ],
  run: failing(async (context) => {
    const { args, flags, io } = context;
    const secret = flags.bool("token-secret");
    if (secret && flags.bool("token-accessor"))
      throw new CommandFailure("Error - cannot specify both -token-secret and -token-accessor");
    const [given] = args;
    if (given === undefined) throw new CommandFailure("Error! Missing TRANSLATE argument");
    if (args.length > 1) throw new CommandFailure(`Error! Too many arguments: expected 1 got ${args.length}`);
    let rules = (await step("Error!", () => loadData(given, io))).toString();
    if (secret || flags.bool("token-accessor")) rules = await rulesOfToken(context, rules.trim(), secret);
    context.out(await step("Error translating rules", () => translateRules(context.client(), rules)));
  }),
};

async function rulesOfToken(context: CommandContext, id: string, secret: boolean): Promise<string> {
  try {
    return await legacyRules(context, id, secret);
  } catch (error) {
    throw error instanceof CommandFailure ? error : new CommandFailure((error as Error).message);
  }
}
