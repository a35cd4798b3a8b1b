// `node --import …/ts-loader.mjs file.ts`: what newer releases of Node do by themselves.
import { register } from "node:module";

register("./ts-hooks.mjs", import.meta.url);
