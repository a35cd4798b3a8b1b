/** A file storage that registers itself with an agent. `node service.ts`; its settings are in README.md. */
import { createReadStream } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { createClient } from "@tribune/client";
import { CHUNK_BYTES_MAX, Refusal, Storage } from "./storage.ts";

const { env } = process;
const name = env.SERVICE_NAME ?? "filestorage";
const host = env.SERVICE_ADDR ?? "127.0.0.1";
const storage = await Storage.open(env.STORAGE_DIR ?? "files");
const client = createClient({ url: env.AGENT_URL ?? "http://127.0.0.1:8500" });

const BASE = "/filestorage/v1.0.0";
const HELP = `File storage. All paths below ${BASE}.

GET    /help                      this page
GET    /check                     200 while files can be stored
GET    /files                     names of all files
GET    /files/NAME                a file; "Range: bytes=FIRST-LAST" for a part of it
POST   /files/NAME/uploads        begin: answers {"upload": ID, "chunkBytesMax": ${CHUNK_BYTES_MAX}}
GET    /uploads/ID                how far it is: {"received": BYTES}
PUT    /uploads/ID?offset=BYTES   the next chunk; 409 and {"received": BYTES} if it is another one
POST   /uploads/ID/finish?sha256= make it a file; 422 if the hash is another one
`;

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://service");
  if (!pathname.startsWith(`${BASE}/`)) throw new Refusal(404, "There is no such path");
  const [area, id = "", ...more] = pathname
    .slice(BASE.length + 1)
    .split("/")
    .map(decodeURIComponent);
  switch (`${request.method} ${[area, id && "*", ...more].filter(Boolean).join("/")}`) {
    case "GET help":
      return send(response, 200, HELP);
    case "GET check":
      await storage.check();
      return send(response, 200, "success");
    case "GET files":
      return sendJson(response, 200, await storage.names());
    case "GET files/*":
      return sendFile(request, response, id);
    case "POST files/*/uploads":
      return sendJson(response, 201, { upload: await storage.begin(id), chunkBytesMax: CHUNK_BYTES_MAX });
    case "GET uploads/*":
      return sendJson(response, 200, { received: storage.received(id) });
    case "PUT uploads/*": {
      const offset = Number(searchParams.get("offset") ?? Number.NaN);
      return sendJson(response, 200, { received: await storage.append(id, offset, await bodyOf(request)) });
    }
    case "POST uploads/*/finish":
      return sendJson(response, 200, await storage.finish(id, searchParams.get("sha256") ?? ""));
    default:
      throw new Refusal(404, "There is no such path");
  }
}

async function sendFile(request: IncomingMessage, response: ServerResponse, file: string): Promise<void> {
  const { path, bytes } = await storage.find(file);
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
  const first = range === null ? 0 : Number(range[1]);
  const last = Math.min(range?.[2] ? Number(range[2]) : bytes - 1, bytes - 1);
  if (range !== null && first > last) throw new Refusal(416, `The file has ${bytes} bytes`);
  response.writeHead(range === null ? 200 : 206, {
    "Content-Type": "application/octet-stream",
    "Content-Length": last - first + 1,
    ...(range === null ? {} : { "Content-Range": `bytes ${first}-${last}/${bytes}` }),
  });
  if (bytes === 0) response.end();
  else await pipeline(createReadStream(path, { start: first, end: last }), response);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  // Who sends too much shall hear so: the connection stays until the answer is out.
  const body: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > CHUNK_BYTES_MAX) throw new Refusal(413, `A chunk has at most ${CHUNK_BYTES_MAX} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function send(response: ServerResponse, status: number, text: string, type = "text/plain"): void {
  response.writeHead(status, { "Content-Type": `${type}; charset=utf-8` }).end(text);
}
function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, JSON.stringify(value), "application/json");
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    // Nobody reads the answer of a request that broke off.
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    const refusal = error instanceof Refusal ? error : new Refusal(500, String(error));
    if (!request.complete) response.setHeader("Connection", "close");
    sendJson(response, refusal.status, { error: refusal.message, received: refusal.received });
  });
});
await new Promise<void>((resolve) => server.listen(Number(env.SERVICE_PORT ?? 0), host, resolve));
const { port } = server.address() as AddressInfo;
const serviceId = env.SERVICE_ID ?? `${name}-${host}:${port}`;

const secondsToNs = (seconds: number) => seconds * 1e9;
const registration = await client.register({
  ID: serviceId,
  Name: name,
  Address: host,
  Port: port,
  Tags: ["filestorage"],
  Meta: { api: "v1.0.0" },
  Check: {
    Name: "Files can be stored",
    HTTP: `http://${host}:${port}${BASE}/check`,
    Interval: secondsToNs(Number(env.CHECK_SECONDS ?? 30)),
    Timeout: secondsToNs(2),
  },
});
console.log(`${serviceId} is registered`);

for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, async () => {
    // First out of the registry, then out of work: nobody is sent here any more.
    await registration.deregister();
    server.close();
    server.closeIdleConnections();
    await storage.close();
    console.log(`${serviceId} is deregistered`);
  });
