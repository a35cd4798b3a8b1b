// The scenario in a page, bundled: answers what came of it
import * as sdk from "../../../packages/client/dist/browser.js";
import { scenario } from "./scenario.mjs";

globalThis.run = (url, closed) => scenario(sdk, { url, closed, tellsRefusals: false });
