import assert from "node:assert/strict";
import { test } from "node:test";
import { type Signable, signV4 } from "./sigv4.ts";

/** Credentials, time and signatures of AWS' published Signature Version 4 test suite. */
const SUITE = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  region: "us-east-1",
  service: "service",
  wallMs: Date.UTC(2015, 7, 30, 12, 36, 0),
};

function signatureOf(request: Partial<Signable>, service = SUITE.service): string | undefined {
  const whole = { method: "GET", url: "https://example.amazonaws.com/", headers: {}, body: "", ...request };
  return signV4(whole, { ...SUITE, service }).authorization?.split("Signature=")[1];
}

test("signatures are those of AWS' test suite", () => {
  const at = "https://example.amazonaws.com/";
  const cases: readonly (readonly [string, Partial<Signable>, string])[] = [
    ["get-vanilla", {}, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"],
    ["post-vanilla", { method: "POST" }, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"],
    [
      "get-vanilla-query-order-key-case",
      { url: `${at}?Param2=value2&Param1=value1` },
      "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ],
    [
      "post-x-www-form-urlencoded",
      { method: "POST", headers: { "Content-Type": "application/x-www-form-urlencoded" }, body: "Param1=value1" },
      "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ],
  ];
  for (const [name, request, signature] of cases) assert.equal(signatureOf(request), signature, name);
});

test("the example of the documentation has the signature it says", () => {
  const request = {
    url: "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
    headers: { "Content-Type": "application/x-www-form-urlencoded; charset=utf-8" },
  };
  assert.equal(signatureOf(request, "iam"), "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
});

test("the token of temporary credentials is signed with the rest", () => {
  const request = { method: "GET", url: "https://example.amazonaws.com/", headers: {}, body: "" };
  const headers = signV4(request, { ...SUITE, sessionToken: "token" });
  assert.equal(headers["x-amz-security-token"], "token");
  assert.match(headers.authorization ?? "", /SignedHeaders=host;x-amz-date;x-amz-security-token,/);
});
