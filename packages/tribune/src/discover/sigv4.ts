/** AWS Signature Version 4, for a request whose body is known ("Create a signed AWS API request", IAM User Guide). */
import { createHash, createHmac } from "node:crypto";

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials. */
  readonly sessionToken?: string;
}

export interface Signing extends AwsCredentials {
  readonly region: string;
  /** As AWS signs it: `ec2`. */
  readonly service: string;
  readonly wallMs: number;
}

export interface Signable {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** @returns the headers to send: those given, `host`, the date, the token and `Authorization`. */
export function signV4(request: Signable, signing: Signing): Readonly<Record<string, string>> {
  const { region, service, accessKeyId, secretAccessKey, sessionToken } = signing;
  const time = new Date(signing.wallMs).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const date = time.slice(0, 8);
  const url = new URL(request.url);
  const headers: Record<string, string> = { host: url.host, "x-amz-date": time };
  for (const [name, value] of Object.entries(request.headers)) headers[name.toLowerCase()] = value;
  if (sessionToken !== undefined) headers["x-amz-security-token"] = sessionToken;

  const names = Object.keys(headers).sort();
  const signedHeaders = names.join(";");
  const canonical = [
    request.method,
    url.pathname,
    canonicalQuery(url),
    ...names.map((name) => `${name}:${headers[name]!.trim().replace(/ +/g, " ")}`),
    "",
    signedHeaders,
    sha256(request.body),
  ].join("\n");
  const scope = `${date}/${region}/${service}/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n");
  const key = [date, region, service, "aws4_request"].reduce<Buffer | string>(
    (previous, part) => createHmac("sha256", previous).update(part).digest(),
    `AWS4${secretAccessKey}`,
  );
  const signature = createHmac("sha256", key).update(toSign).digest("hex");
  const credential = `${accessKeyId}/${scope}`;
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
  return headers;
}

function canonicalQuery(url: URL): string {
  const encode = (text: string): string =>
    encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  const pairs = [...url.searchParams].map(([name, value]) => [encode(name), encode(value)] as const);
  const before = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);
  pairs.sort(([name, value], [otherName, otherValue]) => before(name, otherName) || before(value, otherValue));
  return pairs.map((pair) => pair.join("=")).join("&");
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
