// Agents that find their server by asking a cloud: one HTTP server plays instance metadata, EC2 and a Kubernetes API.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { AgentProcess, getJson, temporaryDirectory, until } from "./agent-process.mjs";

const SERVER = "127.77.43.1";

/** The first question of each kind finds nobody yet. */
async function playCloud(t) {
  const asked = { ec2: [], pods: [] };
  const credentials = {
    Code: "Success",
    AccessKeyId: "ASIAROLE",
    SecretAccessKey: "of-the-role",
    Token: "session-of-the-role",
  };
  const instance = `<item><reservationId>r-1</reservationId><instancesSet><item><instanceId>i-1</instanceId>
    <privateIpAddress>${SERVER}</privateIpAddress></item></instancesSet></item>`;
  const pod = {
    metadata: { name: "server-0", annotations: { "consul.hashicorp.com/auto-join-port": "serflan" } },
    spec: { containers: [{ ports: [{ name: "serflan", containerPort: 8301 }] }] },
    status: { phase: "Running", podIP: SERVER, conditions: [{ type: "Ready", status: "True" }] },
  };
  const answers = {
    "PUT /latest/api/token": () => "metadata-token",
    "GET /latest/dynamic/instance-identity/document": () => JSON.stringify({ region: "eu-west-1" }),
    "GET /latest/meta-data/iam/security-credentials/": () => "role",
    "GET /latest/meta-data/iam/security-credentials/role": () => JSON.stringify(credentials),
    "POST /": (request, body) => {
      asked.ec2.push({ authorization: request.headers.authorization, form: new URLSearchParams(body) });
      const items = asked.ec2.length > 1 ? instance : "";
      return `<DescribeInstancesResponse><reservationSet>${items}</reservationSet></DescribeInstancesResponse>`;
    },
    "GET /api/v1/namespaces/default/pods": (request) => {
      asked.pods.push(request.headers.authorization);
      return JSON.stringify({ items: asked.pods.length > 1 ? [pod] : [], metadata: {} });
    },
  };
  const cloud = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { pathname } = new URL(request.url, "http://cloud");
    const needsToken = pathname.startsWith("/latest/") && request.method === "GET";
    const allowed = !needsToken || request.headers["x-aws-ec2-metadata-token"] === "metadata-token";
    const answer = allowed ? answers[`${request.method} ${pathname}`]?.(request, body) : undefined;
    response.writeHead(answer === undefined ? (allowed ? 404 : 401) : 200).end(answer);
  });
  await new Promise((listening) => cloud.listen(0, "127.0.0.1", listening));
  t.after(() => cloud.close());
  return { url: `http://127.0.0.1:${cloud.address().port}`, asked };
}

test("a client finds its server over EC2, another over Kubernetes, and neither logs a secret", async (t) => {
  const directory = temporaryDirectory();
  const { url, asked } = await playCloud(t);
  const kubeconfig = join(directory, "kubeconfig");
  writeFileSync(
    kubeconfig,
    [
      "current-context: here",
      "contexts: [{name: here, context: {cluster: c, user: u}}]",
      `clusters: [{name: c, cluster: {server: "${url}"}}]`,
      "users: [{name: u, user: {token: token-of-kubernetes}}]",
    ].join("\n"),
  );
  const agents = [];
  t.after(() => Promise.all(agents.map((agent) => agent.kill())));
  const start = (options) => {
    agents.push(new AgentProcess(options));
    return agents.at(-1);
  };
  const settings = (name) =>
    `-hcl=node_name="${name}" data_dir="${join(directory, name)}" retry_interval="1s" log_level="trace"`;
  await start({ address: SERVER, args: [settings("server"), "-server", "-bootstrap"] }).ready();
  const env = { HOME: directory, AWS_EC2_METADATA_SERVICE_ENDPOINT: url, AWS_ENDPOINT_URL: url };
  const ec2 = start({
    address: "127.77.43.2",
    args: [settings("ec2"), "-retry-join=provider=aws tag_key=role tag_value=consul"],
    env: { ...env, AWS_ACCESS_KEY_ID: "", AWS_SHARED_CREDENTIALS_FILE: "" },
  });
  const k8s = start({
    address: "127.77.43.3",
    args: [settings("k8s"), `-retry-join=provider=k8s kubeconfig=${kubeconfig}`],
    env,
  });
  await Promise.all([ec2.ready(), k8s.ready()]);
  await until(
    async () => (await getJson(ec2, "/v1/agent/members")).filter(({ Status }) => Status === 1).length === 3,
    () => `not everybody became a member:\n${ec2.output}\n${k8s.output}`,
  );
  const { authorization, form } = asked.ec2.at(-1);
  assert.match(authorization, /^AWS4-HMAC-SHA256 Credential=ASIAROLE\/\d{8}\/eu-west-1\/ec2\/aws4_request, /);
  assert.deepEqual([form.get("Filter.1.Name"), form.get("Filter.1.Value.1")], ["tag:role", "consul"]);
  assert.equal(asked.pods.at(-1), "Bearer token-of-kubernetes");
  assert.match(ec2.output, /Discovered servers: cluster=LAN servers=127\.77\.43\.1/);
  assert.match(k8s.output, /Discovered servers: cluster=LAN servers=127\.77\.43\.1:8301/);
  for (const { output } of agents) assert.doesNotMatch(output, /of-the-role|token-of-kubernetes|metadata-token/);
});
