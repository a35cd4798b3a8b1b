import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../lib/log.ts";
import { discover } from "./discover.ts";
import type { WebRequest } from "./provider.ts";
import { failure, worldOf } from "./world.test.support.ts";

/** As in the API's reference, DescribeInstances, with what is not read left out. */
const instances = (items: string, next = ""): string => `<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>8f7724cf-496f-496e-8fe3-example</requestId>
  <reservationSet>${items}</reservationSet>${next}
</DescribeInstancesResponse>`;
const instance = (inside: string): string => `<item><reservationId>r-1234567890abcdef0</reservationId>
  <ownerId>123456789012</ownerId><groupSet/>
  <instancesSet><item><instanceId>i-1234567890abcdef0</instanceId>${inside}
    <instanceState><code>16</code><name>running</name></instanceState></item></instancesSet></item>`;
const TWO = instances(
  instance(`<privateIpAddress>10.0.0.12</privateIpAddress><ipAddress>46.51.219.64</ipAddress>
    <networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId><ipv6AddressesSet>
      <item><ipv6Address>2001:db8::1</ipv6Address></item><item><ipv6Address>2001:db8::2</ipv6Address></item>
    </ipv6AddressesSet></item></networkInterfaceSet>`) + instance("<privateIpAddress>10.0.0.13</privateIpAddress>"),
);
const KEYS = "access_key_id=AKIDEXAMPLE secret_access_key=wJalrXUt/EXAMPLEKEY";
const EC2 = "POST https://ec2.eu-west-1.amazonaws.com/";
const ask = (text: string, world: ReturnType<typeof worldOf>) => discover(text, world, silentLogger);
const answering = (body: string) => ({ web: { [EC2]: () => ({ status: 200, body }) } });

test("running instances with the tag are asked for, in a signed request", async () => {
  const world = worldOf(answering(TWO));
  const text = `provider=aws region=eu-west-1 tag_key=consul tag_value="my servers" ${KEYS}`;
  assert.deepEqual(await ask(text, world), ["10.0.0.12", "10.0.0.13"]);
  const [request] = world.sent;
  assert.deepEqual(Object.fromEntries(new URLSearchParams(request?.body)), {
    Action: "DescribeInstances",
    Version: "2016-11-15",
    "Filter.1.Name": "tag:consul",
    "Filter.1.Value.1": "my servers",
    "Filter.2.Name": "instance-state-name",
    "Filter.2.Value.1": "running",
  });
  const authorization = request?.headers?.authorization ?? "";
  assert.match(authorization, /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20260102\/eu-west-1\/ec2\/aws4_request, /);
});

test("the kind of address is chosen; what is no kind means the private one", async () => {
  const of = (type: string) => ask(`provider=aws region=eu-west-1 addr_type=${type} ${KEYS}`, worldOf(answering(TWO)));
  assert.deepEqual(await of("public_v4"), ["46.51.219.64"]);
  assert.deepEqual(await of("public_v6"), ["2001:db8::1", "2001:db8::2"]);
  assert.deepEqual(await of("nonsense"), ["10.0.0.12", "10.0.0.13"]);
});

test("further pages are asked for", async () => {
  const page = (request: WebRequest) => {
    const isSecond = new URLSearchParams(request.body).get("NextToken") === "more";
    const item = instance(`<privateIpAddress>10.0.0.${isSecond ? 2 : 1}</privateIpAddress>`);
    return { status: 200, body: instances(item, isSecond ? "" : "<nextToken>more</nextToken>") };
  };
  const found = await ask(`provider=aws region=eu-west-1 ${KEYS}`, worldOf({ web: { [EC2]: page } }));
  assert.deepEqual(found, ["10.0.0.1", "10.0.0.2"]);
});

test("on an instance, region and credentials come from its metadata, by a token where there is one", async () => {
  const base = "http://169.254.169.254/latest";
  const roles = `${base}/meta-data/iam/security-credentials/`;
  const role = { Code: "Success", AccessKeyId: "ASIAROLE", SecretAccessKey: "role/secret", Token: "session" };
  const seen = (request: WebRequest) => request.headers?.["X-aws-ec2-metadata-token"];
  for (const version of [2, 1]) {
    const guarded = (answer: unknown) => (request: WebRequest) =>
      version === 2 && seen(request) !== "token" ? { status: 401, body: "" } : answer;
    const world = worldOf({
      web: {
        [`PUT ${base}/api/token`]: () => (version === 2 ? { status: 200, body: "token" } : { status: 403, body: "" }),
        [`GET ${base}/dynamic/instance-identity/document`]: guarded({ region: "eu-west-1", instanceId: "i-1" }),
        [`GET ${roles}`]: guarded({ status: 200, body: "consul-server" }),
        [`GET ${roles}consul-server`]: guarded(role),
        [EC2]: () => ({ status: 200, body: TWO }),
      },
    });
    assert.deepEqual(await ask("provider=aws tag_key=a tag_value=b", world), ["10.0.0.12", "10.0.0.13"]);
    const headers = world.sent.at(-1)?.headers;
    assert.equal(headers?.["x-amz-security-token"], "session");
    assert.match(headers?.authorization ?? "", /Credential=ASIAROLE\//);
    assert.equal(world.sent.filter(({ method }) => method === "PUT").length, 1, "one token does");
  }
});

test("nothing of credentials that cannot be read is shown", async () => {
  const base = "http://169.254.169.254/latest";
  const roles = `${base}/meta-data/iam/security-credentials/`;
  const world = worldOf({
    web: {
      [`GET ${roles}`]: () => ({ status: 200, body: "consul-server" }),
      [`GET ${roles}consul-server`]: () => ({ status: 200, body: "role-secret" }),
    },
  });
  const why = await failure(ask("provider=aws region=eu-west-1", world), "role", "secret");
  assert.match(why, /did not answer with JSON/);
});

test("credentials come from the environment, then the shared file, then the container", async () => {
  const files = {
    "/home/me/.aws/credentials":
      "[default]\naws_access_key_id = AFILE\naws_secret_access_key=s=1\n[other]\naws_access_key_id=AOTHER\naws_secret_access_key = x\n",
    "/token": "bearer-of-pod\n",
  };
  const container = "http://169.254.170.23/v1/credentials";
  const web = {
    ...answering(TWO).web,
    [`GET ${container}`]: ({ headers }: WebRequest) =>
      headers?.Authorization === "bearer-of-pod"
        ? { AccessKeyId: "APOD", SecretAccessKey: "x", Token: "t" }
        : { status: 401, body: "" },
  };
  const environment = { AWS_ACCESS_KEY_ID: "AENV", AWS_SECRET_ACCESS_KEY: "x" };
  const pod = { AWS_CONTAINER_CREDENTIALS_FULL_URI: container, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: "/token" };
  const key = async (env: Record<string, string>, given = files as Record<string, string>) => {
    const world = worldOf({ web, env, files: given });
    await ask("provider=aws region=eu-west-1", world);
    return /Credential=(\w+)/.exec(world.sent.at(-1)?.headers?.authorization ?? "")?.[1];
  };
  assert.equal(await key({ ...environment, ...pod }), "AENV");
  assert.equal(await key({ ...pod }), "AFILE");
  assert.equal(await key({ ...pod, AWS_PROFILE: "other" }), "AOTHER");
  assert.equal(await key(pod, { "/token": files["/token"] }), "APOD");
  const elsewhere = { ...pod, AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://192.0.2.1/creds" };
  assert.match(await failure(key(elsewhere, {})), /only loopback hosts are allowed/);
});

test("another endpoint may be named; regions elsewhere have hosts of their own", async () => {
  const sentTo = async (text: string, env = {}) => {
    const world = worldOf({ env });
    await failure(ask(`provider=aws ${KEYS} ${text}`, world), "EXAMPLEKEY");
    return world.sent.at(-1)?.url;
  };
  assert.equal(await sentTo("region=cn-north-1"), "https://ec2.cn-north-1.amazonaws.com.cn/");
  assert.equal(await sentTo("region=x endpoint=http://127.0.0.1:1"), "http://127.0.0.1:1/");
  assert.equal(await sentTo("region=x", { AWS_ENDPOINT_URL: "http://127.0.0.1:2" }), "http://127.0.0.1:2/");
});

test("what goes wrong is said in AWS' words, without the secrets", async () => {
  const refused = `<?xml version="1.0" encoding="UTF-8"?><Response><Errors><Error><Code>UnauthorizedOperation</Code>
    <Message>You are not authorized to perform this operation.</Message></Error></Errors><RequestID>1</RequestID></Response>`;
  const text = `provider=aws region=eu-west-1 ${KEYS}`;
  const answer = (status: number, body: string) => ask(text, worldOf({ web: { [EC2]: () => ({ status, body }) } }));
  assert.equal(
    await failure(answer(403, refused), "EXAMPLEKEY"),
    "discover-aws: DescribeInstancesInput failed: UnauthorizedOperation: You are not authorized to perform this operation. (status code: 403)",
  );
  const long = refused.replace("You are not", "x".repeat(1_000));
  assert.ok((await failure(answer(403, long))).length < 500);
  assert.match(await failure(answer(502, "<html>Bad Gateway")), /the answer is none of EC2's \(status code: 502\)/);
  assert.match(await failure(answer(200, "<a><b></a>")), /XML: unexpected <\/a>/);
  assert.match(await failure(ask("provider=aws", worldOf({}))), /^discover-aws: GetInstanceIdentityDocument failed: /);
  assert.match(await failure(ask(`provider=aws region=a/b ${KEYS}`, worldOf({}))), /invalid region "a\/b"/);
  assert.match(await failure(ask("provider=aws service=ecs", worldOf({}))), /service=ecs is not built in/);
});
