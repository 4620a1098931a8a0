import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { aliases } from "./aliases.mjs";

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

// vitest 5.1 reports failures with Map.groupBy, which Node 20 lacks.
const groupBy = (items: Iterable<unknown>, keyOf: (item: unknown, index: number) => unknown) => {
  const groups = new Map<unknown, unknown[]>();
  let index = 0;
  for (const item of items) {
    const key = keyOf(item, index++);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
};
if (!("groupBy" in Map)) Object.assign(Map, { groupBy });

declare const process: { env: Record<string, string | undefined> };

export default defineConfig({
  resolve: { alias: aliases },
  test: {
    api: { host: "127.0.0.1" },
    include: ["test/**/*.test.ts"],
    testTimeout: 120_000, // milliseconds, as that of a poll: what only a hang takes
    expect: { poll: { timeout: 60_000 } },
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      connectTimeout: 240_000, // milliseconds. A busy machine may need minutes to start a browser
      provider: playwright({
        launchOptions: { executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium", args: flags },
      }),
      instances: [{ browser: "chromium" }],
    },
  },
});
