// Models of other people, from exporters that we do not control.
import fs from 'node:fs';
import path from 'node:path';

import { Skip, test } from './checks.mjs';
import { difference, magnitude } from './compare.mjs';
import { judge } from './judge.mjs';
import { normals } from './normals.mjs';
import { writeNpy } from './npy.mjs';
import { dataDir, octet, runOctetOn, work } from './octet.mjs';
import { openSession, runOrtOn } from './ort.mjs';

const kBound = 1e-4;  // of the largest output, or of 1 where outputs are small
const kCalls = 3;

const normal = (dims, seed) => ({ data: normals(dims.reduce((a, b) => a * b, 1), seed), dims });

/// All outputs as one row.
function joined(outputs, session) {
  const rows = session.outputNames.map((name) => outputs[name].data);
  const data = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
  rows.reduce((at, row) => (data.set(row, at), at + row.length), 0);
  return { data, dims: [1, data.length] };
}

/// `inputs(call, outputs)`: the inputs of a call, given the outputs of the one before.
const strangers = [
  {
    file: 'mnist_cntk.onnx',
    inputs: (call) => ({ Input3: normal([1, 1, 28, 28], call) }),
  },
  {
    file: 'ultraface_rfb320.onnx',
    inputs: (call) => ({ input: normal([1, 3, 240, 320], call) }),
  },
  {
    // A recurrent detector of speech: sizes and an If depend on the rate, the state goes round.
    file: 'silero_vad_op18_ifless.onnx',
    inputs: (call, before) => ({
      input: normal([1, 576], call),
      state: before ? before.stateN : { data: new Float32Array(2 * 128), dims: [2, 1, 128] },
      sr: { data: new BigInt64Array([16000n]), dims: [] },
    }),
  },
  {
    file: 'resnet20_cifar10_fp32.onnx',
    inputs: (call, before, name) => ({ [name]: normal([1 + call, 3, 32, 32], call) }),
  },
];

/// The model's file, or a skip.
function found(file) {
  const model = dataDir && path.join(dataDir, 'models', file);
  if (!model || !fs.existsSync(model)) throw new Skip(`no models/${file} in $OCTET_DATA_DIR`);
  return model;
}

const without = (name, inputs) => (...args) => {
  const { [name]: left, ...others } = inputs(...args);
  return others;
};

const silero = strangers.find(({ file }) => file.startsWith('silero'));
const sileroCalibration = ['--calib-inputs', 'normal', '--calib-feedback', 'stateN=state',
                           '--dim', 'batch=1', '--dim', 'sequence=576', '--calib-samples', '32'];

/// Calibrated on inputs drawn from N(0, 1), where the configuration is.
const quantized = [
  ...['static_int8_per_channel', 'static_int8_per_tensor', 'static_w6a8', 'dynamic_int8'].flatMap(
      (config) => [
        ...strangers.filter((stranger) => stranger !== silero).map(({ file, inputs }) => ({
          name: `${file} ${config}`, config, file, inputs, calls: 1,
          options: () => (config === 'dynamic_int8' ? []
                          : ['--calib-inputs', 'normal', '--calib-samples', '16']),
        })),
        {
          name: `${silero.file} ${config}, sr fixed`, config, file: silero.file, calls: kCalls,
          inputs: without('sr', silero.inputs),
          options: () => [...(config === 'dynamic_int8' ? [] : sileroCalibration),
                          '--set', 'sr=16000'],
        },
      ]),
  {
    // The branch that the calibration chose is quantized inside.
    name: `${silero.file} static_int8_per_channel, with its If`, file: silero.file, calls: kCalls,
    config: 'static_int8_per_channel', inputs: silero.inputs,
    options: () => {
      const rate = path.join(work, 'silero_sr.npy');
      writeNpy(rate, { data: new BigInt64Array([16000n]), dims: [] });
      return [...sileroCalibration, '--calib-inputs', `sr=${rate}`];
    },
  },
];

const kQuantizedBound = 0.02;  // of the largest output: a few steps of a quantized tensor
for (const [i, { name, config, file, inputs, calls, options }] of quantized.entries()) {
  test(name, async () => {
    const model = found(file);
    const written = path.join(work, `int8_${i}_${file}`);
    octet('quantize', model, '--config', config, ...options(), '-o', written);
    const session = await openSession(written, { logSeverityLevel: 3 });
    let texts = [], before = null;
    for (let call = 0; call < calls; call++) {
      const given = inputs(call, before, session.inputNames[0]);
      const ours = runOctetOn(written, given, session.outputNames);
      const theirs = before = await runOrtOn(session, given);
      texts.push(judge(joined(ours, session), joined(theirs, session), (a, b) => {
        const { largest } = difference(a, b);
        return {
          holds: largest <= kQuantizedBound * magnitude(b),
          text: `${largest.toExponential(1)}, outputs up to ${magnitude(b).toPrecision(3)}`,
        };
      }));
    }
    return `largest difference ${texts.join('; ')}`;
  });
}

for (const { file, inputs } of strangers) {
  test(`${file} in float`, async () => {
    const model = found(file);
    const session = await openSession(model, { logSeverityLevel: 3 });
    let texts = [], before = null;
    for (let call = 0; call < kCalls; call++) {
      const given = inputs(call, before, session.inputNames[0]);
      const ours = runOctetOn(model, given, session.outputNames);
      const theirs = before = await runOrtOn(session, given);
      // Together: moving the only element of an output would change nothing.
      texts.push(judge(joined(ours, session), joined(theirs, session), (a, b) => {
        const scale = Math.max(1, magnitude(b));
        const { largest } = difference(a, b);
        return { holds: largest <= kBound * scale, text: largest.toExponential(1) };
      }));
    }
    return `largest differences over ${kCalls} calls: ${texts.join(', ')}`;
  });
}
