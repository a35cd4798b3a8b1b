import { defineConfig, type Plugin } from "vite";

/** The agent fills in the way to the site's root and its settings; the development server has it at `/`, and none. */
const contentPath: Plugin = {
  name: "content-path",
  apply: "serve",
  transformIndexHtml: {
    order: "pre",
    handler: (html) => html.replaceAll("{{.ContentPath}}", "/").replaceAll("{{jsonEncode .}}", "{}"),
  },
};

export default defineConfig({
  // Every address in the build is relative: the site may stand below any prefix.
  base: "./",
  plugins: [contentPath],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    // Nothing inline: the content security policy allows neither inline scripts nor data URLs as fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    reportCompressedSize: true,
  },
  server: { proxy: { "/v1": process.env.CONSUL_HTTP_ADDR ?? "http://127.0.0.1:8500" } },
});
