// Two tensors of the same model from the two runtimes.

const argmax = (row) => row.reduce((best, x, i) => (x > row[best] ? i : best), 0);

export function topOne({ data, dims }) {
  const [samples, classes] = dims;
  return Array.from({ length: samples },
                    (_, i) => argmax(data.subarray(i * classes, (i + 1) * classes)));
}

/// Percentage of samples with the same top-1.
export function agreement(a, b) {
  const [x, y] = [topOne(a), topOne(b)];
  return 100 * x.filter((label, i) => label === y[i]).length / x.length;
}

/// Largest |a - b|, and how many elements differ by more than half a `step`.
export function difference(a, b, step = 0) {
  if (a.data.length !== b.data.length) throw new Error(`shapes ${a.dims} and ${b.dims}`);
  let largest = 0, different = 0;
  for (let i = 0; i < a.data.length; i++) {
    const d = Math.abs(Number(a.data[i]) - Number(b.data[i]));
    if (!(d <= largest)) largest = d;  // NaN counts as largest
    if (!(d <= step / 2)) different++;
  }
  return { largest, different, percent: 100 * different / a.data.length };
}

export const magnitude = ({ data }) => data.reduce((m, x) => Math.max(m, Math.abs(Number(x))), 0);

/// The negative control: moves the values of every 100th sample (at least one) by one class, or
/// every 100th code by two steps.
export function perturbed({ data, dims }) {
  const copy = data.slice();
  if (!(data instanceof Float32Array)) {
    for (let i = 0; i < data.length; i += 100) copy[i] += copy[i] < 128 ? 2 : -2;
    return { data: copy, dims };
  }
  const size = data.length / dims[0];
  for (let sample = 0; sample < dims[0]; sample += 100) {
    for (let i = 0; i < size; i++) {
      copy[sample * size + i] = data[sample * size + ((i + 1) % size)];
    }
  }
  return { data: copy, dims };
}
