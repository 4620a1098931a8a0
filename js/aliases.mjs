// Replaces three dependencies of markdown-it in the bundle and in the tests. The page uses little of them, or the
// browser has it (see src/markdown/stand_ins.ts). So pages need not carry their tables, 33 KB gzipped.
const standIns = new URL("src/markdown/stand_ins.ts", import.meta.url).pathname;

export const aliases = { entities: standIns, mdurl: standIns, "uc.micro": standIns };
