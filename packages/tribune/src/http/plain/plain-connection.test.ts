import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { silentLogger } from "../../lib/log.ts";
import { Connections } from "../connections.ts";
import { DateLine } from "./head-text.ts";
import { PlainDoor } from "./plain-door.ts";
import type { PlainRequest } from "./plain-request.ts";
import type { PlainResponse } from "./plain-response.ts";

type Handler = (request: PlainRequest, response: PlainResponse) => void;

async function opened(t: TestContext, handle: Handler) {
  const server = createServer();
  const door = new PlainDoor(
    server,
    { secure: false, headerBytesMax: 1 << 20 },
    {
      connections: new Connections(100, silentLogger),
      dates: new DateLine({ nowMs: () => 0, wallMs: () => 0 }),
      handle,
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    door.close();
    server.close();
  });
  const come = async (): Promise<Socket> => {
    const client = connect({ host: "127.0.0.1", port: (server.address() as AddressInfo).port });
    client.setEncoding("latin1").on("error", () => {});
    t.after(() => client.destroy());
    await once(client, "connect");
    return client;
  };
  return { door, come, client: await come() };
}

async function until(what: string, is: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!is()) {
    assert.ok(Date.now() < deadline, what);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`;

function answer(response: PlainResponse, body: string): void {
  response.writeHead(200, ["Content-Length", String(body.length)]);
  response.end(body, "latin1");
}

/** All that comes until the text ends so. */
function hearing(client: Socket): { readonly text: () => string } {
  let heard = "";
  client.on("data", (chunk) => {
    heard += chunk;
  });
  return { text: () => heard };
}

test("what is asked while an answer is being made is answered after it, in order", async (t) => {
  const waiting: (readonly [string, PlainResponse])[] = [];
  const { client } = await opened(t, ({ url }, response) => void waiting.push([url, response]));
  const heard = hearing(client);
  client.write(get("/1") + get("/2").slice(0, 10));
  await until("the first is asked", () => waiting.length === 1);
  client.write(get("/2").slice(10) + get("/3"));
  for (const path of ["/1", "/2", "/3"]) {
    await until(`${path} is asked`, () => waiting.length === 1);
    const [url, response] = waiting.shift()!;
    assert.equal(url, path);
    answer(response, `answer to ${url}.`);
  }
  await until("all are answered", () => heard.text().endsWith("answer to /3."));
  assert.deepEqual(heard.text().match(/answer to \/\d/g), ["answer to /1", "answer to /2", "answer to /3"]);
});

test("a client that hangs up is noticed while it waits, also behind what it has sent ahead", async (t) => {
  for (const ahead of ["", get("/later").repeat(100)]) {
    let asked = 0;
    let closed = 0;
    const { client } = await opened(t, (_request, response) => {
      asked++;
      response.on("close", () => {
        closed++;
        answer(response, "too late"); // and nothing happens
        assert.ok(response.destroyed);
      });
    });
    client.write(get("/wait") + ahead);
    await until("the request is there", () => asked === 1);
    client.destroy();
    await until("the request is over", () => closed === 1);
  }
});

test("a client that does not read is not answered without end", async (t) => {
  const body = "x".repeat(100_000);
  let asked = 0;
  const { client } = await opened(t, (_request, response) => {
    asked++;
    answer(response, body);
  });
  const requests = 2_000;
  client.pause();
  client.write(get("/much").repeat(requests));
  let before = -1;
  // The kernel's buffers hold some megabytes of the 200.
  await until("it stops", () => {
    const stands = asked > 0 && asked === before;
    before = asked;
    return stands;
  });
  assert.ok(asked < requests / 4, `${asked} answers for a client that reads none`);
  let bytes = 0;
  client.on("data", (chunk) => {
    bytes += chunk.length;
  });
  client.resume();
  await until("all are answered", () => bytes > requests * body.length);
  assert.equal(asked, requests);
});

test("a stream of bytes stops where the client does, and goes on", async (t) => {
  let sent = 0;
  let stops = 0;
  const chunk = Buffer.alloc(60_000, "y");
  const { client } = await opened(t, (_request, response) => {
    response.writeHead(200, []);
    const go = (): void => {
      while (sent < 500) {
        sent++;
        if (response.write(chunk)) continue;
        stops++;
        return;
      }
      response.end();
    };
    response.on("drain", go);
    go();
  });
  client.pause();
  client.write(get("/stream"));
  await until("it stops", () => stops > 0);
  const heard = hearing(client);
  client.resume();
  await until("it ends", () => heard.text().endsWith("\r\n0\r\n\r\n"));
  assert.equal(heard.text().match(/ea60\r\n/g)?.length, 500);
});

test("who says nothing is let go, and nobody else", async (t) => {
  const { door, come, client } = await opened(t, (_request, response) => answer(response, "hello"));
  const asking = await come();
  asking.write(get("/"));
  await once(asking, "data");
  door.letSilentGo(performance.now());
  const heard = hearing(client);
  door.letSilentGo(performance.now() + 61_000);
  await once(client, "close");
  assert.match(heard.text(), /^HTTP\/1\.1 400 /);
  asking.write(get("/"));
  await once(asking, "data");
});

test("who owes the rest of a request line is let go, and not before", async (t) => {
  const { door, client } = await opened(t, (request, response) => answer(response, request.url));
  const heard = hearing(client);
  client.write("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b");
  await until("the first is answered", () => heard.text().endsWith("/a"));
  door.letSilentGo(performance.now());
  client.write(`\xc3\xbc${get("").slice("GET ".length)}`, "latin1");
  await until("it is answered", () => heard.text().endsWith("/b%C3%BC"));
  door.letSilentGo(performance.now() + 61_000); // owes nothing now
  client.write("GET /");
  client.write("c");
  const refused = setInterval(() => door.letSilentGo(performance.now() + 61_000), 10);
  await once(client, "close");
  clearInterval(refused);
  assert.match(heard.text(), /\/b%C3%BCHTTP\/1\.1 400 /);
});

test("an answer whose header would hold another is not sent", async (t) => {
  const { client } = await opened(t, (_request, response) => {
    for (const [name, value] of [
      ["Location", "/a\r\nSet-Cookie: b"],
      ["Location", "\u0100"],
      ["A: b\r\nC", "d"],
      ["", "x"],
    ])
      assert.throws(() => response.writeHead(200, [name!, value!]), /Invalid character in header/);
    assert.ok(!response.headersSent);
    answer(response, "fine");
  });
  const heard = hearing(client);
  client.write(get("/"));
  await until("it is answered", () => heard.text().endsWith("fine"));
  assert.ok(!heard.text().includes("Set-Cookie"));
});
