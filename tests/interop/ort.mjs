// ONNX Runtime, the judge.
import fs from 'node:fs';

import ort from 'onnxruntime-node';

/// Without VNNI, ONNX Runtime's u8 x s8 kernels add pairs of products in int16 and saturate. With
/// this option it widens the weights to u8 and is exact.
const hasVnni = /^flags.*\bavx(512)?_vnni\b/m.test(
    fs.existsSync('/proc/cpuinfo') ? fs.readFileSync('/proc/cpuinfo', 'utf8') : '');
const needsOption = process.arch === 'x64' && !hasVnni;
export const precision = needsOption ? 'session.x64quantprecision=1 (no VNNI here)' : 'default';

export const ortVersion = ort.env.versions.node ?? ort.env.versions.common;

export function openSession(model, options = {}) {
  return ort.InferenceSession.create(model, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    extra: needsOption ? { session: { x64quantprecision: '1' } } : {},
    ...options,
  });
}

const typeOf = (data) =>
    data instanceof Float32Array ? 'float32' : data instanceof BigInt64Array ? 'int64' : 'uint8';
export const toOrt = ({ data, dims }) => new ort.Tensor(typeOf(data), data, dims);

/// The outputs by name of one call on `input` {data, dims}.
export const runOrt = (session, input) => runOrtOn(session, { [session.inputNames[0]]: input });

/// The outputs by name of one call on inputs by name.
export async function runOrtOn(session, inputs) {
  const results = await session.run(
      Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, toOrt(input)])));
  return Object.fromEntries(Object.entries(results).map(
      ([name, { data, dims }]) => [name, { data, dims: [...dims] }]));
}
