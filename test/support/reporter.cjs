// Mocha's spec reporter that also leaves its counts and what failed in a file, so that the test command can add up several suites; and
// says which files take the longest, where there are many.

const { writeFileSync } = require("node:fs");
const { relative } = require("node:path");
const Mocha = require("mocha");

/** Of so many files the longest are told, so that whoever finds the tests slow knows where to look. */
const MANY_FILES = 20;
const TOLD_FILES = 12;

class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const seconds = new Map();
    const failures = [];
    runner.on(Mocha.Runner.constants.EVENT_TEST_FAIL, (test, error) =>
      failures.push(`${test.fullTitle()}: ${String(error.message).split("\n", 1)[0]}`),
    );
    const count = ({ file, duration = 0 }) => seconds.set(file, (seconds.get(file) ?? 0) + duration / 1000);
    runner.on(Mocha.Runner.constants.EVENT_TEST_END, count);
    runner.on(Mocha.Runner.constants.EVENT_HOOK_END, count);
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      if (seconds.size < MANY_FILES) return;
      const longest = [...seconds].sort((left, right) => right[1] - left[1]).slice(0, TOLD_FILES);
      console.log("\n  The longest files, in seconds of their tests:");
      for (const [file, total] of longest)
        console.log(`  ${total.toFixed(0).padStart(5)}  ${file ? relative(process.cwd(), file) : "?"}`);
    });
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      const file = process.env.TEST_COUNTS_FILE;
      if (file === undefined) return;
      const { passes: passed, failures: failed, pending: skipped } = this.stats;
      writeFileSync(file, JSON.stringify({ passed, failed, skipped, failures }));
    });
  }
}

module.exports = CountingReporter;
