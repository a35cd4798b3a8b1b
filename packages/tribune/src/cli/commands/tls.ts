import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { CommandFailure, failing } from "../acl/request.ts";
import type { Command, CommandContext } from "../command.ts";
import { fileReason } from "../output.ts";
import { type CertOptions, createCa, createCertificate, type Issued } from "../tls/issue.ts";
import { writeFileAtomic } from "../write-file.ts";
import { boolFlag, intFlag, listFlag, stringFlag } from "./flag.ts";

const CERTIFICATE_MODE = 0o666;
const KEY_MODE = 0o600;

export const tlsCaCreate: Command = {
  usage: "[options]",
  description: `
Makes a certificate authority for the agents' TLS, in the current directory.

    $ consul tls ca create`,
  http: "none",
  flags: [
    intFlag("days", "How many days it is valid.", 1825),
    boolFlag("name-constraint", "It may sign only for localhost, the domain, and what the next flag adds."),
    listFlag("additional-name-constraint", "A further domain it may sign for; may be repeated."),
    stringFlag("domain", "Domain of the cluster.", "consul"),
    stringFlag("cluster-id", "ID of the cluster, for a SPIFFE URI in the certificate."),
    stringFlag("common-name", "Name of the authority; Consul Agent CA and a number if not given."),
  ],
  run: failing(async (context) => {
    const { flags, io } = context;
    const domain = flags.string("domain");
    const names = [`${domain}-agent-ca.pem`, `${domain}-agent-ca-key.pem`] as const;
    for (const name of names) if (existsSync(name)) throw new CommandFailure(`${name} already exists.`);
    const limits = [...flags.list("additional-name-constraint"), domain, "localhost"];
    const issued = createCa({
      name: flags.string("common-name"),
      days: flags.number("days"),
      nowMs: io.clock.wallMs(),
      permittedDnsDomains: flags.bool("name-constraint") ? limits : [],
      clusterId: flags.string("cluster-id"),
      domain,
    });
    await save(context, names, issued);
  }),
};

async function save(
  context: CommandContext,
  [certificateFile, keyFile]: readonly [string, string],
  issued: Issued,
): Promise<void> {
  const files = [
    [certificateFile, issued.certificate, CERTIFICATE_MODE],
    [keyFile, issued.key, KEY_MODE],
  ] as const;
  for (const [name, text, mode] of files) {
    try {
      await writeFileAtomic(name, text, mode);
    } catch (error) {
      throw new CommandFailure(fileReason("open", name, error));
    }
    context.out(`==> Saved ${name}`);
  }
}

const SERVER_WARNING = `==> WARNING: Server Certificates grants authority to become a
    server and access all state in the cluster including root keys
    and all ACL tokens. Do not distribute them to production hosts
    that are not server nodes. Store them as securely as CA keys.`;

type Role = "server" | "client" | "cli";

export const tlsCertCreate: Command = {
  usage: "[options]",
  description: `
Makes a certificate for an agent or for commands, in the current directory.

    $ consul tls cert create -server -dc=dc1
    $ consul tls cert create -client`,
  http: "none",
  flags: [
    stringFlag("ca", "File of the authority; #DOMAIN# stands for the domain.", "#DOMAIN#-agent-ca.pem"),
    stringFlag("key", "File of the authority's key.", "#DOMAIN#-agent-ca-key.pem"),
    boolFlag("server", "For a server."),
    boolFlag("client", "For a client agent."),
    boolFlag("cli", "For commands."),
    stringFlag("node", "Name of the server, for a further DNS name; with -server."),
    intFlag("days", "How many days it is valid.", 365),
    stringFlag("dc", "Datacenter.", "dc1"),
    stringFlag("domain", "Domain of the cluster.", "consul"),
    listFlag("additional-dnsname", "A further DNS name; may be repeated."),
    listFlag("additional-ipaddress", "A further IP address; may be repeated."),
  ],
  run: failing(async (context) => {
    const { flags, io } = context;
    for (const name of ["ca", "key"])
      if (flags.string(name) === "") throw new CommandFailure(`Please provide the ${name}`);
    const [role, ...more] = (["server", "client", "cli"] as const).filter((name) => flags.bool(name));
    if (role === undefined || more.length > 0)
      throw new CommandFailure("Please provide either -server, -client, or -cli");
    if (flags.string("node") !== "" && role !== "server") throw new CommandFailure("-node requires -server");
    const [dc, domain] = [flags.string("dc"), flags.string("domain")];
    const wanted = namesOf(context, role);
    const files = freeNames(`${dc}-${role}-${domain}`);
    const [caFile, keyFile] = ["ca", "key"].map((name) => flags.string(name).replace("#DOMAIN#", domain)) as [
      string,
      string,
    ];
    const ca = await load(caFile, "Error reading CA");
    const caKey = await load(keyFile, "Error reading CA key");
    if (role === "server") context.out(SERVER_WARNING);
    context.out(`==> Using ${caFile} and ${keyFile}`);
    const options = { ca, caKey, days: flags.number("days"), nowMs: io.clock.wallMs(), ...wanted };
    await save(context, files, issue(options));
  }),
};

function issue(options: CertOptions): Issued {
  try {
    return createCertificate(options);
  } catch (error) {
    throw new CommandFailure((error as Error).message);
  }
}

function namesOf(
  { flags }: CommandContext,
  role: Role,
): Pick<CertOptions, "name" | "dnsNames" | "ipAddresses" | "extKeyUsage"> {
  const domain = `${flags.string("dc")}.${flags.string("domain")}`;
  const name = `${role}.${domain}`;
  const given = (flag: string): readonly string[] =>
    flags.list(flag).flatMap((text) => (text === "" ? [] : [text.trim()]));
  const addresses = given("additional-ipaddress").map(ipBytes);
  if (role === "cli") return { name, dnsNames: [name, "localhost"], ipAddresses: addresses, extKeyUsage: [] };
  const node = flags.string("node");
  return {
    name,
    dnsNames: [
      ...given("additional-dnsname"),
      ...(node === "" ? [] : [`${node}.server.${domain}`]),
      ...[name, "localhost"],
    ],
    ipAddresses: [...addresses, ipBytes("127.0.0.1")],
    extKeyUsage: role === "server" ? ["serverAuth", "clientAuth"] : ["clientAuth", "serverAuth"],
  };
}

/** @throws CommandFailure; Consul writes a certificate with an empty address in it. */
function ipBytes(text: string): Uint8Array {
  const version = isIP(text);
  if (version === 4) return Buffer.from(text.split(".").map(Number));
  if (version !== 6) throw new CommandFailure(`Invalid IP address: ${text}`);
  const [head = "", tail] = new URL(`http://[${text}]`).hostname.slice(1, -1).split("::");
  const groups = (part: string): readonly string[] => (part === "" ? [] : part.split(":"));
  const [front, back] = [groups(head), groups(tail ?? "")];
  const zeroes = Array.from({ length: 8 - front.length - back.length }, () => "0");
  return Buffer.from([...front, ...zeroes, ...back].map((group) => group.padStart(4, "0")).join(""), "hex");
}

const NAMES_MAX = 10_000;

/** The first number that neither a certificate nor a key has. */
function freeNames(prefix: string): readonly [string, string] {
  for (let i = 0; i < NAMES_MAX; i++) {
    const names = [`${prefix}-${i}.pem`, `${prefix}-${i}-key.pem`] as const;
    if (!names.some((name) => existsSync(name))) return names;
  }
  throw new CommandFailure("Could not find a filename that doesn't already exist");
}

async function load(file: string, prefix: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new CommandFailure(`${prefix}: ${fileReason("open", file, error)}`);
  }
}
