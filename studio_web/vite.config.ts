import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type Plugin } from "vite";

const OUT = "../src/motionveil/studio/static";
const SOURCES = ["index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"];

/** Writes a hash of the sources beside what was built, so that a test can tell whether the one belongs to the other. */
function manifest(): Plugin {
  return {
    name: "manifest",
    closeBundle() {
      const folders = ["public", "src"].flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
      const files = [...SOURCES, ...folders].sort();
      const hash = createHash("sha256");
      for (const file of files) hash.update(`${file.replaceAll("\\", "/")}\0`).update(readFileSync(file)).update("\0");
      writeFileSync(join(OUT, "manifest.json"), `${JSON.stringify({ sources: hash.digest("hex") }, null, 2)}\n`);
    },
  };
}

export default defineConfig({
  base: "/",
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  plugins: [manifest()],
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    rollupOptions: {
      output: { entryFileNames: "app.js", assetFileNames: "app[extname]", banner: "/* with preact and @preact/signals, MIT licence */" },
    },
  },
});
