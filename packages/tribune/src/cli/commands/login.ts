import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { CommandFailure, failing, step } from "../acl/request.ts";
import type { Token } from "../acl/shapes.ts";
import type { Command } from "../command.ts";
import { fileReason } from "../output.ts";
import { writeFileAtomic } from "../write-file.ts";
import { mapFlag, stringFlag } from "./flag.ts";

/** For the owner's eyes only: the file is a token. */
const SINK_MODE = 0o600;

export const login: Command = {
  usage: "[options]",
  description: `
Trades credentials of an auth method for a token, and writes the token to a file.

    $ consul login -method=ci -bearer-token-file=jwt -token-sink-file=token`,
  http: "namespace",
  flags: [
    stringFlag("method", "Name of the auth method."),
    stringFlag("type", "Type of the auth method; may be left out."),
    stringFlag("bearer-token-file", "File with the credentials."),
    stringFlag("token-sink-file", "Where to write the token."),
    mapFlag("meta", "Metadata for the token as key=value; may be repeated."),
  ],
  run: failing(async (context) => {
    const { flags } = context;
    if (context.args.length > 0) throw new CommandFailure("Should have no non-flag arguments.");
    for (const name of ["method", "token-sink-file", "bearer-token-file"])
      if (flags.string(name) === "") throw new CommandFailure(`Missing required '-${name}' flag`);
    const bearer = await bearerToken(flags.string("bearer-token-file"));
    // Who logs in has no token yet; an old one would be refused.
    const client = context.client({ token: "" });
    const request = {
      AuthMethod: flags.string("method"),
      BearerToken: bearer,
      ...(Object.keys(flags.map("meta")).length === 0 ? {} : { Meta: flags.map("meta") }),
    };
    const { value } = await step("Error logging in", () =>
      client.ask<Token>({ method: "POST", path: "/v1/acl/login", body: JSON.stringify(request) }),
    );
    const sink = flags.string("token-sink-file");
    await step("Error writing token to file sink", async () => {
      await mkdir(dirname(sink), { recursive: true });
      await writeFileAtomic(sink, value.SecretID, SINK_MODE);
    });
  }),
};

async function bearerToken(file: string): Promise<string> {
  let text: string;
  try {
    text = (await readFile(file, "utf8")).trim();
  } catch (cause) {
    throw new CommandFailure(fileReason("open", file, cause));
  }
  if (text === "") throw new CommandFailure(`No bearer token found in ${file}`);
  return text;
}

export const logout: Command = {
  usage: "[options]",
  description: "Destroys a token that login made.",
  http: "server",
  flags: [],
  run: failing(async (context) => {
    if (context.args.length > 0) throw new CommandFailure("Should have no non-flag arguments.");
    const client = context.client();
    await step("Error destroying token", () => client.ask({ method: "POST", path: "/v1/acl/logout" }));
  }),
};
