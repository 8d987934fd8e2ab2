/// One length-delimited field of a protobuf message.
export function field(number, payload) {
  const tag = [(number << 3) | 2];
  for (let length = payload.length; ; length >>= 7) {
    if (length < 128) return Buffer.concat([Buffer.from([...tag, length]), payload]);
    tag.push((length & 127) | 128);
  }
}
