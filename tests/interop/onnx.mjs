// ONNX files as objects: which tensors are quantized, and single layers cut out of a network.
import fs from 'node:fs';

import protobuf from 'protobufjs';

/// The schema that octet itself is built from.
const schema = '/usr/include/onnx/onnx.proto';
const Model = protobuf.loadSync(schema).lookupType('onnx.ModelProto');
const kFloat = 1, kUInt8 = 2, kInt8 = 3;  // TensorProto.DataType

/// A model from its fields by name, as protobuf's JSON form has them.
export const modelOf = (fields) => Model.fromObject(fields);
export const readModel = (file) => Model.decode(fs.readFileSync(file));
export const writeModel = (model, file) => fs.writeFileSync(file, Model.encode(model).finish());

/// Links of a graph: what is constant, which node makes a tensor.
export function linksOf({ graph }) {
  const producers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node])));
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  return { producers, constants };
}

/// The activations that QuantizeLinear nodes make, with the type of their codes.
export function quantizedTensors(model) {
  const { constants } = linksOf(model);
  return model.graph.node.filter(({ opType }) => opType === 'QuantizeLinear').map((node) => ({
    name: node.output[0],
    type: constants.get(node.input[2])?.dataType === kInt8 ? kInt8 : kUInt8,
  }));
}

const valueInfo = ({ name, type }) => ({ name, type: { tensorType: { elemType: type } } });

/// The network with these tensors as outputs, after its own.
export function withOutputs(model, tensors) {
  const copy = Model.decode(Model.encode(model).finish());
  copy.graph.output.push(...tensors.map((tensor) => Model.fromObject(
      { graph: { output: [valueInfo(tensor)] } }).graph.output[0]));
  return copy;
}

/// The part of the network between `target` and the tensors in `cuts` (a map from name to type
/// and dims) that it is computed from.
export function layerOf(model, target, cuts) {
  const { producers, constants } = linksOf(model);
  const nodes = new Set(), inputs = new Set(), initializers = new Set();
  const visit = (name) => {
    if (name === '') return;
    if (constants.has(name)) return void initializers.add(constants.get(name));
    if (name !== target.name && cuts.has(name)) return void inputs.add(name);
    const node = producers.get(name);
    if (!node) throw new Error(`${name} has no producer`);
    if (nodes.has(node)) return;
    nodes.add(node);
    node.input.forEach(visit);
  };
  visit(target.name);
  const shaped = (name) => {
    const { type, dims } = cuts.get(name);
    const shape = { dim: dims.map((dimValue) => ({ dimValue })) };
    return { name, type: { tensorType: { elemType: type, shape } } };
  };
  const part = Model.create({
    irVersion: model.irVersion,
    opsetImport: model.opsetImport,
    graph: {
      name: 'layer',
      node: model.graph.node.filter((node) => nodes.has(node)),
      initializer: [...initializers],
      input: [...inputs].map(shaped),
      output: [valueInfo(target)],
    },
  });
  return { model: part, inputs: [...inputs] };
}

export { kFloat };
