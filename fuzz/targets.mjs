// What is fed to which reader. A target says which built modules it needs; `make` gets them and returns its seeds,
// what to do with an input, and which errors are a reader's right.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

const DIST = new URL("../packages/tribune/dist/", import.meta.url);

export const importBuilt = (path) => import(new URL(path, DIST));

export async function loadTarget(name) {
  const { modules, make } = TARGETS[name];
  const missing = modules.filter((path) => !existsSync(new URL(path, DIST)));
  if (missing.length > 0) return { missing };
  const loaded = await Promise.all(modules.map(importBuilt));
  return { target: { mayThrow: () => false, ...(await make(...loaded, await import("@tribune/api"))) } };
}

const bytes = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
const dnsName = (name) => bytes(...name.split(".").map((label) => [label.length, ...Buffer.from(label)]), [0]);
const isOf =
  (...classes) =>
  (error) =>
    classes.some((one) => error instanceof one);

/** `state.bin` out of a snapshot archive: a gzipped tar. */
function stateOfArchive(url) {
  const tar = gunzipSync(readFileSync(url));
  for (let at = 0; at < tar.length; ) {
    const name = tar.toString("latin1", at, at + 100).replace(/\0.*$/s, "");
    const size = Number.parseInt(tar.toString("latin1", at + 124, at + 135), 8) || 0;
    if (name === "state.bin") return Buffer.from(tar.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error(`no state.bin in ${url}`);
}

const JSON_SEEDS = [
  '{"Node":"n1","Address":"10.0.0.1","Service":{"Service":"web","Port":80,"Tags":["a"],"Meta":{"k":"v"}}}',
  '[{"KV":{"Verb":"set","Key":"a/b","Value":"aGk=","Flags":18446744073709551615}}]',
  '{"a":[1.5e-7,-0,true,null,"\\u00e9\\n\\ud83d\\ude00"],"b":{"c":{}},"":[]}',
  '{"Check":{"CheckID":"c","Interval":"10s","Header":{"x":["y"]},"Timeout":1000000000}}',
  "[[[[[[]]]]]]",
  '"text"',
];

const TARGETS = {
  dns: {
    modules: ["codec/dns-question.js", "codec/dns-message.js", "dns/tcp-frames.js"],
    make({ parseRequest }, { parseReply }, { TcpFrames }) {
      const head = (flags, ...counts) => [0x12, 0x34, flags >> 8, flags & 255, ...counts.flatMap((n) => [0, n])];
      const question = bytes(dnsName("web.service.dc1.consul"), [0, 33, 0, 1]);
      const edns = [0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 11, 0, 8, 0, 7, 0, 1, 24, 0, 10, 0, 0];
      const answer = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 0, 0, 1];
      const seeds = [
        bytes(head(0x0100, 1, 0, 0, 0), question),
        bytes(head(0x0120, 1, 0, 0, 1), question, edns),
        bytes(head(0x8580, 1, 2, 0, 1), question, answer, answer, edns),
        bytes(head(0x8180, 1, 1, 0, 0), question, [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 5, 0, 2, 0xc0, 16]),
        bytes(head(0x0100, 1, 0, 0, 0), [0xc0, 12, 0, 1, 0, 1]),
      ];
      return {
        kind: "bytes",
        seeds,
        run(input) {
          parseRequest(input);
          parseReply(input);
          const frames = new TcpFrames();
          for (let at = 0; at < input.length; at += 7) {
            frames.push(input.subarray(at, at + 7));
            for (let frame = frames.next(); frame !== undefined; frame = frames.next()) parseRequest(frame);
          }
          assert.ok(frames.bufferedBytes <= 65_537);
        },
      };
    },
  },

  json: {
    modules: ["lib/go-json.js", "lib/go-json-parse.js"],
    make({ stringifyGo }, { parseJson, JsonError }, api) {
      const refusesQuietly = (read) => {
        try {
          return read();
        } catch (error) {
          if (error instanceof JsonError || error instanceof api.JsonShapeError) {
            assert.notEqual(error.message, "");
            return undefined;
          }
          throw error;
        }
      };
      return {
        kind: "text",
        seeds: JSON_SEEDS,
        run(input) {
          let native;
          let isJson = true;
          try {
            native = JSON.parse(input);
          } catch {
            isJson = false;
          }
          const ours = refusesQuietly(() => ({ value: parseJson(input, { mode: "whole" }) }));
          assert.equal(ours !== undefined, isJson, "accepts what JSON.parse accepts, and no more");
          if (isJson && !/\d{16}/.test(input)) {
            assert.deepEqual(ours.value, native);
            const text = JSON.stringify(native);
            // Lone surrogates become U+FFFD, as in Go.
            if (!/\\ud[89a-f]/.test(text))
              assert.deepEqual(JSON.parse(stringifyGo(native)), JSON.parse(text), "round trip");
          }
          if (ours !== undefined) refusesQuietly(() => api.fromJson(api.RegisterRequest, ours.value, false));
        },
      };
    },
  },

  msgpack: {
    modules: ["codec/msgpack.js", "codec/struct-msgpack.js", "codec/raft-configuration.js"],
    make({ MsgpackReader, MsgpackWriter, MsgpackScanner, MsgpackError, writeAny }, structs, raft, api) {
      const { encodeStruct, decodeStruct } = structs;
      const schemas = [api.RegisterRequest, api.KVSRequest, api.CheckServiceNode, api.IndexedDirEntries];
      const encode = (value) => {
        const writer = new MsgpackWriter();
        writeAny(writer, value, "int");
        return Uint8Array.from(writer.take());
      };
      const seeds = [
        ...schemas.map((schema) => Uint8Array.from(encodeStruct(schema, api.zero(schema)))),
        encode({ a: [1, -1, 2 ** 40, 1.5, null, true], b: { c: "text".repeat(20) }, d: Buffer.from([1, 2]) }),
        raft.encodeRaftConfiguration({ servers: [{ id: "a", address: "10.0.0.1:8300", suffrage: "voter" }] }),
        bytes([0xd9, 3, 97, 98, 99, 0xc4, 1, 0, 0xc7, 1, 5, 9, 0xde, 0, 1, 0xa1, 97, 0x90]),
      ];
      const quietly = (read) => {
        try {
          return read();
        } catch (error) {
          if (!(error instanceof MsgpackError)) throw error;
          return undefined;
        }
      };
      return {
        kind: "bytes",
        seeds,
        run(input) {
          const value = quietly(() => new MsgpackReader(input).any("either"));
          if (value !== undefined) {
            const once = quietly(() => encode(value));
            if (once !== undefined) {
              const again = encode(new MsgpackReader(once).any("either"));
              assert.ok(Buffer.from(once).equals(again), "what was written once is written the same again");
            }
          }
          quietly(() => new MsgpackReader(input).skip());
          quietly(() => new MsgpackScanner().scan(input));
          quietly(() => raft.decodeRaftConfiguration(input));
          for (const schema of schemas) quietly(() => decodeStruct(schema, input));
        },
      };
    },
  },

  certificate: {
    modules: ["codec/certificate.js", "codec/der.js"],
    make({ certificate, tbsCertificate, encodeName, issuerFacts }, { DerError }) {
      const name = encodeName({ country: "US", organization: "HashiCorp Inc.", commonName: "Consul Agent CA 7" });
      const keyId = Buffer.alloc(32, 0xa5);
      const template = {
        serial: 0x7f1e_2d3cn,
        signature: "ecdsa-sha256",
        issuer: name,
        subject: name,
        notBeforeMs: 0,
        notAfterMs: 86_400_000,
        publicKey: Buffer.from("300d300906072a8648ce3d020103020000", "hex"),
        keyUsage: ["digitalSignature", "certSign", "crlSign"],
        extKeyUsage: ["serverAuth", "clientAuth"],
        isCa: true,
        subjectKeyId: keyId,
        authorityKeyId: keyId,
        dnsNames: ["server.dc1.consul"],
        ipAddresses: [Buffer.from([127, 0, 0, 1])],
        uris: ["spiffe://c.d"],
        permittedDnsDomains: ["b", "consul"],
      };
      // Nobody checks the signature, and one that is drawn afresh would make other inputs each time.
      const issued = (given) => Buffer.from(certificate(tbsCertificate(given), given.signature, Buffer.alloc(70, 1)));
      const seeds = [issued(template), issued({ ...template, signature: "rsa-sha256", permittedDnsDomains: [] })];
      assert.deepEqual(issuerFacts(seeds[0]).permittedDnsDomains, template.permittedDnsDomains);
      return {
        kind: "bytes",
        seeds,
        run: (input) => void issuerFacts(input),
        mayThrow: isOf(DerError),
      };
    },
  },
  "cloud-answers": {
    modules: ["codec/discover-text.js", "discover/xml.js", "config/secrets.js"],
    make({ parseDiscoverText }, { parseXml }, { hideCloudSecrets }) {
      return {
        kind: "text",
        seeds: [
          'provider=aws tag_key=consul tag_value="my servers" secret_access_key="a\\"b=="',
          "provider=azure a=b=c",
          '<?xml version="1.0"?><a x="1"><!-- c --><b>1 &lt; 2 &#65;</b><c/></a>',
          "<Response><Errors><Error><Code>X</Code></Error></Errors></Response>",
        ],
        run(input) {
          const args = parseDiscoverText(input);
          if (typeof args === "string") assert.notEqual(args, "");
          const shown = hideCloudSecrets(`${input} provider=x secret_token=unseen`);
          assert.ok(!shown.includes("unseen"), shown);
          try {
            parseXml(input);
          } catch (error) {
            assert.notEqual(error.message, "");
          }
        },
      };
    },
  },
  hcl: {
    modules: ["codec/hcl.js"],
    make({ decodeHcl, decodeJson, HclError }) {
      const quietly = (read) => {
        try {
          read();
        } catch (error) {
          if (!(error instanceof HclError)) throw error;
          assert.notEqual(error.message, "");
        }
      };
      return {
        kind: "text",
        seeds: [
          ...JSON_SEEDS,
          'datacenter = "dc1"\nports { http = 8500, dns = -1 }\nservers = ["a", "b",]\n',
          'key_prefix "foo/" { policy = "write" }\nnode "" {\n  policy = "read" # all\n}\n// end\n/* x */',
          'a = <<EOF\ntext\n  more\nEOF\nb = <<-EOT\n    x\n    EOT\n"quoted" = 0x1f\nc = 1.5e3\nd = true',
          'service { name = "web" check { args = ["a\\n\\"b", "x\\y"] interval = "10s" } }',
        ],
        run(input) {
          quietly(() => decodeHcl(input));
          quietly(() => decodeJson(input));
        },
      };
    },
  },

  bexpr: {
    modules: ["lib/bexpr/compile.js", "lib/bexpr/re2.js", "lib/bexpr/filter-types.js", "lib/bexpr/expression.js"],
    make({ compileFilter }, { compileRe2 }, types, { FilterError }) {
      const row = {
        Node: { Node: "n1", Meta: { rack: "r1" } },
        Service: { Service: "web", Port: 80, Tags: ["a"], Proxy: { Upstreams: [{ DestinationName: "db" }] } },
        Checks: [{ Status: "passing", ServiceTags: null }],
      };
      return {
        kind: "text",
        seeds: [
          'Service.Service == web and "prod" in Service.Tags',
          "not (Node.Meta.rack == r1 or Checks is empty)",
          'Node.Node matches "^n[0-9]+(a|b)*$" and Service.Port != 0x1F',
          'Service.Meta["a.b"] == `x` or Service.TaggedAddresses.wan.Port == 443',
          "Checks.Status contains crit and Service.Proxy.Upstreams.DestinationName not matches x",
          '"/Node/Meta/rack" == r1 or critical not in Checks.Status',
        ],
        mayThrow: isOf(FilterError),
        run: (input) => assert.equal(typeof compileFilter(input, types.CHECK_SERVICE_NODE, compileRe2)(row), "boolean"),
      };
    },
  },

  // Frames of the log on disk, and the state inside a snapshot: its archive's sums would keep all damage from it.
  archive: {
    modules: ["storage/log-record.js", "storage/log-frame.js", "state/snapshot-reader.js", "lib/errors.js"],
    make({ readRecords, putEntry, putHardState, putTruncate, putSegmentStart, RecordError }, frames, snapshot, errors) {
      const { SnapshotReader } = snapshot;
      const state = stateOfArchive(new URL("../packages/tribune/test-data/consul-1.10.snap", import.meta.url));
      const restore = (input) => {
        const reader = new SnapshotReader();
        try {
          for (let at = 0; at < input.length; at += 1009) reader.push(input.subarray(at, at + 1009));
          reader.finish();
        } catch (error) {
          if (!(error instanceof errors.TribuneError)) throw error;
          assert.notEqual(error.message, "");
        }
      };
      const { FRAME_HEAD_BYTES, FrameBuilder, frameBytes, readFrameHead, checkedPayload } = frames;
      const sealed = (put) => {
        const frame = new FrameBuilder();
        put(frame);
        return Buffer.from(frame.seal(1, 1));
      };
      const data = Buffer.from("data");
      const whole = [
        sealed((frame) => putSegmentStart(frame, { nextIndex: 7, previousTerm: 2, reset: false })),
        sealed((frame) => putHardState(frame, { term: 3, votedFor: "node-1" })),
        sealed((frame) => putTruncate(frame, 5)),
        sealed((frame) => putEntry(frame, { index: 7, term: 2, type: "command", data })),
        sealed((frame) =>
          putEntry(frame, { index: 7, term: 2, type: "configuration", data, extensions: data, appendedAtMs: 1.5 }),
        ),
      ];
      const payloads = whole.map((frame) => frame.subarray(FRAME_HEAD_BYTES));
      return {
        kind: "bytes",
        seeds: [...whole, ...payloads, Buffer.concat(payloads), state, state.subarray(0, 2000)],
        mayThrow: isOf(RecordError),
        run(input) {
          const found = Buffer.from(input);
          restore(found);
          const head = readFrameHead(found, 0);
          if (head !== undefined && frameBytes(head.payloadBytes) <= found.length) {
            checkedPayload(found.subarray(0, frameBytes(head.payloadBytes)), head.payloadBytes, 1);
          }
          // The checksum keeps nearly all damage from the reader of records, so it is fed directly as well.
          for (const record of readRecords(found)) assert.ok(record.type);
        },
      };
    },
  },

  stream: {
    modules: [
      "http/stream/watched-url.js",
      "http/stream/position.js",
      "http/stream/json-parts.js",
      "http/stream/difference.js",
      "http/router.js",
      "endpoints/index.js",
      "lib/errors.js",
    ],
    make({ parseWatchedUrl, watchedView }, { parsePositions, formatPositions }, { jsonParts }, ...rest) {
      const [{ difference }, { Router }, { ENDPOINTS }, { TribuneError }] = rest;
      const router = new Router(ENDPOINTS);
      const options = { datacenter: "dc1", nodeName: "n", blockEndpoints: [], discoveryMaxStaleNs: 0, useCache: true };
      const asker = {
        defaults: options,
        datacenter: "dc1",
        nodeName: "n",
        token: "",
        sourceAddress: "127.0.0.1",
        limits: {},
        dnsDomains: [],
      };
      const partsOf = (text) => {
        const steps = jsonParts(text);
        for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value;
      };
      return {
        kind: "text",
        seeds: [
          "/v1/health/service/web?passing&filter=Service.Port+==+80&near=_agent",
          "/v1/kv/a%2Fb?recurse&dc=dc1&index=3",
          "/v1/history/check/n/service:web?limit=3",
          "41-5d3f9a1c,17-00c1b2aa,,x",
          '[{"a":"\\\\\\"]"},[1,[2]],"x",{}]',
          '{"a\\"":[1,{"b":2}],"":null}',
        ],
        mayThrow: isOf(TribuneError),
        run(text) {
          const positions = parsePositions(text, 4);
          assert.equal(positions.length, 4);
          const known = positions.map((at) => (at === "unknown" ? undefined : at));
          assert.deepEqual(parsePositions(formatPositions(known), 4), known);
          let value;
          try {
            value = JSON.parse(text);
          } catch {
            // Answers are JSON; only such texts are taken apart.
          }
          if (value !== undefined) {
            const compact = JSON.stringify(value);
            const parts = partsOf(compact);
            if (parts.kind === "list") assert.equal(`[${parts.rows.join(",")}]`, compact);
            assert.ok(difference(parts, partsOf("[]"), 1e9) !== undefined || parts.kind !== "list");
          }
          const view = watchedView(parseWatchedUrl(text.toWellFormed()), asker, router, options);
          assert.ok(view.key.length > 0);
        },
      };
    },
  },
  http: {
    modules: [
      "http/query-string.js",
      "http/router.js",
      "http/target.js",
      "endpoints/common-options.js",
      "http/view.js",
      "endpoints/index.js",
      "lib/errors.js",
      "server/question-key.js",
    ],
    make({ QueryString, BadEscapeError, percentDecode }, { cleanPath, Router }, ...rest) {
      const [{ parameterValues }, { commonOptions }, { RequestView }, { ENDPOINTS }, errors, { questionKey }] = rest;
      const router = new Router(ENDPOINTS);
      const limits = { kvValueBytesMax: 524_288, txnBytesMax: 524_288 };
      const options = {
        datacenter: "dc1",
        nodeName: "n",
        defaultToken: "",
        limits,
        discoveryMaxStaleNs: 0,
        useCache: true,
      };
      /** From the target of a request line and a body to what the endpoint is asked, as the server goes about it. */
      const understand = (endpoint, path, pathRest, query, body) => {
        const request = { method: endpoint.contract.http.split(" ")[0], headers: {}, socket: {} };
        const view = new RequestView(request, path, query, options, false);
        const { contract, binding } = endpoint;
        const asks = contract.kind === "read" || contract.queryOptions === true;
        const common = asks ? commonOptions(contract.request, view) : undefined;
        const asked = parameterValues(contract.parameters, pathRest, view, body);
        if (contract.kind === "read") assert.ok(questionKey(endpoint, binding.request(asked, view, common)));
        else if (contract.kind !== "local") binding.request(asked, view, common);
      };
      return {
        kind: "text",
        seeds: [
          "index=12&wait=10s&stale&filter=Meta.rack+%3D%3D+r1&near=_agent",
          "node-meta=a:b&node-meta=c%3Ad&tag=x&tag=%C3%A9&dc=",
          "/v1/kv/a%2Fb/c%20d/../e//f/./g",
          "%ff%zz+%",
          "/v1/catalog/service/web?index=12&wait=10s&stale&filter=ServiceMeta.rack+%3D%3D+r1&near=_agent",
          "/v1/kv/a?cas=0&flags=18446744073709551615\nvalue",
          '/v1/session/create?dc=dc1\n{"TTL":"10s","LockDelay":"15s","Checks":["a"],"Behavior":"delete"}',
          '/v1/catalog/register\n{"Node":"n","Address":"10.0.0.1","Service":{"Service":"web","Meta":{"a":"b"}}}',
        ],
        mayThrow: isOf(BadEscapeError),
        run(text) {
          const input = text.toWellFormed(); // what arrives is bytes, which cannot hold a lone surrogate
          const path = cleanPath(input);
          assert.equal(cleanPath(path), path, "a clean path stays as it is");
          percentDecode(input, false);
          const query = new QueryString(input);
          query.get("index");
          query.encode();
          const [line = "", ...body] = input.split("\n");
          const [rawPath = "", rawQuery = ""] = line.split("?");
          const found = router.match(percentDecode(rawPath, false));
          if (found.kind !== "route") return;
          const parsed = new QueryString(rawQuery);
          for (const endpoints of found.route.endpoints.values())
            for (const endpoint of endpoints)
              try {
                understand(endpoint, rawPath, found.rest, parsed, Buffer.from(body.join("\n")));
              } catch (error) {
                if (!(error instanceof errors.TribuneError)) throw error;
                assert.notEqual(error.message, "");
              }
        },
      };
    },
  },

  door: {
    modules: ["http/plain/two-doors.test.support.js"],
    async make({ twoDoors }) {
      const doors = await twoDoors();
      const head = "Host: h\r\nUser-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n";
      const seeds = [
        `GET /v1/kv/a?raw HTTP/1.1\r\n${head}\r\n`,
        `PUT /v1/kv/a HTTP/1.1\r\n${head}Content-Length: 5\r\n\r\nvalueGET /b HTTP/1.1\r\nHost: h\r\n\r\n`,
        `POST /c HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n5\r\nvalue\r\n0\r\n\r\nGET /d HTTP/1.1\r\nHost: h\r\n\r\n`,
        `POST /c HTTP/1.1\r\n${head}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG`,
        `HEAD /pieces HTTP/1.1\r\nHost: h\r\n\r\nDELETE /pieces/x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n`,
        `GET /close HTTP/1.1\r\n${head}Connection: close\r\n\r\n`,
        `PUT /e HTTP/1.1\r\n${head}Connection: keep-alive, Upgrade\r\nUpgrade: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nv`,
        `GET http://h/f HTTP/1.1\r\nHost: h\r\nCookie: a\r\nCookie: b\r\nX: a\r\n b\r\n\r\nGET /g HTTP/1.0\r\n\r\n`,
        `PUT /v1/kv/\xc3\xbc?x=\xff%C3 HTTP/1.1\r\n${head}Content-Length: 2\r\n\r\n\xc3\xbcGET /\xe9 HTTP/1.1\r\nHost: h\r\n\r\n`,
        `POST /\xf0\x9f\x98\x80 HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n2\r\n\xc3\xbc\r\n0\r\n\r\nGET /\xe9 HTTP/1.1\r\nHost: h\r\n\r\n`,
        "Content-Length: 3\r\nContent-Length : 03\r\nTransfer-Encoding:\tchunked\r\n\n\r\0\x7f\xe9",
      ];
      return {
        kind: "bytes",
        seeds: seeds.map((text) => Buffer.from(text, "latin1")),
        /** In two or three pieces, cut where the bytes themselves say. */
        async run(input) {
          const bytes = Buffer.from(input);
          let sum = 0;
          for (const byte of bytes) sum = (Math.imul(sum, 31) + byte) >>> 0;
          const cuts = [sum % (bytes.length + 1), (sum >>> 8) % (bytes.length + 1)].sort((a, b) => a - b);
          const pieces = [bytes.subarray(0, cuts[0]), bytes.subarray(cuts[0], cuts[1]), bytes.subarray(cuts[1])];
          const said = sum % 3 === 0 ? [bytes] : pieces;
          await doors.ask(said.filter((piece) => piece.length > 0));
        },
        close: () => doors.close(),
      };
    },
  },

  gossip: {
    modules: [
      "codec/memberlist-packet.js",
      "codec/memberlist-messages.js",
      "codec/memberlist-stream.js",
      "codec/serf-messages.js",
      "codec/serf-tags.js",
      "codec/gossip-error.js",
    ],
    make(
      { decodePacket },
      { encodeMessage },
      { StreamDecoder, encodeStream },
      serf,
      { decodeTags },
      { GossipCodecError },
    ) {
      const testData = (name) =>
        JSON.parse(readFileSync(new URL(`../packages/tribune/test-data/${name}`, import.meta.url)));
      const unhex = (text) => Buffer.from(text, "hex");
      // Sealed bytes would only ever fail to open: those vectors go in as what is inside of them.
      const plain = ({ hex, decoded }) => unhex(decoded.plainHex ?? hex);
      const packets = testData("gossip-packets.json").vectors.map(plain);
      const streams = testData("gossip-streams.json").vectors.flatMap(({ initiator, responder }) => [
        plain(initiator),
        ...(responder === undefined ? [] : [plain(responder)]),
      ]);
      const refusedQuietly = (read) => {
        try {
          return read();
        } catch (error) {
          if (error instanceof GossipCodecError) return undefined;
          throw error;
        }
      };
      const serfs = packets.flatMap((packet) =>
        (refusedQuietly(() => decodePacket(packet, {}))?.messages ?? []).flatMap((message) =>
          message.type === "user" ? [message.payload] : [],
        ),
      );
      return {
        kind: "bytes",
        seeds: [...packets, ...streams, ...serfs],
        run(input) {
          const packet = refusedQuietly(() => decodePacket(input, {}));
          for (const message of packet?.messages ?? []) {
            assert.deepEqual(decodePacket(encodeMessage(message), {}).messages, [message]);
          }
          const streamed = refusedQuietly(() => new StreamDecoder({ dialling: false }).push(input));
          if (streamed !== undefined) {
            const written = encodeStream(streamed, { dialling: true, compress: true });
            assert.deepEqual(new StreamDecoder({ dialling: false }).push(written), streamed);
          }
          const message = refusedQuietly(() => serf.decodeSerfMessage(input));
          if (message !== undefined) {
            assert.deepEqual(serf.decodeSerfMessage(serf.encodeSerfMessage(message)), message);
          }
          refusedQuietly(() => decodeTags(input));
        },
      };
    },
  },

  // Whatever a peer sends, the core takes it: a throw would end the agent.
  swim: {
    modules: [
      "codec/memberlist-packet.js",
      "codec/memberlist-messages.js",
      "codec/memberlist-stream.js",
      "codec/gossip-error.js",
      "gossip/swim/swim.js",
      "gossip/swim/settings.js",
      "lib/random.js",
    ],
    make(
      { decodePacket },
      { encodeMessage },
      { StreamDecoder, encodeStream },
      { GossipCodecError },
      { Swim },
      { LAN_SETTINGS },
      { seededRng },
    ) {
      const versions = {
        protocolMin: 1,
        protocolMax: 5,
        protocolCurrent: 2,
        delegateMin: 2,
        delegateMax: 5,
        delegateCurrent: 4,
      };
      const nothing = new Uint8Array(0);
      const delegate = {
        ackPayload: () => nothing,
        userState: () => nothing,
        refuseMember: () => undefined,
        refuseMerge: () => undefined,
      };
      const alive = (node, last) => ({
        type: "alive",
        node,
        incarnation: 1,
        addr: Uint8Array.from([127, 0, 0, last]),
        port: 8301,
        meta: nothing,
        versions,
      });
      const from = "127.0.0.2:8301";
      const accusations = ["suspect", "dead"].flatMap((type) =>
        ["self", "a", "b"].map((node) => ({ type, node, incarnation: 2, from: "b" })),
      );
      const origin = { seqNo: 1, sourceAddr: Uint8Array.from([127, 0, 0, 2]), sourcePort: 8301, sourceNode: "a" };
      const messages = [
        ...accusations,
        { ...alive("self", 1), incarnation: 9 },
        { ...alive("a", 9), incarnation: 9 },
        { type: "ping", node: "self", ...origin },
        { type: "indirectPing", target: Uint8Array.from([127, 0, 0, 3]), port: 1, node: "b", nack: true, ...origin },
        { type: "ack", seqNo: 1, payload: nothing },
        { type: "nack", seqNo: 1 },
        { type: "user", payload: Uint8Array.from([1, 2, 3]) },
      ];
      const nodes = ["alive", "suspect", "dead", "left"].map((state, at) => {
        const { type: _type, node: name, ...facts } = alive(at === 0 ? "self" : `n${at}`, at);
        return { ...facts, name, state };
      });
      const pushPull = encodeStream(
        { type: "pushPull", join: true, nodes, userState: nothing },
        { dialling: true, compress: false },
      );
      const refusedQuietly = (read) => {
        try {
          return read();
        } catch (error) {
          if (error instanceof GossipCodecError) return undefined;
          throw error;
        }
      };
      return {
        kind: "bytes",
        seeds: [...messages.map(encodeMessage), pushPull],
        run(input) {
          // Each input meets a core of its own, so that its number alone brings a failure back.
          const core = new Swim(
            { name: "self", endpoint: "127.0.0.1:8301", versions, meta: nothing, settings: LAN_SETTINGS },
            { rng: seededRng(1), delegate },
          );
          let nowMs = 0;
          const step = (one) => core.step(nowMs, one);
          step({ type: "start" });
          step({ type: "packet", from, messages: [alive("a", 2), alive("b", 3)] });
          const packet = refusedQuietly(() => decodePacket(input, {}));
          if (packet !== undefined) step({ type: "packet", from, messages: packet.messages });
          for (const dialling of [false, true]) {
            const message = refusedQuietly(() => new StreamDecoder({ dialling: false }).push(input));
            if (message === undefined) continue;
            const dial = step({ type: "join", endpoint: from }).find(({ type }) => type === "dial");
            if (dialling && ["pushPull", "ack", "error"].includes(message.type)) {
              step({ type: "reply", exchange: dial.exchange, message });
            } else if (!dialling && ["pushPull", "ping", "user"].includes(message.type)) {
              step({ type: "request", exchange: 1, message });
            }
          }
          for (let ticks = 0; ticks < 40; ticks++) {
            nowMs = core.nextTickAt();
            for (const effect of step({ type: "tick" })) {
              if (effect.type === "sendPacket") assert.ok(effect.parts.length > 0 && effect.parts.length < 256);
            }
          }
          assert.equal(core.local.name, "self");
          assert.equal(core.local.status, "alive");
          for (const { incarnation } of core.members()) assert.ok(incarnation >= 0 && incarnation < 2 ** 32);
        },
      };
    },
  },

  // What a peer sends, behind the readers: both cores of a pool, on a clock that moves on with each input.
  pool: {
    modules: [
      "codec/memberlist-packet.js",
      "codec/memberlist-stream.js",
      "codec/gossip-error.js",
      "gossip/swim/swim.js",
      "gossip/swim/settings.js",
      "gossip/serf/serf.js",
      "gossip/serf/settings.js",
      "pool/core-pair.js",
      "lib/random.js",
    ],
    make(
      { decodePacket },
      { StreamDecoder },
      { GossipCodecError },
      { Swim },
      { LAN_SETTINGS },
      { Serf },
      { SERF_SETTINGS },
      { CorePair },
      { seededRng },
    ) {
      const testData = (name) =>
        JSON.parse(readFileSync(new URL(`../packages/tribune/test-data/${name}`, import.meta.url)));
      const plain = ({ hex, decoded }) => Buffer.from(decoded.plainHex ?? hex, "hex");
      const packets = testData("gossip-packets.json").vectors.map(plain);
      const streams = testData("gossip-streams.json").vectors.map(({ initiator }) => plain(initiator));
      const read = (reader) => {
        try {
          return reader();
        } catch (error) {
          if (error instanceof GossipCodecError) return undefined;
          throw error;
        }
      };
      const serfs = packets.flatMap((packet) =>
        (read(() => decodePacket(packet, {}))?.messages ?? []).flatMap((message) =>
          message.type === "user" ? [message.payload] : [],
        ),
      );
      const self = { name: "self", endpoint: "10.9.9.9:8301" };
      let nowMs;
      const newPool = () => {
        nowMs = 0;
        const serf = new Serf({ ...self, tags: new Map([["role", "node"]]), settings: SERF_SETTINGS }, seededRng(1));
        const delegate = {
          ackPayload: () => serf.ackPayload(),
          userState: () => serf.userState(),
          refuseMember: () => undefined,
          refuseMerge: () => undefined,
        };
        const versions = { protocolMin: 1, protocolMax: 5, protocolCurrent: 2, delegateMin: 2, delegateMax: 5, delegateCurrent: 4 }; // biome-ignore format: one line
        const swim = new Swim(
          { ...self, versions, meta: Buffer.of(0xff, 0x80), settings: LAN_SETTINGS },
          { rng: seededRng(2), delegate },
        );
        let exchanges = 0;
        const host = {
          // Nobody is there: what is dialled fails, and packets are lost.
          onSwim: (effect) => {
            if (effect.type === "dial") {
              cores.feedSwim({ type: "exchangeFailed", exchange: effect.exchange, reason: "fuzz" });
            }
          },
          onSerf: () => {},
          onSettled: () => {},
          onGossiped: () => {},
        };
        const clock = { nowMs: () => nowMs, wallMs: () => nowMs };
        const cores = new CorePair({ swim, serf }, host, { clock, timers: { after: () => () => {}, soon: () => {} } });
        cores.feedSwim({ type: "start" });
        return { swim, serf, cores, nextExchange: () => ++exchanges };
      };
      let pool;
      return {
        kind: "bytes",
        seeds: [...packets, ...streams, ...serfs],
        // Members made up by the fuzzer would fill one, and each costs time.
        freshEvery: 5_000,
        freshen() {
          pool = newPool();
        },
        run(input) {
          nowMs += 20;
          const { swim, serf, cores } = pool;
          const messages = read(() => decodePacket(input, {}))?.messages ?? [];
          if (messages.length > 0) cores.feedSwim({ type: "packet", from: "10.0.0.2:8301", messages });
          const message = read(() => new StreamDecoder({ dialling: false }).push(input));
          if (message?.type === "pushPull" || message?.type === "ping" || message?.type === "user") {
            cores.feedSwim({ type: "request", exchange: pool.nextExchange(), message });
          }
          cores.feedSerf({ type: "userMessage", payload: input });
          if (swim.nextTickAt() <= nowMs) cores.feedSwim({ type: "tick" });
          if (serf.nextTickAt() <= nowMs) cores.feedSerf({ type: "tick" });
          assert.equal(serf.member("self").status, "alive");
          assert.equal(swim.local.status, "alive");
        },
      };
    },
  },

  raft: {
    modules: ["codec/raft-stream.js", "codec/raft-messages.js", "codec/raft-message-encode.js", "codec/msgpack.js"],
    make({ RaftReplyReader, RaftRequestReader }, { RAFT_RPC }, { encodeRaftRequest }, { MsgpackError }) {
      const { vectors } = JSON.parse(
        readFileSync(new URL("../packages/tribune/test-data/raft-rpc.json", import.meta.url)),
      );
      const unhex = (text) => Buffer.from(text, "hex");
      const seeds = vectors.flatMap(({ requestHex, responseHex }) =>
        responseHex === undefined ? [unhex(requestHex)] : [unhex(requestHex), unhex(responseHex)],
      );
      const quietly = (read) => {
        try {
          return read();
        } catch (error) {
          if (!(error instanceof MsgpackError)) throw error;
          return undefined;
        }
      };
      const whole = (input, sliceBytes) => {
        const reader = new RaftRequestReader();
        const found = [];
        for (let at = 0; at < input.length; at += sliceBytes) {
          reader.push(input.subarray(at, at + sliceBytes));
          for (let next = reader.next(); next !== undefined; next = reader.next()) {
            found.push(next);
            if (next.type === "installSnapshot") reader.takeState(next.sizeBytes);
          }
        }
        return found;
      };
      return {
        kind: "bytes",
        seeds: [...seeds, Buffer.concat(seeds.slice(0, 8))],
        run(input) {
          const requests = quietly(() => whole(input, input.length || 1)) ?? [];
          quietly(() => whole(input, 5));
          for (const request of requests) {
            if (request.type === "unknown") continue;
            assert.deepEqual(whole(encodeRaftRequest(request), 1 << 20)[0].type, request.type);
          }
          for (const type of Object.keys(RAFT_RPC)) {
            quietly(() => {
              const reader = new RaftReplyReader();
              reader.push(input);
              while (reader.next(type) !== undefined);
            });
          }
        },
      };
    },
  },

  // What a server answers, and what gossip carries for users.
  "server-reply": {
    modules: ["server/reply-bytes.js", "codec/struct-msgpack.js", "codec/user-event.js", "codec/msgpack.js"],
    make({ ReplyBytes }, { encodeStruct }, { decodeUserEvent, encodeUserEvent }, { MsgpackError }, api) {
      const reply = (given) => encodeStruct(api.IndexedKeyList, api.make(api.IndexedKeyList, given));
      const held = ReplyBytes.of(reply({ Keys: ["a", "b"], Index: 7, LastContact: 1e6, KnownLeader: true }));
      const event = { id: "1", name: "n", nodeFilter: "", serviceFilter: "s", tagFilter: "t", version: 1 };
      return {
        kind: "bytes",
        seeds: [
          reply({ Keys: ["a", "b"], Index: 7, LastContact: 5e8 }),
          reply({}),
          Buffer.from(encodeUserEvent({ ...event, payload: Buffer.from("payload") })),
          Buffer.from(encodeUserEvent({ ...event, payload: null, name: "n".repeat(300) })),
        ],
        mayThrow: isOf(MsgpackError),
        run(input) {
          const meta = held.sameAnswer(input);
          if (meta !== undefined) assert.deepEqual(ReplyBytes.of(input).meta, meta);
          const decoded = decodeUserEvent(input);
          assert.deepEqual(decodeUserEvent(encodeUserEvent(decoded)), decoded);
        },
      };
    },
  },

  rpc: {
    modules: [
      "codec/yamux-frame.js",
      "codec/rpc-message.js",
      "codec/protobuf.js",
      "codec/subscribe-messages.js",
      "codec/msgpack.js",
      "codec/struct-msgpack.js",
      "server/rpc-methods.js",
      "agent/client/health-view.js",
      "rpc/grpc-client.js",
    ],
    make(
      { YamuxParser, YamuxError, encodeYamuxHeader },
      { RpcMessages, decodeHeader },
      { decodePb, encodePb, ProtobufError },
      { EventMessage, SubscribeRequestMessage },
      { MsgpackError },
      { decodeStruct },
      { findMethod },
      { HealthView },
      { GrpcFrames },
    ) {
      const testData = (name) =>
        JSON.parse(readFileSync(new URL(`../packages/tribune/test-data/${name}`, import.meta.url)));
      const unhex = (text) => Buffer.from(text, "hex");
      const refusedQuietly = (read, error) => {
        try {
          return read();
        } catch (thrown) {
          if (thrown instanceof error) return undefined;
          throw thrown;
        }
      };
      const calls = testData("rpc-calls-consul-1.10.json").calls;
      return {
        kind: "bytes",
        seeds: [
          ...testData("yamux-frames-consul-1.10.json")
            .vectors.slice(1)
            .map(({ hex }) => unhex(hex)),
          ...calls.flatMap(({ request, response }) => [unhex(request), unhex(response)]),
          ...testData("grpc-subscribe-consul-1.10.json").messages.map(({ hex }) => unhex(hex)),
        ],
        run(input) {
          const parser = new YamuxParser(
            ({ type, flags, streamId, length }) => {
              assert.equal(encodeYamuxHeader(type, flags, streamId, length).length, 12);
            },
            () => {},
          );
          refusedQuietly(() => {
            for (let at = 0; at < input.length; at += 13) parser.push(input.subarray(at, at + 13));
          }, YamuxError);
          const messages = new RpcMessages(64 * 1024);
          refusedQuietly(() => {
            for (let at = 0; at < input.length; at += 61) {
              messages.push(input.subarray(at, at + 61));
              for (let next = messages.next(); next !== undefined; next = messages.next()) {
                const { method } = decodeHeader(next.header);
                const found = findMethod(method);
                if (found.served !== undefined) decodeStruct(found.served.request, next.body);
              }
            }
          }, MsgpackError);
          assert.ok(messages.bufferedBytes <= 64 * 1024 + 61);
          for (const message of [SubscribeRequestMessage, EventMessage]) {
            const value = refusedQuietly(() => decodePb(message, input), ProtobufError);
            if (value !== undefined) decodePb(message, encodePb(message, value));
          }
          const view = new HealthView();
          refusedQuietly(() => view.take(input), ProtobufError);
          view.take(encodePb(EventMessage, { Index: 1, EndOfSnapshot: true }));
          assert.ok(view.rows.every((row) => typeof row.Node.Node === "string"));
          const frames = new GrpcFrames();
          for (let at = 0; at < input.length; at += 7) {
            frames.push(input.subarray(at, at + 7));
            while (frames.next() !== undefined);
          }
        },
      };
    },
  },
};

export const TARGET_NAMES = Object.keys(TARGETS);
