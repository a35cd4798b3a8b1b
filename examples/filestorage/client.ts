/** Finds a file storage by its name and moves files. `node client.ts put FILE`, `get NAME`, `list`. */
import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { createClient } from "@tribune/client";

const CHUNK_BYTES = 256 * 1024;

/** Base URL of one instance whose checks pass. Waits for one for up to `waitSeconds`. */
export async function find(service: string, agentUrl: string, waitSeconds = 30): Promise<string> {
  const client = createClient({ url: agentUrl });
  try {
    const signal = AbortSignal.timeout(waitSeconds * 1000);
    // The first change is what there is now; the agent tells of each that follows.
    for await (const { all } of client.watch.service(service, { passing: true, signal })) if (all.size > 0) break;
    const { host } = await client.resolve(service);
    return `http://${host}/filestorage/v1.0.0`;
  } finally {
    client.close();
  }
}

async function ask<T>(url: string, init: RequestInit = {}): Promise<T> {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${init.method ?? "GET"} ${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

/** Uploads chunk by chunk. @returns the file's size in bytes */
export async function put(base: string, path: string, name = basename(path)): Promise<number> {
  const target = `${base}/files/${encodeURIComponent(name)}/uploads`;
  const { upload } = await ask<{ upload: string }>(target, { method: "POST" });
  const file = await open(path);
  const hash = createHash("sha256");
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (let offset = 0; ; ) {
      const { bytesRead } = await file.read(chunk, 0, chunk.length, offset);
      if (bytesRead === 0) break;
      const body = chunk.subarray(0, bytesRead);
      await ask(`${base}/uploads/${upload}?offset=${offset}`, { method: "PUT", body });
      hash.update(body);
      offset += bytesRead;
    }
  } finally {
    await file.close();
  }
  const finish = `${base}/uploads/${upload}/finish?sha256=${hash.digest("hex")}`;
  return (await ask<{ bytes: number }>(finish, { method: "POST" })).bytes;
}

/** Downloads part by part. @returns the file's size in bytes */
export async function get(base: string, name: string, path: string): Promise<number> {
  const file = await open(path, "w");
  try {
    for (let offset = 0; ; ) {
      const headers = { Range: `bytes=${offset}-${offset + CHUNK_BYTES - 1}` };
      const response = await fetch(`${base}/files/${encodeURIComponent(name)}`, { headers });
      if (response.status === 416) return offset; // the end lay at the end of the last part
      if (!response.ok) throw new Error(`${name}: ${response.status} ${await response.text()}`);
      const part = Buffer.from(await response.arrayBuffer());
      await file.write(part, 0, part.length, offset);
      offset += part.length;
      if (part.length < CHUNK_BYTES) return offset;
    }
  } finally {
    await file.close();
  }
}

async function main([command, what, to]: string[]): Promise<void> {
  const agentUrl = process.env.AGENT_URL ?? "http://127.0.0.1:8500";
  const base = await find(process.env.SERVICE_NAME ?? "filestorage", agentUrl);
  if (command === "put" && what !== undefined) console.log(`sent ${await put(base, what, to)} bytes`);
  else if (command === "get" && what !== undefined) console.log(`got ${await get(base, what, to ?? what)} bytes`);
  else if (command === "list") for (const name of await ask<string[]>(`${base}/files`)) console.log(name);
  else throw new Error("node client.ts put FILE [NAME] | get NAME [FILE] | list");
}

const [, program, ...words] = process.argv;
if (program !== undefined && realpathSync(program) === fileURLToPath(import.meta.url)) await main(words);
