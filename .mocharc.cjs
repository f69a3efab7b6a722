const { TEST_PATIENCE_MS } = require("./test/support/patience.ts");

module.exports = {
  reporter: "./test/support/reporter.cjs",
  timeout: TEST_PATIENCE_MS,
};
