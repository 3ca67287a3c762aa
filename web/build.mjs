// Bundles the pages: node build.mjs OUT. Scripts and styles are named by their digest.
import { build } from "esbuild";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

const out = process.argv[2] ?? "dist";
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const result = await build({
  absWorkingDir: import.meta.dirname ?? new URL(".", import.meta.url).pathname,
  entryPoints: ["src/main.tsx"],
  entryNames: "[name]-[hash]",
  outdir: out,
  bundle: true,
  minify: true,
  metafile: true,
  format: "esm",
  target: ["chrome100", "firefox102"],
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  logLevel: "warning",
});
const names = Object.keys(result.metafile.outputs).map((path) => basename(path));
const one = (ending) => names.find((name) => name.endsWith(ending));
const page = readFileSync(new URL("index.html", import.meta.url), "utf8")
  .replace("SCRIPT", one(".js"))
  .replace("STYLE", one(".css"));
writeFileSync(join(out, "index.html"), page);
