//! Tests run one file after the other: the browser ones share few cores with everything else.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { environment: "node", fileParallelism: false, testTimeout: 30_000, hookTimeout: 60_000 },
});
