// The tests of this folder: run in order, counted, the count printed last.

export class Skip extends Error {}

const tests = [];

/// `run` returns a line to print, throws Skip, or throws to fail.
export function test(name, run) {
  tests.push({ name, run });
}

export function require_(condition, message) {
  if (!condition) throw new Error(message);
}

/// All tests, or those whose name matches.
export async function runAll(pattern = /./) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, run } of tests.filter((test) => pattern.test(test.name))) {
    try {
      console.log(`ok    ${name}: ${await run()}`);
      count.passed++;
    } catch (error) {
      const skipped = error instanceof Skip;
      console.log(`${skipped ? 'skip ' : 'FAIL '} ${name}: ${error.message}`);
      count[skipped ? 'skipped' : 'failed']++;
    }
  }
  console.log(countLine(count));
  return count.failed === 0;
}

/// The last line of a run.
export const countLine = ({ passed, failed, skipped }) =>
    `${passed} passed, ${failed} failed, ${skipped} skipped`;

/// The numbers of a countLine, or undefined.
export function countOf(line) {
  const match = line.match(/^(\d+) passed, (\d+) failed, (\d+) skipped$/);
  return match && { passed: +match[1], failed: +match[2], skipped: +match[3] };
}
