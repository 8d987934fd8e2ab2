// A quantized network held against ONNX Runtime layer by layer.
import fs from 'node:fs';

import { require_ } from './checks.mjs';
import { difference } from './compare.mjs';
import { judge } from './judge.mjs';
import { normals } from './normals.mjs';
import { runOctet } from './octet.mjs';
import { kFloat, layerOf, quantizedTensors, readModel, withOutputs, writeModel } from './onnx.mjs';
import { openSession, runOrtOn } from './ort.mjs';

const kMostDifferent = 0.1;  // percent of a tensor's codes that may differ, by one step

export const inputOf = (dims) => ({ data: normals(dims.reduce((a, b) => a * b), 11), dims });

/// Gives ONNX Runtime each layer with the codes that octet had before it.
export async function compareLayers(file, dims) {
  const network = readModel(file);
  const tensors = quantizedTensors(network);
  const tapped = file.replace('.onnx', '.tapped.onnx');
  writeModel(withOutputs(network, tensors), tapped);
  const [{ name: inputName }] = network.graph.input;
  const outputs = network.graph.output.map(({ name }) => ({ name, type: kFloat }));
  const input = inputOf(dims);
  const ours = runOctet(tapped, inputName, input, [...tensors, ...outputs].map((t) => t.name));
  fs.rmSync(tapped);
  ours[inputName] = input;
  const cuts = new Map(tensors.map(({ name, type }) => [name, { type, dims: ours[name].dims }]));
  cuts.set(inputName, { type: kFloat, dims });

  let elements = 0, different = 0;
  for (const tensor of tensors) {
    const { model, inputs } = layerOf(network, tensor, cuts);
    const layer = file.replace('.onnx', '.layer.onnx');
    writeModel(model, layer);
    const given = Object.fromEntries(inputs.map((name) => [name, ours[name]]));
    const theirs = (await runOrtOn(await openSession(layer), given))[tensor.name];
    fs.rmSync(layer);
    judge(ours[tensor.name], theirs, (a, b) => {
      const d = difference(a, b);
      return {
        holds: d.largest <= 1 && d.percent <= kMostDifferent,
        text: `${tensor.name}: ${d.different} of ${a.data.length} codes differ, by up to ${d.largest}`,
      };
    });
    elements += theirs.data.length;
    different += difference(ours[tensor.name], theirs).different;
  }
  require_(tensors.length >= 3, `${tensors.length} quantized tensors`);
  return `${tensors.length} tensors, ${different} of ${elements} codes differ, by one step`;
}
