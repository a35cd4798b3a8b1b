// Loaded before a test file: its properties draw the same cases each time, from PROPERTY_SEED. A property that names a
// seed of its own keeps it.
import fc from "fast-check";

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env.PROPERTY_SEED) });

// What a test starts is another program, and has nothing to do with it.
const others = process.env.NODE_OPTIONS?.replace(`--import=${import.meta.url}`, "").trim() ?? "";
if (others === "") delete process.env.NODE_OPTIONS;
else process.env.NODE_OPTIONS = others;
