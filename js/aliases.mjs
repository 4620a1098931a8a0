// What stands in for three dependencies of markdown-it in the bundle and in the tests: what is used of them is small, or
// the browser has it (see src/markdown/stand_ins.ts). It is 33 KB of gzipped tables that no page has to carry.
const standIns = new URL("src/markdown/stand_ins.ts", import.meta.url).pathname;

export const aliases = { entities: standIns, mdurl: standIns, "uc.micro": standIns };
