import type { ConsulClient } from "@tribune/client/node";
import type { CommandContext } from "../command.ts";
import { tokenId } from "./lookup.ts";
import { read } from "./request.ts";
import type { Token } from "./shapes.ts";

/** The rules inside a token of the old kind. @throws Error with Consul's words */
export async function legacyRules(context: CommandContext, part: string, isSecret: boolean): Promise<string> {
  const id = await tokenId(context.client(), part);
  let token: Token;
  try {
    token = isSecret
      ? await read<Token>(context.client({ token: id }), "/v1/acl/token/self")
      : await read<Token>(context.client(), `/v1/acl/token/${id}`);
  } catch (cause) {
    throw new Error(`Error reading token: ${(cause as Error).message}`, { cause });
  }
  if ((token.Rules ?? "") === "") throw new Error("Token is not a legacy token with rules");
  return token.Rules as string;
}

/** Rules of the old kind as rules of today. The servers translate: they print HCL as Consul does. */
export async function translateRules(client: ConsulClient, rules: string): Promise<string> {
  const { body } = await client.http.ok({ method: "POST", path: "/v1/acl/rules/translate", body: rules });
  return body.toString();
}
