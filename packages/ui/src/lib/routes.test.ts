import assert from "node:assert/strict";
import { test } from "node:test";
import { ancestors, href, matchRoute, placeOf } from "./routes.ts";

test("a pattern takes its segments and no more", () => {
  assert.deepEqual(matchRoute(":dc/services", "dc1/services/")?.params, { dc: "dc1" });
  assert.equal(matchRoute(":dc/services", "dc1/nodes"), undefined);
  assert.equal(matchRoute(":dc/services", "dc1/services/web"), undefined);
  assert.equal(matchRoute(":dc/services/:name", "dc1/services"), undefined);
  assert.deepEqual(matchRoute(":dc/kv/*key", "dc1/kv/a/b%2Fc")?.params, { dc: "dc1", key: "a/b/c" });
  assert.deepEqual(matchRoute(":dc/kv/*key", "dc1/kv")?.params, { dc: "dc1", key: "" });
});

test("names come back as they went in, a stray percent sign too", () => {
  const name = "a/b c%d?é";
  assert.equal(matchRoute(":dc/services/:name", href("dc1", "services", name))?.params.name, name);
  assert.equal(matchRoute(":name", "50%")?.params.name, "50%");
});

test("above a path is every shorter one", () => {
  assert.deepEqual(ancestors("/ui/"), ["/"]);
  assert.deepEqual(ancestors("/a/b/c/"), ["/a/b/", "/a/", "/"]);
  assert.deepEqual(ancestors("/"), ["/"]);
});

test("in another datacenter one looks at the same place, not at the same thing", () => {
  const places = ["services", "acls/tokens", "acls/policies"];
  assert.equal(placeOf("dc1/services/web/history", places), "services");
  assert.equal(placeOf("dc1/acls/policies/7", places), "acls/policies");
  assert.equal(placeOf("dc1/acls", places), undefined);
  assert.equal(placeOf("dc1/servicesx", places), undefined);
});
