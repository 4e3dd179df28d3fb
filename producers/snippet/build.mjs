// Bundles src/main.ts into dist/: the readable touchpath.js, touchpath.min.js and its hash for `integrity`.
// With a folder as argument it writes there instead, so that a test can compare.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const out = process.argv[2] ?? join(here, "dist");
const { version } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
mkdirSync(out, { recursive: true });

for (const minify of [false, true]) {
  await build({
    absWorkingDir: here,
    entryPoints: ["src/main.ts"],
    outfile: join(out, minify ? "touchpath.min.js" : "touchpath.js"),
    bundle: true,
    format: "iife",
    target: "es2020",
    charset: "utf8",
    legalComments: "none",
    banner: { js: `/*! touchpath.js ${version}, Apache-2.0 */` },
    define: { VERSION: JSON.stringify(version) },
    minify,
    logLevel: "warning",
  });
}
const digest = createHash("sha384").update(readFileSync(join(out, "touchpath.min.js"))).digest("base64");
writeFileSync(join(out, "touchpath.min.js.sri"), `sha384-${digest}\n`);
