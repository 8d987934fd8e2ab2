// The parts of bench/peers, which no other test runs: a benchmark that does not start tells nothing.
import { emptyCallMs } from '../../bench/peers/empty_call.mjs';
import { makeModels } from '../../bench/peers/models.mjs';
import { byKernel } from '../../bench/peers/roofline.mjs';
import { evaluate, toMarkdown } from '../../bench/peers/table.mjs';
import { require_, test } from './checks.mjs';

test('bench/peers: an empty call takes time', () => {
  const ms = emptyCallMs(1, 5);
  require_(ms > 0 && ms < 100, `${ms} ms`);
  return `${ms.toPrecision(2)} ms`;
});

test('bench/peers: figures of a pair of models', () => {
  require_(makeModels(/^no such model$/).length === 0, 'makes a model that was not asked for');
  const row = (precision, octetMs, ortMs) => (
      { name: 'm', precision, batch: 1, octetMs: Array(9).fill(octetMs), ortMs: Array(9).fill(ortMs) });
  const [, int8] = evaluate([row('FP32', 4, 5), row('INT8', 2, 4)]);
  require_(int8.octet.speedup.median === 2 && int8.ort.speedup.median === 1.25 &&
           int8.ratio.median === 0.5, JSON.stringify(int8));
  const machine = { cpu: 'cpu', isa: 'isa', clock_ghz: 1, threads: 1, load: ['0', '0'], emptyCallMs: 1 };
  require_(toMarkdown([int8], machine).includes('| m | 1 | INT8 | 2.00 [2.00, 2.00] |'), 'no row');
  return 'speed-ups, ratios, a table';
});

test('bench/peers: layers of one kernel are added', () => {
  const layer = (kernel, ms, macs) => ({ kernel, ms, macs, peak_gmacs_per_s: 4 });
  const [gemm, copy] = byKernel([layer('copy', 1, 0), layer('gemm', 2, 4e6), layer('gemm', 1, 2e6)]);
  require_(gemm.kernel === 'gemm' && gemm.layers === 2 && gemm.time === 0.75 && gemm.rate === 2 &&
           gemm.ofPeak === 0.5 && copy.rate === undefined, JSON.stringify([gemm, copy]));
  return 'times, rates and shares';
});
