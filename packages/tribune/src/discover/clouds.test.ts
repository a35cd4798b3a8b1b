import assert from "node:assert/strict";
import { generateKeyPairSync, verify } from "node:crypto";
import { test } from "node:test";
import { silentLogger } from "../lib/log.ts";
import { discover } from "./discover.ts";
import type { WebRequest } from "./provider.ts";
import { failure, queryOf, worldOf } from "./world.test.support.ts";

const ask = (text: string, world: ReturnType<typeof worldOf>) => discover(text, world, silentLogger);

test("a cloud that is not there is named", async () => {
  assert.equal(await failure(ask("tag_key=a", worldOf({}))), "discover: no provider");
  assert.equal(await failure(ask("provider=toString", worldOf({}))), "discover: unknown provider toString");
  assert.equal(await failure(ask("provider", worldOf({}))), "discover: provider: missing '='");
  assert.equal(
    await failure(ask("provider=vsphere password=secret", worldOf({})), "secret"),
    "discover: provider vsphere is not built in; there are aws, azure, digitalocean, gce, k8s, linode",
  );
});

test("digitalocean: droplets with the tag, in the region, page by page", async () => {
  const droplet = (slug: string, ...v4: readonly object[]) => ({
    id: 1,
    name: "a",
    region: { slug },
    networks: { v4, v6: [] },
  });
  const own = (ip_address: string) => ({ ip_address, netmask: "255.255.0.0", type: "private" });
  const other = { ip_address: "104.236.32.182", type: "public" };
  const page = (request: WebRequest) =>
    queryOf(request).page === "1"
      ? {
          droplets: [droplet("nyc3", other, own("10.0.0.1")), droplet("ams3", own("10.0.0.2"))],
          links: { pages: { next: "x" } },
        }
      : { droplets: [droplet("nyc3", own("10.0.0.3")), droplet("nyc3", other)], links: { pages: { first: "x" } } };
  const web = { "GET https://api.digitalocean.com/v2/droplets": page };
  const world = worldOf({ web });
  const text = "provider=digitalocean tag_name=consul api_token=do-secret";
  assert.deepEqual(await ask(`${text} region=nyc3`, world), ["10.0.0.1", "10.0.0.3"]);
  assert.deepEqual(queryOf(world.sent[0]!), { tag_name: "consul", page: "1", per_page: "200" });
  assert.equal(world.sent[0]?.headers?.Authorization, "Bearer do-secret");
  assert.deepEqual(await ask(text, worldOf({ web })), ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
  const refused = () => ({ status: 401, body: '{"id":"unauthorized","message":"Unable to authenticate you"}' });
  assert.equal(
    await failure(ask(text, worldOf({ web: { [Object.keys(web)[0]!]: refused } })), "do-secret"),
    "discover-digitalocean: api.digitalocean.com/v2/droplets answered 401: Unable to authenticate you",
  );
});

test("linode: the instances that the filter names, and of each the address asked for", async () => {
  const api = "GET https://api.linode.com/v4/linode/instances";
  const ips = (n: number) => ({
    ipv4: { public: [{ address: `203.0.113.${n}` }], private: n === 3 ? [] : [{ address: `192.168.1.${n}` }] },
    ipv6: { slaac: { address: `2600:3c01::${n}` }, link_local: { address: `fe80::${n}` }, global: [] },
  });
  const web = {
    [api]: (request: WebRequest) =>
      queryOf(request).page === "1"
        ? { data: [{ id: 1 }, { id: 2 }], page: 1, pages: 2 }
        : { data: [{ id: 3 }], page: 2, pages: 2 },
    ...Object.fromEntries([1, 2, 3].map((n) => [`${api}/${n}/ips`, () => ips(n)])),
  };
  const world = worldOf({ web, env: { LINODE_TOKEN: "from-env" } });
  assert.deepEqual(await ask("provider=linode region=us-east tag_name=a", world), ["192.168.1.1", "192.168.1.2"]);
  assert.equal(world.sent[0]?.headers?.["X-Filter"], '{"region":"us-east","tags":"a"}');
  assert.equal(world.sent[0]?.headers?.Authorization, "Bearer from-env");
  const of = async (type: string) =>
    (await ask(`provider=linode api_token=x address_type=${type}`, worldOf({ web }))).at(-1);
  assert.deepEqual(await Promise.all(["public_v4", "public_v6", "private_v6"].map(of)), [
    "203.0.113.3",
    "2600:3c01::3",
    "fe80::3",
  ]);
});

const AZURE = "https://management.azure.com/subscriptions/sub";
const nic = (tags: object | undefined, ...addresses: readonly string[]) => ({
  id: "/subscriptions/sub/nic",
  ...(tags === undefined ? {} : { tags }),
  properties: {
    ipConfigurations: addresses.map((privateIPAddress) => ({ name: "c", properties: { privateIPAddress } })),
  },
});

test("azure: interfaces with the tag, by a service principal", async () => {
  const list = "/providers/Microsoft.Network/networkInterfaces";
  const web = {
    "POST https://login.microsoftonline.com/ten/oauth2/token": () => ({
      access_token: "granted",
      token_type: "Bearer",
    }),
    [`GET ${AZURE}${list}`]: ({ url }: WebRequest) =>
      url.includes("skip")
        ? { value: [nic({ consul: "yes" }, "10.0.0.4")] }
        : {
            value: [
              nic({ consul: "yes" }, "10.0.0.1", "10.0.0.2"),
              nic({ consul: "no" }, "10.0.0.3"),
              nic(undefined, "10.0.0.9"),
            ],
            nextLink: `${AZURE}${list}?api-version=2015-06-15&skip=1`,
          },
  };
  const world = worldOf({ web, env: { ARM_SUBSCRIPTION_ID: "sub", ARM_TENANT_ID: "ten" } });
  const text = 'provider=azure client_id=cli secret_access_key="se=cret" tag_name=consul tag_value=yes';
  assert.deepEqual(await ask(text, world), ["10.0.0.1", "10.0.0.2", "10.0.0.4"]);
  assert.deepEqual(Object.fromEntries(new URLSearchParams(world.sent[0]?.body)), {
    grant_type: "client_credentials",
    client_id: "cli",
    client_secret: "se=cret",
    resource: "https://management.azure.com/",
  });
  assert.equal(world.sent[1]?.headers?.Authorization, "Bearer granted");
  assert.deepEqual(queryOf(world.sent[1]!), { "api-version": "2015-06-15" });
  const refused = () => ({
    status: 401,
    body: '{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret"}',
  });
  const denied = worldOf({ web: { [Object.keys(web)[0]!]: refused }, env: { ARM_TENANT_ID: "ten" } });
  assert.match(
    await failure(ask(text, denied), "se=cret"),
    /^discover-azure \(ClientCredentials\): .* 401: AADSTS7000215/,
  );
});

test("azure: a scale set, by the machine's identity; a page elsewhere gets no token", async () => {
  const set = `${AZURE}/resourceGroups/group/providers/microsoft.Compute/virtualMachineScaleSets/set/networkInterfaces`;
  const identity = "GET http://169.254.169.254/metadata/identity/oauth2/token";
  const answering = (page: unknown) =>
    worldOf({ web: { [identity]: () => ({ access_token: "mine" }), [`GET ${set}`]: () => page } });
  const text = "provider=azure subscription_id=sub resource_group=group vm_scale_set=set";
  const world = answering({ value: [nic(undefined, "10.0.1.1"), nic(undefined)] });
  assert.deepEqual(await ask(text, world), ["10.0.1.1"]);
  assert.equal(world.sent[0]?.headers?.Metadata, "true");
  assert.match(await failure(ask(text, answering({ value: [], nextLink: "https://example.com/" }))), /another host/);
  assert.match(await failure(ask(text, answering({ value: [] }))), /no interfaces/);
  assert.match(await failure(ask(`${text} tag_name=a`, answering({ value: [] }))), /unclear configuration/);
});

const COMPUTE = "GET https://compute.googleapis.com/compute/v1/projects/my-project/zones";
const vm = (networkIP: string, ...items: readonly string[]) => ({
  name: "vm",
  networkInterfaces: [{ networkIP }],
  tags: { items },
});
const ZONES = {
  [COMPUTE]: () => ({ items: [{ name: "us-a" }, { name: "us-b" }] }),
  [`${COMPUTE}/us-a/instances`]: (request: WebRequest) =>
    queryOf(request).pageToken === undefined
      ? { items: [vm("10.0.0.1", "x", "consul"), vm("10.0.0.2", "x")], nextPageToken: "p2" }
      : { items: [vm("10.0.0.3", "consul"), { name: "bare", tags: {} }] },
  [`${COMPUTE}/us-b/instances`]: () => ({ items: [vm("10.0.0.4", "consul")] }),
};

test("gce: instances with the tag in the zones of the pattern, by the instance's own account", async () => {
  const metadata = "GET http://metadata.google.internal/computeMetadata/v1";
  const web = {
    [`${metadata}/project/project-id`]: () => ({ status: 200, body: "my-project" }),
    [`${metadata}/instance/service-accounts/default/token`]: () => ({ access_token: "own", expires_in: 3599 }),
    ...ZONES,
  };
  const world = worldOf({ web });
  assert.deepEqual(await ask("provider=gce tag_value=consul zone_pattern=us-.*", world), [
    "10.0.0.1",
    "10.0.0.3",
    "10.0.0.4",
  ]);
  const zones = world.sent.find(({ url }) => url.includes("filter"));
  assert.deepEqual(
    [zones && queryOf(zones), zones?.headers?.Authorization],
    [{ filter: "name eq us-.*" }, "Bearer own"],
  );
  assert.ok(world.sent.slice(0, 2).every(({ headers }) => headers?.["Metadata-Flavor"] === "Google"));
});

test("gce: a service account signs for itself", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const account = {
    type: "service_account",
    private_key_id: "k1",
    private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
    client_email: "me@my-project.iam.gserviceaccount.com",
    token_uri: "https://oauth2.googleapis.com/token",
  };
  const web = { "POST https://oauth2.googleapis.com/token": () => ({ access_token: "granted" }), ...ZONES };
  const text = "provider=gce project_name=my-project tag_value=consul credentials_file=/key.json";
  const world = worldOf({ web, files: { "/key.json": JSON.stringify(account) } });
  assert.equal((await ask(text, world)).length, 3);
  const assertion = new URLSearchParams(world.sent[0]?.body).get("assertion") ?? "";
  const [header = "", claims = "", signature = ""] = assertion.split(".");
  assert.ok(verify("RSA-SHA256", Buffer.from(`${header}.${claims}`), publicKey, Buffer.from(signature, "base64url")));
  const issued = Date.UTC(2026, 0, 2, 3, 4, 5) / 1000;
  assert.deepEqual(JSON.parse(Buffer.from(claims, "base64url").toString()), {
    iss: account.client_email,
    scope: "https://www.googleapis.com/auth/compute",
    aud: account.token_uri,
    iat: issued,
    exp: issued + 3600,
  });
  const broken = worldOf({ web, files: { "/key.json": "{private_key: abc" } });
  assert.equal(await failure(ask(text, broken), "abc"), "discover-gce: /key.json is no JSON");
  assert.match(await failure(ask(text, worldOf({ web }))), /open \/key.json: no such file or directory/);
});

test("gce: a user's credentials, where the environment names them", async () => {
  const user = { type: "authorized_user", client_id: "id", client_secret: "cs", refresh_token: "rt" };
  const web = { "POST https://oauth2.googleapis.com/token": () => ({ access_token: "granted" }), ...ZONES };
  const files = { "/adc.json": JSON.stringify(user) };
  const world = worldOf({ web, files, env: { GOOGLE_APPLICATION_CREDENTIALS: "/adc.json" } });
  assert.equal((await ask("provider=gce project_name=my-project tag_value=consul", world)).length, 3);
  assert.match(world.sent[0]?.body ?? "", /grant_type=refresh_token&client_id=id&client_secret=cs&refresh_token=rt/);
});

const pod = (name: string, status: object, more: { annotations?: object; ports?: readonly object[] } = {}) => ({
  metadata: { name, annotations: more.annotations },
  spec: { containers: [{ name: "c" }, { name: "d", ports: more.ports ?? [] }] },
  status: { phase: "Running", hostIP: "10.9.0.1", ...status },
});
const PODS = [
  pod("plain", { podIP: "10.8.0.1" }),
  pod("pending", { podIP: "10.8.0.2", phase: "Pending" }),
  pod("unready", { podIP: "10.8.0.3", conditions: [{ type: "Ready", status: "False" }] }),
  pod("ready", { podIP: "10.8.0.4", conditions: [{ type: "Ready", status: "True" }] }),
  pod("no address", {}),
  pod("number", { podIP: "10.8.0.6" }, { annotations: { "consul.hashicorp.com/auto-join-port": "8305" } }),
  pod(
    "named",
    { podIP: "fd00::7" },
    {
      annotations: { "consul.hashicorp.com/auto-join-port": "serf" },
      ports: [{ name: "serf", containerPort: 8301, hostPort: 18301 }],
    },
  ),
  pod("nonsense", { podIP: "10.8.0.8" }, { annotations: { "consul.hashicorp.com/auto-join-port": "x" } }),
];
const KUBECONFIG = `
apiVersion: v1
kind: Config
current-context: here
contexts:
- context: {cluster: c1, user: u1}
  name: here
clusters:
- name: other
  cluster: {server: "https://10.0.0.1"}
- name: c1
  cluster:
    server: https://api.example:6443/
    certificate-authority-data: ${Buffer.from("CA").toString("base64")}
users:
- name: u1
  user: {client-certificate: client.crt, client-key-data: ${Buffer.from("KEY").toString("base64")}, token: kube-secret}
`;

test("k8s: pods that run and are ready, by a kubeconfig", async () => {
  const web = {
    "GET https://api.example:6443/api/v1/namespaces/ns/pods": (request: WebRequest) =>
      queryOf(request).continue === undefined
        ? { items: PODS.slice(0, 4), metadata: { continue: "more" } }
        : { items: PODS.slice(4), metadata: {} },
  };
  const files = { "/kube/config": KUBECONFIG, "/kube/client.crt": "CERT" };
  const text = 'provider=k8s kubeconfig=/kube/config namespace=ns label_selector="app=consul,component=server"';
  const world = worldOf({ web, files });
  assert.deepEqual(await ask(text, world), ["10.8.0.1", "10.8.0.4", "10.8.0.6:8305", "[fd00::7]:8301"]);
  assert.deepEqual(queryOf(world.sent[0]!), { limit: "500", labelSelector: "app=consul,component=server" });
  assert.equal(world.sent[0]?.headers?.Authorization, "Bearer kube-secret");
  assert.deepEqual(world.sent[0]?.tls, { ca: "CA", cert: "CERT", key: "KEY" });
  const onHost = await ask(`${text} host_network=true`, worldOf({ web, files }));
  assert.deepEqual(onHost, ["10.9.0.1", "10.9.0.1", "10.9.0.1", "10.9.0.1:8305", "10.9.0.1:18301"]);
  assert.match(await failure(ask(`${text} host_network=x`, worldOf({ web, files }))), /must be boolean value.*"x"/);
});

test("k8s: in a pod, what it was given", async () => {
  const dir = "/var/run/secrets/kubernetes.io/serviceaccount";
  const files = { [`${dir}/token`]: "pod-token\n", [`${dir}/ca.crt`]: "CA" };
  const env = { KUBERNETES_SERVICE_HOST: "10.43.0.1", KUBERNETES_SERVICE_PORT: "443" };
  const web = { "GET https://10.43.0.1:443/api/v1/namespaces/default/pods": () => ({ items: PODS.slice(0, 1) }) };
  const world = worldOf({ web, files, env });
  assert.deepEqual(await ask("provider=k8s", world), ["10.8.0.1"]);
  assert.deepEqual([world.sent[0]?.headers?.Authorization, world.sent[0]?.tls], ["Bearer pod-token", { ca: "CA" }]);
  const nothing = await failure(ask("provider=k8s", worldOf({})));
  assert.match(nothing, /stat \/home\/me\/.kube\/config: no such file.*KUBERNETES_SERVICE_HOST/);
  const exec = KUBECONFIG.replace(", token: kube-secret", ", exec: {command: aws}");
  const withExec = worldOf({ files: { "/home/me/.kube/config": exec, "/home/me/.kube/client.crt": "CERT" } });
  assert.match(await failure(ask("provider=k8s", withExec)), /come from "exec", which is not run/);
  const bad = worldOf({ files: { "/home/me/.kube/config": "token: {secret-thing" } });
  assert.match(await failure(ask("provider=k8s", bad), "secret-thing"), /config is not YAML/);
  const warnings: Error[] = [];
  const warned = (warning: Error): void => void warnings.push(warning);
  process.on("warning", warned);
  const tagged = {
    "/home/me/.kube/config": KUBECONFIG.replace("kube-secret", "!tag kube-secret"),
    "/home/me/.kube/client.crt": "",
  };
  await failure(ask("provider=k8s", worldOf({ files: tagged })));
  await new Promise(setImmediate);
  process.off("warning", warned);
  assert.deepEqual(warnings, []);
});
