/** Amazon EC2: running instances with a tag (DescribeInstances, API 2016-11-15). */
import { goQuote } from "../lib/go-quote.ts";
import { awsCredentials, Ec2Metadata } from "./aws-credentials.ts";
import { shown } from "./json.ts";
import { arg, type Provider, pages, type WebRequest, type World } from "./provider.ts";
import { type AwsCredentials, signV4 } from "./sigv4.ts";
import { elementsAt, parseXml, type XmlElement, xmlText } from "./xml.ts";

const ADDRESS_TYPES = ["private_v4", "public_v4", "public_v6"];

export const aws: Provider = async (args, world, logger) => {
  if (arg(args, "service") === "ecs") throw new Error("discover-aws: service=ecs is not built in, only ec2");
  const asked = arg(args, "addr_type");
  const addressType = ADDRESS_TYPES.includes(asked) ? asked : "private_v4";
  if (asked !== "" && asked !== addressType)
    logger.info(
      `discover-aws: Address type ${asked} is not supported. Valid values are {${ADDRESS_TYPES.join(",")}}. Falling back to 'private_v4'`,
    );
  const metadata = new Ec2Metadata(world);
  const region = arg(args, "region") || (await ownRegion(world, metadata));
  if (!/^[\w-]+$/.test(region)) throw new Error(`discover-aws: invalid region ${goQuote(region)}`);
  logger.info(`discover-aws: Region is ${region}`);
  const filters = { [`tag:${arg(args, "tag_key")}`]: arg(args, "tag_value"), "instance-state-name": "running" };
  const addresses: string[] = [];
  try {
    const credentials = await awsCredentials(args, world, metadata);
    const url = endpoint(arg(args, "endpoint"), region, world);
    await pages("", async (next) => {
      const answer = await describe({ url, region, filters, next }, credentials, world);
      for (const instance of elementsAt(answer, "reservationSet", "item", "instancesSet", "item"))
        addresses.push(...addressesOf(instance, addressType));
      return xmlText(answer, "nextToken");
    });
  } catch (error) {
    throw new Error(`discover-aws: DescribeInstancesInput failed: ${(error as Error).message}`);
  }
  return addresses;
};

/** That of the instance; where there is no instance, what the environment says. */
async function ownRegion(world: World, metadata: Ec2Metadata): Promise<string> {
  try {
    return await metadata.region();
  } catch (error) {
    const region = world.env("AWS_REGION");
    if (region !== "") return region;
    throw new Error(`discover-aws: GetInstanceIdentityDocument failed: ${(error as Error).message}`);
  }
}

function endpoint(given: string, region: string, { env }: World): string {
  const url = given || env("AWS_ENDPOINT_URL_EC2") || env("AWS_ENDPOINT_URL");
  if (url !== "") return new URL(url.includes("://") ? url : `https://${url}`).href;
  const [, partition = ""] = /^(cn-|us-isob-|us-iso-)/.exec(region) ?? [];
  const suffixes: Readonly<Record<string, string>> = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
  };
  return `https://ec2.${region}.${suffixes[partition] ?? "amazonaws.com"}/`;
}

interface Question {
  readonly url: string;
  readonly region: string;
  readonly filters: Readonly<Record<string, string>>;
  /** Empty: from the beginning. */
  readonly next: string;
}

/** @throws Error with AWS' code and message */
async function describe(question: Question, credentials: AwsCredentials, world: World): Promise<XmlElement> {
  const { url, region, filters, next } = question;
  const form = new URLSearchParams({ Action: "DescribeInstances", Version: "2016-11-15" });
  Object.entries(filters).forEach(([name, value], at) => {
    form.set(`Filter.${at + 1}.Name`, name);
    form.set(`Filter.${at + 1}.Value.1`, value);
  });
  if (next !== "") form.set("NextToken", next);
  const plain = {
    method: "POST",
    url,
    headers: { "Content-Type": "application/x-www-form-urlencoded; charset=utf-8" },
    body: form.toString(),
  } as const satisfies WebRequest;
  const headers = signV4(plain, { ...credentials, region, service: "ec2", wallMs: world.wallMs() });
  const answer = await world.send({ ...plain, headers });
  if (answer.status === 200) return parseXml(answer.body);
  throw new Error(`${reasonOf(answer.body)} (status code: ${answer.status})`);
}

function reasonOf(body: string): string {
  try {
    const [error] = elementsAt(parseXml(body), "Errors", "Error");
    if (error !== undefined)
      return shown(`${xmlText(error, "Code") ?? "no code"}: ${xmlText(error, "Message") ?? "no message"}`);
  } catch {
    // a proxy's page: its status has to do
  }
  return "the answer is none of EC2's";
}

function addressesOf(instance: XmlElement, type: string): readonly string[] {
  if (type === "public_v6") {
    const path = ["networkInterfaceSet", "item", "ipv6AddressesSet", "item", "ipv6Address"];
    return elementsAt(instance, ...path).flatMap(({ text }) => text.trim() || []);
  }
  // Instances outside of a VPC have no private one, and many no public one.
  const address = xmlText(instance, type === "public_v4" ? "ipAddress" : "privateIpAddress");
  return address === undefined ? [] : [address];
}
