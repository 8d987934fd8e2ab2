// Times ONNX Runtime as `octet bench` times octet: models interleaved in rounds, short calls
// repeated until a round lasts 1 ms.
import { createRequire } from 'node:module';

import { normals } from '../../tests/interop/normals.mjs';
import { toOrt } from '../../tests/interop/ort.mjs';

// The public run() waits for a turn of the event loop; the native call below it does not.
const require = createRequire(new URL('../../tests/interop/ort.mjs', import.meta.url));
const { binding, initOrt } = require('onnxruntime-node/dist/binding.js');

const kVariants = 4;  // inputs, so that no call repeats the last
const kMinRoundMs = 1;

const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/// A model with its inputs; run() is one synchronous call.
export function prepareOrt(file, dims, threads) {
  initOrt();
  const session = new binding.InferenceSession();
  session.loadModel(file, {
    intraOpNumThreads: threads, interOpNumThreads: 1, graphOptimizationLevel: 'all',
  });
  const input = session.inputMetadata[0].name;
  const fetches = Object.fromEntries(session.outputMetadata.map(({ name }) => [name, null]));
  const feeds = Array.from({ length: kVariants }, (_, seed) => (
      { [input]: toOrt({ data: normals(dims.reduce((a, b) => a * b), seed), dims }) }));
  let call = 0;
  return { run: () => session.run(feeds[call++ % kVariants], fetches, {}) };
}

/// Median of the rounds per model, in ms.
export function ortBurst(models, rounds, warmup) {
  for (let i = 0; i < warmup; i++) models.forEach((model) => model.run());
  const repeats = models.map((model) => {
    const start = nowMs();
    model.run();
    return Math.max(1, Math.ceil(kMinRoundMs / (nowMs() - start)));
  });
  const times = models.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (let k = 0; k < models.length; k++) {
      const i = (k + round) % models.length;
      const start = nowMs();
      for (let r = 0; r < repeats[i]; r++) models[i].run();
      times[i].push((nowMs() - start) / repeats[i]);
    }
  }
  return times.map(median);
}
