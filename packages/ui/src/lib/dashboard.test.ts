import assert from "node:assert/strict";
import { test } from "node:test";
import { dashboardUrl } from "./dashboard.ts";

const values = { Datacenter: "dc1", Service: { Name: "a b/&x", Namespace: "default" } };

test("names stand in a dashboard's URL escaped; what nobody knows is nothing", () => {
  assert.equal(
    dashboardUrl(
      "https://g.example/d/x?dc={{Datacenter}}&s={{Service.Name}}&n={{Service.Namespace}}&q={{No.Such}}",
      values,
    ),
    "https://g.example/d/x?dc=dc1&s=a%20b%2F%26x&n=default&q=",
  );
});

test("only http and https are links, even when the name decides", () => {
  for (const template of ["javascript:alert(1)", "data:text/html,x", "/relative", "{{Service.Name}}", "", "ftp://h/"])
    assert.equal(dashboardUrl(template, { Service: { Name: "javascript:alert(1)" } }), undefined, template);
});
