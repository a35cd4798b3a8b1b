import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { type Heard, type TwoDoors, twoDoors } from "./two-doors.test.support.ts";

let doors: TwoDoors;
before(async () => {
  doors = await twoDoors();
});
after(() => doors.close());

const GET = "GET /a?b=c%20d HTTP/1.1\r\nHost: h:1\r\nAccept-Encoding: gzip\r\n\r\n";
const PUT = "PUT /v1/kv/a HTTP/1.1\r\nhost: h\r\nContent-Length: 5\r\nX-Consul-Token: t\r\n\r\nvalue";

/** Read by the plain door as Node reads them; with the number of them. */
const PLAIN: readonly (readonly [requests: number, bytes: string])[] = [
  [1, GET],
  [1, PUT],
  [3, GET + PUT + GET],
  [40, GET.repeat(40)],
  [1, "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n"],
  [1, "DELETE /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"],
  [1, "POST / HTTP/1.1\r\nHost:h\r\n\r\n"],
  [1, "GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"],
  [1, "GET /a HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n\r\n"],
  [1, "GET /a HTTP/1.1\r\nHost: h\r\nConnection: Keep-Alive\r\nKeep-Alive: timeout=5\r\n\r\n"],
  [1, 'GET /a HTTP/1.1\r\nHost: h\r\nUser-Agent: a b\tc, (d; "e")\r\nCookie: a=b; c=d\r\n\r\n'],
  [2, `GET /pieces HTTP/1.1\r\nHost: h\r\n\r\nGET /pieces/2 HTTP/1.1\r\nHost: h\r\n\r\n`],
  [1, "HEAD /pieces HTTP/1.1\r\nHost: h\r\n\r\n"],
  [2, "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\nGET /nothing/304 HTTP/1.1\r\nHost: h\r\n\r\n"],
  [1, "GET /close HTTP/1.1\r\nHost: h\r\n\r\nGET /not-answered HTTP/1.1\r\nHost: h\r\n\r\n"],
  [2, `GET /long HTTP/1.1\r\nHost: h\r\n\r\n${GET}`],
  [1, "GET /long HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n"],
  [1, "HEAD /long HTTP/1.1\r\nHost: h\r\n\r\n"],
  [1, "GET /\xe9 HTTP/1.1\r\nHost: h\r\n\r\n"],
  [2, `PUT /v1/kv/\xc3\xbc?x=\xff%C3 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n\xc3\xbc${GET}`],
  [1, `GET /${"\xf0\x9f\x98\x80".repeat(500)} HTTP/1.1\r\nHost: h\r\n\r\n`],
  [1, `GET /${"a".repeat(2_000)} HTTP/1.1\r\nHost: h\r\n\r\n`],
  [1, `PUT /big HTTP/1.1\r\nHost: h\r\nContent-Length: 40000\r\n\r\n${"x".repeat(40_000)}`],
  [1, `PUT /big HTTP/1.1\r\nHost: h\r\nContent-Length: 65536\r\n\r\n${"x".repeat(65_536)}`],
];

/** Left to Node, whether it takes them or refuses. Many were used to smuggle a request past somebody. */
const NOT_PLAIN: readonly string[] = [
  // The length of the body in two ways, or in none that is sure.
  "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
  "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
  "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
  "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
  "POST /a HTTP/1.1\r\nHost: h\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
  "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\ncontent-length: 3\r\n\r\nabc",
  "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc",
  "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc",
  "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0x3\r\n\r\nabc",
  "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 03\r\n\r\nabc",
  "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
  "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length:  3\r\n\r\nabc",
  "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3 \r\n\r\nabc",
  "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\nabc",
  `PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n${"x".repeat(65_537)}`,
  // Lines that end or begin oddly.
  "GET /a HTTP/1.1\nHost: h\n\n",
  "GET /a HTTP/1.1\r\nHost: h\n\r\n",
  "GET /a HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n",
  "GET /a HTTP/1.1\r\nHost: h\r\nX: a\r\n\tb\r\n\r\n",
  "GET /a HTTP/1.1\r\n Host: h\r\n\r\n",
  "\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n",
  "GET /a HTTP/1.1\r\nHost : h\r\n\r\n",
  "GET /a HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n",
  "GET /a HTTP/1.1\r\nHost: h\r\nX Y: z\r\n\r\n",
  "GET /a HTTP/1.1\r\nHost: h\r\nX\r\n\r\n",
  "GET /a HTTP/1.1\r\nHost: h\r\nX: \0\r\n\r\n",
  "GET /a HTTP/1.1\r\nHost: h\r\nX: \x7f\r\n\r\n",
  "GET /a HTTP/1.1\r\nHost: h\r\nX: caf\xe9\r\n\r\n",
  "GET /a HTTP/1.1\r\nHost: h\r\nX:\r\n\r\n",
  // Who is asked.
  "GET /a HTTP/1.1\r\n\r\n",
  "GET /a HTTP/1.1\r\nX: y\r\n\r\n",
  "GET /a HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
  "GET http://h/a HTTP/1.1\r\nHost: i\r\n\r\n",
  "GET //h/a HTTP/1.1\r\nHost : i\r\n\r\n",
  "GET * HTTP/1.1\r\nHost: h\r\n\r\n",
  "GET a HTTP/1.1\r\nHost: h\r\n\r\n",
  "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n",
  "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
  "GET  /a HTTP/1.1\r\nHost: h\r\n\r\n",
  "GET /a  HTTP/1.1\r\nHost: h\r\n\r\n",
  // Bytes above 127 in a target of something that is not plain for another reason, or in no target.
  "POST /\xc3\xbc HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  "\r\nGET /\xc3\xbc HTTP/1.1\r\nHost: h\r\nX: \xe9\r\n\r\n",
  "PATCH /\xc3 HTTP/1.1\r\nHost: h\r\n\r\n",
  "GET /\xff HTTP/1.0\r\nHost: h\r\n\r\n",
  "GET /\xff HTTP/1.1\nHost: h\n\n",
  "GET /\xff HTTP/1.1\r\n Host: h\r\n\r\n",
  "GET http://h/\xc3\xbc HTTP/1.1\r\nHost: h\r\n\r\n",
  "GET \xc3\xbc HTTP/1.1\r\nHost: h\r\n\r\n",
  "GET /\xc3\xbc#a HTTP/1.1\r\nHost: h\r\n\r\n",
  "GET /\xc3\xbc b HTTP/1.1\r\nHost: h\r\n\r\n",
  "GET /\xc3\xbc\0 HTTP/1.1\r\nHost: h\r\n\r\n",
  "\xc3 /a HTTP/1.1\r\nHost: h\r\n\r\n",
  "GET /a\xc3\xbc\r\nHost: h\r\n\r\n",
  `PUT /\xc3\xbc HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n${"x".repeat(65_537)}`,
  "GET /a\0 HTTP/1.1\r\nHost: h\r\n\r\n",
  // Other methods, versions and ways to go on.
  "get /a HTTP/1.1\r\nHost: h\r\n\r\n",
  "PATCH /a HTTP/1.1\r\nHost: h\r\n\r\n",
  "OPTIONS /a HTTP/1.1\r\nHost: h\r\n\r\n",
  "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n",
  "GETX /a HTTP/1.1\r\nHost: h\r\n\r\n",
  "GET /a HTTP/1.0\r\nHost: h\r\n\r\n",
  "GET /a HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n",
  "GET /a HTTP/1.2\r\nHost: h\r\n\r\n",
  "GET /a HTTP/2.0\r\nHost: h\r\n\r\n",
  "GET /a http/1.1\r\nHost: h\r\n\r\n",
  "GET /a\r\nHost: h\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "GET /a HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, close\r\n\r\n",
  "GET /a HTTP/1.1\r\nHost: h\r\nConnection: X\r\nX: y\r\n\r\n",
  "GET /a HTTP/1.1\r\nHost: h\r\nProxy-Connection: close\r\n\r\n",
  "GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  "GET /a HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\n\r\n",
  "PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
  "GET /a HTTP/1.1\r\nHost: h\r\nCookie: a\r\nCookie: b\r\n\r\n",
  "GET /a HTTP/1.1\r\nHost: h\r\n__proto__: x\r\n\r\n",
  `GET /a HTTP/1.1\r\nHost: h\r\nX: ${"x".repeat(9_000)}\r\n\r\n`,
  `GET /a HTTP/1.1\r\nHost: h\r\nX: ${"x".repeat(20_000)}\r\n\r\n`,
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
];

const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");
const shown = (bytes: string): string => JSON.stringify(bytes.slice(0, 200));

test("a plain request means to the plain door what it means to Node, and the answer is the same", async () => {
  for (const [requests, bytes] of PLAIN) {
    doors.plainRequests();
    const { said } = await asked([bytes]);
    assert.equal(doors.plainRequests(), requests + (said.includes("/goodbye") ? 1 : 0), shown(bytes));
  }
});

test("everything else is Node's, with all that follows", async () => {
  for (const bytes of NOT_PLAIN) {
    doors.plainRequests();
    await asked([bytes]);
    assert.equal(doors.plainRequests(), 0, shown(bytes));
    await asked([PUT, GET + bytes + GET]);
    assert.equal(doors.plainRequests(), 2, shown(bytes));
  }
});

test("what is Node's comes to it behind whatever is still being said, also from a client that has closed its side", async () => {
  const long = "GET /long HTTP/1.1\r\nHost: h\r\n\r\n";
  const chunked = "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  // More than a socket takes at once, and more requests than are answered in one turn.
  for (const before of [long.repeat(2), long.repeat(9), GET.repeat(40), GET.repeat(70) + long.repeat(2)]) {
    const { said, seen } = await asked([before + chunked]);
    assert.deepEqual(
      seen.slice(-2).map((each) => each.split(" ").slice(0, 2).join(" ")),
      ["POST /a", "GET /goodbye"],
    );
    assert.doesNotMatch(said, /HTTP\/1\.1 400/);
  }
});

test("where the bytes are split changes nothing", async () => {
  const all = latin1(`${PUT}${GET}PUT /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc${GET}`);
  const whole = await doors.askPlain([all]);
  assert.equal(whole.said.match(/HTTP\/1\.1 200 OK/g)?.length, 5);
  for (let at = 1; at < all.length; at++)
    assert.deepEqual(await doors.askPlain([all.subarray(0, at), all.subarray(at)]), whole, `at ${at}`);
  const message = fc.oneof(fc.constantFrom(...PLAIN.map(([, bytes]) => bytes)), fc.constantFrom(...NOT_PLAIN));
  const cut = fc.double({ min: 0, max: 1, noNaN: true });
  await fc.assert(
    fc.asyncProperty(
      fc.array(message, { minLength: 1, maxLength: 3 }),
      fc.array(cut, { maxLength: 4 }),
      async (parts, cuts) => {
        const bytes = parts.join("");
        const marks = [0, ...cuts.map((part) => Math.floor(part * bytes.length)).sort((a, b) => a - b), bytes.length];
        await asked(marks.slice(1).map((mark, index) => bytes.slice(marks[index], mark)));
      },
    ),
    { numRuns: 60 },
  );
});

test("a request that is cut off is refused, not carried out", async () => {
  const goodbye = "GET /goodbye HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".length;
  for (const bytes of [
    `PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: ${goodbye + 3}\r\n\r\nab`,
    "GET /a HTTP/1.1\r\nHost: h\r\n",
  ]) {
    doors.plainRequests();
    assert.match((await asked([bytes])).said, /^HTTP\/1\.1 400 /);
    assert.equal(doors.plainRequests(), 0);
  }
});

async function asked(pieces: readonly string[]): Promise<Heard> {
  try {
    return await doors.ask(pieces.filter((piece) => piece !== "").map(latin1));
  } catch (error) {
    throw new Error(`asked ${shown(pieces.join("|"))}`, { cause: error });
  }
}
