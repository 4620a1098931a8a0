// The packages whose code is in the bundles: their licences, and a bill of materials (CycloneDX).
import { readdirSync, readFileSync } from "node:fs";

const HERE = new URL(".", import.meta.url);

/** The names of the packages in a bundle, in order. `inputs` is a part of esbuild's metafile. */
export function packagesOf(inputs) {
  const names = Object.keys(inputs).map((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]);
  return [...new Set(names)].filter(Boolean).sort();
}

/** The text that a package's licence asks to go with its code. */
export function notice(name) {
  const folder = new URL(`node_modules/${name}/`, HERE);
  const { version, license } = JSON.parse(readFileSync(new URL("package.json", folder)));
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
  if (files.length === 0) throw new Error(`${name} is bundled, and its licence was not found.`);
  return [
    `${name} ${version} (${license})\n`,
    ...files.map((file) => readFileSync(new URL(file, folder), "utf8")),
  ].join("\n");
}

/** Which packages are in the bundles. It has no date, so that the same sources give the same wheel. */
export function billOfMaterials(names) {
  const { name, version, license } = JSON.parse(readFileSync(new URL("package.json", HERE)));
  const locked = JSON.parse(readFileSync(new URL("package-lock.json", HERE))).packages;
  const page = { ref: `pkg:pypi/${name}@${version}`, name, version, license };
  const packages = names.map((name) => {
    const { version, license, integrity } = locked[`node_modules/${name}`];
    const hash = Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex");
    return { ref: `pkg:npm/${name.replace("@", "%40")}@${version}`, name, version, license, hash };
  });
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: component(page) },
    components: packages.map(component),
    dependencies: [
      { ref: page.ref, dependsOn: packages.map(({ ref }) => ref) },
      ...packages.map(({ ref }) => ({ ref })),
    ],
  };
}

function component({ ref, name, version, license, hash }) {
  const hashes = hash && [{ alg: "SHA-512", content: hash }];
  return { type: "library", "bom-ref": ref, name, version, hashes, licenses: [{ expression: license }], purl: ref };
}
