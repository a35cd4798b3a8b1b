export * from "./browser.ts";
export * from "./node.ts";
