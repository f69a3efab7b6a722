module.exports = {
  reporter: "./test/support/reporter.cjs",
  timeout: 60_000,
};
