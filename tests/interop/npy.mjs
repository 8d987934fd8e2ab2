// NPY files, version 1.0, little-endian, C order: what `octet run` reads and writes.
import fs from 'node:fs';

const kTypes = {
  '<f4': Float32Array, '|u1': Uint8Array, '|i1': Int8Array, '<i4': Int32Array, '<i8': BigInt64Array,
};

export function writeNpy(file, { data, dims }) {
  const descr = Object.keys(kTypes).find((key) => data instanceof kTypes[key]);
  const shape = dims.join(', ') + (dims.length === 1 ? ',' : '');
  let header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`;
  // Magic, version, length and header fill a multiple of 64 bytes and end in a newline.
  header += ' '.repeat(63 - ((10 + header.length) % 64)) + '\n';
  const start = Buffer.from('\x93NUMPY\x01\x00\0\0', 'latin1');
  start.writeUInt16LE(header.length, 8);
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  fs.writeFileSync(file, Buffer.concat([start, Buffer.from(header, 'latin1'), bytes]));
}

export function readNpy(file) {
  const bytes = fs.readFileSync(file);
  const begin = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, begin);
  const [, descr] = /'descr': *'([^']+)'/.exec(header);
  const dims = /'shape': *\(([^)]*)\)/.exec(header)[1].split(',').filter((d) => d.trim()).map(Number);
  const Type = kTypes[descr];
  if (!Type) throw new Error(`${file}: dtype ${descr}`);
  return { data: new Type(new Uint8Array(bytes.subarray(begin)).buffer), dims };
}
