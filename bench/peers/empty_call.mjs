// What a call costs that computes nothing: Identity on one number.
import path from 'node:path';

import { kFloat, modelOf, writeModel } from '../../tests/interop/onnx.mjs';
import { work } from '../../tests/interop/octet.mjs';
import { ortBurst, prepareOrt } from './ort_burst.mjs';

const number = (name) => (
    { name, type: { tensorType: { elemType: kFloat, shape: { dim: [{ dimValue: 1 }] } } } });

const identity = () => modelOf({
  irVersion: 8,
  opsetImport: [{ version: 13 }],
  graph: {
    name: 'identity',
    node: [{ opType: 'Identity', input: ['x'], output: ['y'] }],
    input: [number('x')],
    output: [number('y')],
  },
});

export function emptyCallMs(threads, rounds = 51) {
  const file = path.join(work, 'identity.onnx');
  writeModel(identity(), file);
  return ortBurst([prepareOrt(file, [1], threads)], rounds, 100)[0];
}
