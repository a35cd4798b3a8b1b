import { execFile } from "node:child_process";
import { chmod, chown, lstat, rm } from "node:fs/promises";
import { promisify } from "node:util";
import type { Logger } from "../lib/log.ts";

/** `unix_sockets`: "" for what stays as it is. The user is a name or a number, the group a number, the mode octal. */
export interface SocketOwner {
  readonly user: string;
  readonly group: string;
  readonly mode: string;
}

/** Takes away what an agent that was killed has left: a socket cannot be bound where there is a file. */
export async function clearSocketFile(path: string, logger: Logger): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  logger.warn("Replacing socket", { path });
  await rm(path);
}

/** Gives a socket to whom the configuration names. @throws Error in Consul's words */
export async function ownSocketFile(path: string, { user, group, mode }: SocketOwner): Promise<void> {
  if (user !== "" || group !== "") {
    const uid = user === "" ? process.getuid!() : await userId(user);
    const gid = group === "" ? process.getgid!() : number(group, 10);
    if (gid === undefined) throw failed(`invalid group specified: ${group}`);
    await chown(path, uid, gid).catch((error: Error) => {
      throw failed(`failed setting ownership to ${uid}:${gid} on ${JSON.stringify(path)}: ${error.message}`);
    });
  }
  if (mode === "") return;
  const bits = number(mode, 8);
  if (bits === undefined) throw failed(`invalid mode specified: ${mode}`);
  await chmod(path, bits);
}

/** By way of `id`, which knows users of directories as well as those of the file. */
async function userId(user: string): Promise<number> {
  const given = number(user, 10);
  if (given !== undefined) return given;
  try {
    return Number((await promisify(execFile)("id", ["-u", "--", user])).stdout);
  } catch {
    throw failed(`failed to look up user ${user}: user: unknown user ${user}`);
  }
}

function number(text: string, base: 8 | 10): number | undefined {
  return (base === 8 ? /^[0-7]+$/ : /^\d+$/).test(text) ? Number.parseInt(text, base) : undefined;
}

const failed = (why: string): Error => new Error(`Failed setting up socket: ${why}`);
