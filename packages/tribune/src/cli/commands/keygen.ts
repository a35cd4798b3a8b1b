import { randomBytes } from "node:crypto";
import type { Command } from "../command.ts";

/** AES-256. */
const KEY_BYTES = 32;

export const keygen: Command = {
  usage: "",
  description: "Prints a new gossip encryption key, for the `encrypt` setting.",
  http: "none",
  flags: [],
  run(context) {
    context.out(randomBytes(KEY_BYTES).toString("base64"));
    return 0;
  },
};
