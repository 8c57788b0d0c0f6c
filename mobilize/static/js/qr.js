// A small QR encoder (ISO/IEC 18004) for one purpose: short addresses in alphanumeric mode, versions 1 to 5 at
// level L, which all have a single block; mask 3, as on our posters. The server cannot draw them: the code on
// the line's phone changes every half minute, also without a network.
"use strict";

const qr = {
  LETTERS: "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:",
  DATA: [19, 34, 55, 80, 108],
  CHECK: [7, 10, 15, 20, 26],

  // Rows of true (dark) and false.
  rows(text) {
    const version = this.DATA.findIndex((bytes) => bytes * 8 >= this.bits(text).length) + 1;
    if (!version) throw new RangeError("too long for a code on a line's phone");
    const data = this.padded(this.bits(text), this.DATA[version - 1]);
    return this.drawn(version, [...data, ...this.check(data, this.CHECK[version - 1])]);
  },

  bits(text) {
    let bits = "0010" + text.length.toString(2).padStart(9, "0");
    for (let i = 0; i < text.length; i += 2) {
      const [one, two] = [...text.slice(i, i + 2)].map((letter) => this.LETTERS.indexOf(letter));
      bits += two === undefined ? one.toString(2).padStart(6, "0") : (one * 45 + two).toString(2).padStart(11, "0");
    }
    return bits;
  },

  padded(bits, bytes) {
    let full = (bits + "0000").slice(0, bytes * 8);
    full = full.padEnd(Math.ceil(full.length / 8) * 8, "0");
    const data = full.match(/.{8}/g).map((byte) => parseInt(byte, 2));
    for (let pad = 0xec; data.length < bytes; pad ^= 0xfd) data.push(pad);
    return data;
  },

  // The remainder over GF(256) with the polynomial 0x11D.
  check(data, length) {
    let generator = [1];
    for (let i = 0, root = 1; i < length; i++, root = this.times(root, 2)) {
      const next = [...generator, 0];
      generator.forEach((value, j) => (next[j + 1] ^= this.times(value, root)));
      generator = next;
    }
    const rest = [...data, ...Array(length).fill(0)];
    for (let i = 0; i < data.length; i++) {
      const lead = rest[i];
      generator.forEach((value, j) => (rest[i + j] ^= this.times(value, lead)));
    }
    return rest.slice(data.length);
  },

  times(a, b) {
    let product = 0;
    for (; b; b >>= 1, a = (a << 1) ^ (a & 0x80 ? 0x11d : 0)) if (b & 1) product ^= a;
    return product;
  },

  drawn(version, bytes) {
    const size = 17 + 4 * version;
    const rows = Array.from({ length: size }, () => Array(size).fill(null));
    const set = (x, y, dark) => (rows[y][x] = Boolean(dark));
    for (const [left, top] of [[0, 0], [size - 7, 0], [0, size - 7]]) {
      for (let y = -1; y < 8; y++) for (let x = -1; x < 8; x++) {
        const far = Math.max(Math.abs(x - 3), Math.abs(y - 3));
        if (rows[top + y]?.[left + x] !== undefined) set(left + x, top + y, far !== 2 && far < 4);
      }
    }
    for (let i = 8; i < size - 8; i++) set(i, 6, i % 2 === 0), set(6, i, i % 2 === 0);
    if (version > 1) {
      const middle = size - 7;
      for (let y = -2; y < 3; y++) for (let x = -2; x < 3; x++) {
        set(middle + x, middle + y, Math.max(Math.abs(x), Math.abs(y)) !== 1);
      }
    }
    this.format(rows, set, size);
    this.fill(rows, bytes, size);
    return rows;
  },

  // Level L (01) and mask 3 (011), with their BCH remainder, twice.
  format(rows, set, size) {
    let rest = 0b01011;
    for (let i = 0; i < 10; i++) rest = (rest << 1) ^ (rest & 0x200 ? 0x537 : 0);
    const bits = ((0b01011 << 10) | (rest & 0x3ff)) ^ 0x5412;
    for (let i = 0; i < 15; i++) {
      const dark = (bits >> i) & 1;
      if (i < 6) set(8, i, dark);
      else if (i < 8) set(8, i + 1, dark);
      else if (i === 8) set(7, 8, dark);
      else set(14 - i, 8, dark);
      if (i < 8) set(size - 1 - i, 8, dark);
      else set(8, size - 15 + i, dark);
    }
    set(8, size - 8, true);
  },

  fill(rows, bytes, size) {
    let n = 0;
    for (let right = size - 1; right > 0; right -= 2) {
      if (right === 6) right = 5;
      for (let step = 0; step < size; step++) {
        const y = ((right + 1) & 2) === 0 ? size - 1 - step : step;
        for (const x of [right, right - 1]) {
          if (rows[y][x] !== null) continue;
          const dark = n < bytes.length * 8 && (bytes[n >> 3] >> (7 - (n & 7))) & 1;
          rows[y][x] = Boolean(dark) !== ((x + y) % 3 === 0);
          n++;
        }
      }
    }
  },
};
